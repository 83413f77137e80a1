package redact

import (
	"bytes"
	"encoding/json"
	"slices"
)

// Keep says what is kept although it is, or may be, secret.
type Keep struct {
	Env     bool // the values of environments; what names a secret in them is left out all the same
	Secrets bool // everything: nothing is left out
}

// Answer returns the answer of a tool without its secrets, each replaced by
// [NotKept]; and unless keep.Env is set without every value of an Env field
// and of all of node_env (the names of the variables stay). JSON is found
// behind other text, in strings, and several times in one text. Where it
// breaks off within a secret, nothing behind that is kept. All other bytes are
// unchanged.
func Answer(tool string, text []byte, keep Keep) []byte {
	if keep.Secrets {
		return text
	}
	found := triggerIndex.holds(text)
	r := redaction{env: !keep.Env && found&holdsEnv != 0}
	if !keep.Env && tool == "node_env" {
		r.env, r.all = true, true
	} else if !r.env && found&(holdsSecret|holdsDisguised) == 0 {
		return text
	}
	return r.run(text)
}

// Text returns text without its secrets. Environments are not looked for.
func Text(text string) string {
	b := []byte(text)
	if !suspicious(b) {
		return text
	}
	r := redaction{}
	return string(r.run(b))
}

// Names reports whether a field of that name holds a secret.
func Names(field string) bool { return classOf(field, true) >= secret }

// A redaction looks for secrets in one text.
type redaction struct {
	text  []byte
	env   bool // leave out environments
	all   bool // the text is an environment
	depth int
	cuts  []cut
}

// A cut replaces text[from:to].
type cut struct {
	from, to int
	by       string
}

// run finds the cuts and makes them. Letters that are written as \u00… are
// looked at as what they are.
func (r *redaction) run(text []byte) []byte {
	r.text = text
	var at []int
	if disguised(text) >= 0 {
		r.text, at = undisguise(text)
	}
	if r.all {
		r.environment()
	} else {
		r.any()
	}
	if len(r.cuts) == 0 {
		return text
	}
	if at != nil {
		for i, c := range r.cuts {
			r.cuts[i].from, r.cuts[i].to = at[c.from], at[c.to]
		}
	}
	r.text = text
	return r.result()
}

// result is the text after the cuts. Of two that overlap the outer one counts.
func (r *redaction) result() []byte {
	slices.SortStableFunc(r.cuts, func(a, b cut) int {
		if a.from != b.from {
			return a.from - b.from
		}
		return b.to - a.to
	})
	out := make([]byte, 0, len(r.text))
	at := 0
	for _, c := range r.cuts {
		if c.from < at {
			if c.to > at {
				at = c.to
			}
			continue
		}
		out = append(out, r.text[at:c.from]...)
		out = append(out, c.by...)
		at = c.to
	}
	return append(out, r.text[at:]...)
}

func (r *redaction) cut(from, to int, by string) { r.cuts = append(r.cuts, cut{from, to, by}) }

// any walks text that may be JSON, hold some, or hold none.
func (r *redaction) any() {
	plain := 0 // where the text begins that is no JSON
	for at := 0; at < len(r.text); {
		open := r.opening(at)
		if open < 0 {
			break
		}
		before, was := len(r.cuts), r.depth
		end, how := r.value(open, false)
		r.depth = was
		if how == broken || bytes.IndexByte(r.text[open:end], '"') < 0 {
			r.cuts = r.cuts[:before]
			at = max(end, open+1)
			continue
		}
		found := slices.Clone(r.cuts[before:])
		r.cuts = r.cuts[:before]
		if upTo := r.plain(plain, open, end); upTo > open {
			at, plain = upTo, upTo // a name before it makes a secret of it
			continue
		}
		r.cuts = append(r.cuts, found...)
		at, plain = end, end
	}
	r.plain(plain, len(r.text), len(r.text))
}

// opening is where the next JSON value may begin: an object, a list, or the
// text as a whole if it is a string.
func (r *redaction) opening(at int) int {
	if at == 0 {
		if t := bytes.TrimLeft(r.text, " \t\r\n"); len(t) > 0 && t[0] == '"' && json.Valid(t) {
			return len(r.text) - len(t)
		}
	}
	i := bytes.IndexAny(r.text[at:], "{[")
	if i < 0 {
		return -1
	}
	return at + i
}

// environment walks text that is an environment and nothing else.
func (r *redaction) environment() {
	for at := 0; ; {
		at = r.space(at)
		if at == len(r.text) {
			return
		}
		end, how := r.value(at, true)
		if how == broken {
			r.cut(end, len(r.text), NotKept)
		}
		if how != complete {
			return
		}
		at = end
	}
}

// disguised is where a letter, a digit or a sign of a form is written as
// \u00…, -1 where none is. What JSON escapes for the sake of HTML is none.
func disguised(text []byte) int {
	for at := 0; ; at += 3 {
		i := bytes.Index(text[at:], []byte("u00"))
		if i < 0 {
			return -1
		}
		if at += i; isDisguised(text, at) {
			return at
		}
	}
}

// undisguised is the byte that is written as \u00… where u00 stands at i.
func undisguised(text []byte, i int) (byte, bool) {
	if i == 0 || i+5 > len(text) || text[i-1] != '\\' || text[i+1] != '0' || text[i+2] != '0' {
		return 0, false
	}
	switch [2]byte{text[i+3], text[i+4]} {
	case [2]byte{'3', 'c'}, [2]byte{'3', 'e'}, [2]byte{'2', '6'}:
		return 0, false // what is nearly always written so: < > and &, which are no letters
	}
	hi, ok1 := hexDigit(text[i+3])
	lo, ok2 := hexDigit(text[i+4])
	c := hi<<4 | lo
	letter := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || bytes.IndexByte([]byte("_-=:@./"), c) >= 0
	return c, ok1 && ok2 && letter
}

func hexDigit(c byte) (byte, bool) {
	switch {
	case c >= '0' && c <= '9':
		return c - '0', true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return c | 0x20 - 'a' + 10, true
	}
	return 0, false
}

// undisguise is text with all such letters as themselves, and where each of
// its bytes was, its end included.
func undisguise(text []byte) ([]byte, []int) {
	out, at := make([]byte, 0, len(text)), make([]int, 0, len(text)+1)
	for i := 0; i < len(text); i++ {
		if text[i] == 'u' && i > 0 && text[i-1] == '\\' {
			if c, ok := undisguised(text, i); ok {
				for len(out) > 0 && out[len(out)-1] == '\\' {
					out, at = out[:len(out)-1], at[:len(at)-1]
				}
				begin := i
				for begin > 0 && text[begin-1] == '\\' {
					begin--
				}
				out, at = append(out, c), append(at, begin)
				i += 4
				continue
			}
		}
		out, at = append(out, text[i]), append(at, i)
	}
	return out, append(at, len(text))
}
