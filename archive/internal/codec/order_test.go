package codec

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"

	"ergorecorder/archive/internal/codec/frame"
)

// TestOrder: rows that keep their order are read by what came behind the row before, and what is
// kept is to the byte what is kept of the same rows in any order.
func TestOrder(t *testing.T) {
	z := frame.NewZip()
	r := rand.New(rand.NewPCG(3, 4))
	d := Desc{Stream: 1, Form: FormTable, Key: []string{"PID"}, Columns: map[string]ColumnKind{"Age": AgeNS, "In": Cumulative}}
	kept, mixed := NewEncoder(d, DefaultLimits(), &Scratch{}), NewEncoder(d, DefaultLimits(), &Scratch{})
	states := []string{`"sleep"`, `"sleepy"`, `"sleep\""`, `"running"`, `""`, `null`, `nul`, `17`, `177`, `1.5`, `1.55`, `[1]`, `[ 1 ]`, `{"a":"b"}`}
	state, said := make([]int, 300), make([]int, 300)
	var want []Record
	expected := 0
	for n := range 200 {
		var rows []string
		refused := false
		for i := range state {
			if r.IntN(20) == 0 {
				state[i], said[i] = r.IntN(len(states)), said[i]+r.IntN(3)
			}
			if r.IntN(500) == 0 || states[state[i]] == "nul" && n%10 != 7 {
				state[i] = 0
			}
			refused = refused || states[state[i]] == "nul"
			row := fmt.Sprintf(`{"PID":"\u003cA.%d\u003e","State":%s,"In":%d,"Age":%d,"Name":"n%d"}`, i, states[state[i]], said[i], n*1000+i, i)
			if i%50 == n%50 {
				row = fmt.Sprintf(`{"PID":"\u003cA.%d\u003e","In":%d,"State":%s}`, i, said[i], states[state[i]])
			}
			rows = append(rows, row)
		}
		text := func() []byte {
			b := []byte("[")
			for i, row := range rows {
				if i > 0 {
					b = append(b, ',')
				}
				b = append(b, row...)
			}
			return append(b, ']')
		}
		rec := Record{Seq: uint64(n + 1), At: int64(n) * 1e9, Text: text()}
		want = append(want, rec)
		kept.Append(&rec)
		if kept.table.guess >= 0 { // the last row
			expected++
		}
		if !refused && n > 0 { // what is no answer is kept as it came, and the first tells the shapes
			r.Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
		}
		rec.Text = text()
		mixed.Append(&rec)
		if n%3 == 0 {
			compareChunks(t, z, n, kept.Take(nil), mixed.Take(nil))
		}
	}
	if expected < 150 {
		t.Errorf("the last of 300 rows was where it was expected in %d of %d answers", expected, len(want))
	}
	checkStream(t, z, d, encodeAll(d, want), want)
}

func compareChunks(t *testing.T, z *frame.Zip, n int, a, b []Chunk) {
	t.Helper()
	if !slices.EqualFunc(a, b, func(a, b Chunk) bool { return bytes.Equal(a.Bytes(z), b.Bytes(z)) }) {
		t.Fatalf("answer %d: chunks differ", n)
	}
}

func encodeAll(d Desc, all []Record) []Chunk {
	e := NewEncoder(d, DefaultLimits(), &Scratch{})
	for i := range all {
		e.Append(&all[i])
	}
	return e.Take(nil)
}

// TestSameKeyTwice: rows with one key are rows of their own, also where another is expected.
func TestSameKeyTwice(t *testing.T) {
	d := Desc{Stream: 1, Form: FormTable, Key: []string{"PID"}}
	orders := []string{"ab", "ba", "aba", "abab", "baa", "ab", "abb", "aab", "b", "bab"}
	r := rand.New(rand.NewPCG(5, 6))
	var want []Record
	for n := range 200 {
		text := []byte("[")
		for i, key := range orders[r.IntN(len(orders))] {
			if i > 0 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, `{"PID":"%c","In":%d,"S":"x%d"}`, key, r.IntN(3), r.IntN(3))
		}
		want = append(want, Record{Seq: uint64(n + 1), At: int64(n) * 1e9, Text: append(text, ']')})
	}
	checkStream(t, frame.NewZip(), d, encodeAll(d, want), want)
}
