// Package tally adds up one column of a table from answer to answer, and keeps its largest
// value. It costs what changed, not what there is.
package tally

import (
	"math"

	"ergorecorder/archive"
)

// A Tally is the sum and the largest value of a column, over the rows of the answer that it took
// last. A cell that is no number, or none that anything can be, counts for nothing.
type Tally struct {
	vals  []float64 // by slot, NaN where there is none
	whole bool      // all are whole numbers, and few and small enough for sum to be exact
	sum   float64
	most  float64
	count int  // how many numbers there are
	worn  bool // most, or sum, has to be found anew
}

// exact is below which floats tell all whole numbers apart.
const exact = 1 << 53

// Cells takes what an answer tells, of its first column.
func (t *Tally) Cells(c *archive.Cells) {
	if c.Reset {
		t.reset()
	}
	for i := range c.Parts {
		p := &c.Parts[i]
		for _, row := range p.Gone {
			t.set(p.First+row, math.NaN())
		}
		for _, row := range p.New {
			t.set(p.First+row, math.NaN())
		}
		cells := &p.Columns[0]
		for _, row := range cells.Rows {
			if cells.Ints != nil {
				t.set(p.First+row, number(float64(cells.Ints[row])))
				continue
			}
			t.set(p.First+row, number(archive.Float(cells.Cell(row))))
		}
	}
}

// Frame takes a sample, of its first column.
func (t *Tally) Frame(f *archive.Frame) {
	changed := f.Changed
	if f.Reset {
		t.reset()
		changed = f.Live
	}
	for _, slot := range f.Gone {
		t.set(slot, math.NaN())
	}
	for _, slot := range changed {
		t.set(slot, number(f.Columns[0].Float(slot)))
	}
}

// number is a value that counts: a gauge that went below zero, and was read as a number without a sign, does not.
func number(v float64) float64 {
	if math.Abs(v) >= 1<<63 {
		return math.NaN()
	}
	return v
}

func (t *Tally) reset() {
	*t = Tally{vals: t.vals[:0], whole: true}
}

// set sets the value of a slot.
func (t *Tally) set(slot int32, v float64) {
	for int(slot) >= len(t.vals) {
		t.vals = append(t.vals, math.NaN())
	}
	old := t.vals[slot]
	t.vals[slot] = v
	if !math.IsNaN(old) {
		t.count--
		t.sum -= old
		t.worn = t.worn || old == t.most || !t.whole
	}
	if math.IsNaN(v) {
		return
	}
	t.count++
	t.sum += v
	if t.whole = t.whole && v == math.Trunc(v) && math.Abs(v) < exact && math.Abs(t.sum) < exact; !t.whole {
		t.worn = true
	}
	if t.count == 1 || v >= t.most {
		t.most = v
	}
}

// Count is how many numbers there are.
func (t *Tally) Count() int { return t.count }

// Sum is the sum of them; 0 where there is none.
func (t *Tally) Sum() float64 {
	t.mend()
	return t.sum
}

// Most is the largest of them; 0 where there is none.
func (t *Tally) Most() float64 {
	t.mend()
	return t.most
}

// mend looks at all values where what is known of them does not do.
func (t *Tally) mend() {
	if !t.worn {
		return
	}
	t.sum, t.most, t.worn = 0, 0, false
	first := true
	for _, v := range t.vals {
		if math.IsNaN(v) {
			continue
		}
		if t.sum += v; first || v > t.most {
			t.most = v
		}
		first = false
	}
}
