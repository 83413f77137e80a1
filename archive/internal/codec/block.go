package codec

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/number"
	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/archive/internal/codec/word"
)

// Magic begins every block and every chunk.
const Magic = "ErgB"

// Version is the version of the format that is written. Readers refuse a
// newer one, and read every older one.
const Version = 3

// A Header says what a block or chunk holds, without decoding it.
type Header struct {
	Version  uint8
	Archive  uint64
	Stream   uint32
	Part     int
	Run      uint64 // Seq of the run's first record
	Chunk    int    // how many chunks of the run came before
	Whole    bool   // the run from its keyframe to its end
	Round    bool   // ages in nanoseconds are kept to the millisecond
	Epoch    uint64 // runs of one epoch agree about slots
	Prev     uint64 // Seq of the stream's (the part's) record before the run, 0 if there was none
	First    uint64
	Last     uint64
	Records  int
	Failures int
	Rows     int
	From, To int64 // the earliest and the latest time of a record
}

// Fixed part of the header:
//
//	0  magic     4
//	4  version   1
//	5  flags     1
//	6  part      2
//	8  length    4  of the whole block
//	12 stream    4
//	16 archive   8
//	24 checksum  8  xxhash64 of the block with this field 0
const fixedLen = 32

const (
	flagSolid    = 1 // directory and data are one zstd frame, raw bits behind it
	flagWhole    = 2
	flagRound    = 4
	flagSynopsis = 8 // behind the summary
)

// ErrVersion: the block is of a newer version of the format.
var ErrVersion = errors.New("newer format version")

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
	b := AppendHeader(nil, &h)
	if len(synopsis) > 0 {
		b = appendSynopsis(b, synopsis)
	}
	solid := false
	if !h.Whole || ss.size() < solidBelow {
		b, solid = appendSolid(b, h, ss, z)
	}
	if solid {
		b[5] |= flagSolid
	} else {
		b, _ = appendStreams(b, ss, z, false)
	}
	binary.LittleEndian.PutUint32(b[8:], uint32(len(b)))
	putSum(b)
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

func putSum(b []byte) { binary.LittleEndian.PutUint64(b[24:], sum(b)) }

func sum(b []byte) uint64 {
	d := xxhash.New()
	d.Write(b[:24])
	d.Write(make([]byte, 8))
	d.Write(b[fixedLen:])
	return d.Sum64()
}

// AppendHeader lays a header out, as a block begins.
func AppendHeader(b []byte, h *Header) []byte {
	b = append(b, Magic...)
	flags := byte(0)
	if h.Whole {
		flags |= flagWhole
	}
	if h.Round {
		flags |= flagRound
	}
	b = append(b, h.Version, flags)
	b = binary.LittleEndian.AppendUint16(b, uint16(h.Part))
	b = binary.LittleEndian.AppendUint32(b, 0)
	b = binary.LittleEndian.AppendUint32(b, h.Stream)
	b = binary.LittleEndian.AppendUint64(b, h.Archive)
	b = binary.LittleEndian.AppendUint64(b, 0)
	return AppendSummary(b, h)
}

// AppendSummary lays out what a header counts: all but flags, part, stream and
// archive.
func AppendSummary(b []byte, h *Header) []byte {
	for _, v := range [...]uint64{
		h.Run, uint64(h.Chunk), h.Run - h.Epoch, h.Run - h.Prev, h.First - h.Run, h.Last - h.First,
		uint64(h.Records), uint64(h.Failures), uint64(h.Rows), uint64(h.From), uint64(h.To - h.From),
	} {
		b = binary.AppendUvarint(b, v)
	}
	return b
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

// ParseHeader reads the header of the block that b begins with and checks
// the whole block. body is what follows the header, size the block's length,
// also where its checksum is wrong.
func ParseHeader(b []byte) (h Header, body []byte, size int, err error) {
	if len(b) < fixedLen {
		return h, nil, 0, parse.ErrShort
	}
	if string(b[:4]) != Magic {
		return h, nil, 0, parse.ErrMagic
	}
	if b[4] > Version {
		return h, nil, 0, ErrVersion
	}
	size = int(binary.LittleEndian.Uint32(b[8:]))
	if size < fixedLen || size > len(b) {
		return h, nil, 0, parse.ErrShort
	}
	b = b[:size]
	if sum(b) != binary.LittleEndian.Uint64(b[24:]) {
		return h, nil, size, parse.ErrChecksum
	}
	if body, err = h.read(b); err == nil && b[5]&flagSynopsis != 0 {
		r := parse.Reader{B: body}
		r.Bytes(r.Int())
		r.Bytes(8)
		if body = r.B; r.Short {
			err = parse.ErrShort
		}
	}
	return h, body, size, err
}

// HeaderOnly reads a header without checking what follows it.
func HeaderOnly(b []byte) (h Header, err error) {
	_, err = h.read(b)
	return h, err
}

// read reads the header and the summary.
func (h *Header) read(b []byte) (rest []byte, err error) {
	if len(b) < fixedLen || string(b[:4]) != Magic {
		return nil, parse.ErrMagic
	}
	h.Version = b[4]
	h.Part = int(binary.LittleEndian.Uint16(b[6:]))
	h.Stream = binary.LittleEndian.Uint32(b[12:])
	h.Archive = binary.LittleEndian.Uint64(b[16:])
	h.Whole, h.Round = b[5]&flagWhole != 0, b[5]&flagRound != 0
	return h.ParseSummary(b[fixedLen:])
}

// ParseSummary reads what AppendSummary wrote.
func (h *Header) ParseSummary(b []byte) (rest []byte, err error) {
	r := parse.Reader{B: b}
	h.Run = r.Uvarint()
	h.Chunk = r.Int()
	h.Epoch = h.Run - r.Uvarint()
	h.Prev = h.Run - r.Uvarint()
	h.First = h.Run + r.Uvarint()
	h.Last = h.First + r.Uvarint()
	h.Records, h.Failures, h.Rows = r.Int(), r.Int(), r.Int()
	h.From = int64(r.Uvarint())
	h.To = h.From + int64(r.Uvarint())
	if r.Short || h.Records == 0 {
		return nil, parse.ErrContent
	}
	return r.B, nil
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
	if flags&flagSolid != 0 {
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
func (p piece) unpack(z *frame.Zip) ([]byte, error) {
	if !p.packed {
		return p.data, nil
	}
	return z.ExpandTo(p.data, rawLen(p.tag, p.n), parse.MaxRaw)
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
}

// Open opens a block, or a run from its chunks. It checks that they are
// intact and follow each other.
func Open(z *frame.Zip, chunks ...[]byte) (*Run, error) {
	r := &Run{z: z}
	for i, b := range chunks {
		h, body, _, err := ParseHeader(b)
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
		raw, err := pieces[0].unpack(r.z)
		return raw, pieces[0].n, err
	}
	var w number.BitWriter
	var buf bytes.Buffer
	for _, p := range pieces {
		raw, err := p.unpack(r.z)
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
