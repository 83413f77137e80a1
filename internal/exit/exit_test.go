package exit_test

import (
	"bytes"
	"errors"
	"fmt"
	"syscall"
	"testing"

	"ergorecorder/internal/exit"
)

func TestOf(t *testing.T) {
	for _, tt := range []struct {
		err  error
		want exit.Code
		said string
	}{
		{nil, exit.OK, ""},
		{fmt.Errorf("print: %w", syscall.EPIPE), exit.OK, ""},
		{fmt.Errorf("verify a.erg: %w", exit.No), exit.No, ""},
		{exit.Findings, exit.Findings, ""},
		{exit.With(exit.No, errors.New("no room")), exit.No, "analyze: no room\n"},
		{errors.New("no such file"), exit.Usage, "analyze: no such file\n"},
	} {
		var out bytes.Buffer
		if got := exit.Of(tt.err, "analyze", &out); got != tt.want || out.String() != tt.said {
			t.Errorf("%v: code %d, %q; want %d, %q", tt.err, got, out.String(), tt.want, tt.said)
		}
	}
}
