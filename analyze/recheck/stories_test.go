package recheck_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/recheck"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/story"
	"ergorecorder/mcp"
	"ergorecorder/replay"
)

// TestStories counts the numbers of the reports of all stories that do not come
// back. RECHECK_STORIES=1 runs it: it names them, and is no bar yet.
func TestStories(t *testing.T) {
	if os.Getenv("RECHECK_STORIES") == "" {
		t.Skip("RECHECK_STORIES is not set")
	}
	dir := filepath.Join("..", "..", "testdata", "stories")
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	all, wrong := 0, 0
	for _, p := range paths {
		text, err := os.ReadFile(p)
		if err != nil {
			t.Fatal(err)
		}
		s, err := story.Read(string(text), 1, func(name string) (string, error) {
			text, err := os.ReadFile(filepath.Join(dir, "clusters", name+".txt"))
			return string(text), err
		})
		if err != nil {
			t.Errorf("%s: %v", filepath.Base(p), err)
			continue
		}
		w, path := archivetest.Create(t, nil)
		for _, r := range s.World.Records() {
			if _, err := w.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		rec, err := replay.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		rep, err := analyze.Run(context.Background(), rec, analyze.Options{})
		if err != nil {
			t.Fatal(err)
		}
		checks, err := recheck.Findings(t.Context(), rep.Findings, mcp.New(mcp.Recorded(rec, p), mcp.Options{}).Ask)
		if err != nil {
			t.Fatal(err)
		}
		all += len(checks)
		for _, c := range recheck.Wrong(checks) {
			wrong++
			t.Logf("%s: %s: %.120s, %s: %v, asked again %v (%s) by %v", strings.TrimSuffix(filepath.Base(p), ".txt"), c.Kind, c.Of, c.Name, c.Stated, c.Asked, c.Why, c.Call.Arguments["of"])
		}
		rec.Close()
	}
	t.Logf("%d numbers, %d did not come back", all, wrong)
}
