// Package header reads and writes what a block or chunk begins with: what it holds, and
// a checksum of all of it. FORMAT.md draws it.
package header

import (
	"encoding/binary"
	"errors"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/codec/parse"
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

// Fixed is the length of the fixed part of the header:
//
//	0  magic     4
//	4  version   1
//	5  flags     1
//	6  part      2
//	8  length    4  of the whole block
//	12 stream    4
//	16 archive   8
//	24 checksum  8  xxhash64 of the block with this field 0
const Fixed = 32 // bytes

// Flags of a block.
const (
	Solid    = 1 // directory and data are one zstd frame, raw bits behind it
	Whole    = 2
	Round    = 4
	Synopsis = 8 // behind the summary
)

// ErrVersion: the block is of a newer version of the format.
var ErrVersion = errors.New("newer format version")

// PutSum sets the checksum of a block.
func PutSum(b []byte) { binary.LittleEndian.PutUint64(b[24:], Sum(b)) }

// Sum is the checksum of a block, its own place taken as 0.
func Sum(b []byte) uint64 {
	d := xxhash.New()
	d.Write(b[:24])
	d.Write(make([]byte, 8))
	d.Write(b[Fixed:])
	return d.Sum64()
}

// Append lays a header out, as a block begins.
func Append(b []byte, h *Header) []byte {
	b = append(b, Magic...)
	flags := byte(0)
	if h.Whole {
		flags |= Whole
	}
	if h.Round {
		flags |= Round
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

// Parse reads the header of the block that b begins with and checks
// the whole block. body is what follows the header, size the block's length,
// also where its checksum is wrong.
func Parse(b []byte) (h Header, body []byte, size int, err error) {
	if len(b) < Fixed {
		return h, nil, 0, parse.ErrShort
	}
	if string(b[:4]) != Magic {
		return h, nil, 0, parse.ErrMagic
	}
	if b[4] > Version {
		return h, nil, 0, ErrVersion
	}
	size = int(binary.LittleEndian.Uint32(b[8:]))
	if size < Fixed || size > len(b) {
		return h, nil, 0, parse.ErrShort
	}
	b = b[:size]
	if Sum(b) != binary.LittleEndian.Uint64(b[24:]) {
		return h, nil, size, parse.ErrChecksum
	}
	if body, err = h.Read(b); err == nil && b[5]&Synopsis != 0 {
		r := parse.Reader{B: body}
		r.Bytes(r.Int())
		r.Bytes(8)
		if body = r.B; r.Short {
			err = parse.ErrShort
		}
	}
	return h, body, size, err
}

// Only reads a header without checking what follows it.
func Only(b []byte) (h Header, err error) {
	_, err = h.Read(b)
	return h, err
}

// Read reads the header and the summary, and checks nothing.
func (h *Header) Read(b []byte) (rest []byte, err error) {
	if len(b) < Fixed || string(b[:4]) != Magic {
		return nil, parse.ErrMagic
	}
	h.Version = b[4]
	h.Part = int(binary.LittleEndian.Uint16(b[6:]))
	h.Stream = binary.LittleEndian.Uint32(b[12:])
	h.Archive = binary.LittleEndian.Uint64(b[16:])
	h.Whole, h.Round = b[5]&Whole != 0, b[5]&Round != 0
	return h.ParseSummary(b[Fixed:])
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
