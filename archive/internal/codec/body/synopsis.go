package body

import (
	"encoding/binary"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/codec/parse"
)

// appendSynopsis puts a synopsis behind the header and summary that b is.
func appendSynopsis(b, synopsis []byte) []byte {
	b[5] |= header.Synopsis
	b = parse.AppendBytes(b, synopsis)
	return binary.LittleEndian.AppendUint64(b, xxhash.Sum64(b))
}

// SynopsisOf is the synopsis of the block that b begins with, of which the rest
// may be missing. It is checked; nil where the block has none.
func SynopsisOf(b []byte) (synopsis []byte, err error) {
	var h header.Header
	rest, err := h.Read(b)
	if err != nil || b[5]&header.Synopsis == 0 {
		return nil, err
	}
	r := parse.Reader{B: rest}
	synopsis = r.Bytes(r.Int())
	end := len(b) - len(r.B)
	want := r.Bytes(8)
	if r.Short {
		return nil, parse.ErrShort
	}
	d := xxhash.New()
	d.Write(b[:8])
	d.Write(make([]byte, 4))
	d.Write(b[12:24])
	d.Write(make([]byte, 8))
	d.Write(b[header.Fixed:end])
	if d.Sum64() != binary.LittleEndian.Uint64(want) {
		return nil, parse.ErrChecksum
	}
	return synopsis, nil
}
