package archive

import (
	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
)

// FormatVersion is the version of the format that is written; all before it are read.
const FormatVersion = catalog.FormatVersion

// What is stored.
type (
	// A Record is one stored item.
	Record = record.Record
	// A Kind is what a record is.
	Kind = record.Kind
	// A StreamKey tells one stream from another: Kind, Node, Name and Args.
	StreamKey = record.StreamKey
	// A Schema describes the payloads of a stream. It is stored with the stream.
	Schema = record.Schema
	// A Form is the shape of a stream's payloads.
	Form = record.Form
	// A ColumnKind says how a column's values behave over time, which decides how
	// they are encoded. It is advice: any value is kept exactly.
	ColumnKind = record.ColumnKind
	// A Failure is an answer that was an error: Code and Text.
	Failure = record.Failure
	// A Mark says something about the recording itself.
	Mark = record.Mark
	// A Frame is one answer of a table or object stream, decoded as far as asked.
	Frame = record.Frame
	// A Column is one column of a Frame, indexed by slot.
	Column = record.Column
	// Cells are what one answer tells anew of some columns.
	Cells = record.Cells
	// A Told is what an answer tells of one part of the rows.
	Told = codec.Told
	// ColumnCells are the cells of one column that an answer tells.
	ColumnCells = codec.Cells
	// A CorruptionError says what could not be read. All else stays readable.
	CorruptionError = record.CorruptionError
)

// Float is the number that a cell holds, NaN where that is none.
func Float(kind ValueKind, num int64, text string) float64 { return record.Float(kind, num, text) }

// A Value kind tells what a cell holds.
type ValueKind = codec.ValueKind

const (
	Absent = codec.Absent // the row has no such field, or there is no such row
	Int    = codec.Int    // an integer that fits int64, in Ints
	String = codec.String // a JSON string, decoded, in Texts
	JSON   = codec.JSON   // any other JSON value, its literal text in Texts
)

// Kinds of records.
const (
	Sample   = record.Sample   // an answer to a call
	Log      = record.Log      // one log line that was pushed to the recorder
	Event    = record.Event    // one event message that was pushed to the recorder
	Profile  = record.Profile  // a raw profile
	MarkKind = record.MarkKind // about the recording itself; see Mark
)

// Forms of payloads.
const (
	FormText   = record.FormText   // bytes, kept as they came
	FormObject = record.FormObject // one JSON object
	FormTable  = record.FormTable  // a JSON array of objects, or null
)

// Kinds of columns.
const (
	Gauge      = record.Gauge
	Text       = record.Text
	Cumulative = record.Cumulative
	Constant   = record.Constant
	AgeNS      = record.AgeNS
	AgeS       = record.AgeS
)

// Marks that the archive itself gives a meaning; others are free words.
const (
	MarkIncident = record.MarkIncident // pins its window: retention keeps it
	MarkGap      = record.MarkGap      // something was not recorded in its window
	MarkStart    = record.MarkStart    // a recorder began to write
)

// MoreOwnNode is the detail of a start mark that names the recorder's own node,
// where it joined the cluster that it records.
const MoreOwnNode = record.MoreOwnNode

var (
	// ErrNotFound: nothing was recorded for that stream at or before that time.
	ErrNotFound = record.ErrNotFound
	// ErrNotArchive: the file is something else.
	ErrNotArchive = record.ErrNotArchive
	// ErrVersion: the archive was written by a newer version of the format.
	ErrVersion = record.ErrVersion
	// ErrLocked: another process is writing the archive.
	ErrLocked = record.ErrLocked
	// ErrFull: there is no room on the disk, or the size limit is reached.
	ErrFull = record.ErrFull
	// ErrLimit: the size limit is reached ([Options].MaxBytes); it is an ErrFull
	// that waiting does not cure.
	ErrLimit = record.ErrLimit
	// ErrClosed: the writer or reader was closed.
	ErrClosed = record.ErrClosed
)
