package transcript

import (
	"bytes"
	"fmt"
	"io"
	"net"
)

// A Script plays the acceptor's side of a link: it expects what the dialer
// sent, byte for byte, and sends what the acceptor answered, in the recorded
// order.
type Script struct {
	Link Link
	// Piece is how many bytes are written at a time; 0 is whole chunks.
	Piece int
	// Chunks is how many chunks are played before the script falls silent;
	// 0 is all of them.
	Chunks int
}

// Play plays the script over conn. It leaves conn open.
func (s Script) Play(conn net.Conn) error {
	chunks := s.Link.Chunks
	if s.Chunks > 0 {
		chunks = chunks[:s.Chunks]
	}
	for _, c := range chunks {
		if c.Dir == "a2b" {
			if err := expect(conn, s.Link.AToB[c.Offset:c.Offset+c.Len], c.Offset); err != nil {
				return err
			}
			continue
		}
		if err := s.write(conn, s.Link.BToA[c.Offset:c.Offset+c.Len]); err != nil {
			return err
		}
	}
	return nil
}

func expect(conn net.Conn, want []byte, offset int) error {
	got := make([]byte, len(want))
	n, err := io.ReadFull(conn, got)
	for i := range n {
		if got[i] != want[i] {
			return fmt.Errorf("byte %d is %#x, not %#x, in\n got %x\nwant %x", offset+i, got[i], want[i], got[:n], want)
		}
	}
	if err != nil {
		return fmt.Errorf("read bytes %d to %d: %w", offset, offset+len(want), err)
	}
	return nil
}

func (s Script) write(conn net.Conn, b []byte) error {
	piece := s.Piece
	if piece == 0 {
		piece = len(b)
	}
	for r := bytes.NewBuffer(b); r.Len() > 0; {
		if _, err := conn.Write(r.Next(piece)); err != nil {
			return fmt.Errorf("write: %w", err)
		}
	}
	return nil
}
