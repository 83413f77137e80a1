package metamorph_test

import (
	"bufio"
	"crypto/sha256"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"ergorecorder/internal/metamorph"
)

// A tried is a recording with an edit, and what was said of it.
type tried struct {
	Name, Edit string
	Promise    metamorph.Promise
	Healthy    bool // nothing is wrong in it
	metamorph.Outcome
}

// The whole matrix: all captures and the stories that are told right, each with
// each edit, and captures in pairs. Its totals are in BENCHMARKS.md. It takes
// long: what MATRIX_RESULTS=FILE holds of an earlier run is not tried again,
// MATRIX_ONLY is a regular expression over "recording / edit", and MATRIX_SHARE=0.2
// tries a fifth of them, drawn by their names: a larger share holds the smaller.
func TestWholeMatrix(t *testing.T) {
	if !whole {
		t.Skip("MATRIX=whole and ERGO_CAPTURES ask for it: make matrix")
	}
	m := newMatrix(t)
	captures := bundled(t)
	if dir := os.Getenv("ERGO_CAPTURES"); dir != "" {
		captures = nil
		for _, d := range filepath.SplitList(dir) {
			captures = append(captures, load(t, filepath.Join(d, "*.truth.json"))...)
		}
	}
	var g errgroup.Group // as many recordings at a time as there are cores
	g.SetLimit(runtime.GOMAXPROCS(0))
	do := func(f func()) { g.Go(func() error { f(); return nil }) }
	for _, c := range captures {
		do(func() { m.all(c.Name, func() *metamorph.Case { return c }) })
	}
	for i := 1; i < len(captures); i++ {
		if a, b := captures[i-1], captures[i]; len(a.Faults) > 0 && len(b.Faults) > 0 {
			do(func() {
				m.try(a.Name+" with "+b.Name, "merged", metamorph.Same, func() *metamorph.Case { return metamorph.Merge(a, b) })
			})
		}
	}
	stories := toldRight(t)
	for _, f := range stories {
		do(func() {
			m.all("story "+strings.TrimSuffix(filepath.Base(f), ".txt"), func() *metamorph.Case { return told(t, f) })
		})
	}
	_ = g.Wait() // a test that fails says so itself
	table := m.table(len(captures), len(stories))
	t.Log("\n" + table)
	if os.Getenv("MATRIX_WRITE") != "" {
		write(t, table)
	}
}

// toldRight are the files of the stories that are told right, but those that the recorder's own time
// tells: a case is a capture, which has none.
func toldRight(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(tree, "stories", "*.txt"))
	if err != nil {
		t.Fatal(err)
	}
	unfit, err := os.ReadFile(filepath.Join(tree, "stories", "shortfalls"))
	if err != nil {
		t.Fatal(err)
	}
	var out []string
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		steps := strings.Contains(string(text), "clock of recorder steps") && strings.Contains(string(text), "\nclock_skew on ")
		if name := strings.TrimSuffix(filepath.Base(f), ".txt"); !steps && !strings.Contains(string(unfit), "\n"+name+": ") {
			out = append(out, f)
		}
	}
	return out
}

// A matrix tries recordings with edits.
type matrix struct {
	t     *testing.T
	only  *regexp.Regexp
	share float64          // how many of them
	have  map[string]tried // of an earlier run
	keep  *os.File         // where they are kept; nil: nowhere
	mu    sync.Mutex       // of what follows
	done  []tried
}

func newMatrix(t *testing.T) *matrix {
	t.Helper()
	m := &matrix{t: t, only: regexp.MustCompile(os.Getenv("MATRIX_ONLY")), share: 1, have: map[string]tried{}}
	if s := os.Getenv("MATRIX_SHARE"); s != "" {
		var err error
		if m.share, err = strconv.ParseFloat(s, 64); err != nil {
			t.Fatalf("MATRIX_SHARE is not a number: %v", err)
		}
	}
	path := os.Getenv("MATRIX_RESULTS")
	if path == "" {
		return m
	}
	var err error
	if m.keep, err = os.OpenFile(path, os.O_CREATE|os.O_RDWR|os.O_APPEND, 0o644); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { m.keep.Close() })
	for lines := bufio.NewScanner(m.keep); lines.Scan(); {
		var r tried
		if json.Unmarshal(lines.Bytes(), &r) == nil {
			m.have[r.Name+" / "+r.Edit] = r
		}
	}
	return m
}

// all tries a recording with each edit that fits it.
func (m *matrix) all(name string, get func() *metamorph.Case) {
	var c *metamorph.Case
	for _, e := range metamorph.Edits() {
		m.try(name, e.Name, e.Promise, func() *metamorph.Case {
			if c == nil {
				c = get()
			}
			if e.Fits != nil && !e.Fits(c) {
				return nil
			}
			return e.Do(c)
		})
	}
}

// try judges what is said of a recording, if it was not done before; there is
// none where the edit does not fit.
func (m *matrix) try(name, edit string, p metamorph.Promise, get func() *metamorph.Case) {
	full := name + " / " + edit
	r, known := m.have[full]
	if !known {
		if !m.only.MatchString(full) || drawn(full) >= m.share {
			return
		}
		r = tried{Name: name, Edit: edit, Promise: p}
		if c := get(); c != nil {
			r.Healthy = len(c.Faults) == 0
			// In a test of its own: what it leaves behind is given back.
			m.t.Run(full, func(t *testing.T) { r.Outcome = metamorph.Judge(c, report(t, c)) })
			r.Runs = 1
			if r.Hidden > 0 && edit == "as it is" {
				m.t.Errorf("%s: %d of its faults cannot be told even as it is", full, r.Hidden)
			}
		}
		m.mu.Lock()
		if text, err := json.Marshal(r); err == nil && m.keep != nil {
			fmt.Fprintf(m.keep, "%s\n", text)
		}
		m.mu.Unlock()
	}
	if r.Runs == 0 {
		return
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.done = append(m.done, r); !r.Keeps(p) {
		m.t.Logf("%s: promised %s: %s", full, p, r.Outcome)
	}
}

// drawn is where a name lies between 0 and 1.
func drawn(name string) float64 {
	sum := sha256.Sum256([]byte(name))
	return float64(binary.BigEndian.Uint32(sum[:])) / (1 << 32)
}

// table says how many of which kept what was promised, and how they stand to
// the bars.
func (m *matrix) table(captures, stories int) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %d captures and %d stories, each edited in %d ways, and captures in pairs (`make matrix`).\n\n", time.Now().UTC().Format("2006-01-02"), captures, stories, len(metamorph.Edits()))
	m.bars(&b)
	const head = "| runs | kept | faults | found | named | first | in time | name left out | too little left | false roots | on healthy ones |\n|---|---|---|---|---|---|---|---|---|---|---|---|\n"
	rows := func(title string, names []string, of func(r tried) string) {
		fmt.Fprintf(&b, "\n| %s %s", title, head)
		for _, name := range names {
			var sum metamorph.Outcome
			kept, healthy := 0, 0
			for _, r := range m.done {
				if of(r) != name {
					continue
				}
				sum.Add(r.Outcome)
				if r.Keeps(r.Promise) {
					kept++
				}
				if r.Healthy {
					healthy += len(r.False)
				}
			}
			if sum.Runs > 0 {
				fmt.Fprintf(&b, "| %s | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d | %d |\n", name, sum.Runs, kept, sum.Faults, sum.Found, sum.Named, sum.First, sum.Timely, sum.Nameless, sum.Hidden, len(sum.False), healthy)
			}
		}
	}
	rows("promised", []string{"the same", "weaker", "cannot be told"}, func(r tried) string { return r.Promise.String() })
	names := []string{}
	for _, e := range metamorph.Edits() {
		names = append(names, e.Name)
	}
	rows("edit", append(names, "merged"), func(r tried) string { return r.Edit })
	return b.String()
}

// bars holds what can be told against what is asked for.
func (m *matrix) bars(b *strings.Builder) {
	var sum metamorph.Outcome
	reports, roots, healthy := 0, 0, 0
	for _, r := range m.done {
		reports, roots = reports+1, roots+len(r.False)
		if r.Healthy {
			healthy += len(r.False)
		}
		if r.Promise != metamorph.CannotBeTold {
			sum.Add(r.Outcome)
		}
	}
	share := func(n, of int) string {
		return fmt.Sprintf("%.1f %% (%d of %d)", 100*float64(n)/float64(max(of, 1)), n, of)
	}
	fmt.Fprintf(b, "| of the faults that can be told | bar | measured |\n|---|---|---|\n")
	fmt.Fprintf(b, "| found | 98 %% | %s |\n| named | 98 %% | %s |\n| first | 95 %% | %s |\n", share(sum.Found, sum.Faults), share(sum.Named, sum.Faults-sum.Nameless), share(sum.First, sum.Faults))
	fmt.Fprintf(b, "| onset within 4 s or two intervals, of slow growth within a tenth | 95 %% | %s |\n", share(sum.Timely, sum.Faults))
	fmt.Fprintf(b, "| faults whose name an edit left out, faults of which it left too little (not among those above) | | %d, %d |\n", sum.Nameless, sum.Hidden)
	fmt.Fprintf(b, "| false roots | 1 in 200 reports | %d in %d |\n| on healthy ones | 0 | %d |\n", roots, reports, healthy)
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
