package metamorph

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo/capture"
	"ergorecorder/internal/story"
	"ergorecorder/recorder/ingest"
)

// LoadCapture reads a capture with its truth: NAME.jsonl.gz, NAME.truth.json, and
// the profiles beside them.
func LoadCapture(path string) (*Case, error) {
	c := &Case{Name: filepath.Base(path)}
	raw, err := os.ReadFile(path + ".truth.json")
	if err != nil {
		return nil, err
	}
	var truth struct{ Faults []Fault }
	if err := json.Unmarshal(raw, &truth); err != nil {
		return nil, fmt.Errorf("read %s.truth.json: %w", path, err)
	}
	c.Faults = truth.Faults
	f, err := os.Open(path + ".jsonl.gz")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	for l, err := range capture.Read(f) {
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", path, err)
		}
		c.Lines = append(c.Lines, l)
	}
	profiles, err := filepath.Glob(path + ".*.pb.gz")
	if err != nil {
		return nil, err
	}
	for _, p := range profiles {
		raw, err := os.ReadFile(p)
		if err != nil {
			return nil, err
		}
		node, kind, ok := ingest.ProfileName(filepath.Base(p), c.Name)
		if !ok {
			continue
		}
		for _, n := range c.Nodes() {
			if short, _, _ := strings.Cut(n, "@"); short == node {
				node = n
			}
		}
		r, err := ingest.ImportedProfile(raw, node, kind, ingest.Options{})
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", p, err)
		}
		c.Profiles = append(c.Profiles, r)
	}
	return c, nil
}

// FromStory makes a case of a story: its faults are the findings that it
// expects, and what it expects beside them.
func FromStory(name string, s *story.Story) *Case {
	c := &Case{Name: name, Lines: s.World.Lines()}
	var also []string
	for _, w := range s.Expect.Also {
		also = append(also, w.Kinds...)
	}
	c.Also = slices.Clone(also)
	for _, e := range s.Expect.Effects {
		also = append(also, e.What.Kinds...)
	}
	for _, w := range s.Expect.Roots {
		if w.Severity == "info" { // a note is none of the faults, and may stand or not
			c.Also = append(c.Also, w.Kinds...)
			continue
		}
		f := Fault{Kind: w.Kinds[0], Accept: w.Kinds, Also: also, Names: w.Names, Node: w.Node, Peer: w.Peer, Start: w.Onset}
		if slices.ContainsFunc(w.Says, func(re *regexp.Regexp) bool { return strings.Contains(re.String(), "discard") }) {
			f.of = "router"
		}
		if f.loose = w.Within - 4e9; w.Onset.IsZero() {
			f.Start, f.open = s.World.From, true
		}
		if f.Kind == "restart_loop" {
			f.Start = c.firstDeath(f)
		}
		c.Faults = append(c.Faults, f)
	}
	return c
}

// firstDeath is when the first process of a restart loop came for one that died: whose
// messages kill by chance begins with the first that does.
func (c *Case) firstDeath(f Fault) time.Time {
	before, born := map[string]bool{}, time.Time{}
	c.clone().rows([]string{"process_list"}, func(l *capture.Line, r row) {
		called := text(r, "Name") + " " + text(r, "Behavior")
		if l.Call.Node != f.Node || !born.IsZero() || !slices.ContainsFunc(f.Names, func(name string) bool { return strings.Contains(called, name) }) {
			return
		}
		switch pid := text(r, "PID"); {
		case l.Answer.At.Before(f.Start):
			before[pid] = true
		case !before[pid] && len(before) > 0:
			up, _ := number(r["Uptime"])
			born = l.Answer.At.Add(-time.Duration(up * float64(time.Second)))
		}
	})
	if born.Before(f.Start) {
		return f.Start
	}
	return born
}
