package live

import (
	"bytes"
	"strconv"

	"ergorecorder/ergo/listing"
)

// plainText takes the text out of an answer to tools/call that looks to the
// byte as nodes write them:
//
//	{"jsonrpc":"2.0","id":N,"result":{"content":[{"type":"text","text":"…"}]}}
//
// with type and text in either order. Answers are megabytes, and this is
// several times as fast as a general decoder. ok is false for everything else,
// which is then left to that decoder: plainText accepts nothing that it would
// read differently. The text takes the place of the body where it is ok.
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
	return listing.Unquote(rest)
}
