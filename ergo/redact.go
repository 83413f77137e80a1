package ergo

import (
	"bytes"
	"encoding/json"
	"regexp"
	"strings"
)

// NotKept stands in place of every value that was left out for secrecy.
const NotKept = "(not kept)"

var secretWord = regexp.MustCompile(`(?i)token|cookie|password|secret|authorization`)

// mayName reports whether secretWord is somewhere in the text. It is asked of
// every answer, most of which are large and hold none: the expression itself
// takes a hundred times as long.
func mayName(text []byte) bool {
	for i, c := range text {
		word := ""
		switch c | 0x20 {
		case 't':
			word = "token"
		case 'c':
			word = "cookie"
		case 'p':
			word = "password"
		case 's':
			word = "secret"
		case 'a':
			word = "authorization"
		default:
			continue
		}
		if len(text)-i >= len(word) && text[i+1]|0x20 == word[1] && bytes.EqualFold(text[i:i+len(word)], []byte(word)) {
			return true
		}
	}
	return false
}

// envField names the fields (and the tool) whose values are environments.
const envField = "Env"

// Redact returns the answer of a tool without its secrets: the value of every
// field whose name contains token, cookie, password, secret or authorization,
// at any depth and in JSON inside strings too, becomes [NotKept]; and unless
// keepEnv is set so does every value of an Env field and of node_env (the
// names of the variables stay). All other bytes are unchanged. Text that is
// no JSON is returned as it is.
func Redact(tool string, text []byte, keepEnv bool) []byte {
	env := !keepEnv && (tool == "node_env" || bytes.Contains(text, []byte(envField)))
	if !env && !mayName(text) {
		return text
	}
	r := redaction{text: text, env: !keepEnv}
	return r.rewrite(!keepEnv && tool == "node_env")
}

type redaction struct {
	text []byte
	env  bool
	cuts []cut
}

// A cut replaces text[from:to].
type cut struct {
	from, to int
	by       []byte
}

func (r *redaction) rewrite(inEnv bool) []byte {
	d := json.NewDecoder(bytes.NewReader(r.text))
	d.UseNumber()
	if !r.value(d, inEnv) || len(r.cuts) == 0 {
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

// value walks one JSON value; it reports false where the text is no JSON.
func (r *redaction) value(d *json.Decoder, inEnv bool) bool {
	tok, err := d.Token()
	if err != nil {
		return false
	}
	delim, ok := tok.(json.Delim)
	if !ok {
		end := int(d.InputOffset())
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
				return false
			}
			key, _ := name.(string)
			if secretWord.MatchString(key) {
				if !r.drop(d) {
					return false
				}
				continue
			}
			field = inEnv || r.env && key == envField
		}
		if !r.value(d, field) {
			return false
		}
	}
	_, err = d.Token()
	return err == nil
}

// drop replaces the whole next value.
func (r *redaction) drop(d *json.Decoder) bool {
	var v json.RawMessage
	if d.Decode(&v) != nil {
		return false
	}
	end := int(d.InputOffset())
	r.cuts = append(r.cuts, cut{end - len(v), end, quoted(NotKept)})
	return true
}

// cut replaces the scalar that ends at end.
func (r *redaction) cut(end int, by []byte, tok json.Token) {
	from := bytes.LastIndexFunc(r.text[:end], func(c rune) bool { return strings.ContainsRune(":,[ \t\n\r", c) }) + 1
	if _, ok := tok.(string); ok {
		from = openingQuote(r.text, end)
	}
	r.cuts = append(r.cuts, cut{from, end, by})
}

// nested looks into a string that holds JSON of its own.
func (r *redaction) nested(s string, end int) {
	if t := strings.TrimSpace(s); !strings.HasPrefix(t, "{") && !strings.HasPrefix(t, "[") {
		return
	}
	in := redaction{text: []byte(s), env: r.env}
	out := in.rewrite(false)
	if len(in.cuts) == 0 {
		return
	}
	r.cuts = append(r.cuts, cut{openingQuote(r.text, end), end, quoted(string(out))})
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
