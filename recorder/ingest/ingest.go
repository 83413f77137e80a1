// Package ingest turns what a cluster said into records of an archive. Every
// way into an archive goes through it: the recorder's live answers and
// imported captures alike, so that secrets are left out, streams are named and
// schemas are stored in one place.
//
// It judges nothing and drops nothing but secrets.
package ingest

import (
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// Options say what is kept.
type Options struct {
	// KeepEnv keeps the values of environment variables, which are left out
	// otherwise (their names stay).
	KeepEnv bool
	// Spelling is the surface through which the answers came; nil means the 48
	// tools. Its name is stored as the road of each stream, beside the reading.
	Spelling *ergo.Spelling
}

// defaultRoad is the road of what came through the 48 tools.
const defaultRoad = "tools48"

// road is what is stored of how a stream came: the road, and which reading it is.
func (o *Options) road(tool string) (road, reading string) {
	if o.Spelling == nil {
		return defaultRoad, ""
	}
	r, _ := o.Spelling.ReadingOf(tool)
	return o.Spelling.Name(), string(r)
}

// Mono is how long after started an instant was, by the monotonic clock; 0
// where one of them does not carry it. See [archive.Record].
func Mono(started, at time.Time) time.Duration {
	if !monotonic(started) || !monotonic(at) {
		return 0
	}
	return at.Sub(started)
}

func monotonic(t time.Time) bool { return t != t.Round(0) } //nolint:staticcheck // that is what tells it

// Record makes the record of one call: of its answer, or of the
// [*ergo.ToolError] that it got. args is the literal text of the arguments,
// nil to take call.Args in canonical form.
func Record(call ergo.Call, args []byte, ans ergo.Answer, refused *ergo.ToolError, opt Options) *archive.Record {
	schema := ergo.SchemaOf(call.Tool)
	if args == nil {
		args = call.Args.JSON()
	}
	rec := &archive.Record{
		Stream: archive.StreamKey{
			Kind: archive.Sample,
			Node: call.Node,
			Name: call.Tool,
			Args: schema.StreamArgs(call.Args).String(),
		},
		Schema:  Schema(schema),
		At:      ans.At,
		Took:    ans.Took,
		Args:    ergo.Redact(call.Tool, args, true),
		IsError: ans.IsError,
	}
	rec.Schema.Road, rec.Schema.Reading = opt.road(call.Tool)
	if subject := schema.SubjectArgs(call.Args); subject != nil {
		rec.Subject = subject.String()
	}
	if refused != nil {
		rec.Failure = &archive.Failure{Code: refused.Code, Text: string(ergo.Redact("", []byte(refused.Message), opt.KeepEnv))}
	}
	if ans.Text != nil {
		rec.Text = ergo.Redact(call.Tool, ans.Text, opt.KeepEnv)
	}
	return rec
}

// Schema is the archive's form of a tool's schema.
func Schema(s ergo.Schema) archive.Schema {
	out := archive.Schema{Key: s.Key}
	switch s.Form {
	case ergo.FormObject:
		out.Form = archive.FormObject
	case ergo.FormTable:
		out.Form = archive.FormTable
	case ergo.FormText:
		out.Form = archive.FormText
	}
	if s.Columns != nil {
		out.Columns = make(map[string]archive.ColumnKind, len(s.Columns))
		for name, kind := range s.Columns {
			out.Columns[name] = columnKinds[kind]
		}
	}
	return out
}

var columnKinds = map[ergo.ColumnKind]archive.ColumnKind{
	ergo.Gauge:      archive.Gauge,
	ergo.Text:       archive.Text,
	ergo.Cumulative: archive.Cumulative,
	ergo.Constant:   archive.Constant,
	ergo.AgeNS:      archive.AgeNS,
	ergo.AgeS:       archive.AgeS,
}
