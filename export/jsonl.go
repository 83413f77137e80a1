package export

import (
	"context"
	"io"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/replay"
)

// Capture writes every answer that was recorded in the window, in order of time,
// as lines of a capture. Raw profiles, marks and what was pushed to the recorder are
// no answers and are left out. A glob over processes is none of its options.
func Capture(ctx context.Context, w io.Writer, rec *replay.Recording, o Options) error {
	if err := o.Valid(); err != nil {
		return err
	}
	return capture.WriteAll(w, func(emit func(*capture.Line) error) error {
		for r, err := range replay.Readable(rec.Records(ctx, archive.Query{From: o.From, To: o.To}, archive.Sample), o.Damaged) {
			if err == nil && o.Holds(r.Stream.Node) {
				err = emit(lineOf(r))
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// lineOf is a record as a line of a capture.
func lineOf(rec *archive.Record) *capture.Line {
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
