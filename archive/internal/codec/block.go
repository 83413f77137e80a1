package codec

import (
	"bytes"
	"cmp"
	"fmt"
	"io"
	"slices"

	"ergorecorder/archive/internal/codec/body"
	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/codec/number"
	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/archive/internal/codec/word"
)

// Version is the version of the format that is written.
const Version = header.Version

// A Header says what a block or chunk holds, see package header.
type Header = header.Header

// A stream is one series of bytes (or bits) of a block.
type stream = body.Stream

type streams []stream

const (
	fieldAbout = iota
	fieldSeq
	fieldAt
	fieldLists
	fieldActive
	fieldNames
	fieldShapes
	fieldShape
	fieldClock
	fieldTook
	fieldFlags
	fieldSubject
	fieldArgs
	fieldReason
	fieldCode
	fieldSeen
	fieldTotal
	fieldLength
	fieldParts
	fieldText    = body.FieldText
	fieldColumns = body.FieldColumns // two for each column
)

const (
	subClass = body.Class
	subBits  = body.Bits
	subDict  = body.Dict
	subList  = body.List
)

func tag(field, sub int) int { return body.Tag(field, sub) }

func (s *streams) add(tag int, data []byte) {
	if len(data) > 0 {
		*s = append(*s, stream{Tag: tag, Data: data, N: len(data)})
	}
}

// take adds the bytes and leaves none.
func (s *streams) take(tag int, data *[]byte) {
	s.add(tag, *data)
	*data = nil
}

func (s *streams) coder(field int, c *number.Coder) {
	s.take(tag(field, subClass), &c.Class)
	if n := c.Bits.Len(); n > 0 {
		*s = append(*s, stream{Tag: tag(field, subBits), Data: c.Bits.Bytes(), N: n})
		c.Bits = number.BitWriter{}
	}
}

// dict adds the words that no chunk holds yet.
func (s *streams) dict(field int, d *word.Dict) {
	var b []byte
	for ; d.Sent < d.Len(); d.Sent++ {
		b = word.AppendWord(b, d, d.Sent)
	}
	s.add(tag(field, subDict), b)
	if cap(d.Arena)-len(d.Arena) > len(d.Arena)/8+256 {
		d.Arena = append(make([]byte, 0, len(d.Arena)), d.Arena...)
		d.Ends = append(make([]uint32, 0, len(d.Ends)), d.Ends...)
	}
}

// Bytes lays the chunk out; where z is nil, without compressing anything.
func (c *Chunk) Bytes(z *frame.Zip) []byte { return body.Layout(c.Header, nil, c.streams, z) }

// Merge makes a whole block of all chunks of a run, in order. stats are those of
// the run ([Chunk.Stats]); where they are not known any more they may be nil.
func Merge(z *frame.Zip, stats *Stats, chunks ...[]byte) ([]byte, error) {
	r, err := Open(z, chunks...)
	if err != nil {
		return nil, err
	}
	var ss streams
	for i, p := range r.pieces {
		if i > 0 && r.pieces[i-1].Tag == p.Tag || p.Tag == body.TagSums {
			continue
		}
		data, n, err := r.stream(p.Tag)
		if err != nil {
			return nil, err
		}
		ss = append(ss, stream{Tag: p.Tag, Data: data, N: n})
	}
	h := r.Header
	h.Whole = true
	if h.Version < 3 || body.Size(ss) < body.Large {
		return body.Layout(h, nil, ss, z), nil
	}
	synopsis, err := r.synopsis(stats)
	if err != nil {
		return nil, err
	}
	if len(synopsis.Columns) == 0 {
		return body.Layout(h, nil, ss, z), nil
	}
	return body.Layout(h, synopsis.append(nil, z), ss, z), nil
}

// A Run is a run, or the beginning of one, opened for reading.
type Run struct {
	Header
	pieces []body.Piece // of all chunks, by tag and chunk
	z      *frame.Zip
	mem    *frame.Memory // where its streams are unpacked
	block  []byte        // where it is one, read as a whole
	defs   []colDef      // see names
	times                // see Seqs; while they are not read, memory for them
	timed  bool          // they were read
}

// Open opens a block, or a run from its chunks. It checks that they are
// intact and follow each other.
func Open(z *frame.Zip, chunks ...[]byte) (*Run, error) {
	r := &Run{z: z}
	for i, b := range chunks {
		h, rest, _, err := header.Parse(b)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.Header = h
			if h.Chunk != 0 {
				return nil, fmt.Errorf("the run's first chunk is missing: %w", parse.ErrContent)
			}
		} else if err := r.follow(&h, i); err != nil {
			return nil, err
		}
		pieces, err := body.Parse(b[4], b[5], rest, z)
		if err != nil {
			return nil, err
		}
		if i == 0 {
			r.pieces = pieces
		} else {
			r.pieces = append(r.pieces, pieces...)
		}
	}
	if len(chunks) == 0 {
		return nil, parse.ErrShort
	}
	if r.Whole {
		r.block = chunks[0]
	}
	if len(chunks) > 1 {
		slices.SortStableFunc(r.pieces, func(a, b body.Piece) int { return cmp.Compare(a.Tag, b.Tag) })
	}
	return r, nil
}

// A Room is memory for a block, and for one after the other.
type Room struct {
	body.Room
	defs   []colDef // of the block before
	defsOf string   // what told them, packed
}

// OpenColumns opens a block for who wants no other columns than these, and no texts: nothing else is read, into room,
// and all that is read is checked. It is nil where the block must be read as a whole: a small one, one of a program that wrote no checksums
// by column, and one that is damaged.
func OpenColumns(z *frame.Zip, src io.ReaderAt, size int, room *Room, columns []string) *Run {
	p := body.Open(src, size, &room.Room)
	if p == nil {
		return nil
	}
	r := &Run{Header: p.Header, pieces: p.Pieces, z: z}
	names, err := r.namesIn(room)
	if err != nil {
		return nil
	}
	for i, n := range names {
		if slices.Contains(columns, n.name) && !p.Column(i) {
			return nil
		}
	}
	return r
}

// namesIn is names for one block after the other: mostly they are told as in the one before.
func (r *Run) namesIn(room *Room) ([]colDef, error) {
	i, found := slices.BinarySearchFunc(r.pieces, tag(fieldNames, subClass), func(p body.Piece, t int) int { return cmp.Compare(p.Tag, t) })
	if !found {
		return nil, nil
	}
	p := &r.pieces[i]
	if p.Packed && string(p.Data) == room.defsOf {
		r.defs = room.defs
		return r.defs, nil
	}
	names, err := r.names()
	if err == nil && p.Packed {
		room.defs, room.defsOf = names, string(p.Data)
	}
	return names, err
}

// CheckSums checks the checksums of a block by column, which who reads all of it does not look at.
func (r *Run) CheckSums() error { return body.CheckSums(r.block) }

// SynopsisOf is the synopsis of the block that b begins with, of which the rest
// may be missing. It is checked; nil where the block has none.
func SynopsisOf(b []byte) ([]byte, error) { return body.SynopsisOf(b) }

func (r *Run) follow(h *Header, i int) error {
	if h.Stream != r.Stream || h.Part != r.Part || h.Run != r.Run || h.Chunk != i || h.Version != r.Version || r.Whole || h.Whole || h.Archive != r.Archive {
		return fmt.Errorf("chunks do not follow each other: %w", parse.ErrContent)
	}
	r.Last = h.Last
	r.Records += h.Records
	r.Failures += h.Failures
	r.Rows += h.Rows
	r.From, r.To = min(r.From, h.From), max(r.To, h.To)
	return nil
}

// About is what the encoder's Desc said.
func (r *Run) About() ([]byte, error) {
	b, _, err := r.stream(tag(fieldAbout, subClass))
	return b, err
}

// stream is a stream's raw data, chunks joined, and its length in units.
func (r *Run) stream(t int) ([]byte, int, error) {
	from, _ := slices.BinarySearchFunc(r.pieces, t, func(p body.Piece, t int) int { return cmp.Compare(p.Tag, t) })
	to := from
	for to < len(r.pieces) && r.pieces[to].Tag == t {
		to++
	}
	pieces := r.pieces[from:to]
	switch len(pieces) {
	case 0:
		return nil, 0, nil
	case 1:
		raw, err := pieces[0].Unpack(r.z, r.mem)
		return raw, pieces[0].N, err
	}
	var w number.BitWriter
	var buf bytes.Buffer
	for _, p := range pieces {
		raw, err := p.Unpack(r.z, nil)
		if err != nil {
			return nil, 0, err
		}
		if t%4 == subBits {
			w.Append(raw, p.N)
		} else {
			buf.Write(raw)
		}
	}
	if t%4 == subBits {
		return w.Bytes(), w.Len(), nil
	}
	return buf.Bytes(), buf.Len(), nil
}
