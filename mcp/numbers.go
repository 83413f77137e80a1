package mcp

import (
	"bytes"
	"encoding/json"
	"net/http"
	"regexp"
	"strconv"
)

// mcp-go decodes the numbers by which clients name their requests as floating
// point, which changes those above 2^53: a client that counts nanoseconds would
// wait for ever. Such a number goes in as text, and comes out as it was sent.

// bigMark begins the text that stands for a number.
const bigMark = "ergo-recorder number "

// passable is a message whose numbers mcp-go keeps, and whether that is another
// one than came.
func passable(message []byte) (out []byte, changed bool) {
	var m map[string]json.RawMessage
	if json.Unmarshal(message, &m) != nil {
		return message, false // mcp-go says what is wrong with it
	}
	changed = asText(m, "id")
	var params, meta map[string]json.RawMessage
	if json.Unmarshal(m["params"], &params) == nil && params != nil {
		inner := asText(params, "requestId") // of what is cancelled
		if json.Unmarshal(params["_meta"], &meta) == nil && meta != nil && asText(meta, "progressToken") {
			params["_meta"], inner = mustJSON(meta), true
		}
		if inner {
			m["params"], changed = mustJSON(params), true
		}
	}
	if !changed {
		return message, false
	}
	return mustJSON(m), true
}

// asText puts text in place of a number that floating point would change.
func asText(m map[string]json.RawMessage, key string) bool {
	n := string(m[key])
	if n == "" || n[0] != '-' && (n[0] < '0' || n[0] > '9') {
		return false
	}
	if f, err := strconv.ParseFloat(n, 64); err == nil {
		if kept, err := json.Marshal(f); err == nil && string(kept) == n {
			return false
		}
	}
	m[key] = mustJSON(bigMark + n)
	return true
}

// restored is what is written to the client, with the numbers that it sent.
func restored(text []byte) []byte {
	if !bytes.Contains(text, []byte(bigMark)) {
		return text
	}
	return bigNumber().ReplaceAll(text, []byte("$1"))
}

// bigNumber finds the text that stands for a number. Within a text of an answer
// the quotes would be escaped.
func bigNumber() *regexp.Regexp { return regexp.MustCompile(`"` + bigMark + `(-?[0-9.eE+-]+)"`) }

// A restoring is a response whose numbers are put back. Each message is written
// at once.
type restoring struct {
	http.ResponseWriter
}

func (r *restoring) Write(p []byte) (int, error) {
	if _, err := r.ResponseWriter.Write(restored(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}

func (r *restoring) Flush() {
	if f, ok := r.ResponseWriter.(http.Flusher); ok {
		f.Flush()
	}
}

func (r *restoring) Unwrap() http.ResponseWriter { return r.ResponseWriter }
