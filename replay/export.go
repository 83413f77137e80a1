package replay

import (
	"context"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
)

// Export gives every answer that was recorded in the window, in order of time,
// as a line of a capture. Raw profiles, marks and what was pushed to the
// recorder are no answers and are left out. An error of emit ends it; what
// cannot be read is handed to damaged and passed over.
func (r *Recording) Export(ctx context.Context, from, to time.Time, emit func(*capture.Line) error, damaged func(error)) error {
	samples := func(s stream) bool { return s.Kind == archive.Sample }
	for rec, err := range r.merged(ctx, "", samples, archive.Query{From: from, To: to}) {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			damaged(err)
			continue
		}
		if err := emit(exported(rec)); err != nil {
			return err
		}
	}
	return nil
}

func exported(rec *archive.Record) *capture.Line {
	l := &capture.Line{
		Call:   ergo.Call{Node: rec.Stream.Node, Tool: rec.Stream.Name},
		Args:   rec.Args,
		Answer: ergo.Answer{Text: rec.Text, IsError: rec.IsError, At: rec.At, Took: rec.Took},
	}
	if rec.Failure != nil {
		l.Refused = &ergo.ToolError{Code: rec.Failure.Code, Message: rec.Failure.Text}
	}
	return l
}
