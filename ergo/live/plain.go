package live

import (
	"bytes"
	"strconv"
	"unicode/utf8"
)

// plainText takes the text out of an answer to tools/call that looks to the
// byte as nodes write them:
//
//	{"jsonrpc":"2.0","id":N,"result":{"content":[{"type":"text","text":"…"}]}}
//
// with type and text in either order. Answers are megabytes, and this is
// several times as fast as a general decoder. ok is false for everything else,
// which is then left to that decoder: plainText accepts nothing that it would
// read differently.
func plainText(body []byte, id int64) (text []byte, ok bool) {
	rest, ok := bytes.CutPrefix(body, []byte(`{"jsonrpc":"2.0","id":`+strconv.FormatInt(id, 10)+`,"result":{"content":[{`))
	if !ok {
		return nil, false
	}
	end := `"}]}}`
	if r, ok := bytes.CutPrefix(rest, []byte(`"type":"text","text":"`)); ok {
		rest = r
	} else if r, ok := bytes.CutPrefix(rest, []byte(`"text":"`)); ok {
		rest, end = r, `","type":"text"}]}}`
	} else {
		return nil, false
	}
	rest, ok = bytes.CutSuffix(bytes.TrimRight(rest, "\r\n\t "), []byte(end))
	if !ok {
		return nil, false
	}
	return unquote(rest)
}

// unquote is what a JSON string stands for, given what is between its quotes.
// It gives up on surrogates and on what is no UTF-8.
func unquote(s []byte) ([]byte, bool) {
	out := make([]byte, 0, len(s))
	from := 0
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case c == '"' || c < ' ':
			return nil, false
		case c == '\\':
			out = append(out, s[from:i]...)
			if i++; i >= len(s) {
				return nil, false
			}
			if s[i] == 'u' {
				if i+5 > len(s) {
					return nil, false
				}
				r, err := strconv.ParseUint(string(s[i+1:i+5]), 16, 16)
				if err != nil || r >= 0xd800 && r < 0xe000 {
					return nil, false
				}
				out = utf8.AppendRune(out, rune(r))
				i += 4
			} else {
				e := bytes.IndexByte([]byte(`"\/bfnrt`), s[i])
				if e < 0 {
					return nil, false
				}
				out = append(out, "\"\\/\b\f\n\r\t"[e])
			}
			from = i + 1
		}
	}
	out = append(out, s[from:]...)
	return out, utf8.Valid(out)
}
