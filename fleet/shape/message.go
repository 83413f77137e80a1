package shape

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// What messages are about, as their subjects say.
const (
	ClassBlock    = "block"    // a closed block
	ClassLate     = "late"     // one that is shipped late, or by a recorder whose clock is not the engine's
	ClassMark     = "mark"     // a mark of a recording, as JSON
	ClassIncident = "incident" // a mark that pins a window
	ClassFinding  = "finding"  // a mark that tells what a detector claims
)

// Headers of messages; node, kind and number of the stream stand in the subject. Times are RFC 3339 with nanoseconds.
const (
	HeaderID       = "Nats-Msg-Id"   // by which the engine, and readers, drop what came twice
	HeaderFrom     = "Ergo-From"     // of the first record
	HeaderTo       = "Ergo-To"       // of the last record
	HeaderRun      = "Ergo-Run"      // Seq of the block's first record: with archive and part, which block it is
	HeaderPart     = "Ergo-Part"     // of the stream's table
	HeaderLast     = "Ergo-Last"     // Seq of the last record
	HeaderRecords  = "Ergo-Records"  // how many
	HeaderRecorder = "Ergo-Recorder" // who recorded it
	HeaderPiece    = "Ergo-Piece"    // of a block that is too large for one message: 2/5
	HeaderSum      = "Ergo-Sum"      // xxHash64 of all of the block, in hexadecimal, where it came in pieces
)

// A block is late that is shipped more than LateAfter after its last record by its
// recorder's clock, or where that clock is further than ClockSpan from the engine's, or how
// far is not known. Who asks about a time in the past reads the heads of what came until a
// while after it, and of all that came late.
const (
	LateAfter = 30 * time.Minute
	MostRun   = time.Hour // how long a run may go on at most until it is ended to be shipped
	ClockSpan = 15 * time.Minute
)

// IsBlock reports whether a class is one of blocks.
func IsBlock(class string) bool { return class == ClassBlock || class == ClassLate }

// A Subject is where a message of a fleet stands.
type Subject struct {
	Fleet, Cluster string
	Class          string
	Archive        uint64
	Node           string
	Kind           string // of the stream's records, or of the mark
	Stream         uint32 // of a block
}

// String is the subject as it is on the engine.
func (s Subject) String() string {
	text := fmt.Sprintf("ergo.%s.%s.%s.%016x.%s.%s", s.Fleet, s.Cluster, s.Class, s.Archive, Token(s.Node), Token(s.Kind))
	if IsBlock(s.Class) {
		text += "." + strconv.FormatUint(uint64(s.Stream), 10)
	}
	return text
}

var errSubject = errors.New("it is none of a fleet's")

// ParseSubject reads a subject.
func ParseSubject(text string) (s Subject, err error) {
	f := strings.Split(text, ".")
	if len(f) < 7 || f[0] != "ergo" || IsBlock(f[3]) != (len(f) == 8) || len(f) > 8 {
		return s, fmt.Errorf("subject %q: %w", text, errSubject)
	}
	s = Subject{Fleet: f[1], Cluster: f[2], Class: f[3]}
	var errs [4]error
	s.Archive, errs[0] = strconv.ParseUint(f[4], 16, 64)
	s.Node, errs[1] = Name(f[5])
	s.Kind, errs[2] = Name(f[6])
	if IsBlock(s.Class) {
		var n uint64
		n, errs[3] = strconv.ParseUint(f[7], 10, 32)
		s.Stream = uint32(n)
	}
	if errors.Join(errs[:]...) != nil {
		return s, fmt.Errorf("subject %q: %w", text, errSubject)
	}
	return s, nil
}

// All are the subjects of a cluster's stream; of all clusters where it is "*".
func All(fleet, cluster string) string { return "ergo." + fleet + "." + cluster + ".>" }

// Wanted is a filter over the subjects of a cluster's messages of a class.
func Wanted(fleet, cluster, class string) string {
	return fmt.Sprintf("ergo.%s.%s.%s.>", fleet, cluster, class)
}

// BlockID is the message's identity: the same block has it whenever it is sent, one
// that goes further another, and each piece of it one of its own. Pieces is 1 where it is whole.
func BlockID(archive, run, last uint64, part, piece, pieces int) string {
	id := fmt.Sprintf("%016x-%d-%d-%d", archive, run, last, part)
	if pieces > 1 {
		id += fmt.Sprintf("-%d.%d", piece, pieces)
	}
	return id
}

// MarkID is the identity of the message that holds a mark.
func MarkID(archive, seq uint64) string { return fmt.Sprintf("%016x-m%d", archive, seq) }

// Piece is how a header tells a piece, from 1.
func Piece(piece, pieces int) string { return fmt.Sprintf("%d/%d", piece, pieces) }

// mostPieces bounds what a header can make a reader wait for.
const mostPieces = 1 << 16

// ParsePiece reads a header of a piece. None at all is 1 of 1.
func ParsePiece(text string) (piece, pieces int, err error) {
	if text == "" {
		return 1, 1, nil
	}
	a, b, ok := strings.Cut(text, "/")
	piece, err1 := strconv.Atoi(a)
	pieces, err2 := strconv.Atoi(b)
	if !ok || err1 != nil || err2 != nil || piece < 1 || piece > pieces || pieces > mostPieces {
		return 0, 0, fmt.Errorf("header %s %q: give N/OF", HeaderPiece, text)
	}
	return piece, pieces, nil
}

// Time is a time as headers have it.
func Time(t time.Time) string { return t.UTC().Format(time.RFC3339Nano) }

// ParseTime reads a time of a header.
func ParseTime(text string) (time.Time, error) { return time.Parse(time.RFC3339Nano, text) }
