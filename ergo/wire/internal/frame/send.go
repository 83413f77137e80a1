package frame

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"fmt"
)

// packFrom is from how many bytes on nodes of 3.3 compress what they answer,
// and partSize how long a part of a fragmented frame is at most.
const (
	packFrom = 1024
	partSize = 65000
)

// Pack is a frame compressed as nodes of 3.3 do, if it is long enough for that.
func Pack(b []byte) ([]byte, error) {
	if len(b) < packFrom {
		return b, nil
	}
	var packed bytes.Buffer
	w := gzip.NewWriter(&packed)
	if _, err := w.Write(b); err != nil {
		return nil, fmt.Errorf("pack frame: %w", err)
	}
	if err := w.Close(); err != nil {
		return nil, fmt.Errorf("pack frame: %w", err)
	}
	out := []byte{magic, version, 0, 0, 0, 0, b[6], byte(Compressed), methodGzip}
	out = binary.BigEndian.AppendUint32(out, uint32(len(b)))
	out = append(out, packed.Bytes()...)
	binary.BigEndian.PutUint32(out[2:], uint32(len(out)))
	return out, nil
}

// Split is a frame in parts, if it is too long to be sent as one to a node that
// takes parts. The sequence tells the parts of one message from another's.
func Split(b []byte, sequence uint32) [][]byte {
	if len(b) <= partSize {
		return [][]byte{b}
	}
	total := (len(b) + partSize - 1) / partSize
	var parts [][]byte
	for i := range total {
		part := b[i*partSize : min((i+1)*partSize, len(b))]
		out := []byte{magic, version, 0, 0, 0, 0, b[6], byte(Fragment)}
		out = binary.BigEndian.AppendUint32(out, sequence)
		out = binary.BigEndian.AppendUint16(out, uint16(i))
		out = binary.BigEndian.AppendUint16(out, uint16(total))
		out = append(out, part...)
		binary.BigEndian.PutUint32(out[2:], uint32(len(out)))
		parts = append(parts, out)
	}
	return parts
}
