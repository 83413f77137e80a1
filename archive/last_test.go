package archive_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// TestLastParts asks for one row, and for one column, of tables with one part
// and with three, and compares with the whole answer.
func TestLastParts(t *testing.T) {
	if testing.Short() {
		t.Skip("each part cut everywhere")
	}
	for _, processes := range []int{50, 9000} {
		load := archivetest.NewWorkload(1, processes, 7)
		w, path := archivetest.Create(t, &archive.Options{})
		var times []time.Time
		for range 4 {
			rec := load.Next(0)
			rec.Text = slices.Clone(rec.Text)
			times = append(times, rec.At)
			if _, err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range []*archive.Reader{w.View(), nil} {
			if r == nil { // closed: blocks, with their row index where they are large
				if err := w.Close(); err != nil {
					t.Fatal(err)
				}
				r = archivetest.Open(t, path)
			}
			for _, at := range times {
				lastParts(t, r, load.Stream(0), at)
			}
		}
		archivetest.Verify(t, path)
	}
}

func lastParts(t *testing.T, r *archive.Reader, s archive.StreamKey, at time.Time) {
	t.Helper()
	whole, err := r.Last(s, "", at)
	if err != nil {
		t.Fatal(err)
	}
	var rows []json.RawMessage
	if err := json.Unmarshal(whole.Text, &rows); err != nil {
		t.Fatal(err)
	}
	for i := 0; i < len(rows); i += 1 + len(rows)/5 {
		var row struct{ PID json.RawMessage }
		if err := json.Unmarshal(rows[i], &row); err != nil {
			t.Fatal(err)
		}
		rec, most, err := r.LastRow(s, "PID", string(row.PID), at)
		if err != nil || !bytes.Equal(rec.Text, rows[i]) || !rec.At.Equal(whole.At) || rec.Took != whole.Took || most < len(rows) {
			t.Fatalf("row %s: %v, at most %d\n%s\nwant %s", row.PID, err, most, rec.Text, rows[i])
		}
	}
	if rec, _, err := r.LastRow(s, "PID", `"<0.0.0>"`, at); err != nil || rec.Text != nil {
		t.Errorf("a row that there is not: %s, %v", rec.Text, err)
	}
	f, err := r.LastFrame(s, at, []string{"State"}, 0)
	if err != nil || !f.At.Equal(whole.At) || len(f.Live) != len(rows) {
		t.Fatalf("frame at %v with %d rows, %v; want %v with %d", f.At, len(f.Live), err, whole.At, len(rows))
	}
	for i, slot := range f.Live {
		var row struct{ State string }
		if err := json.Unmarshal(rows[i], &row); err != nil || f.Columns[0].Text(slot) != row.State {
			t.Fatalf("row %d: state %q, want %q", i, f.Columns[0].Text(slot), row.State)
		}
	}
	if some, err := r.LastFrame(s, at, []string{"State"}, 10); err != nil || len(some.Live) < 10 || !slices.Equal(some.Live, f.Live[:len(some.Live)]) || len(rows) > 5000 && len(some.Live) == len(rows) {
		t.Errorf("some rows: %d of %d, %v", len(some.Live), len(rows), err)
	}
}

// TestLastFrameOfParts: what a column of a table of several parts held at each moment is
// what the answer said then, however many samples are passed over on the way.
func TestLastFrameOfParts(t *testing.T) {
	if testing.Short() {
		t.Skip("each part cut everywhere")
	}
	load := archivetest.NewWorkload(1, 2*4096+800, 9)
	w, path := archivetest.Create(t, &archive.Options{})
	type row struct{ MessagesIn, StateTime int64 }
	var said [][]row
	var times []time.Time
	for range 9 {
		rec := load.Next(0)
		var rows []row
		if err := json.Unmarshal(rec.Text, &rows); err != nil {
			t.Fatal(err)
		}
		said, times = append(said, rows), append(times, rec.At)
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	for i, at := range times {
		r := archivetest.Open(t, path)
		f, err := r.LastFrame(load.Stream(0), at, []string{"MessagesIn", "StateTime"}, 0)
		if err != nil {
			t.Fatal(err)
		}
		var got, want row
		for _, slot := range f.Live {
			got.MessagesIn, got.StateTime = got.MessagesIn+f.Columns[0].Ints[slot], got.StateTime+f.Columns[1].Ints[slot]
		}
		for _, x := range said[i] {
			want.MessagesIn, want.StateTime = want.MessagesIn+x.MessagesIn, want.StateTime+x.StateTime
		}
		if len(f.Live) != len(said[i]) || got != want {
			t.Errorf("sample %d: %d rows, %+v, want %d, %+v", i, len(f.Live), got, len(said[i]), want)
		}
	}
}
