package mcp

import "testing"

func TestNumbersPass(t *testing.T) {
	for _, message := range []string{
		`{"id":1795338060123456789,"jsonrpc":"2.0","method":"ping"}`,
		`{"id":-9007199254740993,"jsonrpc":"2.0","method":"ping"}`,
		`{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":1795338060123456789}}`,
		`{"id":1,"jsonrpc":"2.0","method":"tools/call","params":{"_meta":{"progressToken":18446744073709551615},"name":"trend"}}`,
		`{"id":1.0,"jsonrpc":"2.0","method":"ping"}`,
	} {
		in, changed := passable([]byte(message))
		if !changed || string(in) == message {
			t.Errorf("%s goes in unchanged", message)
		}
		if got := string(restored(in)); got != message {
			t.Errorf("%s comes out as %s", message, got)
		}
	}
	for _, message := range []string{`{"id":9007199254740991}`, `{"id":"1795338060123456789"}`, `{"id":7,"params":{"x":1795338060123456789}}`, `{"id":null}`, `[1]`, `{`} {
		if in, changed := passable([]byte(message)); changed || string(in) != message {
			t.Errorf("%s goes in as %s", message, in)
		}
	}
}
