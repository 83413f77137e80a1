package analyze_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/replay"
)

// A capture of a real incident gets its fault for a headline; one of its nodes
// at rest, in what suffices, that nothing was found; and a stretch that is too
// short to tell says so, with the command that would settle it.
func TestHeadlines(t *testing.T) {
	rec := imported(t, "../testdata/stuck")
	from, to := rec.Window()
	for _, tt := range []struct {
		name string
		opt  analyze.Options
		want analyze.Conclusion
		says string
	}{
		{"all", analyze.Options{}, analyze.Fault, "CRITICAL: book_eth on gamma@localhost is blocked"},
		{"a node at rest", analyze.Options{Node: "alpha@*"}, analyze.NothingFound, "No fault found in what was seen, which suffices: 1 node over"},
		{"the beginning", analyze.Options{To: from.Add(to.Sub(from) / 6)}, analyze.CannotTell, "It cannot be told whether there is a fault: "},
	} {
		r, err := analyze.Run(context.Background(), rec, tt.opt)
		if err != nil {
			t.Fatal(err)
		}
		h := r.Headline
		if h.Verdict != tt.want || !strings.HasPrefix(h.Text, tt.says) || (h.Verdict == analyze.CannotTell) != (len(h.Settle) > 0) || r.Coverage == nil {
			t.Errorf("%s: %+v", tt.name, h)
		}
	}
}

// However much of the file is gone: no clean bill, the damage stands beside any
// fault, and no line of "in order" is about a node whose data are gone.
func TestHeadlineOfACutFile(t *testing.T) {
	whole, err := os.ReadFile(importedFile(t, "../testdata/stuck"))
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for share := 10; share < 100; share += 15 {
		path := filepath.Join(t.TempDir(), "cut.erg")
		if err := os.WriteFile(path, whole[:len(whole)*share/100], 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := replay.Open(path)
		if err != nil {
			continue // not a block of it can be read
		}
		if from, _ := rec.Window(); from.IsZero() {
			rec.Close()
			continue
		}
		read++
		r, err := analyze.Run(context.Background(), rec, analyze.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if r.Headline.Verdict == analyze.NothingFound || !strings.Contains(strings.Join(r.Headline.Beside, "\n"), "the recording is damaged") {
			t.Errorf("%d %%: %+v", share, r.Headline)
		}
		for _, line := range r.Healthy {
			for _, n := range r.Coverage.Nodes {
				if strings.HasPrefix(line, n.Name+": ") && strings.Contains(line, "listings") && !r.Coverage.SeenBy("bottleneck")[n.Name] {
					t.Errorf("%d %%: %q, and its listings are gone", share, line)
				}
			}
		}
		rec.Close()
	}
	if read == 0 {
		t.Error("none of the cut files could be read")
	}
}
