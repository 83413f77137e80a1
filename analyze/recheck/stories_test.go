package recheck_test

import (
	"context"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/recheck"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/story"
	"ergorecorder/mcp"
)

// TestStories holds that every number of the reports of all stories comes back.
// It takes half a minute: RECHECK_STORIES=1 runs it over all, else it takes a
// few of them, and those whose numbers nothing else asks for.
func TestStories(t *testing.T) {
	if testing.Short() {
		t.Skip("every number of stories")
	}
	dir := filepath.Join("..", "..", "testdata", "stories")
	paths, err := filepath.Glob(filepath.Join(dir, "*.txt"))
	if err != nil || len(paths) == 0 {
		t.Fatal(err)
	}
	own := []string{"cron-job-fails", "fault-on-two-wrong-clocks", "leak-towards-a-memory-limit", "main-queue-starved", "node-pauses", "node-replaced"}
	all := 0
	for i, p := range paths {
		name := strings.TrimSuffix(filepath.Base(p), ".txt")
		if os.Getenv("RECHECK_STORIES") == "" && i%18 != 0 && !slices.Contains(own, name) {
			continue
		}
		t.Run(name, func(t *testing.T) { all += recheckStory(t, dir, p) })
	}
	t.Logf("%d numbers", all)
}

// recheckStory rechecks the report of a story and returns how many numbers it has.
func recheckStory(t *testing.T, dir, path string) int {
	t.Helper()
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	s, err := story.Read(string(text), 1, func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(dir, "clusters", name+".txt"))
		return string(text), err
	})
	if err != nil {
		t.Fatal(err)
	}
	rec := fixture.Recorded(t, s.World.Records())
	rep, err := analyze.Run(context.Background(), rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	checks, err := recheck.Findings(t.Context(), rep.Findings, mcp.New(mcp.Recorded(rec, path), mcp.Options{}).Ask)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range recheck.Wrong(checks) {
		t.Errorf("%s: %.400s, %s: %v, asked again %v (%s) by %v", c.Kind, c.Of, c.Name, c.Stated, c.Asked, c.Why, c.Call.Arguments)
	}
	return len(checks)
}
