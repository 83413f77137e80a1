package archive_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"maps"
	"slices"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// agree holds three ways to read a table against each other: as cells that are told, as samples, and as whole records.
// It says how many answers it compared.
func agree(t *testing.T, r *archive.Reader, s *archive.Stream, texts map[time.Time][]map[string]json.RawMessage, from, to time.Time) (answers int) {
	t.Helper()
	columns := []string{"none"}
	for name := range s.Schema.Columns {
		columns = append(columns, name)
	}
	columns = append(columns, s.Schema.Key...)
	slices.Sort(columns)
	columns = slices.Compact(columns)
	frames, stop := iter.Pull2(r.Scan(ctx, s.StreamKey, from, to, columns))
	defer stop()
	known := map[int32][]string{} // as the cells tell
	for c, err := range r.Cells(ctx, s.StreamKey, from, to, columns) {
		if err != nil {
			t.Fatal(err)
		}
		f, err, ok := frames()
		if err != nil || !ok || !f.At.Equal(c.At) || (f.Failure == nil) != (c.Failure == nil) {
			t.Fatalf("%s at %v, failure %v: a sample %v, %v", s.StreamKey, c.At, c.Failure, ok, err)
		}
		if f.Failure != nil {
			continue
		}
		answers++
		takeCells(t, c, known)
		rows, live := texts[f.At], 0
		for _, p := range c.Parts {
			live += p.Rows
		}
		if live != len(f.Live) || len(known) != live || rows != nil && len(rows) != live {
			t.Fatalf("%s at %v: %d rows told, %d known, %d in the sample, %d in the text", s.StreamKey, c.At, live, len(known), len(f.Live), len(rows))
		}
		for i, slot := range f.Live {
			for j := range f.Columns {
				got := cellText(f.Columns[j].Kinds[slot], f.Columns[j].Ints[slot], f.Columns[j].Text(slot))
				if known[slot][j] != got {
					t.Fatalf("%s at %v: %s of row %d is told as %q, in the sample %q", s.StreamKey, c.At, columns[j], slot, known[slot][j], got)
				}
				if rows != nil && plain(rows[i][columns[j]]) != got {
					t.Fatalf("%s at %v: %s of row %d is %q in the sample, %s in the text", s.StreamKey, c.At, columns[j], slot, got, rows[i][columns[j]])
				}
			}
		}
	}
	if _, err, ok := frames(); ok {
		t.Fatalf("%s: a sample more (%v)", s.StreamKey, err)
	}
	return answers
}

// takeCells takes what is told into what is known of each row.
func takeCells(t *testing.T, c *archive.Cells, known map[int32][]string) {
	t.Helper()
	if c.Reset {
		clear(known)
	}
	for _, p := range c.Parts {
		for _, row := range p.Gone {
			delete(known, p.First+row)
		}
		for _, row := range p.New {
			known[p.First+row] = make([]string, len(p.Columns))
		}
		for i := range p.Columns {
			cells := &p.Columns[i]
			for _, row := range cells.Rows {
				kind, num, text := cells.Cell(row)
				if cells.Ints != nil && (kind != archive.Int || cells.Ints[row] != num) {
					t.Fatalf("row %d: %d among the integers, %v %d %q by itself", row, cells.Ints[row], kind, num, text)
				}
				known[p.First+row][i] = cellText(kind, num, text)
			}
		}
	}
}

// cellText is a cell as one text.
func cellText(kind archive.ValueKind, num int64, text string) string {
	switch kind {
	case archive.Absent:
		return ""
	case archive.Int:
		return fmt.Sprint(num)
	case archive.String:
		b, _ := json.Marshal(text) // a string always encodes
		return string(b)
	}
	return text
}

// plain is the JSON of a cell as cellText spells it.
func plain(text json.RawMessage) string {
	var s string
	if len(text) > 0 && text[0] == '"' && json.Unmarshal(text, &s) == nil {
		return cellText(archive.String, 0, s)
	}
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return string(text)
	}
	return b.String()
}

// textsOf are the rows of all answers that were at a time of their own, as their texts tell.
func textsOf(t *testing.T, r *archive.Reader, s *archive.Stream) map[time.Time][]map[string]json.RawMessage {
	t.Helper()
	texts := map[time.Time][]map[string]json.RawMessage{}
	seen := map[time.Time]int{}
	for rec, err := range r.Records(ctx, archive.Query{Streams: []archive.StreamKey{s.StreamKey}}) {
		if err != nil {
			t.Fatal(err)
		}
		var rows []map[string]json.RawMessage
		if seen[rec.At]++; json.Unmarshal(rec.Text, &rows) == nil && seen[rec.At] == 1 {
			texts[rec.At] = rows
		} else {
			delete(texts, rec.At)
		}
	}
	return texts
}

// agreeAll holds the ways against each other for each table of an archive, whole and in a window.
func agreeAll(t *testing.T, r *archive.Reader) {
	t.Helper()
	answers, tables := 0, 0
	for _, s := range r.Streams() {
		if s.Schema.Form != archive.FormTable {
			continue
		}
		third, texts := s.To.Sub(s.From)/3, textsOf(t, r, &s)
		answers += agree(t, r, &s, texts, time.Time{}, time.Time{}) + agree(t, r, &s, texts, s.From.Add(third), s.To.Add(-third))
		tables++
	}
	if tables == 0 || answers == 0 {
		t.Fatalf("%d tables, %d answers: nothing was compared", tables, answers)
	}
}

// TestCells: what cells tell, samples show and whole records say is the same, of tables of one part and of
// three, with rows of changing columns, literals among numbers and failures between, in chunks and in blocks.
func TestCells(t *testing.T) {
	w, path := archivetest.Create(t, nil)
	newStory(t, w, 3).tell(1200)
	agreeAll(t, w.View())
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	agreeAll(t, archivetest.Open(t, path))
	archivetest.Verify(t, path)
}

// TestCellsOfParts follows the second part of a large table, whose rows come and go and whose runs begin elsewhere
// than those of the first.
func TestCellsOfParts(t *testing.T) {
	w, path := archivetest.Create(t, &archive.Options{})
	key := archive.StreamKey{Kind: archive.Sample, Node: "n@h", Name: "table"}
	for i := range 165 { // a run has 160 records at most
		text := []byte{'['}
		for pid := range 4096 + max(0, i*5%13-2) {
			if pid > 0 {
				text = append(text, ',')
			}
			text = fmt.Appendf(text, `{"PID":"%04d","In":%d}`, pid, pid/4096*i)
		}
		if _, err := w.Append(&archive.Record{At: start.Add(time.Duration(i) * time.Second), Text: append(text, ']'), Schema: tableSchema, Stream: key}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r := archivetest.Open(t, path)
	frames, stop := iter.Pull2(r.Scan(ctx, key, time.Time{}, time.Time{}, []string{"In"}))
	defer stop()
	known := map[int32]int64{}
	for c, err := range r.Cells(ctx, key, time.Time{}, time.Time{}, []string{"In"}) {
		f, wrong, _ := frames()
		if err != nil || wrong != nil {
			t.Fatal(err, wrong)
		}
		if c.Reset {
			clear(known)
		}
		for _, p := range c.Parts[min(1, len(c.Parts)):] {
			for _, row := range p.Gone {
				delete(known, p.First+row)
			}
			for _, row := range p.Columns[0].Rows {
				known[p.First+row] = p.Columns[0].Ints[row]
			}
		}
		shown := map[int32]int64{}
		for _, slot := range f.Live[min(4096, len(f.Live)):] {
			shown[slot] = f.Columns[0].Ints[slot]
		}
		if !maps.Equal(known, shown) {
			t.Fatalf("%v: told %v, shown %v", c.At, known, shown)
		}
	}
	archivetest.Verify(t, path)
}

// TestCellsOfFormats is TestCells of what earlier versions wrote.
func TestCellsOfFormats(t *testing.T) {
	for version := 1; version <= currentFormat; version++ {
		for _, name := range []string{"closed.erg", "crashed.erg"} {
			agreeAll(t, archivetest.Open(t, formatDir(version)+"/"+name))
		}
	}
}

// TestCellsAllocate: a walk of cells allocates for a block, not for its answers.
func TestCellsAllocate(t *testing.T) {
	allocated := func(answers int) float64 {
		w, path := archivetest.Create(t, nil)
		load := archivetest.NewWorkload(1, 200, 1)
		for range answers {
			if _, err := w.Append(load.Next(0)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		archivetest.Verify(t, path)
		r, seen := archivetest.Open(t, path), 0
		n := testing.AllocsPerRun(5, func() {
			seen = 0
			for _, err := range r.Cells(ctx, load.Stream(0), time.Time{}, time.Time{}, []string{"MessagesIn", "RunningTime"}) {
				if err != nil {
					t.Fatal(err)
				}
				seen++
			}
		})
		if seen != answers {
			t.Fatalf("%d answers of %d", seen, answers)
		}
		return n
	}
	if few, many := allocated(30), allocated(70); many > few+20 {
		t.Errorf("%v allocations for 30 answers of a block, %v for 70", few, many)
	}
}
