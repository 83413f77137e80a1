package live

import (
	"bytes"
	"fmt"
	"testing"

	"ergorecorder/ergo"
)

// FuzzPlainText: what plainText accepts, the general decoder reads the same.
func FuzzPlainText(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"[\n {\u003cA\u003e \"x\"}]"}]}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"text":"a\\u0041\/\b","type":"text"}]}}` + "\n",
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a","type":"text"}]}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"\ud83d\ude00"}]}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a"}]},"error":{"code":1}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"a\"}]}}`,
		`{"jsonrpc":"2.0","id":7,"result":{"content":[{"type":"text","text":"\u+123"}]}}`,
		"{\"jsonrpc\":\"2.0\",\"id\":7,\"result\":{\"content\":[{\"type\":\"text\",\"text\":\"\xff\x01\"}]}}",
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		given := bytes.Clone(body)
		if _, ok := plainText(given, 7); !ok && !bytes.Equal(given, body) {
			t.Fatalf("%q was given up, and is %q now", body, given)
		}
		got, ok := plainText(bytes.Clone(body), 7)
		if !ok {
			return
		}
		result, err := decodeReply(body, 7)
		if err != nil {
			t.Fatalf("accepted %q, which is refused: %v", body, err)
		}
		want, isError, err := ergo.ContentText(result)
		if err != nil || isError || !bytes.Equal(got, want) {
			t.Fatalf("%q gives %q, want %q (%v)", body, got, want, err)
		}
	})
}

// TestPlainTextReadsNodes: the answers of real nodes take the fast way.
func TestPlainTextReadsNodes(t *testing.T) {
	fast, all := 0, 0
	for _, p := range readContract(t).Examples {
		if p.RPCError != nil || p.Entries > 0 || p.Text == nil {
			continue
		}
		all++
		var id int64
		if _, err := fmt.Sscan(p.id(), &id); err != nil {
			t.Fatal(err)
		}
		if text, ok := plainText([]byte(p.Body), id); ok {
			fast++
			if string(text) != *p.Text {
				t.Errorf("%s: %q, want %q", p.Case, text, *p.Text)
			}
		}
	}
	if fast != all {
		t.Errorf("%d of %d answers take the fast way", fast, all)
	}
}
