package main

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/replay"
)

// TestLoads: a recording of each kind holds what its load says.
func TestLoads(t *testing.T) {
	short := load{Nodes: 1, Processes: 40, Length: 5 * time.Minute, Segments: 1}
	for name, grow := range map[string]func(*load){
		"processes": func(l *load) { l.Processes = 120 },
		"nodes":     func(l *load) { l.Nodes = 3 },
		"hours":     func(l *load) { l.Length = 10 * time.Minute },
		"findings":  func(l *load) { l.Stuck = 5 },
		"lines":     func(l *load) { l.Lines = 150 },
		"segments":  func(l *load) { l.Segments = 7 },
	} {
		t.Run(name, func(t *testing.T) {
			l := short
			grow(&l)
			path := filepath.Join(t.TempDir(), "a.erg")
			if l.Segments > 1 {
				path = t.TempDir() + string(filepath.Separator)
			}
			if err := write(l, path, func(time.Duration) {}); err != nil {
				t.Fatal(err)
			}
			r, err := archive.Open(path)
			if err != nil {
				t.Fatal(err)
			}
			defer archivetest.Verify(t, path)
			defer r.Close()
			rows := 0
			for _, s := range r.Streams() {
				if s.Name == "process_list" {
					rows += s.Rows
				}
			}
			if rows != l.rows() {
				t.Errorf("%d process rows, want %d", rows, l.rows())
			}
			if n := r.Info().Segments; n != l.Segments {
				t.Errorf("%d segments, want %d", n, l.Segments)
			}
			if n := lines(t, path); n != l.Lines {
				t.Errorf("%d log lines, want %d", n, l.Lines)
			}
			if n := stuck(t, r); n != l.Stuck {
				t.Errorf("%d processes stand still at the end, want %d", n, l.Stuck)
			}
		})
	}
}

func lines(t *testing.T, path string) (n int) {
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	for _, err := range rec.Logs(context.Background(), "", time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		n++
	}
	return n
}

func stuck(t *testing.T, r *archive.Reader) (n int) {
	for _, s := range r.Streams() {
		if s.Name != "process_list" {
			continue
		}
		last, err := r.Last(s.StreamKey, "", s.To)
		if err != nil {
			t.Fatal(err)
		}
		n += strings.Count(string(last.Text), `"running"`)
	}
	return n
}

// TestGrowth: what grows in proportion has the exponent 1, what stays 0, and what
// is too small to tell has none; what grew more than it may is told.
func TestGrowth(t *testing.T) {
	of := newTable(dimension{name: "hours", what: "length", steps: []step{
		{6, " min", load{Nodes: 1, Processes: 10, Length: 6 * time.Minute}},
		{60, " min", load{Nodes: 1, Processes: 10, Length: time.Hour}},
	}})
	of.add(map[string]cost{
		"report": {cpu: time.Second, peak: 127 << 20, size: 1 << 20}, "info": {cpu: time.Millisecond, peak: 28 << 20},
		"MCP tool": {cpu: 100 * time.Millisecond}, "HTML": {cpu: time.Second},
	})
	of.add(map[string]cost{
		"report": {cpu: 10 * time.Second, peak: 127 << 20, size: 100 << 20}, "info": {cpu: 5 * time.Millisecond, peak: 29 << 20},
		"MCP tool": {cpu: 200 * time.Millisecond}, "HTML": {cpu: 15 * time.Second}, "call": {why: "it failed"},
	})
	var out strings.Builder
	of.write(&out)
	for _, want := range []string{
		"| length | 6 min | 60 min |\n|---|---|---|\n| process rows | 720 | 7200 |\n",
		"| report | 1.00, 127, 1024 | 10.00 (1.00), 127 (0.00), 102400 (2.00) |\n",
		"| info | 0.00, 28, 0 | 0.01, 29, 0 |\n",
		"it failed |\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("no line %q in\n%s", want, out.String())
		}
	}
	if got, want := of.over(), []string{"report, 6 min: 127 MiB, at most 104", "report, 60 min: 127 MiB, at most 104"}; !slices.Equal(got, want) {
		t.Errorf("over their bounds: %q, want %q", got, want)
	}
	want := []string{
		"size of report, 60 min: exponent 2.00, at most 1.1 is meant", "CPU time of HTML, 60 min: exponent 1.18, at most 1.1 is meant",
		"CPU time of MCP tool, 60 min: exponent 0.30, at most 0.1 is meant",
	}
	if got := of.grew(); !slices.Equal(got, want) {
		t.Errorf("grew too much: %q, want %q", got, want)
	}
	of.of.wide = true
	if got := of.grew(); !slices.Equal(got, want[:2]) {
		t.Errorf("where an instant has more of it too: %q, want %q", got, want[:2])
	}
}

// TestImportedWhole: an import is no figure where the export that it reads fails on the way.
func TestImportedWhole(t *testing.T) {
	bin := t.TempDir()
	for name, script := range map[string]string{"analyze": "echo half; exit 3", "record": "cat >/dev/null"} {
		if err := os.WriteFile(filepath.Join(bin, name), []byte("#!/bin/sh\n"+script+"\n"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if c := imported(t.Context(), &recording{bin: bin, dir: bin}); !strings.Contains(c.why, "export: exit status 3") {
		t.Errorf("half an export was imported, and it says %q", c.why)
	}
}

var update = flag.Bool("update", false, "write docs/memory.md")

// TestMemoryDocumented: docs/memory.md has the bounds that make scale holds to.
func TestMemoryDocumented(t *testing.T) {
	const path = "../../docs/memory.md"
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, found := strings.Cut(string(text), "<!-- bounds -->\n")
	_, after, ended := strings.Cut(rest, "<!-- /bounds -->")
	if !found || !ended {
		t.Fatalf("%s has no place for the bounds", path)
	}
	var b strings.Builder
	formulas(&b)
	want := before + "<!-- bounds -->\n" + b.String() + "<!-- /bounds -->" + after
	if *update {
		if err := os.WriteFile(path, []byte(want), 0o644); err != nil {
			t.Fatal(err)
		}
	} else if want != string(text) {
		t.Error("docs/memory.md is not what the bounds are: go test ./internal/scale -update")
	}
}

// TestFigures: every section of BENCHMARKS.md says by which command it is measured
// again, and bench/figures.sh knows it; and it says of which commit its figures are,
// and at what load.
func TestFigures(t *testing.T) {
	script, err := os.ReadFile("../../bench/figures.sh")
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile("../../BENCHMARKS.md")
	if err != nil {
		t.Fatal(err)
	}
	_, list, _ := strings.Cut(string(script), "\nsections=(")
	list, _, _ = strings.Cut(list, ")")
	known := strings.Fields(list)
	var told []string
	for _, section := range strings.Split("\n"+string(text), "\n##")[1:] {
		heading, _, _ := strings.Cut(section, "\n")
		_, after, found := strings.Cut(section, "`make figures SECTION=")
		name, _, _ := strings.Cut(after, "`")
		if !found {
			t.Errorf("%q does not say how its figures are measured again", strings.TrimLeft(heading, "# "))
		}
		told = append(told, name)
		if !regexp.MustCompile(`\b[0-9a-f]{7}\b`).MatchString(after) || !strings.Contains(after, "load") {
			t.Errorf("%q does not say of which commit its figures are, and at what load", strings.TrimLeft(heading, "# "))
		}
		if !strings.Contains(string(script), "\n  "+name+") ") && !strings.Contains(string(script), "\n  "+name+")\n") {
			t.Errorf("%q: bench/figures.sh does not know %q", strings.TrimLeft(heading, "# "), name)
		}
	}
	if !slices.Equal(told, known) {
		t.Errorf("BENCHMARKS.md has the sections %q, bench/figures.sh %q", told, known)
	}
}

// TestCases: each case grows, and only in what it names.
func TestCases(t *testing.T) {
	all, err := chosen("")
	if err != nil || len(all) == 0 {
		t.Fatal(all, err)
	}
	if _, err := chosen("noise"); err == nil {
		t.Error("a case that there is not was chosen")
	}
	for _, d := range dimensions() {
		for i := range d.steps[1:] {
			if d.growth(i+1) <= 1 {
				t.Errorf("%s: step %d does not grow", d.name, i+1)
			}
		}
	}
}
