package analyze_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook"
	"ergorecorder/analyze/render"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

var update = flag.Bool("update", false, "write the golden reports anew")

// A truth is what is known about a capture.
type truth struct {
	Start  time.Time `json:"capture_start"`
	End    time.Time `json:"capture_end"`
	Faults []struct {
		Kind         finding.Kind
		Node, Peer   string
		Start        time.Time
		Slow         bool
		Accept, Also []finding.Kind
		Names        []string
	}
}

// captures are the captures in ERGO_CAPTURES, and the cut ones that lie in the
// tree, by path without extensions.
func captures(t *testing.T) []string {
	t.Helper()
	bundled, err := filepath.Glob("../testdata/*.truth.json")
	if err != nil {
		t.Fatal(err)
	}
	all := bundled
	if dir := os.Getenv("ERGO_CAPTURES"); dir != "" {
		more, err := filepath.Glob(filepath.Join(dir, "*.truth.json"))
		if err != nil || len(more) == 0 {
			t.Fatalf("no captures in %s: %v", dir, err)
		}
		all = append(all, more...)
	} else {
		t.Log("ERGO_CAPTURES is not set: only the captures in testdata are looked at")
	}
	for i := range all {
		all[i] = strings.TrimSuffix(all[i], ".truth.json")
	}
	return all
}

// imported is an archive of captures, with the profiles beside them.
func imported(t *testing.T, captures ...string) *replay.Recording {
	t.Helper()
	return fixture.Recording(t, captures...)
}

func importedFile(t *testing.T, captures ...string) (path string) {
	t.Helper()
	return fixture.Archive(t, captures...)
}

func truthOf(t *testing.T, capture string) truth {
	t.Helper()
	text, err := os.ReadFile(capture + ".truth.json")
	if err != nil {
		t.Fatal(err)
	}
	var tr truth
	if err := json.Unmarshal(text, &tr); err != nil {
		t.Fatal(err)
	}
	return tr
}

func run(t *testing.T, rec *replay.Recording, opt analyze.Options) *analyze.Report {
	t.Helper()
	r, err := analyze.Run(context.Background(), rec, opt)
	if err != nil {
		t.Fatal(err)
	}
	may := map[finding.Kind]bool{}
	for _, b := range playbook.All() {
		for _, d := range b.Detectors {
			for _, k := range d.Claims {
				may[k] = true
			}
		}
	}
	for _, f := range r.Findings {
		if !may[f.Kind] {
			t.Errorf("%s is claimed, and no detector's row says so", f.Kind)
		}
	}
	return r
}

// score holds a report to what is known: every fault is found, named, first
// and in time, and nothing else is claimed.
func score(t *testing.T, tr truth, r *analyze.Report) {
	t.Helper()
	rs := roots(r)
	explained := map[*finding.Finding]bool{}
	for _, fault := range tr.Faults {
		var best *finding.Finding
		for _, f := range r.Findings {
			if best == nil && slices.Contains(fault.Accept, f.Kind) && at(f, fault.Node, fault.Peer) && named(f, fault.Names) {
				best = f
			}
		}
		if best == nil {
			t.Errorf("%s on %s is not found and named", fault.Kind, fault.Node)
			continue
		}
		if i := slices.Index(rs, best); i < 0 || i >= len(tr.Faults) {
			t.Errorf("%s is not among the first: rank %d", line(best), i)
		}
		limit := 4 * time.Second
		if fault.Slow {
			limit = tr.End.Sub(tr.Start) / 4
		}
		if off := best.Onset.Sub(fault.Start); off.Abs() > limit {
			t.Errorf("onset is %s off: %s", off, line(best))
		}
		for _, f := range rs {
			here := f.Subject.Node == fault.Node || f.Subject.Node == fault.Peer || f.Subject.Peer != "" && f.Subject.Peer == fault.Node
			explained[f] = explained[f] || f == best || here && (slices.Contains(fault.Accept, f.Kind) || slices.Contains(fault.Also, f.Kind))
		}
	}
	for _, f := range rs {
		if !explained[f] {
			t.Errorf("false alarm: %s", line(f))
		}
	}
}

func at(f *finding.Finding, node, peer string) bool {
	s := f.Subject
	if peer == "" {
		return s.Node == node
	}
	return s.Node == node && s.Peer == peer || s.Node == peer && s.Peer == node
}

func named(f *finding.Finding, names []string) bool {
	s := f.Subject
	said := []string{s.Name, s.PID, s.Behavior, s.Function, s.Event}
	return len(names) == 0 || slices.ContainsFunc(names, func(n string) bool {
		return slices.ContainsFunc(said, func(x string) bool { return strings.Contains(x, n) })
	})
}

// Every capture is judged right, and its report is the one that was looked at.
func TestCaptures(t *testing.T) {
	for _, c := range captures(t) {
		t.Run(goldenName(c), func(t *testing.T) {
			rec := imported(t, c)
			r := run(t, rec, analyze.Options{Path: filepath.Base(c) + ".erg"})
			score(t, truthOf(t, c), r)
			var text bytes.Buffer
			if err := render.Text(&text, r, render.Options{Width: 100}); err != nil {
				t.Fatal(err)
			}
			golden(t, filepath.Join("testdata", goldenName(c)+".txt"), text.Bytes())
		})
	}
}

// goldenName tells the cut captures in the tree from whole ones.
func goldenName(capture string) string {
	name := filepath.Base(capture)
	if strings.HasPrefix(capture, "../testdata") {
		return "cut_" + name
	}
	return name
}

func golden(t *testing.T, path string, got []byte) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, got, 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatalf("%v (go test ./analyze -update writes it)", err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Errorf("%s differs (-want +got):\n%s", path, d)
	}
}

// Until shortly before its fault, every capture is healthy.
func TestHealthyStretches(t *testing.T) {
	for _, c := range captures(t) {
		t.Run(goldenName(c), func(t *testing.T) {
			tr := truthOf(t, c)
			to := tr.End
			for _, f := range tr.Faults {
				if end := f.Start.Add(-3 * time.Second); end.Before(to) {
					to = end
				}
			}
			for _, f := range roots(run(t, imported(t, c), analyze.Options{To: to})) {
				t.Errorf("false alarm: %s", line(f))
			}
		})
	}
}

// Two incidents in one archive stay two.
func TestMergedCaptures(t *testing.T) {
	all := captures(t)
	pick := func(name string) string {
		i := slices.IndexFunc(all, func(c string) bool { return filepath.Base(c) == name })
		return all[i]
	}
	a, b := pick("stuck"), pick("restart_loop")
	r := run(t, imported(t, a, b), analyze.Options{})
	x, y := truthOf(t, a), truthOf(t, b)
	for _, tr := range []truth{x, y} {
		fault := tr.Faults[0]
		i := slices.IndexFunc(roots(r), func(f *finding.Finding) bool {
			return slices.Contains(fault.Accept, f.Kind) && at(f, fault.Node, fault.Peer) && named(f, fault.Names) &&
				f.Onset.Sub(fault.Start).Abs() < 4*time.Second
		})
		if i < 0 || i > 1 {
			t.Errorf("%s on %s is not among the first two: %d", fault.Kind, fault.Node, i)
			for _, f := range roots(r) {
				t.Logf("  %s", line(f))
			}
		}
	}
}
