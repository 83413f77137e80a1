package frame

import (
	"encoding/binary"
	"errors"
	"fmt"
	"time"

	"ergorecorder/internal/limit"
)

// The bounds of unfinished messages.
const (
	fragmentHeader   = 8 // u32 sequence, u16 index, u16 total
	fragmentPatience = 30 * time.Second
	mostAssemblies   = 1000
)

// An Assembler puts messages together that came in parts.
type Assembler struct {
	limit int // of all parts that are held, in bytes
	held  int
	under map[uint32]*assembly
}

// An assembly is a message of which not all parts have come.
type assembly struct {
	began time.Time
	parts [][]byte
	left  int
	size  int
}

// NewAssembler makes an assembler that holds at most so many bytes.
func NewAssembler(most int) *Assembler {
	return &Assembler{limit: most, under: map[uint32]*assembly{}}
}

// Add takes in a part. When it is the last that was missing, the whole frame
// is returned, and done is true. What is unfinished for too long is dropped.
func (a *Assembler) Add(f Frame, now time.Time) (whole Frame, done bool, err error) {
	a.expire(now)
	if len(f.Body) < fragmentHeader {
		return Frame{}, false, errors.New("fragment: it ends too early")
	}
	seq := binary.BigEndian.Uint32(f.Body)
	index, total := int(binary.BigEndian.Uint16(f.Body[4:])), int(binary.BigEndian.Uint16(f.Body[6:]))
	part := f.Body[fragmentHeader:]
	x := a.under[seq]
	switch {
	case total == 0 || index >= total:
		return Frame{}, false, fmt.Errorf("fragment %d of %d", index, total)
	case x == nil && len(a.under) >= mostAssemblies:
		return Frame{}, false, errors.New("fragment: too many unfinished messages")
	case a.held+len(part) > a.limit:
		a.drop(seq)
		return Frame{}, false, fmt.Errorf("fragment: %w", limit.Frame.OverSet(0, int64(a.limit)))
	case x == nil:
		x = &assembly{began: now, parts: make([][]byte, total), left: total}
		a.under[seq] = x
	case len(x.parts) != total || x.parts[index] != nil:
		a.drop(seq)
		return Frame{}, false, errors.New("fragment: it does not fit to the others of its message")
	}
	x.parts[index] = append([]byte{}, part...)
	x.left--
	x.size += len(part)
	a.held += len(part)
	if x.left > 0 {
		return Frame{}, false, nil
	}
	a.drop(seq)
	return joined(x)
}

// joined is the frame that the parts of a message are.
func joined(x *assembly) (Frame, bool, error) {
	b := make([]byte, 0, x.size)
	for _, p := range x.parts {
		b = append(b, p...)
	}
	if len(b) < headerSize {
		return Frame{}, false, errors.New("fragment: what the parts make is no frame")
	}
	f, n, err := header(b)
	if err != nil {
		return Frame{}, false, err
	}
	if n != len(b) || f.Type == Fragment {
		return Frame{}, false, fmt.Errorf("fragment: the parts are %d bytes of a frame of %d", len(b), n)
	}
	f.Body = b[headerSize:]
	return f, true, nil
}

func (a *Assembler) drop(seq uint32) {
	if x := a.under[seq]; x != nil {
		a.held -= x.size
		delete(a.under, seq)
	}
}

func (a *Assembler) expire(now time.Time) {
	for seq, x := range a.under {
		if now.Sub(x.began) > fragmentPatience {
			a.drop(seq)
		}
	}
}

// AppendEmpty appends a frame of a type that has no body.
func AppendEmpty(b []byte, t Type) []byte {
	return append(b, magic, version, 0, 0, 0, headerSize, 0, byte(t))
}
