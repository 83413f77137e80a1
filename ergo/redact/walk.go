package redact

import (
	"bytes"
	"encoding/json"
	"strings"
)

// How a JSON value ended.
type ending int

const (
	complete ending = iota
	cutOff          // the text ends within it
	broken          // it is no JSON
)

// deepest is how deep JSON may be nested; what is deeper is no JSON.
const deepest = 2000

func (r *redaction) space(i int) int {
	for i < len(r.text) {
		switch r.text[i] {
		case ' ', '\n', '\t', '\r':
			i++
		default:
			return i
		}
	}
	return i
}

// value walks the JSON value at i and says where it ended.
func (r *redaction) value(i int, inEnv bool) (int, ending) {
	if i >= len(r.text) {
		return i, cutOff
	}
	switch r.text[i] {
	case '{', '[':
		return r.composite(i, inEnv)
	case '"':
		end, how := r.str(i)
		switch {
		case inEnv && how == complete:
			if string(r.text[i:end]) != `"`+NotKept+`"` {
				r.cut(i, end, `"`+NotKept+`"`)
			}
		case inEnv:
			r.cut(i, end, NotKept)
		default:
			r.nested(i, end, how)
		}
		return end, how
	}
	end, how := r.scalar(i)
	if inEnv && how == complete {
		r.cut(i, end, `"`+NotKept+`"`)
	}
	return end, how
}

// str passes over the string that begins at i.
func (r *redaction) str(i int) (int, ending) {
	for at := i + 1; ; {
		q := bytes.IndexByte(r.text[at:], '"')
		if q < 0 {
			return len(r.text), cutOff
		}
		at += q + 1
		n := 0
		for r.text[at-2-n] == '\\' {
			n++
		}
		if n%2 == 0 {
			return at, complete
		}
	}
}

// scalar passes over a number, true, false or null.
func (r *redaction) scalar(i int) (int, ending) {
	end := i
	for end < len(r.text) && (r.text[end] >= '0' && r.text[end] <= '9' || r.text[end] >= 'a' && r.text[end] <= 'z' || strings.IndexByte("+-.E", r.text[end]) >= 0) {
		end++
	}
	word := string(r.text[i:end])
	switch {
	case word == "true" || word == "false" || word == "null" || isNumber(r.text[i:end]):
		return end, complete
	case end == len(r.text) && word != "" && (strings.HasPrefix("true", word) || strings.HasPrefix("false", word) || strings.HasPrefix("null", word) || word == "-"):
		return end, cutOff
	}
	return i, broken
}

// composite walks an object or a list.
func (r *redaction) composite(i int, inEnv bool) (int, ending) {
	if r.depth++; r.depth > deepest {
		return i, broken
	}
	defer func() { r.depth-- }()
	object := r.text[i] == '{'
	var pair pairing
	for i = r.space(i + 1); ; i = r.space(i + 1) {
		if i == len(r.text) {
			return i, cutOff
		}
		if c := r.text[i]; c == '}' && object || c == ']' && !object {
			break
		}
		how := complete
		if object {
			i, how = r.member(i, inEnv, &pair)
		} else {
			i, how = r.value(i, inEnv)
		}
		if how != complete {
			return i, how
		}
		if i = r.space(i); i == len(r.text) {
			return i, cutOff
		}
		if r.text[i] == ',' {
			continue
		}
		if c := r.text[i]; c == '}' && object || c == ']' && !object {
			break
		}
		return i, broken
	}
	pair.settle(r)
	return i + 1, complete
}

// member walks one field of an object: its name, and its value unless that is
// a secret.
func (r *redaction) member(i int, inEnv bool, pair *pairing) (int, ending) {
	if r.text[i] != '"' {
		return i, broken
	}
	end, how := r.str(i)
	if how != complete {
		return end, how
	}
	name := r.text[i+1 : end-1]
	colon := r.space(end)
	if colon == len(r.text) {
		return colon, cutOff
	}
	if r.text[colon] != ':' {
		return colon, broken
	}
	at := r.space(colon + 1)
	field, c := inEnv, ordinary
	if !inEnv {
		if triggerIndex.next(r.text[i+1:end], 0) >= 0 { // with the quote that ends it
			c = classOf(decoded(name), true)
		}
		field = r.env && len(name) == 3 && strings.EqualFold(string(name), "env")
	}
	if c != ordinary {
		return r.secretValue(at, c)
	}
	if field && !inEnv && bytes.HasPrefix(r.text[at:], []byte("null")) {
		return at + 4, complete // no environment is none
	}
	before := len(r.cuts)
	end, how = r.value(at, field)
	if how == complete {
		pair.note(r, name, at, end)
	}
	if how != complete && field && len(r.cuts) == before {
		r.cut(at, len(r.text), NotKept)
	}
	return end, how
}

// decoded is a name as it reads.
func decoded(name []byte) string {
	if bytes.IndexByte(name, '\\') >= 0 {
		var s string
		if json.Unmarshal([]byte(`"`+string(name)+`"`), &s) == nil {
			return s
		}
	}
	return string(name)
}

// secretValue walks the value of a field that is, or may be, a secret: text
// and what holds text is left out, numbers and truth values are kept.
func (r *redaction) secretValue(i int, c class) (int, ending) {
	if i >= len(r.text) {
		return i, cutOff
	}
	before := len(r.cuts)
	end, how := r.value(i, false)
	if how == broken {
		return end, how
	}
	drop := false
	switch r.text[i] {
	case '"':
		if how == cutOff {
			drop = c >= secret || random(r.text[i+1:end])
			break
		}
		text := decoded(r.text[i+1 : end-1])
		drop = c >= secret && !nothing([]byte(text)) || c == maybe && random([]byte(text))
	case '{', '[':
		if drop = c >= secret; drop && how == complete {
			inside := bytes.ReplaceAll(r.text[i+1:end-1], []byte(`"`+NotKept+`"`), nil)
			drop = bytes.ContainsAny(inside, `"`)
		}
	}
	if !drop {
		return end, how
	}
	r.cuts = append(r.cuts[:before], cut{i, end, `"` + NotKept + `"`})
	return end, how
}

// nested looks into a string, which may hold JSON or secrets of its own.
func (r *redaction) nested(from, to int, how ending) {
	end := to
	if how == complete {
		end--
	}
	in := r.text[from+1 : end]
	found := triggerIndex.holds(in)
	env := r.env && found&holdsEnv != 0
	if !env && found&(holdsSecret|holdsDisguised) == 0 {
		return
	}
	inner := redaction{env: env}
	var s string
	if how == complete && json.Unmarshal(r.text[from:to], &s) == nil {
		if out := inner.run([]byte(s)); string(out) != s {
			r.cut(from, to, quoted(string(out)))
		}
		return
	}
	// The text ends within the string, or its escapes are broken.
	inner.text = in
	inner.plain(0, len(in), len(in))
	if len(inner.cuts) > 0 {
		r.cut(from+1, end, string(inner.result()))
	}
}

// A pairing is what an object says in two fields: the name of a secret, and
// the secret.
type pairing struct {
	named class
	value [2]int
}

func (p *pairing) note(r *redaction, name []byte, from, to int) {
	switch {
	case r.text[from] == '"' && oneOf(name, namingFields):
		if v := r.text[from+1 : to-1]; triggerIndex.next(v, 0) >= 0 {
			p.named = classOf(decoded(v), false)
		}
	case oneOf(name, valueFields):
		p.value = [2]int{from, to}
	}
}

// oneOf reports whether name is one of words, in any case.
func oneOf(name []byte, words []string) bool {
	for _, w := range words {
		if len(name) == len(w) && hasFold(name, w) {
			return true
		}
	}
	return false
}

func (p *pairing) settle(r *redaction) {
	if p.named < secret || p.value[1] == 0 {
		return
	}
	_, _ = r.secretValue(p.value[0], p.named)
}

func quoted(s string) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return strings.TrimRight(b.String(), "\n")
}
