package limit

import (
	"context"
	"io"
)

// Bodies reads the answers of one source: short ones as they come, of long ones
// one at a time, so that a source that answers many calls without end takes the
// memory of one answer.
type Bodies struct{ long chan struct{} }

// NewBodies makes Bodies.
func NewBodies() *Bodies { return &Bodies{long: make(chan struct{}, 1)} }

const (
	shortBody = 4 << 20 // what is not longer waits for nobody
	bodyPiece = 1 << 20
)

// ReadAll reads an answer of which its sender says that it has so many bytes (-1: it
// does not say), and at most so many are taken.
func (b *Bodies) ReadAll(ctx context.Context, r io.Reader, length, most int64) ([]byte, error) {
	if length > most {
		return nil, Answer.OverSet(length, most)
	}
	first, err := io.ReadAll(io.LimitReader(r, min(shortBody, most+1)))
	if err != nil {
		return nil, err
	}
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
