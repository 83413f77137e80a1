package frame

import (
	"bytes"
	"compress/gzip"
	"compress/lzw"
	"compress/zlib"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"

	"ergorecorder/internal/limit"
)

const (
	magic      = 78
	version    = 1
	headerSize = 8
)

// DefaultLimit is the longest frame, packed or not, that is taken when
// nothing else is said. Answers of tools stay below 128 KB; only an
// application's own events may be longer.
const DefaultLimit = 16 << 20

// A Frame is one frame without its header.
type Frame struct {
	Type  Type
	Order uint8
	Body  []byte
}

// What ends a link.
var (
	ErrNotAFrame = errors.New("the peer does not speak ENP version 1")
	ErrTooLong   = limit.ErrOver
)

// A Reader reads the frames of a link.
type Reader struct {
	// Begun is called when a frame has begun, of which so many bytes are still to
	// come. Nil: nobody wants to know.
	Begun func(rest int)

	r     io.Reader
	limit int
	buf   []byte
}

// NewReader reads frames from r, which should be buffered, of at most so many
// bytes.
func NewReader(r io.Reader, most int) *Reader { return &Reader{r: r, limit: most} }

// step is how much of a frame is believed in advance; a buffer that has grown
// beyond it is not kept for the next frame.
const step = 64 << 10

// Next is the next frame. Its body is valid until the next call. At the
// stream's end the error is io.EOF, within a frame io.ErrUnexpectedEOF.
func (r *Reader) Next() (Frame, error) {
	var h [headerSize]byte
	if _, err := io.ReadFull(r.r, h[:1]); err != nil {
		return Frame{}, err
	}
	r.rest(headerSize - 1)
	if _, err := io.ReadFull(r.r, h[1:]); err != nil {
		return Frame{}, within(err)
	}
	f, length, err := header(h[:])
	if err != nil {
		return Frame{}, err
	}
	if length > r.limit {
		return Frame{}, limit.Frame.OverSet(int64(length), int64(r.limit))
	}
	r.rest(length - headerSize)
	f.Body, err = r.body(length - headerSize)
	return f, err
}

func (r *Reader) rest(n int) {
	if r.Begun != nil {
		r.Begun(n)
	}
}

// within is the error of a stream that ended within a frame.
func within(err error) error {
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// body reads n bytes, and makes room for them as they come.
func (r *Reader) body(n int) ([]byte, error) {
	b := r.buf[:0]
	for len(b) < n {
		more := min(n-len(b), max(step, len(b)))
		if cap(b)-len(b) < more {
			b = append(make([]byte, 0, len(b)+more), b...)
		}
		part := b[len(b) : len(b)+more]
		if _, err := io.ReadFull(r.r, part); err != nil {
			return nil, within(err)
		}
		b = b[:len(b)+more]
	}
	if r.buf = b[:0]; cap(b) > step {
		r.buf = nil
	}
	return b, nil
}

// header reads the 8 bytes before a body; length includes them.
func header(h []byte) (f Frame, length int, err error) {
	if h[0] != magic || h[1] != version {
		return f, 0, fmt.Errorf("%w: it begins with bytes %d %d", ErrNotAFrame, h[0], h[1])
	}
	n := binary.BigEndian.Uint32(h[2:])
	switch {
	case n < headerSize:
		return f, 0, fmt.Errorf("%w: a frame of %d bytes", ErrNotAFrame, n)
	case n > math.MaxInt32:
		return f, 0, limit.Frame.OverSet(int64(n), math.MaxInt32)
	}
	return Frame{Order: h[6], Type: Type(h[7])}, int(n), nil
}

// How a frame may be compressed.
const (
	methodLZW  = 100 // least significant bit first, 8 bits
	methodZlib = 101
	methodGzip = 102
)

// Unpack is the frame that a [Compressed] one holds; any other is returned as
// it is. The frame inside must not be longer than most, nor be compressed
// itself.
func Unpack(f Frame, most int) (Frame, error) {
	if f.Type != Compressed {
		return f, nil
	}
	if len(f.Body) < 5 {
		return Frame{}, errors.New("unpack frame: it ends too early")
	}
	method, length := f.Body[0], binary.BigEndian.Uint32(f.Body[1:])
	if int64(length) > int64(most) {
		return Frame{}, fmt.Errorf("unpack frame: %w", limit.Frame.OverSet(int64(length), int64(most)))
	}
	b, err := unpack(method, f.Body[5:], int64(length))
	if err != nil {
		return Frame{}, fmt.Errorf("unpack frame: %w", err)
	}
	if len(b) < headerSize {
		return Frame{}, errors.New("unpack frame: what it holds is no frame")
	}
	in, n, err := header(b)
	switch {
	case err != nil:
		return Frame{}, fmt.Errorf("unpack frame: %w", err)
	case n != len(b):
		return Frame{}, fmt.Errorf("unpack frame: it holds %d bytes of a frame of %d", len(b), n)
	case in.Type == Compressed:
		return Frame{}, errors.New("unpack frame: compressed twice")
	}
	in.Body = b[headerSize:]
	return in, nil
}

// unpack expands packed, which must give exactly length bytes.
func unpack(method byte, packed []byte, length int64) ([]byte, error) {
	r, err := expander(method, bytes.NewReader(packed))
	if err != nil {
		return nil, err
	}
	defer r.Close()
	var out bytes.Buffer
	n, err := io.Copy(&out, io.LimitReader(r, length+1))
	if err != nil {
		return nil, err
	}
	if n != length {
		return nil, fmt.Errorf("not the %d bytes that were announced", length)
	}
	return out.Bytes(), nil
}

func expander(method byte, r io.Reader) (io.ReadCloser, error) {
	switch method {
	case methodLZW:
		return lzw.NewReader(r, lzw.LSB, 8), nil
	case methodZlib:
		return zlib.NewReader(r)
	case methodGzip:
		return gzip.NewReader(r)
	}
	return nil, fmt.Errorf("unknown compression %d", method)
}
