package scrub

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

// captures are the recordings that the tests copy: those of testdata, and of
// ERGO_CAPTURES where it is set.
func captures(t *testing.T) []string {
	t.Helper()
	if testing.Short() {
		return fixture.Captures(t, 0)[:1]
	}
	return fixture.Captures(t, 2)
}

// copied copies an archive.
func copied(t *testing.T, path string, p Policy) (string, *Result) {
	t.Helper()
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	out := filepath.Join(t.TempDir(), "out.erg")
	res, err := Copy(t.Context(), r, func(now func() time.Time) (*archive.Writer, error) {
		return archive.OpenWriter(out, &archive.Options{Now: now})
	}, p)
	if err != nil {
		t.Fatal(err)
	}
	archivetest.Verify(t, out)
	return out, res
}

// verdict is the report on a recording, as JSON without what depends on the
// file; its names are replaced, and words of its prose that happen to be names, if
// a map is given.
func verdict(t *testing.T, path string, m *Map) []string {
	t.Helper()
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	report, err := analyze.Run(t.Context(), rec, analyze.Options{Path: "x"})
	if err != nil {
		t.Fatal(err)
	}
	var lines []string
	for _, f := range report.Findings {
		text, err := json.Marshal(f)
		if err != nil {
			t.Fatal(err)
		}
		var v map[string]any
		if err := json.Unmarshal(text, &v); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"id", "display", "caused_by", "effects"} {
			delete(v, id)
		}
		var b bytes.Buffer
		e := json.NewEncoder(&b)
		e.SetEscapeHTML(false)
		e.SetIndent("", " ")
		if err := e.Encode(v); err != nil {
			t.Fatal(err)
		}
		line := b.String()
		if m != nil {
			line = m.renamed(line)
		}
		lines = append(lines, line)
	}
	slices.Sort(lines) // equals are told in the order of their ids, which are hashes of names
	return lines
}

// renamed replaces every word of a text that is a name by what stands for it in
// the copy. A word of prose that happens to be a name is one too: two texts, about
// the original and about the copy, say the same if they are the same when both
// are renamed.
func (m *Map) renamed(text string) string {
	stands := make(map[string]string, len(m.Names))
	for _, n := range m.Names {
		if n.Kind == Host.String() || n.Kind == Address.String() {
			text = strings.ReplaceAll(text, n.Name, n.Pseudonym)
		}
		stands[n.Name] = n.Pseudonym
	}
	var b strings.Builder
	for i := 0; i < len(text); {
		end := i
		for end < len(text) && isWordByte(text[end]) {
			end++
		}
		if end == i {
			b.WriteByte(text[i])
			i++
			continue
		}
		word := text[i:end]
		stem, digits := split(word)
		if p, ok := stands[word]; ok {
			b.WriteString(p)
		} else if p, ok := stands[stem]; ok {
			b.WriteString(p + digits)
		} else {
			b.WriteString(word)
		}
		i = end
	}
	return b.String()
}

// TestSameVerdict: the verdict on a copy is the verdict on the original, up to
// names; and no name is left in it.
func TestSameVerdict(t *testing.T) {
	for _, capture := range captures(t) {
		t.Run(filepath.Base(capture), func(t *testing.T) {
			in := fixture.Archive(t, capture)
			out, res := copied(t, in, Policy{})
			if res.LeftOut > 0 || len(res.Damaged) > 0 || res.Names == 0 {
				t.Errorf("%+v", res)
			}
			want, got := verdict(t, in, res.Settled), verdict(t, out, res.Settled)
			if len(want) != len(got) {
				t.Errorf("%d findings became %d", len(want), len(got))
			}
			for i := range min(len(want), len(got)) {
				if want[i] != got[i] {
					t.Errorf("finding %d differs:%s", i, differing(want[i], got[i]))
				}
			}
			r, err := archive.Open(out)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			hits, n, err := Audit(t.Context(), r, res.Settled)
			if err != nil || n == 0 {
				t.Fatal(n, err)
			}
			for i, h := range hits {
				if i < 20 {
					t.Error(h)
				}
			}
		})
	}
}

// differing is the lines that two texts do not share.
func differing(want, got string) string {
	var b strings.Builder
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range min(len(w), len(g)) {
		if w[i] != g[i] && b.Len() < 1500 {
			b.WriteString("\n want " + w[i] + "\n got  " + g[i])
		}
	}
	return b.String()
}
