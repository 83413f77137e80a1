package frame

import (
	"bytes"
	"errors"
	"testing"
	"time"

	"ergorecorder/internal/limit"
)

// TestLimit: each way in which a message can be too long names the limit.
func TestLimit(t *testing.T) {
	_, announced := NewReader(bytes.NewReader([]byte{78, 1, 0, 16, 0, 1, 0, 0}), 1<<20).Next()
	_, unpacked := Unpack(Frame{Type: Compressed, Body: []byte{methodZlib, 0x7f, 0, 0, 0}}, 1<<20)
	part := append([]byte{0, 0, 0, 1, 0, 0, 0, 2}, make([]byte, fragmentHeader+5)...)
	_, _, together := NewAssembler(4).Add(Frame{Body: part}, time.Unix(0, 0))
	for name, err := range map[string]error{"announced": announced, "unpacked": unpacked, "in parts": together} {
		if over := (*limit.Over)(nil); !errors.As(err, &over) || over.Limit != limit.Frame {
			t.Errorf("%s: %v", name, err)
		}
	}
}
