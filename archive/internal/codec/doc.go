// Package codec turns the records of one stream into bytes and back. It has
// no disk and no clock.
//
// An [Encoder] takes records in order of append. JSON tables and objects are
// scanned straight into columns; of each record only the cells that differ
// from the record before are kept. What has piled up is taken out as chunks
// ([Encoder.Take]), small enough to be committed every second. Chunks of one
// run, laid end to end, are that run: [Merge] makes a block of them, column
// by column compressed, without decoding a single cell. [Open] reads either.
//
// A run begins with a keyframe (its first record tells every row in full), so
// it can be read without any other. Rows live in slots; [PartRows] slots make
// a part, and each part of a table has runs of its own, so that no table is
// too large to be encoded or read in pieces. Part 0 also holds the heads of
// the records: time, arguments, failures, texts.
//
// FORMAT.md at the root of the module draws the bytes.
package codec

// PartRows is how many slots make a part.
const PartRows = 4096

// A Form is the shape of a stream's payloads, as in package archive.
type Form uint8

const (
	FormText Form = iota
	FormObject
	FormTable
)

// A ColumnKind says how a column behaves over time, as in package archive.
type ColumnKind uint8

const (
	Gauge ColumnKind = iota
	Text
	Cumulative
	Constant
	AgeNS
	AgeS
)

// unit is how many nanoseconds an age counts in, 0 for other columns.
func (k ColumnKind) unit(round bool) int64 {
	switch {
	case k == AgeS:
		return 1e9
	case k == AgeNS && round:
		return 1e6
	case k == AgeNS:
		return 1
	}
	return 0
}

// A Desc describes a stream to its encoder.
type Desc struct {
	Archive uint64 // identity of the archive, in every chunk
	Stream  uint32 // number of the stream within the archive
	About   []byte // what the archive wants to find in each block; opaque here
	Form    Form
	Key     []string
	Columns map[string]ColumnKind
	Round   bool // ages in nanoseconds are kept to the millisecond
}

// A Record is one item of a stream, as in package archive.
type Record struct {
	Seq         uint64
	At, Took    int64 // Unix nanoseconds, nanoseconds
	Subject     string
	Args        []byte
	Text        []byte
	IsError     bool
	Failed      bool
	Code        int64
	Reason      string
	Seen, Total int64
	Mono        int64 // the recorder's monotonic time in nanoseconds; 0 where it is not known
}
