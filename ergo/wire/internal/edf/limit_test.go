package edf

import (
	"bytes"
	"errors"
	"testing"

	"ergorecorder/internal/limit"
)

// TestLimits: what is nested too deep, and what says that too many elements are
// to come, names the limit.
func TestLimits(t *testing.T) {
	deep := bytes.Repeat(append([]byte{131, 0, 10}, "#test/nest"...), int(limit.Nesting.Most())+2)
	many := []byte{130, 0, 2, 157, 145, 157, 255, 255, 255, 255} // a slice of 4 G booleans
	for want, text := range map[limit.Limit][]byte{limit.Nesting: deep, limit.Elements: many} {
		_, _, err := Decoder{Types: testTypes}.Decode(text)
		if over := (*limit.Over)(nil); !errors.As(err, &over) || over.Limit != want {
			t.Errorf("%v: %v", want, err)
		}
	}
}
