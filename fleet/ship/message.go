package ship

import (
	"context"
	"encoding/json"
	"fmt"
	"time"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

const (
	// headRoom is what subject and headers of a message take at most.
	headRoom = 2 << 10
	// leastBody is how much of a block a message holds at least, whatever the engine says.
	leastBody = 16 << 10
)

// messages are those of a block: one, or its pieces.
func (s *Shipper) messages(b *archive.Block, raw []byte) (out []link.Message) {
	head := shape.Block{
		Subject: shape.Subject{
			Fleet: s.o.Fleet, Cluster: s.o.Cluster, Class: s.class(b),
			Archive: b.Archive, Node: b.Key.Node, Kind: b.Key.Kind.String(), Stream: b.Stream,
		},
		Recorder: s.o.Recorder, Run: b.Run, Last: b.Last, Part: b.Part, Records: b.Records, From: b.From, To: b.To,
		Piece: 1, Pieces: 1,
	}
	room := max(int(s.engine.MaxPayload())-headRoom, leastBody)
	if head.Pieces = max((len(raw)+room-1)/room, 1); head.Pieces > 1 {
		head.Sum = xxhash.Sum64(raw)
	}
	for ; head.Piece <= head.Pieces; head.Piece++ {
		n := min(room, len(raw))
		out = append(out, link.Message{Subject: head.String(), Headers: head.Headers(), Body: raw[:n]})
		raw = raw[n:]
	}
	return out
}

// class is where a block is looked for: among what came about when it was recorded, if
// that is so by the engine's clock too.
func (s *Shipper) class(b *archive.Block) string {
	if s.o.Offset == nil {
		return shape.ClassLate
	}
	off, known := s.o.Offset()
	if !known || off.Abs() > shape.ClockSpan || s.o.Now().Sub(b.To) > shape.LateAfter {
		return shape.ClassLate
	}
	return shape.ClassBlock
}

// shipMarks ships the marks that are on disk and were not shipped.
func (s *Shipper) shipMarks(ctx context.Context) error {
	if now := s.o.Now(); now.Sub(s.marked) >= marksEvery || now.Before(s.marked) {
		s.marked = now
	} else {
		return nil
	}
	upTo := s.o.Durable()
	marks, err := s.marks(ctx, upTo)
	if err != nil {
		return err
	}
	for len(marks) > 0 {
		n := min(len(marks), batchBlocks)
		if err := s.publish(ctx, marks[:n]); err != nil {
			s.marked = time.Time{}
			return err
		}
		marks = marks[n:]
		s.mu.Lock()
		s.shipped.Marks += int64(n)
		s.mu.Unlock()
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.changed = s.state.changed || upTo > s.state.Marks
	s.state.Marks = max(s.state.Marks, upTo)
	return nil
}

// marks are the messages of the marks behind the one that was shipped last.
func (s *Shipper) marks(ctx context.Context, upTo uint64) (out []link.Message, err error) {
	if upTo <= s.state.Marks {
		return nil, nil
	}
	q := archive.Query{After: s.state.Marks, UpTo: upTo, Streams: []archive.StreamKey{}}
	for _, st := range s.o.View.Streams() {
		if st.Kind == archive.MarkKind {
			q.Streams = append(q.Streams, st.StreamKey)
		}
	}
	for rec, err := range s.o.View.Records(ctx, q) {
		if err != nil {
			s.o.Notice(fmt.Sprintf("fleet: a mark cannot be read and is not shipped: %v", err))
			continue
		}
		out = append(out, s.mark(rec))
	}
	return out, ctx.Err()
}

// mark is the message of a mark.
func (s *Shipper) mark(rec *archive.Record) link.Message {
	class := shape.ClassMark
	switch rec.Stream.Name {
	case archive.MarkIncident:
		class = shape.ClassIncident
	case markTrigger:
		class = shape.ClassFinding
	}
	sub := shape.Subject{Fleet: s.o.Fleet, Cluster: s.o.Cluster, Class: class, Archive: s.state.archive, Node: rec.Stream.Node, Kind: rec.Stream.Name}
	var window struct{ From, To time.Time }
	_ = json.Unmarshal(rec.Text, &window) // of what is no mark the window is that of its record
	if window.From.IsZero() {
		window.From, window.To = rec.At, rec.At
	}
	return link.Message{
		Subject: sub.String(), Body: rec.Text,
		Headers: map[string][]string{
			shape.HeaderID: {shape.MarkID(s.state.archive, rec.Seq)}, shape.HeaderRecorder: {s.o.Recorder},
			shape.HeaderFrom: {shape.Time(window.From)}, shape.HeaderTo: {shape.Time(window.To)},
		},
	}
}

// markTrigger is the kind of the mark that tells what a detector claims.
const markTrigger = "trigger"
