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
	"ergorecorder/ergo/redact"
	"ergorecorder/ergo/tools48"
)

// Options say what is kept.
type Options struct {
	// KeepEnv keeps the values of environment variables, which are left out
	// otherwise (their names stay).
	KeepEnv bool
	// Spelling is the surface through which the answers came; nil means the 48
	// tools. Its name is stored as the road of each stream, beside the reading.
	Spelling *ergo.Spelling
	// KeepSecrets keeps everything, secrets included.
	KeepSecrets bool
}

// keep is what is kept of an answer.
func (o Options) keep() redact.Keep { return redact.Keep{Env: o.KeepEnv, Secrets: o.KeepSecrets} }

// text is text without its secrets, which is no answer: arguments, errors,
// notes.
func (o Options) text(s string) string {
	if o.KeepSecrets {
		return s
	}
	return redact.Text(s)
}

// spelling is that of the surface.
func (o *Options) spelling() *ergo.Spelling {
	if o.Spelling == nil {
		return tools48.Spelling()
	}
	return o.Spelling
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
	q := opt.question(call, args)
	return q.record(call, ans, refused, opt)
}

// A question is what records of all calls of a tool with the same arguments share. Nobody
// changes what it holds.
type question struct {
	stream  string // the arguments that tell the stream
	subject string
	args    []byte
	schema  archive.Schema
}

func (o *Options) question(call ergo.Call, args []byte) *question {
	spelling := o.spelling()
	schema := spelling.Schema(call.Tool)
	if args == nil {
		args = call.Args.JSON()
	}
	q := &question{stream: o.text(schema.StreamArgs(call.Args).String()), args: []byte(o.text(string(args))), schema: Schema(schema)}
	reading, _ := spelling.ReadingOf(call.Tool)
	q.schema.Road, q.schema.Reading = spelling.Name(), string(reading)
	if subject := schema.SubjectArgs(call.Args); subject != nil {
		q.subject = o.text(subject.String())
	}
	return q
}

func (q *question) record(call ergo.Call, ans ergo.Answer, refused *ergo.ToolError, opt Options) *archive.Record {
	rec := &archive.Record{
		Stream:  archive.StreamKey{Kind: archive.Sample, Node: call.Node, Name: call.Tool, Args: q.stream},
		Schema:  q.schema,
		Subject: q.subject,
		At:      ans.At,
		Took:    ans.Took,
		Args:    q.args,
		IsError: ans.IsError,
	}
	if ans.Road != "" {
		rec.Schema.Road = string(ans.Road)
	}
	if refused != nil {
		rec.Failure = &archive.Failure{Code: refused.Code, Text: string(redact.Answer("", []byte(refused.Message), opt.keep()))}
	}
	if ans.Text != nil {
		rec.Text = redact.Answer(call.Tool, ans.Text, opt.keep())
	}
	return rec
}

// Mark is the mark without the secrets that its note and its details may quote.
func Mark(m archive.Mark, opt Options) archive.Mark {
	m.Note = opt.text(m.Note)
	if m.More == nil {
		return m
	}
	more := make(map[string]any, len(m.More))
	for k, v := range m.More {
		if s, ok := v.(string); ok {
			v = opt.text(s)
			if s != "" && redact.Names(k) && !opt.KeepSecrets {
				v = redact.NotKept
			}
		}
		more[k] = v
	}
	m.More = more
	return m
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
