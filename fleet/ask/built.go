package ask

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/fleet/merge"
	"ergorecorder/fleet/shape"
)

// fetched is what came of one archive.
type fetched struct {
	file    *os.File
	flat    *archive.FlatBuilder
	pieces  map[string]*pieces
	marks   map[uint64]marked
	missing []archive.Mark // what should have come, as gaps
}

type marked struct {
	node, kind string
	at         time.Time
	text       []byte
}

// pieces are those that came of a block that is larger than a message, by their numbers: a message can tell of
// more than ever come.
type pieces struct {
	head  head
	parts map[int][]byte
}

// whole is the block.
func (p *pieces) whole() []byte {
	var parts [][]byte
	for i := range len(p.parts) {
		parts = append(parts, p.parts[i+1])
	}
	return slices.Concat(parts...)
}

// source is what came of an archive so far.
func (f *fetch) source(id uint64) (*fetched, error) {
	if s := f.sources[id]; s != nil {
		return s, nil
	}
	file, err := os.OpenFile(filepath.Join(f.dir, archive.ArchiveID(id)+".ergf"), os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, err
	}
	segment := 1
	if !f.o.From.IsZero() {
		segment = 2 // what came before is not missed
	}
	s := &fetched{file: file, flat: archive.NewFlat(file, id, segment), pieces: map[string]*pieces{}, marks: map[uint64]marked{}}
	f.sources[id] = s
	return s, nil
}

// take adds what a message holds: a block, a piece of one, or a mark, which may have been
// shipped before its block.
func (f *fetch) take(h head, body []byte) error {
	s, err := f.source(h.block.Archive)
	if err != nil {
		return err
	}
	if h.mark == 0 {
		s.add(f, h, body)
		return nil
	}
	if !json.Valid(body) {
		f.miss(h, errors.New("it is no mark"))
		return nil
	}
	s.marks[h.mark] = marked{h.block.Node, h.block.Kind, h.block.To, body}
	return nil
}

// add adds a block, or a piece of one.
func (s *fetched) add(f *fetch, h head, body []byte) {
	if b := &h.block; b.Pieces > 1 {
		id := shape.BlockID(b.Archive, b.Run, b.Last, b.Part, 1, 1) + fmt.Sprint(" ", b.Pieces, " ", b.Sum)
		p := s.pieces[id]
		if p == nil {
			p = &pieces{h, map[int][]byte{}}
			s.pieces[id] = p
		}
		p.parts[b.Piece] = body
		if len(p.parts) < b.Pieces {
			return
		}
		delete(s.pieces, id)
		body = p.whole()
	}
	if err := s.flat.AddRaw(body); err != nil {
		f.miss(h, err)
	}
}

// markNote is a mark that says something about the recording at an instant.
const markNote = "note"

// miss notes that something did not come, or not whole.
func (f *fetch) miss(h head, why error) {
	f.missed++
	s, err := f.source(h.block.Archive)
	if err != nil {
		return // there is no file for a mark: that it is missed is said beside the address
	}
	lost := archive.Mark{Kind: archive.MarkGap, Node: h.block.Node, From: h.block.From, To: h.block.To}
	what := fmt.Sprintf("%d records", h.block.Records)
	if h.mark != 0 { // what it tells of was recorded all the same
		lost.Kind, lost.From = markNote, lost.To
		what = "a mark (" + h.block.Kind + ")"
	}
	lost.Note = fmt.Sprintf("%s of archive %s could not be fetched from the fleet's engine: %v", what, archive.ArchiveID(h.block.Archive), why)
	s.missing = append(s.missing, lost)
}

// openSource opens the file that was built of an archive, and one of the marks that are
// not in it.
func (f *fetch) openSource(ctx context.Context, id uint64, s *fetched) (inputs []merge.Input, err error) {
	for _, p := range s.pieces {
		f.miss(p.head, errors.New("pieces of it are missing"))
	}
	name := archive.ArchiveID(id)
	if err := errors.Join(s.flat.Close(), s.file.Close()); err != nil {
		return nil, fmt.Errorf("keep what the fleet gives: %w", err)
	}
	r, err := archive.OpenFlat(s.file.Name())
	if err != nil {
		return nil, err
	}
	if f.o.Apart { // who reads one recording alone, as to verify it, is told of damage; a timeline has gaps of nodes
		for i := range s.missing {
			m := &s.missing[i]
			r.Lacks(&archive.CorruptionError{Segment: name, From: m.From, To: m.To, Err: errors.New(m.Note)})
		}
	}
	inputs = append(inputs, merge.Input{Name: name, Reader: r})
	for m, err := range r.Marks(ctx, time.Time{}, time.Time{}) {
		if err == nil {
			delete(s.marks, m.Seq)
		}
	}
	if len(s.marks)+len(s.missing) == 0 {
		return inputs, nil
	}
	path := filepath.Join(f.dir, name+".erg")
	if err := s.writeMarks(path); err != nil {
		return inputs, err
	}
	marks, err := archive.Open(path)
	if err != nil {
		return inputs, err
	}
	return append(inputs, merge.Input{Name: name + " (marks)", Reader: marks}), nil
}

func (s *fetched) writeMarks(path string) error {
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return err
	}
	var errs []error
	for _, m := range s.marks {
		_, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.MarkKind, Node: m.node, Name: m.kind}, At: m.at, Text: m.text})
		errs = append(errs, err)
	}
	for _, m := range s.missing {
		m.At = m.To
		_, err := w.Mark(m)
		errs = append(errs, err)
	}
	return errors.Join(errors.Join(errs...), w.Close())
}
