package tally_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/archive/tally"
)

// TestTally: the sum and the largest value, taken from what changed, are those of all rows of each answer, with
// rows that come and go, cells that are no numbers, fractions among whole numbers, and numbers too large to be true.
func TestTally(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	rng := rand.New(rand.NewPCG(1, 2))
	at := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	cells := map[int]string{}
	var key archive.StreamKey
	for i := range 600 {
		odd := i >= 200
		var rows []string
		for pid := range 40 {
			if rng.IntN(3) == 0 {
				cells[pid] = cell(rng, odd)
			}
			if rng.IntN(30) > 0 {
				rows = append(rows, fmt.Sprintf(`{"PID":"%d"%s}`, pid, cells[pid]))
			}
		}
		r := &archive.Record{
			At: at.Add(time.Duration(i) * time.Second), Text: []byte("[" + strings.Join(rows, ",") + "]"),
			Stream: archive.StreamKey{Kind: archive.Sample, Node: "n@h", Name: "table"},
			Schema: archive.Schema{Form: archive.FormTable, Key: []string{"PID"}},
		}
		if rng.IntN(50) == 0 {
			r.Text, r.Failure = nil, &archive.Failure{Code: 1, Text: "no"}
		}
		if key = r.Stream; i > 0 && rng.IntN(100) == 0 {
			r.Text = []byte("[]")
		}
		if _, err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := archivetest.Open(t, path)
	for _, win := range [][2]time.Time{{}, {at.Add(150 * time.Second), at.Add(450 * time.Second)}} {
		var want []string
		byFrame, answers := &tally.Tally{}, 0
		for f, err := range r.Scan(t.Context(), key, win[0], win[1], []string{"v"}) {
			if err != nil {
				t.Fatal(err)
			}
			if f.Failure != nil {
				continue
			}
			want = append(want, byHand(f))
			if byFrame.Frame(f); said(byFrame) != want[answers] {
				t.Fatalf("%v, of samples: %s, want %s", f.At, said(byFrame), want[answers])
			}
			answers++
		}
		byCells, i := &tally.Tally{}, 0
		for c, err := range r.Cells(t.Context(), key, win[0], win[1], []string{"v"}) {
			if err != nil {
				t.Fatal(err)
			}
			if c.Failure != nil {
				continue
			}
			if byCells.Cells(c); said(byCells) != want[i] {
				t.Fatalf("%v, of cells: %s, want %s", c.At, said(byCells), want[i])
			}
			i++
		}
		if i != answers || i < 100 {
			t.Fatalf("%d answers, %d", i, answers)
		}
	}
	archivetest.Verify(t, path)
}

// cell is a value of a row, or none.
func cell(rng *rand.Rand, odd bool) string {
	if !odd {
		return fmt.Sprintf(`,"v":%d`, rng.IntN(1000)-10)
	}
	return []string{"", `,"v":null`, `,"v":"x"`, `,"v":0.1`, `,"v":1e300`, `,"v":18446744073709551615`, `,"v":9007199254740993`, `,"v":-5`, `,"v":7`, `,"v":2.25`}[rng.IntN(10)]
}

func said(t *tally.Tally) string { return fmt.Sprint(t.Count(), t.Sum(), t.Most()) }

// byHand looks at all rows.
func byHand(f *archive.Frame) string {
	count, sum, most := 0, 0.0, 0.0
	for _, slot := range f.Live {
		v := f.Columns[0].Float(slot)
		if math.IsNaN(v) || math.Abs(v) >= 1<<63 {
			continue
		}
		if sum += v; count == 0 || v > most {
			most = v
		}
		count++
	}
	return fmt.Sprint(count, sum, most)
}
