// Package parse takes numbers and texts out of bytes that may say anything.
package parse

import (
	"encoding/binary"
	"errors"
)

// What is wrong with what was read.
var (
	ErrShort    = errors.New("ends too early")
	ErrMagic    = errors.New("no block lies there")
	ErrChecksum = errors.New("checksum does not match")
	ErrContent  = errors.New("content is impossible")
)

// MaxRaw bounds what one block may claim to hold.
const MaxRaw = 1 << 30

// A Reader takes numbers from bytes. Past the end it returns zeros and sets
// short.
type Reader struct {
	B     []byte
	Short bool
}

func (r *Reader) Uvarint() uint64 {
	v, n := binary.Uvarint(r.B)
	if n <= 0 {
		r.Short, r.B = true, nil
		return 0
	}
	r.B = r.B[n:]
	return v
}

// Int is a number small enough to count something in memory.
func (r *Reader) Int() int {
	if len(r.B) > 0 && r.B[0] < 0x80 { // most are small
		v := int(r.B[0])
		r.B = r.B[1:]
		return v
	}
	v := r.Uvarint()
	if v > MaxRaw {
		r.Short = true
		return 0
	}
	return int(v)
}

func (r *Reader) Bytes(n int) []byte {
	if n < 0 || n > len(r.B) {
		r.Short, r.B = true, nil
		return nil
	}
	v := r.B[:n]
	r.B = r.B[n:]
	return v
}

// AppendBytes appends a length and as many bytes.
func AppendBytes(dst, b []byte) []byte {
	return append(binary.AppendUvarint(dst, uint64(len(b))), b...)
}
