package metamorph

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/coverage"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/pace"
	"ergorecorder/internal/story"
)

// What a report says is in order, and that it says so at all, is held against
// the records themselves, counted here anew: whatever was taken out of a
// recording, nothing is said that the rest does not carry.

// A harm takes something out of a recording.
type harm struct {
	name string
	do   func([]*archive.Record) []*archive.Record
	// blind says which nodes no line may name, of which detector ("" for all).
	blind func(node, detector string) bool
}

func keeping(want func(*archive.Record) bool) func([]*archive.Record) []*archive.Record {
	return func(all []*archive.Record) []*archive.Record {
		return slices.DeleteFunc(slices.Clone(all), func(r *archive.Record) bool { return !want(r) })
	}
}

// harms are some of all that can be taken out of a recording.
func harms(all []*archive.Record, seed uint64) (out []harm) {
	rng := chances(seed)
	from, to := all[0].At, all[len(all)-1].At
	part := func(share float64) time.Time { return from.Add(time.Duration(share * float64(to.Sub(from)))) }
	never := func(string, string) bool { return false }
	out = append(out, harm{"nothing is taken", func(all []*archive.Record) []*archive.Record { return all }, never})
	for range 3 {
		a, b := rng.Float64(), rng.Float64()
		a, b = min(a, b), max(a, b)
		out = append(out, harm{fmt.Sprintf("cut to %.2f-%.2f", a, b), keeping(func(r *archive.Record) bool {
			return !r.At.Before(part(a)) && !r.At.After(part(b))
		}), never})
	}
	nodes := nodesOf(all)
	for _, n := range nodes {
		out = append(out, harm{"without " + n, keeping(func(r *archive.Record) bool { return r.Stream.Node != n }), func(node, _ string) bool { return node == n }})
	}
	for _, tool := range toolsNeeded() {
		n := nodes[rng.IntN(len(nodes))]
		is := func(r *archive.Record) bool { return r.Stream.Node == n && r.Stream.Name == tool }
		every, i := 2+rng.IntN(40), 0
		out = append(out, harm{fmt.Sprintf("every %dth of %s of %s", every, tool, n), func(all []*archive.Record) []*archive.Record {
			i = 0
			return keeping(func(r *archive.Record) bool {
				if !is(r) {
					return true
				}
				i++
				return i%every == 0
			})(all)
		}, never})
		if usable(all, n, tool, nil) < 12 {
			continue // its middle would be no longer than what lies between a few answers
		}
		out = append(out, harm{fmt.Sprintf("%s of %s but for its middle", tool, n), keeping(func(r *archive.Record) bool {
			return !is(r) || r.At.Before(part(0.3)) || r.At.After(part(0.7))
		}), func(node, detector string) bool { return node == n && needs(detector, tool, "") }})
	}
	for _, need := range analyze.Needs() {
		for _, column := range need.Columns {
			n := nodes[rng.IntN(len(nodes))]
			out = append(out, harm{fmt.Sprintf("%s of %s without %s", need.Reading, n, column), func(all []*archive.Record) []*archive.Record {
				return withoutColumn(all, n, need.Reading, column)
			}, func(node, detector string) bool { return node == n && needs(detector, need.Reading, column) }})
		}
	}
	return out
}

func nodesOf(all []*archive.Record) (names []string) {
	for _, r := range all {
		if r.Stream.Kind == archive.Sample && r.Stream.Node != "" && !slices.Contains(names, r.Stream.Node) {
			names = append(names, r.Stream.Node)
		}
	}
	slices.Sort(names)
	return names
}

func toolsNeeded() (tools []string) {
	for _, n := range analyze.Needs() {
		tools = append(tools, n.Reading)
	}
	slices.Sort(tools)
	return slices.Compact(tools)
}

// needs reports whether a detector needs a tool, and a column of it ("" for any).
func needs(detector, tool, column string) bool {
	return slices.ContainsFunc(analyze.Needs(), func(n coverage.Need) bool {
		return n.Detector == detector && n.Reading == tool && (column == "" || slices.Contains(n.Columns, column))
	})
}

func withoutColumn(all []*archive.Record, node, tool, column string) []*archive.Record {
	out := slices.Clone(all)
	for i, r := range out {
		if r.Stream.Node != node || r.Stream.Name != tool || r.Text == nil {
			continue
		}
		edited := *r
		edited.Text = editRows(r.Text, func(row row) { delete(row, column) })
		out[i] = &edited
	}
	return out
}

// editRows lets do change each row of an answer.
func editRows(text []byte, do func(row)) []byte {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.UseNumber()
	var v any
	if dec.Decode(&v) != nil {
		return text
	}
	switch v := v.(type) {
	case row:
		do(v)
	case []any:
		for _, x := range v {
			if r, ok := x.(row); ok {
				do(r)
			}
		}
	}
	b, err := json.Marshal(v)
	if err != nil {
		return text
	}
	return b
}

// usable is how many answers of a tool of a node have all of some columns.
func usable(all []*archive.Record, node, tool string, columns []string) (n int) {
	for _, r := range all {
		if r.Stream.Kind != archive.Sample || r.Stream.Node != node || r.Stream.Name != tool || r.Failure != nil || r.IsError {
			continue
		}
		has, rows := map[string]bool{}, 0
		editRows(r.Text, func(r row) {
			rows++
			for k := range r {
				has[k] = true
			}
		})
		if rows == 0 || !slices.ContainsFunc(columns, func(c string) bool { return !has[c] }) {
			n++
		}
	}
	return n
}

// suffices reports whether every node has as many answers as each detector needs
// at least: less never suffices, though as many need not.
func suffices(all []*archive.Record) (ok bool, why string) {
	nodes := nodesOf(all)
	for _, node := range nodes {
		for _, n := range analyze.Needs() {
			if n.Peers && len(nodes) < 2 {
				continue
			}
			if got := usable(all, node, n.Reading, n.Columns); got < n.Least {
				return false, fmt.Sprintf("%s: %s has %d answers of %s with %v, and needs %d", node, n.Detector, got, n.Reading, n.Columns, n.Least)
			}
		}
	}
	return true, ""
}

// detectorOf is whose line it is: each kind of line by words that stand in it.
func detectorOf(line string) string {
	for words, detector := range map[string]string{
		"the same life in all of": "lives", "failed deliveries": "errors", "applications that ran stopped": "applications",
		"messages waiting for long": "bottleneck", "was restarted over and over": "restart-loop", "family of processes keeps growing": "process-leak",
		"no zombee of": "zombies", "no rise of CPU": "cpu", "the heap does not keep growing": "memory", "connected in all of": "links",
		"failed handshakes came": "handshakes", "growth of goroutines": "goroutines", "processes fail to start": "starts", "none fell silent": "events",
	} {
		if strings.Contains(line, words) {
			return detector
		}
	}
	return ""
}

var looks = regexp.MustCompile(`(\d+) (answers|listings|samples)`)

// carried checks the lines of what is in order.
func carried(t *testing.T, h harm, all []*archive.Record, lines []string) {
	t.Helper()
	for _, line := range lines {
		detector := detectorOf(line)
		about, _, _ := strings.Cut(line, ": ")
		if detector == "" { // of a detector that is not listed above: at least its nodes were seen
			for node := range strings.SplitSeq(about, " and ") {
				if !slices.Contains(nodesOf(all), node) {
					t.Errorf("nothing of %s was recorded: %s", node, line)
				}
			}
			continue
		}
		said, most := looks.FindStringSubmatch(line), 0
		for node := range strings.SplitSeq(about, " and ") {
			if h.blind(node, detector) {
				t.Errorf("it says of what it did not see: %s", line)
			}
			for _, n := range analyze.Needs() {
				if n.Detector != detector {
					continue
				}
				got := usable(all, node, n.Reading, n.Columns)
				if recorded := slices.Contains(nodesOf(all), node); recorded && got < n.Least {
					t.Errorf("%d answers of %s are too few for: %s", got, n.Reading, line)
				}
				most += got
			}
		}
		if said == nil {
			t.Errorf("it does not say how often was looked: %s", line)
		} else if n, _ := strconv.Atoi(said[1]); n > most {
			t.Errorf("%d answers are in the recording: %s", most, line)
		}
	}
}

func judged(t *testing.T, all []*archive.Record) *analyze.Report {
	t.Helper()
	rec := fixture.Recorded(t, all)
	defer rec.Close()
	defer rec.Close()
	r, err := analyze.Run(t.Context(), rec, analyze.Options{Path: "edited.erg"})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// healthyPart is what was recorded before the first fault.
func healthyPart(c *Case) []*archive.Record {
	if len(c.Faults) == 0 {
		return c.Records()
	}
	to := c.First().Add(-3 * time.Second)
	return keeping(func(r *archive.Record) bool { return r.At.Before(to) })(c.Records())
}

// whole asks for every capture in ERGO_CAPTURES: make matrix.
func whole() bool { return os.Getenv("MATRIX") == "whole" }

// some is every which harm is tried on the i-th case: all with MATRIX=whole, else
// most on the first, which is in order. It is odd, for every second harm is done
// to what was recorded before the fault.
func some(i int) int {
	switch {
	case whole():
		return 1
	case i == 0:
		return pace.Times(1, 3, 31)
	}
	return pace.Times(3, 9, 31)
}

func healthyStory(t *testing.T) *Case {
	t.Helper()
	const stories = "../../testdata/stories/"
	text, err := os.ReadFile(stories + "healthy.txt")
	if err != nil {
		t.Fatal(err)
	}
	s, err := story.Read(string(text), 0, func(name string) (string, error) {
		text, err := os.ReadFile(stories + "clusters/" + name + ".txt")
		return string(text), err
	})
	if err != nil {
		t.Fatal(err)
	}
	return FromStory("healthy", s)
}

func TestNothingIsSaidThatTheRecordingDoesNotCarry(t *testing.T) {
	if testing.Short() {
		t.Skip("captures under many edits")
	}
	files, err := filepath.Glob("../../testdata/*.truth.json")
	if dir := os.Getenv("ERGO_CAPTURES"); whole() && dir != "" && err == nil {
		var more []string
		more, err = filepath.Glob(filepath.Join(dir, "*.truth.json"))
		files = append(files, more...)
	}
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures: %v", err)
	}
	cases := []*Case{healthyStory(t)}
	for _, f := range files {
		c, err := LoadCapture(strings.TrimSuffix(f, ".truth.json"))
		if err != nil {
			t.Fatal(err)
		}
		cases = append(cases, c)
	}
	clean := 0
	for i, c := range cases {
		for k, h := range harms(c.Records(), uint64(i+1)) {
			if k%some(i) != 0 {
				continue
			}
			base := c.Records()
			if k%2 == 1 {
				base = healthyPart(c)
			}
			t.Run(c.Name+", "+h.name, func(t *testing.T) {
				all := h.do(base)
				if len(nodesOf(all)) == 0 {
					t.Skip("nothing is left")
				}
				r := judged(t, all)
				carried(t, h, all, r.Healthy)
				if r.Headline.Verdict != analyze.NothingFound {
					return
				}
				clean++
				if ok, why := suffices(all); !ok {
					t.Errorf("%s\nthough %s", r.Headline.Text, why)
				}
				if strings.HasPrefix(h.name, "without ") || strings.Contains(h.name, "without") || strings.Contains(h.name, "but for its middle") {
					t.Errorf("%s\nthough it lacks that", r.Headline.Text)
				}
			})
		}
	}
	if clean == 0 {
		t.Error("no recording was called in order: nothing was tried")
	}
}
