package handshake

import (
	"bytes"
	"encoding/binary"
	"errors"
	"testing"

	"ergorecorder/internal/limit"
)

// TestLimit: a message that says it is longer than any is not read.
func TestLimit(t *testing.T) {
	head := binary.BigEndian.AppendUint32([]byte{magic, version}, uint32(limit.Greeting.Most())+1)
	_, err := readFrame(bytes.NewReader(head))
	if over := (*limit.Over)(nil); !errors.As(err, &over) || over.Limit != limit.Greeting {
		t.Errorf("%v", err)
	}
}
