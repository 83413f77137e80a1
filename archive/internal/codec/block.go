package codec

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"fmt"
	"slices"

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
type stream struct {
	tag  int
	data []byte
	n    int // bytes; bits in a stream of bits
}

type streams []stream

// Streams are numbered by field and by what they hold of it.
const (
	subClass = iota // classes, or plain bytes
	subBits
	subDict
	subList
)

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
	fieldText
	fieldColumns // two for each column: its cells, and what its ages are counted from
)

func tag(field, sub int) int { return field*4 + sub }

func (s *streams) add(tag int, data []byte) {
	if len(data) > 0 {
		*s = append(*s, stream{tag, data, len(data)})
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
		*s = append(*s, stream{tag(field, subBits), c.Bits.Bytes(), n})
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

// Bytes lays the chunk out.
func (c *Chunk) Bytes(z *frame.Zip) []byte { return layout(c.Header, nil, c.streams, z) }

// solidBelow is the size up to which a block is compressed as one: small
// streams do not pay for a frame each, and all are needed anyway.
const solidBelow = 32 << 10

func layout(h Header, synopsis []byte, ss streams, z *frame.Zip) []byte {
	slices.SortFunc(ss, func(a, b stream) int { return a.tag - b.tag })
	b := header.Append(nil, &h)
	if len(synopsis) > 0 {
		b = appendSynopsis(b, synopsis)
	}
	solid := false
	if !h.Whole || ss.size() < solidBelow {
		b, solid = appendSolid(b, h, ss, z)
	}
	if solid {
		b[5] |= header.Solid
	} else {
		b, _ = appendStreams(b, ss, z, false)
	}
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	header.PutSum(b)
	return b
}

func (s streams) size() (total int) {
	for _, x := range s {
		total += len(x.data)
	}
	return total
}

// appendSolid writes the streams as one compressed body, raw bits behind it:
// there is nothing to gain on those. In version 1 they were part of it. ok is
// false, and nothing is written, where readers would refuse such a frame.
func appendSolid(b []byte, h Header, ss streams, z *frame.Zip) (all []byte, ok bool) {
	body, bits := appendStreams(nil, ss, nil, h.Version > 1)
	var packed []byte
	if h.Whole {
		packed = z.Whole(body)
	} else {
		packed = z.Quick(body)
	}
	if len(body) > z.MayHold(len(packed)) {
		return b, false
	}
	b = binary.AppendUvarint(b, uint64(len(body)))
	if h.Version > 1 {
		b = binary.AppendUvarint(b, uint64(len(packed)))
	}
	return append(append(b, packed...), bits...), true
}

// appendStreams writes the directory, then the data, or that without the raw
// bits, which then come apart. Each stream is compressed where z is given and
// that pays.
func appendStreams(b []byte, ss streams, z *frame.Zip, apart bool) (all, bits []byte) {
	var data []byte
	b = binary.AppendUvarint(b, uint64(len(ss)))
	last := 0
	for _, s := range ss {
		b = binary.AppendUvarint(b, uint64(s.tag-last))
		last = s.tag
		enc := s.data
		if z != nil && len(s.data) > 16 {
			if e := z.Pack(s.data, s.tag%4 == subDict || s.tag/4 == fieldText, s.tag%4 == subBits); len(e) < len(s.data)-len(s.data)/32 && len(s.data) <= z.MayHold(len(e)) {
				enc = e
			}
		}
		if len(enc) == len(s.data) {
			b = binary.AppendUvarint(b, uint64(s.n)<<1)
		} else {
			b = binary.AppendUvarint(b, uint64(s.n)<<1|1)
			b = binary.AppendUvarint(b, uint64(len(enc)))
		}
		if apart && s.tag%4 == subBits {
			bits = append(bits, enc...)
		} else {
			data = append(data, enc...)
		}
	}
	return append(b, data...), bits
}

// piece is a stream as it lies in a block.
type piece struct {
	tag    int
	data   []byte
	n      int
	packed bool
}

// parseStreams finds the streams of a block's body, ascending by tag.
func parseStreams(version, flags byte, body []byte, z *frame.Zip) ([]piece, error) {
	r := parse.Reader{B: body}
	bits := &r
	if flags&header.Solid != 0 {
		n := r.Int()
		packed := r.B
		if version > 1 {
			packed = r.Bytes(r.Int())
			bits = &parse.Reader{B: r.B, Short: r.Short}
		}
		raw, err := z.ExpandTo(packed, n, parse.MaxRaw)
		if err != nil {
			return nil, err
		}
		r = parse.Reader{B: raw}
	}
	n := r.Int()
	if n > len(r.B) {
		return nil, parse.ErrContent
	}
	out, sizes := make([]piece, n), make([]int, n)
	last := 0
	for i := range out {
		p := &out[i]
		p.tag = last + r.Int()
		if i > 0 && p.tag == last {
			return nil, parse.ErrContent
		}
		last = p.tag
		v := r.Uvarint()
		if v>>1 > parse.MaxRaw*8 {
			return nil, parse.ErrContent
		}
		p.n, p.packed = int(v>>1), v&1 == 1
		if sizes[i] = rawLen(p.tag, p.n); p.packed {
			sizes[i] = r.Int()
		}
	}
	for i := range out {
		from := &r
		if out[i].tag%4 == subBits {
			from = bits
		}
		out[i].data = from.Bytes(sizes[i])
	}
	if r.Short || bits.Short || len(r.B) != 0 || len(bits.B) != 0 {
		return nil, parse.ErrContent
	}
	return out, nil
}

// rawLen is the length in bytes of n units of a stream.
func rawLen(tag, n int) int {
	if tag%4 == subBits {
		return (n + 7) / 8
	}
	return n
}

// unpack is the raw data of a piece.
func (p piece) unpack(z *frame.Zip, m *frame.Memory) ([]byte, error) {
	if !p.packed {
		return p.data, nil
	}
	return z.ExpandIn(m, p.data, rawLen(p.tag, p.n), parse.MaxRaw)
}

// Merge makes a whole block of all chunks of a run, in order. stats are those of
// the run ([Chunk.Stats]); where they are not known any more they may be nil.
func Merge(z *frame.Zip, stats *Stats, chunks ...[]byte) ([]byte, error) {
	r, err := Open(z, chunks...)
	if err != nil {
		return nil, err
	}
	var ss streams
	for i, p := range r.pieces {
		if i > 0 && r.pieces[i-1].tag == p.tag {
			continue
		}
		data, n, err := r.stream(p.tag)
		if err != nil {
			return nil, err
		}
		ss = append(ss, stream{p.tag, data, n})
	}
	h := r.Header
	h.Whole = true
	if h.Version < 3 || ss.size() < synopsisAbove {
		return layout(h, nil, ss, z), nil
	}
	synopsis, err := r.synopsis(stats)
	if err != nil {
		return nil, err
	}
	if len(synopsis.Columns) == 0 {
		return layout(h, nil, ss, z), nil
	}
	return layout(h, synopsis.append(nil, z), ss, z), nil
}

// A Run is a run, or the beginning of one, opened for reading.
type Run struct {
	Header
	pieces []piece // of all chunks, by tag and chunk
	z      *frame.Zip
	mem    *frame.Memory // where its streams are unpacked
	seqs   []uint64      // see Seqs
	ats    []int64
}

// Open opens a block, or a run from its chunks. It checks that they are
// intact and follow each other.
func Open(z *frame.Zip, chunks ...[]byte) (*Run, error) {
	r := &Run{z: z}
	for i, b := range chunks {
		h, body, _, err := header.Parse(b)
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
		pieces, err := parseStreams(b[4], b[5], body, z)
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
	if len(chunks) > 1 {
		slices.SortStableFunc(r.pieces, func(a, b piece) int { return cmp.Compare(a.tag, b.tag) })
	}
	return r, nil
}

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
	from, _ := slices.BinarySearchFunc(r.pieces, t, func(p piece, t int) int { return cmp.Compare(p.tag, t) })
	to := from
	for to < len(r.pieces) && r.pieces[to].tag == t {
		to++
	}
	pieces := r.pieces[from:to]
	switch len(pieces) {
	case 0:
		return nil, 0, nil
	case 1:
		raw, err := pieces[0].unpack(r.z, r.mem)
		return raw, pieces[0].n, err
	}
	var w number.BitWriter
	var buf bytes.Buffer
	for _, p := range pieces {
		raw, err := p.unpack(r.z, nil)
		if err != nil {
			return nil, 0, err
		}
		if t%4 == subBits {
			w.Append(raw, p.n)
		} else {
			buf.Write(raw)
		}
	}
	if t%4 == subBits {
		return w.Bytes(), w.Len(), nil
	}
	return buf.Bytes(), buf.Len(), nil
}
