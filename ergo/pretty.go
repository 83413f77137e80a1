package ergo

import (
	"bytes"
	"encoding/json"
)

// Pretty is an answer in the form in which nodes write it: JSON objects and
// arrays indented by two spaces, <, > and & escaped. Other text is returned
// as it is.
func Pretty(text []byte) []byte {
	trimmed := bytes.TrimSpace(text)
	if len(trimmed) == 0 || trimmed[0] != '{' && trimmed[0] != '[' {
		return text
	}
	var escaped, out bytes.Buffer
	json.HTMLEscape(&escaped, trimmed)
	if json.Indent(&out, escaped.Bytes(), "", "  ") != nil {
		return text
	}
	return out.Bytes()
}
