package ergo

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"regexp"
	"strings"
)

// NotKept stands in place of every value that was left out for secrecy.
const NotKept = "(not kept)"

// Unnamed is an error of opening the file of a secret, without its path where
// no such file can be opened: it may be the secret itself, given in its place.
func Unnamed(err error) error {
	var failed *fs.PathError
	if !errors.As(err, &failed) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w (the name is not shown, it may be the secret: give the name of a file that holds it)", failed.Err)
}

const secretNames = `(?:token|cookie|passwo?r?d|secret|authorization|api[_-]?key)`

// What names a secret, and what follows such a name in plain text: the name
// ends the word, or is quoted. A value is quoted, or goes on to white space; a
// semicolon takes the next word in, as cookies have it. What was left out
// already is left alone.
const (
	naming  = `(?:` + secretNames + `s?|` + secretNames + `[\w-]*\\*["'])\s*[=:]\s*`
	literal = `(?:\(not kept\)|"(?:[^"\\]|\\.)*"?|'[^']*'?|\\+"[^"]*"?|[^\s;]+(?:;\s*[^\s;]+)*)`
)

var (
	secretWord = regexp.MustCompile(`(?i)` + secretNames)
	secretText = regexp.MustCompile(`(?i)(` + naming + `)(?:(?:bearer|basic|digest)\s+)?` + literal)
	secretHead = regexp.MustCompile(`(?i)` + naming + `$`)
	bearer     = regexp.MustCompile(`(?i)(\bbearer\s+)(?:\(not kept\)|[^\s"'(]+)`)
)

// mayName reports whether the text may hold what names a secret. It is asked
// of every answer, most of which are large and hold none: the expressions
// themselves take a hundred times as long.
func mayName(text []byte) bool {
	for i, c := range text {
		word := ""
		switch c | 0x20 {
		case 't':
			word = "token"
		case 'c':
			word = "cookie"
		case 'p':
			word = "passw"
		case 's':
			word = "secret"
		case 'a':
			word = "authorization"
			if i+1 < len(text) && text[i+1]|0x20 == 'p' {
				word = "api"
			}
		case 'b':
			word = "bearer"
		default:
			continue
		}
		if len(text)-i >= len(word) && text[i+1]|0x20 == word[1] && bytes.EqualFold(text[i:i+len(word)], []byte(word)) {
			return true
		}
	}
	return false
}

// envField names the fields whose values are environments, in any case.
const envField = "Env"

// mayHoldEnv reports whether the text may hold an Env field.
func mayHoldEnv(text []byte) bool {
	for _, end := range []string{`nv"`, `nv\`, `NV"`, `NV\`} {
		if bytes.Contains(text, []byte(end)) {
			return true
		}
	}
	return false
}

// Redact returns the answer of a tool without its secrets, each replaced by
// [NotKept]: the value of every JSON field whose name contains token, cookie,
// password, passwd, secret, authorization or api_key, at any depth; in plain
// text what follows such a name and = or :, and what follows Bearer; and
// unless keepEnv is set every value of an Env field and all of node_env (the
// names of the variables stay). JSON is found behind other text, in strings,
// and several times in one text. Where it breaks off within a secret, nothing
// behind that is kept. All other bytes are unchanged.
func Redact(tool string, text []byte, keepEnv bool) []byte {
	r := redaction{text: text, env: !keepEnv && mayHoldEnv(text)}
	switch {
	case !keepEnv && tool == "node_env":
		r.env = true
		r.environment()
	case r.env || mayName(text):
		r.any()
	}
	return r.result()
}

type redaction struct {
	text []byte
	env  bool // leave out environments
	base int  // where the document begins that is being walked
	cuts []cut
}

// A cut replaces text[from:to].
type cut struct {
	from, to int
	by       []byte
}

func (r *redaction) result() []byte {
	if len(r.cuts) == 0 {
		return r.text
	}
	var out []byte
	at := 0
	for _, c := range r.cuts {
		out = append(out, r.text[at:c.from]...)
		out = append(out, c.by...)
		at = c.to
	}
	return append(out, r.text[at:]...)
}

// environment walks text that is an environment and nothing else.
func (r *redaction) environment() {
	for at := 0; len(bytes.TrimSpace(r.text[at:])) > 0; {
		d := r.document(at)
		if !r.value(d, true) {
			return
		}
		at = r.offset(d)
	}
}

// any walks text that may be JSON, hold some, or hold none.
func (r *redaction) any() {
	if t := bytes.TrimSpace(r.text); len(t) > 0 && t[0] == '"' && json.Valid(t) {
		r.value(r.document(0), false)
		return
	}
	for at := 0; at < len(r.text); {
		open := bytes.IndexAny(r.text[at:], "{[")
		if open < 0 {
			r.plain(at, len(r.text))
			return
		}
		open += at
		d := r.document(open)
		r.plain(at, open)
		if mayName(r.text[at:open]) && secretHead.Match(r.text[at:open]) {
			r.drop(d)
			r.cuts[len(r.cuts)-1].by = []byte(NotKept)
		} else {
			r.value(d, false)
		}
		at = r.offset(d)
		if n := len(r.cuts); n > 0 {
			at = max(at, r.cuts[n-1].to)
		}
	}
}

// plain replaces the secrets of text[from:to], which is no JSON.
func (r *redaction) plain(from, to int) {
	in := r.text[from:to]
	if !mayName(in) {
		return
	}
	out := bearer.ReplaceAll(secretText.ReplaceAll(in, []byte("${1}"+NotKept)), []byte("${1}"+NotKept))
	if !bytes.Equal(in, out) {
		r.cuts = append(r.cuts, cut{from, to, out})
	}
}

func (r *redaction) document(at int) *json.Decoder {
	r.base = at
	d := json.NewDecoder(bytes.NewReader(r.text[at:]))
	d.UseNumber()
	return d
}

// offset is how far the text was read.
func (r *redaction) offset(d *json.Decoder) int { return r.base + int(d.InputOffset()) }

// value walks one JSON value; it reports false where the text is no JSON.
func (r *redaction) value(d *json.Decoder, inEnv bool) bool {
	tok, err := d.Token()
	if err != nil {
		return r.broken(d, inEnv)
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		end := r.offset(d)
		switch s, isText := tok.(string); {
		case inEnv:
			r.cut(end, quoted(NotKept), tok)
		case isText:
			r.nested(s, end)
		}
		return true
	}
	for d.More() {
		field := inEnv
		if delim == '{' {
			name, err := d.Token()
			if err != nil {
				return r.broken(d, inEnv)
			}
			key, _ := name.(string)
			if secretWord.MatchString(key) {
				if !r.drop(d) {
					return false
				}
				continue
			}
			field = inEnv || r.env && strings.EqualFold(key, envField)
		}
		if !r.value(d, field) {
			return false
		}
	}
	if _, err = d.Token(); err != nil {
		return r.broken(d, inEnv)
	}
	return true
}

// broken ends a walk where the JSON does; what is left of an environment is
// not kept.
func (r *redaction) broken(d *json.Decoder, inEnv bool) bool {
	if inEnv {
		r.cutRest(r.offset(d))
	}
	return false
}

func (r *redaction) cutRest(from int) {
	r.cuts = append(r.cuts, cut{from, len(r.text), []byte(NotKept)})
}

// drop replaces the whole next value, and all there is where it does not end.
func (r *redaction) drop(d *json.Decoder) bool {
	before := r.offset(d)
	var v json.RawMessage
	if d.Decode(&v) != nil {
		r.cutRest(before)
		return false
	}
	end := r.offset(d)
	r.cuts = append(r.cuts, cut{end - len(v), end, quoted(NotKept)})
	return true
}

// cut replaces the scalar that ends at end.
func (r *redaction) cut(end int, by []byte, tok json.Token) {
	from := bytes.LastIndexFunc(r.text[:end], func(c rune) bool { return strings.ContainsRune(":,[ \t\n\r", c) }) + 1
	if _, ok := tok.(string); ok {
		from = openingQuote(r.text, end)
	}
	r.cuts = append(r.cuts, cut{max(from, r.base), end, by})
}

// nested looks into a string, which may hold JSON or secrets of its own.
func (r *redaction) nested(s string, end int) {
	in := redaction{text: []byte(s)}
	in.env = r.env && mayHoldEnv(in.text)
	if !in.env && !mayName(in.text) {
		return
	}
	in.any()
	if len(in.cuts) > 0 {
		r.cuts = append(r.cuts, cut{openingQuote(r.text, end), end, quoted(string(in.result()))})
	}
}

// openingQuote is where the string literal that ends at end begins.
func openingQuote(text []byte, end int) int {
	for i := end - 2; i >= 0; i-- {
		if text[i] != '"' {
			continue
		}
		n := 0
		for j := i - 1; j >= 0 && text[j] == '\\'; j-- {
			n++
		}
		if n%2 == 0 {
			return i
		}
	}
	return 0
}

func quoted(s string) []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	_ = e.Encode(s) // a string always encodes
	return bytes.TrimRight(b.Bytes(), "\n")
}
