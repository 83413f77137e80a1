package archive

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
)

// TestSynopsis: the blocks of a large table say what its columns hold and which
// rows are in which part, wherever they lie.
func TestSynopsis(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := StreamKey{Kind: Sample, Name: "table"}
	const rows, records = 5000, 40
	for i := range records {
		var b strings.Builder
		for row := range rows {
			sep := ","
			if row == 0 {
				sep = "["
			}
			fmt.Fprintf(&b, `%s{"PID":"<%d>","In":%d,"Still":7}`, sep, row, uint64(i*rows+row)*0x9E3779B97F4A7C15>>20)
		}
		rec := &Record{
			Stream: key, Schema: Schema{Form: FormTable, Key: []string{"PID"}, Columns: map[string]ColumnKind{"In": Gauge}},
			At: time.Unix(1_800_000_000+int64(i), 0), Text: []byte(b.String() + "]"),
		}
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
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
	seen := 0
	for part := range 2 {
		for _, x := range r.cat.Runs(key, part) {
			s, err := r.cat.Synopsis(r.zip, key, &x)
			if err != nil || s == nil {
				t.Fatalf("part %d: %v, %v", part, s, err)
			}
			seen += checkSynopsis(t, s, part, &x)
		}
	}
	if seen == 0 {
		t.Error("no block")
	}
}

func checkSynopsis(t *testing.T, s *codec.Synopsis, part int, x *catalog.Run) int {
	t.Helper()
	in, still := s.Column("In"), s.Column("Still")
	live := min(codec.PartRows, 5000-part*codec.PartRows)
	if in == nil || in.Numbers != live*x.Records || in.Changes != live*(x.Records-1) || in.Min < 0 || in.Max >= 1<<44 || in.Max-in.Min < 1<<43 {
		t.Errorf("part %d: In: %+v of %d records", part, in, x.Records)
	}
	if still == nil || still.Changes != 0 || still.Min != 7 || still.Max != 7 {
		t.Errorf("part %d: Still: %+v", part, still)
	}
	wrong := 0
	for row := range 5000 {
		here := row/codec.PartRows == part
		held := s.MayHold(fmt.Appendf(nil, `"<%d>"`, row))
		if here && !held {
			t.Fatalf("part %d: row %d is not in its index", part, row)
		}
		if !here && held {
			wrong++
		}
	}
	if wrong > 500 {
		t.Errorf("part %d: the index is wrong about %d rows", part, wrong)
	}
	return 1
}
