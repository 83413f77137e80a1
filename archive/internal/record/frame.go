package record

import (
	"math"
	"strconv"
	"time"

	"ergorecorder/archive/internal/codec"
)

// A Column is one column of a Frame, indexed by slot.
type Column struct {
	Name  string
	Kinds []codec.ValueKind
	Ints  []int64
	Texts []string // nil where no cell ever was a text: [Column.Text] tells
}

// Int is the integer in a slot.
func (c *Column) Int(slot int32) (int64, bool) {
	if int(slot) >= len(c.Kinds) || c.Kinds[slot] != codec.Int {
		return 0, false
	}
	return c.Ints[slot], true
}

// Float is the number in a slot, NaN where there is none.
func (c *Column) Float(slot int32) float64 {
	if int(slot) >= len(c.Kinds) {
		return math.NaN()
	}
	switch c.Kinds[slot] {
	case codec.Int:
		return float64(c.Ints[slot])
	case codec.JSON:
		return Float(codec.JSON, 0, c.Texts[slot])
	}
	return math.NaN()
}

// Float is the number that a cell holds, NaN where that is none.
func Float(kind codec.ValueKind, num int64, text string) float64 {
	switch kind {
	case codec.Int:
		return float64(num)
	case codec.JSON:
		if v, err := strconv.ParseFloat(text, 64); err == nil {
			return v
		}
	}
	return math.NaN()
}

// Text is the string (or the literal JSON) in a slot.
func (c *Column) Text(slot int32) string {
	if int(slot) >= len(c.Kinds) || (c.Kinds[slot] != codec.String && c.Kinds[slot] != codec.JSON) {
		return ""
	}
	return c.Texts[slot]
}

// A Frame is one answer of a table or object stream, decoded as far as asked.
//
// Rows live in slots. A row keeps its slot from frame to frame until a frame
// says Reset, after which all slots are new. The frame and all it holds belong
// to the scan and are valid until the next step.
type Frame struct {
	At      time.Time
	Took    time.Duration
	Mono    time.Duration // see Record
	Failure *Failure      // the call failed: no rows, and the next answer says what changed since the last one
	Subject string        // whom the record is about, for streams that have subjects
	Reset   bool          // forget all slots of earlier frames
	Live    []int32       // the slots of this answer's rows, ascending
	Changed []int32       // slots that are new or in which an asked column changed
	Gone    []int32       // slots whose row is not there any more
	Columns []Column      // in the order asked
	Seen    int           // see Record
	Total   int
}

// Column is the column of that name; an empty one where it was not asked for.
func (f *Frame) Column(name string) *Column {
	for i := range f.Columns {
		if f.Columns[i].Name == name {
			return &f.Columns[i]
		}
	}
	return &Column{Name: name}
}

// Object is the slot of an answer that is one object; ok is false where it
// says nothing.
func (f *Frame) Object() (slot int32, ok bool) {
	if f.Failure != nil || len(f.Live) == 0 {
		return 0, false
	}
	return f.Live[0], true
}

// Cells are what one answer tells anew of some columns, and no more. They and all they hold belong
// to the walk and are valid until the next step.
type Cells struct {
	At      time.Time
	Failure *Failure     // as in Frame: nothing is told
	Reset   bool         // forget all that was told before
	Parts   []codec.Told // of up to 4,096 rows each
}
