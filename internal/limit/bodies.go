package limit

import (
	"context"
	"io"
	"sync"
)

// Bodies reads the answers of one source: short ones as they come, of long ones
// one at a time, so that a source that answers many calls without end takes the
// memory of one answer.
type Bodies struct {
	long chan struct{}

	mu    sync.Mutex
	sizes map[string]int // of the last answer, by what was asked
}

// NewBodies makes Bodies.
func NewBodies() *Bodies { return &Bodies{long: make(chan struct{}, 1), sizes: map[string]int{}} }

const (
	shortBody = 4 << 20 // what is not longer waits for nobody
	bodyPiece = 1 << 20
	usualBody = 4 << 10 // room for an answer of which nothing is known
	asksKnown = 256     // of so many questions the size of the last answer is kept
)

// ReadAll reads the answer to a question, of which its sender says that it has so many
// bytes (-1: it does not say), and at most so many are taken. Answers to one question are
// about as long as each other, so there is room for one before it comes.
func (b *Bodies) ReadAll(ctx context.Context, r io.Reader, asked string, length, most int64) ([]byte, error) {
	if length > most {
		return nil, Answer.OverSet(length, most)
	}
	short := min(shortBody, most+1)
	first, err := readInto(make([]byte, 0, min(int64(b.room(asked)), short)), r, short)
	if err != nil {
		return nil, err
	}
	b.note(asked, len(first))
	if int64(len(first)) > most {
		return nil, Answer.OverSet(0, most)
	}
	if len(first) < shortBody {
		return first, nil
	}
	select {
	case b.long <- struct{}{}:
		defer func() { <-b.long }()
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	return readRest(r, first, most)
}

// room is how much room an answer is given before it comes: a little more than the last one took.
func (b *Bodies) room(asked string) int {
	b.mu.Lock()
	defer b.mu.Unlock()
	if last, ok := b.sizes[asked]; ok {
		return last + last/8 + 512
	}
	return usualBody
}

// note notes how long the answer to a question was.
func (b *Bodies) note(asked string, size int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if _, ok := b.sizes[asked]; !ok && len(b.sizes) >= asksKnown {
		clear(b.sizes)
	}
	b.sizes[asked] = size
}

// readInto appends what comes, up to a limit, with twice the room each time that it does not
// suffice.
func readInto(b []byte, r io.Reader, most int64) ([]byte, error) {
	for int64(len(b)) < most {
		if len(b) == cap(b) {
			b = append(make([]byte, 0, min(2*int64(cap(b)), most)), b...)
		}
		n, err := r.Read(b[len(b):cap(b)])
		b = b[:len(b)+n]
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	return b, nil
}

// readRest reads on behind first, in pieces: what proves to be too long was never
// copied.
func readRest(r io.Reader, first []byte, most int64) ([]byte, error) {
	pieces, total := [][]byte{first}, int64(len(first))
	for {
		piece, err := io.ReadAll(io.LimitReader(r, bodyPiece))
		if err != nil {
			return nil, err
		}
		pieces, total = append(pieces, piece), total+int64(len(piece))
		switch {
		case total > most:
			return nil, Answer.OverSet(0, most)
		case len(piece) < bodyPiece:
			return joinPieces(pieces, total), nil
		}
	}
}

func joinPieces(pieces [][]byte, total int64) []byte {
	all := make([]byte, 0, total)
	for _, p := range pieces {
		all = append(all, p...)
	}
	return all
}
