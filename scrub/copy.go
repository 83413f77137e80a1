package scrub

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo/redact"
	"ergorecorder/ergo/tools48"
)

// A Policy says what may be seen.
type Policy struct {
	Keep      map[Kind]bool   // names of these kinds are kept
	KeepWords []string        // and names that fit one of these globs
	LeaveOut  map[string]bool // answers of these tools, and records of these kinds (log, event, profile), are not copied
	Shift     time.Duration   // by how much later everything is said to have been
}

// A Result says what a copy holds.
type Result struct {
	Records int // copied
	LeftOut int // records that were not copied: by policy, or because nothing is known about their form
	Names   int // names that were replaced
	Words   int // words of text for people that were replaced
	Damaged []error
	Settled *Map
}

// Copy copies a recording into an archive that is new, without its names. It
// walks the recording twice.
func Copy(ctx context.Context, from *archive.Reader, to func(now func() time.Time) (*archive.Writer, error), p Policy) (*Result, error) {
	c := &copier{policy: p, words: newVocabulary(), names: newNames(p), schemas: map[archive.StreamKey]archive.Schema{}}
	for _, s := range from.Streams() {
		c.schemas[s.StreamKey] = s.Schema
		c.names.host(s.Node)
	}
	if err := c.walk(ctx, from, func(rec *archive.Record) error { c.record(rec, nil); return nil }); err != nil {
		return nil, err
	}
	c.names.settle()
	c.result = Result{}
	w, err := to(func() time.Time { return c.now })
	if err != nil {
		return nil, err
	}
	err = c.walk(ctx, from, func(rec *archive.Record) error { return c.put(w, rec) })
	if err = errors.Join(err, w.Close()); err != nil {
		return nil, err
	}
	c.result.Settled = c.names.mapOf(p.Shift)
	c.result.Names = len(c.result.Settled.Names)
	return &c.result, nil
}

type copier struct {
	policy  Policy
	words   *vocabulary
	names   *names
	schemas map[archive.StreamKey]archive.Schema
	now     time.Time // of the mark that is being written
	result  Result
}

func (c *copier) walk(ctx context.Context, from *archive.Reader, each func(*archive.Record) error) error {
	var broken *archive.CorruptionError
	for rec, err := range from.Records(ctx, archive.Query{}) {
		switch {
		case errors.As(err, &broken):
			c.result.Damaged = append(c.result.Damaged, err)
			continue
		case err != nil:
			return err
		}
		if c.policy.LeaveOut[rec.Stream.Name] || c.policy.LeaveOut[rec.Stream.Kind.String()] && rec.Stream.Kind != archive.Sample {
			c.result.LeftOut++
			continue
		}
		if err := each(rec); err != nil {
			return err
		}
	}
	return nil
}

// put writes the copy of a record.
func (c *copier) put(w *archive.Writer, rec *archive.Record) error {
	rec.Schema = c.schemas[rec.Stream]
	out := new(strings.Builder)
	if !c.record(rec, out) {
		c.result.LeftOut++
		return nil
	}
	c.result.Records++
	rec.At = rec.At.Add(c.policy.Shift)
	if rec.Stream.Kind == archive.MarkKind {
		var m archive.Mark
		if err := json.Unmarshal(rec.Text, &m); err != nil {
			return fmt.Errorf("read mark of %s: %w", rec.At.Format(time.RFC3339Nano), err)
		}
		c.now = rec.At
		_, err := w.Mark(m)
		return err
	}
	_, err := w.Append(rec)
	return err
}

// record goes through all of a record, and replaces what it says if out is
// not nil. It reports false where nothing is known about its form.
func (c *copier) record(rec *archive.Record, out *strings.Builder) bool {
	return c.through(&scanner{words: c.words, names: c.names, out: out, shift: c.policy.Shift, left: &c.result.Words}, rec)
}

// through takes a scanner through all of a record.
func (c *copier) through(s *scanner, rec *archive.Record) bool {
	if rec.Stream.Node != "" && s.out == nil {
		c.names.nodes[rec.Stream.Node] = true
	}
	tool := rec.Stream.Name
	known := rec.Stream.Kind == archive.MarkKind || isTool(tool) || rec.Stream.Kind == archive.Log
	rec.Stream.Node = s.text(rec.Stream.Node, place{kind: Node, named: true})
	if rec.Stream.Kind == archive.Event {
		rec.Stream.Name = s.text(tool, place{kind: Event, named: true})
	} else if rec.Stream.Kind == archive.Sample && !known {
		rec.Stream.Name = s.text(tool, place{kind: Word, named: true})
	}
	rec.Stream.Args = s.payload(tool, rec.Stream.Args, false)
	rec.Subject = s.payload(tool, rec.Subject, false)
	rec.Args = bytesOf(rec.Args, s.payload(tool, string(rec.Args), false))
	if rec.Failure != nil {
		rec.Failure = &archive.Failure{Code: rec.Failure.Code, Text: s.text(rec.Failure.Text, place{kind: Word, prose: true})}
	}
	if rec.Stream.Kind == archive.Profile {
		text, err := s.profile(rec.Text)
		if err != nil {
			return false
		}
		rec.Text = text
		return true
	}
	rec.Text = bytesOf(rec.Text, s.payload(tool, string(rec.Text), !known))
	return true
}

// payload goes through what a record says: JSON, or a table or a stack.
func (s *scanner) payload(tool, text string, strict bool) string {
	if text == "" {
		return ""
	}
	text = redact.Text(text)
	if s.out == nil {
		if !s.json(tool, text, strict) {
			s.scan(text, textPlace(tool, strict))
		}
		return text
	}
	inner := *s
	inner.out = new(strings.Builder)
	if !inner.json(tool, text, strict) {
		inner.out.Reset()
		inner.scan(text, textPlace(tool, strict))
	}
	return inner.out.String()
}

func isTool(name string) bool {
	_, ok := tools48.Tool(name)
	return ok
}

func textPlace(tool string, strict bool) place {
	if strings.HasPrefix(tool, "pprof_") {
		return place{kind: Function, stack: true}
	}
	return place{kind: Word, named: strict, prose: !strict}
}

// bytesOf is text in the place of what was there; nothing stays nothing.
func bytesOf(was []byte, text string) []byte {
	if was == nil {
		return nil
	}
	return []byte(text)
}
