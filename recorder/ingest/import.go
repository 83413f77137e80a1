package ingest

import (
	"context"
	"fmt"
	"io"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo/capture"
)

// An Imported says what came in.
type Imported struct {
	Lines    int // calls stored
	Profiles int
	Broken   []error // what could not be read, passed over
	Nodes    map[string]bool
}

// Capture stores every line of a capture. Broken lines are counted in into
// and passed over; only an error of the archive or of ctx ends it. A capture
// that breaks off keeps what came before.
func Capture(ctx context.Context, r io.Reader, w *archive.Writer, opt Options, into *Imported) error {
	if into.Nodes == nil {
		into.Nodes = map[string]bool{}
	}
	for l, err := range capture.Read(r) {
		if err != nil {
			into.Broken = append(into.Broken, err)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Append(Record(l.Call, l.Args, l.Answer, l.Refused, opt)); err != nil {
			return fmt.Errorf("store %s at %s: %w", l.Call, l.Answer.At.Format(time.RFC3339Nano), err)
		}
		into.Lines++
		into.Nodes[l.Call.Node] = true
	}
	return nil
}
