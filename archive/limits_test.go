package archive

import (
	"bytes"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/internal/limit"
)

// TestCraftedFile: a file that is nothing but what blocks begin with is no archive.
func TestCraftedFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	if err := os.WriteFile(path, bytes.Repeat([]byte(header.Magic), 1<<15), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(path); !errors.Is(err, ErrNotArchive) {
		t.Errorf("open: %v", err)
	}
}

// TestCraftedMeta: a meta that names absurd segments costs nothing.
func TestCraftedMeta(t *testing.T) {
	absurd := int(min(int64(1)<<40, math.MaxInt)) // as far as the machine's numbers reach
	for name, change := range map[string]func(*catalog.Meta){
		"number":   func(m *catalog.Meta) { m.Segment = absurd },
		"largest":  func(m *catalog.Meta) { m.Segment = math.MaxInt },
		"negative": func(m *catalog.Meta) { m.Segment = -5 },
		"next":     func(m *catalog.Meta) { m.Next = absurd },
		"gone":     func(m *catalog.Meta) { m.Gone = catalog.Numbers{{5, absurd}, {-absurd, 3}} },
		"dropped":  func(m *catalog.Meta) { m.Dropped = make([]int, 100_000) },
	} {
		dir := t.TempDir()
		w, err := OpenWriter(dir, nil)
		if err != nil {
			t.Fatal(err)
		}
		appendSync(t, w, retainRecord(retainStart, 10))
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := bbolt.Open(filepath.Join(dir, catalog.SegmentName(1)), 0o600, nil)
		if err != nil {
			t.Fatal(err)
		}
		err = db.Update(func(tx *bbolt.Tx) error {
			m, err := catalog.GetMeta(tx)
			if err != nil {
				return err
			}
			change(&m)
			return catalog.PutMeta(tx, m)
		})
		if err := errors.Join(err, db.Close()); err != nil {
			t.Fatal(err)
		}
		rep, err := Verify(t.Context(), dir)
		if err != nil || rep.Records != 1 || len(rep.Damage) > 3 {
			t.Errorf("%s: %+v, %v", name, rep, err)
		}
		if over := (*limit.Over)(nil); name == "number" && (len(rep.Damage) == 0 || !errors.As(rep.Damage[0], &over) || over.Limit != limit.Segment) {
			t.Errorf("the limit is not named: %v", rep.Damage)
		}
		if name == "negative" && (len(rep.Damage) == 0 || !strings.Contains(rep.Damage[0].Error(), "segment number -5: segments are numbered from 1")) {
			t.Errorf("what is wrong is not said: %v", rep.Damage)
		}
		if told := len(rep.Damage) > 0; told != (name != "gone" && name != "dropped") {
			t.Errorf("%s: %v", name, rep.Damage)
		}
	}
}

// TestManyColumns: answers with ever new columns are kept, whatever they cost
// whoever sends them, and the stream is a table again afterwards.
func TestManyColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	var want []string
	for i, columns := range []int{3, 2000, 2000, 2000, int(limit.Columns.Most()) + 1, 3, 3} {
		var b strings.Builder
		b.WriteString(`[{"PID":"a"`)
		for c := range columns {
			fmt.Fprintf(&b, `,"c%d_%d":%d`, i*min(1, columns/100), c, c+i)
		}
		b.WriteString("}]")
		want = append(want, b.String())
		appendSync(t, w, &Record{
			Stream: StreamKey{Kind: Sample, Name: "table"}, Schema: Schema{Form: FormTable, Key: []string{"PID"}},
			At: retainStart.Add(time.Duration(i) * time.Second), Text: []byte(b.String()),
		})
	}
	if _, err := w.Append(&Record{Stream: StreamKey{Kind: Sample, Name: "table"}, At: retainStart, Text: make([]byte, MaxText+1)}); !errors.Is(err, ErrTooMuch) {
		t.Errorf("a text that is too long: %v", err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	rep, err := Verify(t.Context(), path)
	if err != nil || len(rep.Damage) > 0 {
		t.Fatalf("%v, %v", err, rep)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	i := 0
	for rec, err := range r.Records(t.Context(), Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if string(rec.Text) != want[i] {
			t.Fatalf("record %d: %.300s\nwant %.300s", i, rec.Text, want[i])
		}
		i++
	}
	if i != len(want) {
		t.Errorf("%d records of %d", i, len(want))
	}
	for f, err := range r.Scan(t.Context(), StreamKey{Kind: Sample, Name: "table"}, retainStart.Add(5*time.Second), time.Time{}, []string{"c0_2"}) {
		if err != nil || f.Failure != nil || len(f.Live) != 1 {
			t.Errorf("after many columns: %+v, %v", f, err)
		}
	}
}
