package metamorph_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/metamorph"
	"ergorecorder/internal/story"
	"ergorecorder/replay"
)

const tree = "../../testdata"

// whole asks for every capture in ERGO_CAPTURES, every story and every pair, and
// for the totals in BENCHMARKS.md: make matrix.
var whole = os.Getenv("MATRIX") == "whole"

// bundled are the captures that lie in the tree.
func bundled(t *testing.T) []*metamorph.Case {
	t.Helper()
	return load(t, filepath.Join(tree, "*.truth.json"))
}

func load(t *testing.T, pattern string) []*metamorph.Case {
	t.Helper()
	files, err := filepath.Glob(pattern)
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures match %s: %v", pattern, err)
	}
	var out []*metamorph.Case
	for _, f := range files {
		c, err := metamorph.LoadCapture(strings.TrimSuffix(f, ".truth.json"))
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, c)
	}
	return out
}

// told is a story as a case.
func told(t *testing.T, file string) *metamorph.Case {
	t.Helper()
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	s, err := story.Read(string(text), 0, func(name string) (string, error) {
		text, err := os.ReadFile(filepath.Join(tree, "stories", "clusters", name+".txt"))
		return string(text), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return metamorph.FromStory(strings.TrimSuffix(filepath.Base(file), ".txt"), s)
}

// report is what is said of a case.
func report(t *testing.T, c *metamorph.Case) story.Report {
	t.Helper()
	w, path := archivetest.Create(t, nil)
	for _, r := range c.Records() {
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
	defer rec.Close()
	r, err := analyze.Run(context.Background(), rec, analyze.Options{Path: "edited.erg"})
	if err != nil {
		t.Fatal(err)
	}
	text, err := json.Marshal(r)
	if err != nil {
		t.Fatal(err)
	}
	read, err := story.ReadReport(text)
	if err != nil {
		t.Fatal(err)
	}
	return read
}

// total adds up outcomes by promise.
type total struct {
	runs, kept, faults, found, named, first, timely, false, healthyFalse int
}

func (s *total) add(o metamorph.Outcome, kept bool) {
	s.runs++
	if kept {
		s.kept++
	}
	s.faults, s.found, s.named, s.first, s.timely = s.faults+o.Faults, s.found+o.Found, s.named+o.Named, s.first+o.First, s.timely+o.Timely
	s.false += len(o.False)
	if o.Faults == 0 {
		s.healthyFalse += len(o.False)
	}
}

// shortfalls are the pairs of recording and edit of which too little is said
// today.
func shortfalls(t *testing.T) []string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("testdata", "shortfalls"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for line := range strings.Lines(string(text)) {
		if line = strings.TrimSpace(line); line != "" && line[0] != '#' {
			out = append(out, line)
		}
	}
	return out
}

// Of each recording that lies in the tree, each edit leaves of the report what
// was promised.
func TestMatrix(t *testing.T) {
	cases := bundled(t)
	edits := metamorph.Edits()
	if testing.Short() {
		cases, edits = cases[len(cases)-1:], edits[:4]
	}
	known := shortfalls(t)
	for _, c := range cases {
		for _, e := range edits {
			if e.Fits != nil && !e.Fits(c) {
				continue
			}
			name := c.Name + " / " + e.Name
			t.Run(name, func(t *testing.T) {
				edited := e.Do(c)
				o := metamorph.Judge(edited, report(t, edited))
				kept, short := o.Keeps(e.Promise), slices.Contains(known, name)
				switch {
				case kept && short:
					t.Errorf("it keeps the promise now: take %q off testdata/shortfalls", name)
				case !kept && !short:
					t.Errorf("promised %s: %s", e.Promise, o)
				case !kept:
					t.Logf("known to fall short of %s: %s", e.Promise, o)
				}
			})
		}
	}
}

// The whole matrix: all captures and the stories that are told right, each with
// each edit, and captures in pairs. Its totals are in BENCHMARKS.md.
func TestWholeMatrix(t *testing.T) {
	if !whole {
		t.Skip("MATRIX=whole and ERGO_CAPTURES ask for it: make matrix")
	}
	var cases []*metamorph.Case
	if dir := os.Getenv("ERGO_CAPTURES"); dir != "" {
		cases = load(t, filepath.Join(dir, "*.truth.json"))
	} else {
		cases = bundled(t)
	}
	captured := len(cases)
	files, err := filepath.Glob(filepath.Join(tree, "stories", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	unfit, err := os.ReadFile(filepath.Join(tree, "stories", "shortfalls"))
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		if name := strings.TrimSuffix(filepath.Base(f), ".txt"); !strings.Contains(string(unfit), "\n"+name+": ") {
			cases = append(cases, told(t, f))
		}
	}
	byPromise := map[metamorph.Promise]*total{metamorph.Same: {}, metamorph.Weaker: {}, metamorph.CannotBeTold: {}}
	byEdit := map[string]*total{}
	only := regexp.MustCompile(os.Getenv("MATRIX_ONLY"))
	try := func(name, edit string, p metamorph.Promise, c *metamorph.Case) {
		if !only.MatchString(name + " / " + edit) {
			return
		}
		o := metamorph.Judge(c, report(t, c))
		kept := o.Keeps(p)
		byPromise[p].add(o, kept)
		if byEdit[edit] == nil {
			byEdit[edit] = &total{}
		}
		byEdit[edit].add(o, kept)
		if !kept {
			t.Logf("%s / %s: promised %s: %s", name, edit, p, o)
		}
	}
	for _, c := range cases {
		for _, e := range metamorph.Edits() {
			if e.Fits == nil || e.Fits(c) {
				try(c.Name, e.Name, e.Promise, e.Do(c))
			}
		}
	}
	for i := range captured {
		a, b := cases[i], cases[(i+1)%captured]
		if len(a.Faults) > 0 && len(b.Faults) > 0 && i+1 < captured {
			m := metamorph.Merge(a, b)
			try(m.Name, "merged", metamorph.Same, m)
		}
	}
	table := totals(captured, len(cases)-captured, byPromise, byEdit)
	t.Log("\n" + table)
	if os.Getenv("MATRIX_WRITE") != "" {
		write(t, table)
	}
}

func totals(captures, stories int, byPromise map[metamorph.Promise]*total, byEdit map[string]*total) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d captures and %d stories, each edited in %d ways, and captures in pairs (`make matrix`).\n\n", time.Now().UTC().Format("2006-01-02"), captures, stories, len(metamorph.Edits()))
	b.WriteString("| promised | runs | kept | faults | found | named | first | in time | false roots | on healthy ones |\n|---|---|---|---|---|---|---|---|---|---|\n")
	row := func(name string, s *total) {
		if s != nil {
			fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", name, s.runs, s.kept, s.faults, s.found, s.named, s.first, s.timely, s.false, s.healthyFalse)
		}
	}
	for _, p := range []metamorph.Promise{metamorph.Same, metamorph.Weaker, metamorph.CannotBeTold} {
		row(p.String(), byPromise[p])
	}
	b.WriteString("\n| edit | runs | kept | faults | found | named | first | in time | false roots | on healthy ones |\n|---|---|---|---|---|---|---|---|---|---|\n")
	for _, e := range metamorph.Edits() {
		row(e.Name, byEdit[e.Name])
	}
	row("merged", byEdit["merged"])
	return b.String()
}

// write puts the totals into BENCHMARKS.md.
func write(t *testing.T, table string) {
	t.Helper()
	const path, from, to = "../../BENCHMARKS.md", "<!-- matrix -->\n", "<!-- /matrix -->\n"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	head, rest, ok := strings.Cut(string(text), from)
	_, tail, ended := strings.Cut(rest, to)
	if !ok || !ended {
		t.Fatalf("%s has no place for the matrix", path)
	}
	if err := os.WriteFile(path, []byte(head+from+table+to+tail), 0o644); err != nil {
		t.Fatal(err)
	}
}
