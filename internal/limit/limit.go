// Package limit is the one table of what readers of bytes take: no input costs
// more than it weighs. Whoever reads asks here for the most, and says with
// [Limit.Over] which limit was met and how it is raised. It imports nothing.
package limit

import (
	"errors"
	"fmt"
	"io"
	"os"
)

// A Limit is a row of the table.
type Limit int

// The limits. What each of them bounds, and why so, is in the table.
const (
	Piece Limit = iota
	Record
	Columns
	Segment
	Index
	Search
	Answer
	Profile
	Line
	Frame
	Nesting
	Elements
	Greeting
	Pages
	Request
	Note
	Secret
	Settings
	File
	Status
	count
)

// The numbers that others need as constants.
const (
	MostPiece    = 64 * mib
	MostRecord   = 256 * mib
	MostColumns  = 4096
	MostSegment  = 99_999_999
	MostSearch   = 16
	MostAnswer   = 128 * mib
	MostNesting  = 32
	MostElements = 1 << 18
	MostGreeting = mib
	MostRequest  = mib
)

// A Row says what a limit is.
type Row struct {
	Name  string // as errors call it
	Reads string // what is read
	Most  int64
	Unit  string // bytes and so on
	Why   string // why so many
	Raise string // how it is raised
}

const (
	inTable = "built with another number in internal/limit"
	mib     = 1 << 20
)

// table are the rows, by limit.
var table = [count]Row{
	Piece: {
		"piece", "a compressed piece of an archive, unpacked", MostPiece, "bytes, and 1,024 for each byte of it",
		"no answer packs better than that; the first so many are for what is small", "analyze … --expand",
	},
	Record:   {"record", "the text of a record", MostRecord, "bytes", "a node of 100,000 processes answers with 50 MB", inTable},
	Columns:  {"columns", "the columns of a table; what has more is kept as text", MostColumns, "columns", "a reading has dozens, and each costs in every block", inTable},
	Segment:  {"segment", "the number of a segment", MostSegment, "", "its file's name has eight digits", inTable},
	Index:    {"index", "the index of a flat file, compressed", 256 * mib, "bytes", "it has an entry for each block, and is held whole", inTable},
	Search:   {"search", "a damaged file, searched for blocks", MostSearch, "times its size, and 64 MiB", "each byte may look like a block, of which few are", inTable},
	Answer:   {"answer", "an answer of a node or an Observer", MostAnswer, "bytes", "a node of 100,000 processes answers with 50 MB", "record … --max-answer"},
	Profile:  {"profile", "a raw profile or a goroutine dump, packed and unpacked", 128 * mib, "bytes", "a profile names each function once", inTable},
	Line:     {"line", "a line of a capture, unpacked", 256 * mib, "bytes", "it is an answer, written as JSON in JSON", inTable},
	Frame:    {"frame", "a message of a node in Ergo's protocol, put together and unpacked", MostAnswer, "bytes", "a table of 100,000 processes is one of 20 MB", "record … --max-answer"},
	Nesting:  {"nesting", "values in one another in a message of a node", MostNesting, "levels", "each level costs stack", inTable},
	Elements: {"elements", "all slices, arrays and maps of a message of a node", MostElements, "elements", "each costs memory before its bytes have come", inTable},
	Greeting: {"greeting", "a message of the handshake", MostGreeting, "bytes", "nodes announce several hundred types in it", inTable},
	Pages:    {"pages", "the pages of one listing of an Observer, of 10,000 rows each", 1000, "pages", "ten million processes", inTable},
	Request:  {"request", "the body of a request to mcp, replay or serve", MostRequest, "bytes", "a call is a name and some arguments", inTable},
	Note:     {"note", "the text of a mark", 16 << 10, "bytes", "a page of words", inTable},
	Secret:   {"secret", "a file with a token, a cookie or a key", 64 << 10, "bytes", "keys are shorter", inTable},
	Settings: {"settings", "a file of configuration, settings, rules, mutes or addresses", mib, "bytes", "people write them", inTable},
	File:     {"file", "a report or a map of names, read again", 256 * mib, "bytes", "programs write them, and they are held whole", inTable},
	Status:   {"status", "what a recorder says of itself", 4 * mib, "bytes", "it has some lines for each node", inTable},
}

// All are the limits.
func All() []Limit {
	all := make([]Limit, count)
	for i := range all {
		all[i] = Limit(i)
	}
	return all
}

// Row is what the table says of the limit.
func (l Limit) Row() Row { return table[l] }

// Most is the number of the limit.
func (l Limit) Most() int64 { return table[l].Most }

func (l Limit) String() string { return table[l].Name }

// ErrOver: what was read is more than a limit allows.
var ErrOver = errors.New("more than a limit allows")

// An Over says which limit was met. It is an [ErrOver].
type Over struct {
	Limit Limit
	Most  int64 // as it was set
	Got   int64 // 0: it was not read to its end
}

// Over is the error of reading more than the limit allows: got, or 0 where it
// was not read to its end.
func (l Limit) Over(got int64) error { return l.OverSet(got, l.Most()) }

// OverSet is Over where the limit was set to another number.
func (l Limit) OverSet(got, most int64) error { return &Over{l, most, got} }

func (e *Over) Error() string {
	r, came := e.Limit.Row(), "more"
	if e.Got > 0 {
		came = fmt.Sprint(e.Got)
	}
	unit := ""
	if r.Unit != "" {
		unit = " " + r.Unit
	}
	return fmt.Sprintf("%s: %s, where the limit %q is %d%s (raised by: %s)", r.Reads, came, r.Name, e.Most, unit, r.Raise)
}

func (e *Over) Is(target error) bool { return target == ErrOver }

// ReadAll reads all, up to the limit.
func (l Limit) ReadAll(r io.Reader) ([]byte, error) {
	b, err := io.ReadAll(io.LimitReader(r, l.Most()+1))
	if err == nil && int64(len(b)) > l.Most() {
		return nil, l.Over(0)
	}
	return b, err
}

// ReadFile reads a file, up to the limit.
func (l Limit) ReadFile(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := l.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read %s: %w", path, err)
	}
	return b, nil
}
