package replay_test

import (
	"errors"
	"iter"
	"math"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

// TestInspectKeysOfAnyVersion: the keys of 3.3 and of older nodes come out under
// one name, and a key that the user has beside the framework's is not taken for
// it.
func TestInspectKeysOfAnyVersion(t *testing.T) {
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var lines []*capture.Line
	for i, text := range []string{
		`{"strategy":"Permanent","restarts_count":"1"}`,
		`{"ergo:strategy":"Permanent","ergo:restarts_count":"2"}`,
		`{"ergo:strategy":"Permanent","ergo:restarts_count":"3","restarts_count":"77","pool_size":"9"}`,
		`{"pool_size":"5"}`,
		`{"ergo:pool_size":"6","pool_size":"88"}`,
	} {
		lines = append(lines, said(start.Add(time.Duration(i)*time.Second), "a@h", "process_inspect", ergo.Args{"pid": "<A.0.7>"}, text))
	}
	rec := inParts(t, lines, 1)
	q := replay.Query{Node: "a@h", Reading: ergo.Inspection, Fields: []string{"strategy", "restarts_count", "pool_size"}}
	var got [][3]string
	for f, err := range rec.Answers(t.Context(), q) {
		if err != nil {
			t.Fatal(err)
		}
		slot, ok := f.Object()
		if !ok {
			t.Fatalf("nothing said at %v", f.At)
		}
		got = append(got, [3]string{f.Column("strategy").Text(slot), f.Column("restarts_count").Text(slot), f.Column("pool_size").Text(slot)})
	}
	want := [][3]string{{"Permanent", "1", ""}, {"Permanent", "2", ""}, {"Permanent", "3", ""}, {"", "", "5"}, {"", "", "6"}}
	if !slices.Equal(got, want) {
		t.Errorf("%v, want %v", got, want)
	}
}

func TestReadable(t *testing.T) {
	harm, end := &archive.CorruptionError{}, errors.New("the end")
	walk := func(yield func(int, error) bool) {
		for i, err := range []error{nil, harm, nil, end, nil} {
			if !yield(i, err) {
				return
			}
		}
	}
	var seen []int
	var heard []error
	var last error
	for i, err := range replay.Readable(walk, func(err error) { heard = append(heard, err) }) {
		if last = err; err == nil {
			seen = append(seen, i)
		}
	}
	if !slices.Equal(seen, []int{0, 2}) || last != end || len(heard) != 1 || heard[0] != harm {
		t.Errorf("saw %v, heard %v, ended by %v", seen, heard, last)
	}
}

// TestTallies: what is added up from changes is, for each field of each table of real recordings, what all rows of
// each answer come to.
func TestTallies(t *testing.T) {
	for _, path := range captures(t) {
		t.Run(nameOf(path), func(t *testing.T) {
			rec, compared := fixture.Recording(t, path), 0
			for _, n := range rec.Nodes() {
				for _, reading := range []ergo.Reading{ergo.Processes, ergo.Applications, ergo.Events, ergo.Links, ergo.Loggers, ergo.Cluster} {
					for _, field := range ergo.Define(reading).Fields {
						compared += sameTallies(t, rec, replay.Query{Node: n.Name, Reading: reading, Fields: []string{field.Name}, Failures: true})
					}
				}
			}
			if compared == 0 {
				t.Error("nothing was compared")
			}
		})
	}
}

func sameTallies(t *testing.T, rec *replay.Recording, q replay.Query) (numbers int) {
	t.Helper()
	tallies, stop := iter.Pull2(rec.Tallies(t.Context(), q))
	defer stop()
	for f, err := range rec.Answers(t.Context(), q) {
		got, wrong, ok := tallies()
		if err != nil || wrong != nil || !ok || !got.At.Equal(f.At) || (got.Failure == nil) != (f.Failure == nil) {
			t.Fatalf("%s of %s at %v: %v, %v, %v", q.Fields, q.Node, f.At, err, wrong, ok)
		}
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
		if numbers += count; f.Failure == nil && (got.Count() != count || got.Most() != most || got.Sum() != sum) {
			t.Fatalf("%s of %s at %v: %d numbers, %v in all, at most %v; the rows have %d, %v, %v", q.Fields, q.Node, f.At, got.Count(), got.Sum(), got.Most(), count, sum, most)
		}
	}
	if _, _, more := tallies(); more {
		t.Fatalf("%s of %s: an answer more", q.Fields, q.Node)
	}
	return numbers
}
