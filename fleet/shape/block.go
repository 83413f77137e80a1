package shape

import (
	"fmt"
	"strconv"
	"time"
)

// A Block is what subject and headers of a message say of the block, or the piece
// of a block, that is its body.
type Block struct {
	Subject
	Recorder      string
	Run, Last     uint64 // Seq of its first and last record
	Part          int
	Records       int
	From, To      time.Time
	Piece, Pieces int    // from 1
	Sum           uint64 // of the whole block, where it came in pieces
}

// ID is the message's identity.
func (b *Block) ID() string { return BlockID(b.Archive, b.Run, b.Last, b.Part, b.Piece, b.Pieces) }

// Headers are the message's.
func (b *Block) Headers() map[string][]string {
	number := func(n uint64) []string { return []string{strconv.FormatUint(n, 10)} }
	h := map[string][]string{
		HeaderID: {b.ID()}, HeaderRecorder: {b.Recorder},
		HeaderRun: number(b.Run), HeaderLast: number(b.Last), HeaderPart: number(uint64(b.Part)), HeaderRecords: number(uint64(b.Records)),
		HeaderFrom: {Time(b.From)}, HeaderTo: {Time(b.To)},
	}
	if b.Pieces > 1 {
		h[HeaderPiece] = []string{Piece(b.Piece, b.Pieces)}
		h[HeaderSum] = []string{strconv.FormatUint(b.Sum, 16)}
	}
	return h
}

// ParseBlock reads subject and headers of a message of a block; header gives the
// first value of one, "" where there is none.
func ParseBlock(subject string, header func(name string) string) (b Block, err error) {
	if b.Subject, err = ParseSubject(subject); err != nil {
		return b, err
	}
	if !IsBlock(b.Class) {
		return b, fmt.Errorf("subject %q: no block, but a %s", subject, b.Class)
	}
	b.Recorder = header(HeaderRecorder)
	read := func(name string, parse func(string) error) {
		if e := parse(header(name)); e != nil && err == nil {
			err = fmt.Errorf("message %s: header %s: %w", subject, name, e)
		}
	}
	number := func(to *uint64, base, bits int) func(string) error {
		return func(s string) (e error) { *to, e = strconv.ParseUint(s, base, bits); return e }
	}
	instant := func(to *time.Time) func(string) error {
		return func(s string) (e error) { *to, e = ParseTime(s); return e }
	}
	var part, records uint64
	read(HeaderRun, number(&b.Run, 10, 64))
	read(HeaderLast, number(&b.Last, 10, 64))
	read(HeaderPart, number(&part, 10, 16))
	read(HeaderRecords, number(&records, 10, 31))
	read(HeaderFrom, instant(&b.From))
	read(HeaderTo, instant(&b.To))
	read(HeaderPiece, func(s string) (e error) { b.Piece, b.Pieces, e = ParsePiece(s); return e })
	if b.Pieces > 1 {
		read(HeaderSum, number(&b.Sum, 16, 64))
	}
	b.Part, b.Records = int(part), int(records)
	return b, err
}
