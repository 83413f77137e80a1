package archive

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// Two spellings of one key are one row: it keeps its slot, and nothing of it
// came or went. What was said stays as it was spelled.
func TestSpellingsOfOneKey(t *testing.T) {
	answers := []string{
		`[{"PID":"<A.0.1>","In":1},{"PID":"é\"x","In":5},{"PID":"\ud83d\ude00","In":8}]`,
		`[{"PID":"\u003cA.0.1\u003e","In":1},{"PID":"\u00e9\u0022x","In":5},{"PID":"😀","In":8}]`,
		`[{"PID":"\u003CA.0.1>","In":2},{"PID":"é\u0022x","In":5},{"PID":"\uD83D\uDE00","In":8}]`,
		`[{"PID":"<A.0.2>","In":2},{"PID":"\ud83d","In":5},{"PID":"\ude00","In":8}]`, // others: halves are no character
	}
	path := filepath.Join(t.TempDir(), "a.erg")
	w, err := OpenWriter(path, nil)
	if err != nil {
		t.Fatal(err)
	}
	key := StreamKey{Kind: Sample, Node: "a@h", Name: "process_list"}
	for i, text := range answers {
		rec := &Record{Stream: key, Schema: Schema{Form: FormTable, Key: []string{"PID"}}, At: time.Unix(int64(100+i), 0), Text: []byte(text)}
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	r, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	var said []string
	for f, err := range r.Scan(t.Context(), key, time.Time{}, time.Time{}, []string{"In"}) {
		if err != nil {
			t.Fatal(err)
		}
		said = append(said, fmt.Sprintf("%d rows, %d changed, %d gone", len(f.Live), len(f.Changed), len(f.Gone)))
	}
	want := []string{"3 rows, 3 changed, 0 gone", "3 rows, 0 changed, 0 gone", "3 rows, 1 changed, 0 gone", "3 rows, 3 changed, 3 gone"}
	if fmt.Sprint(said) != fmt.Sprint(want) {
		t.Errorf("got  %q\nwant %q", said, want)
	}
	i := 0
	for rec, err := range r.Records(t.Context(), Query{}) {
		for row := range strings.SplitSeq(strings.Trim(answers[i], "[]{}"), "},{") { // in any order
			if err != nil || !strings.Contains(string(rec.Text), "{"+row+"}") {
				t.Errorf("answer %d: %s, %v; want %s as it was spelled", i, rec.Text, err, row)
			}
		}
		i++
	}
}
