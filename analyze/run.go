package analyze

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/replay"
)

// Options select what is judged. The zero value judges everything.
type Options struct {
	From, To  time.Time // zero: the recording's own
	Playbooks []string  // health, bottleneck, cpu, memory, process-leak, restart-loop, zombies, network, goroutines, events
	Node      string    // glob over node names
	Path      string    // what the report calls the archive
	Progress  func(done, total int, step string)
}

// Run judges a recording. It refuses a playbook that does not exist and a
// window without recorded data; data that do not suffice for a verdict are
// named in the report instead.
func Run(ctx context.Context, rec *replay.Recording, opt Options) (*Report, error) {
	books, err := selected(opt.Playbooks)
	if err != nil {
		return nil, err
	}
	s, err := read(ctx, rec, opt)
	if err != nil {
		return nil, err
	}
	r, err := s.report(ctx, opt)
	if err != nil {
		return nil, err
	}
	for i, b := range books {
		if opt.Progress != nil {
			opt.Progress(i, len(books), b.name)
		}
		v := &verdict{playbook: b.name}
		if err := b.run(ctx, s, v); err != nil {
			return nil, fmt.Errorf("playbook %s: %w", b.name, err)
		}
		r.Findings = append(r.Findings, v.findings...)
		r.Healthy = append(r.Healthy, v.healthy...)
		r.NotEvaluated = append(r.NotEvaluated, v.skipped...)
	}
	for _, f := range r.Findings {
		f.acrossGaps(r.Archive.Gaps)
	}
	if err := s.causes(ctx, r.Findings); err != nil {
		return nil, fmt.Errorf("look for causes: %w", err)
	}
	r.Findings = rank(r.Findings)
	r.NotEvaluated = append(r.NotEvaluated, s.damageNoted()...)
	return r, nil
}

// acrossGaps says so where a finding began while its node was not recorded. A
// node that was away is its own gap.
func (f *Finding) acrossGaps(gaps []Gap) {
	if among(f.Kind, "node_down", "node_restarted") {
		return
	}
	for _, g := range gaps {
		if g.Node == f.Subject.Node && f.Onset.After(g.From) && f.Onset.Before(g.To) {
			f.Caveats = append(f.Caveats, fmt.Sprintf("%s was not recorded from %s to %s (%s): within that stretch the onset is an estimate",
				g.Node, clock(g.From), clock(g.To), g.Why))
			return
		}
	}
}

// selected are the playbooks of the given names, all where none is given.
func selected(names []string) ([]playbook, error) {
	all := playbooks()
	if len(names) == 0 {
		return all, nil
	}
	var out []playbook
	for _, name := range names {
		i := slices.IndexFunc(all, func(b playbook) bool { return b.name == name })
		if i < 0 {
			return nil, fmt.Errorf("no playbook %q: there are %v", name, PlaybookNames())
		}
		out = append(out, all[i])
	}
	return out, nil
}

// PlaybookNames are the names of all playbooks.
func PlaybookNames() []string {
	var names []string
	for _, b := range playbooks() {
		names = append(names, b.name)
	}
	return names
}

// report is a report without findings.
func (s *scene) report(ctx context.Context, opt Options) (*Report, error) {
	r := &Report{
		Schema:       SchemaVersion,
		Archive:      Archive{Path: opt.Path, Nodes: []string{}, Gaps: []Gap{}},
		Window:       Window{s.from, s.to},
		Findings:     []*Finding{},
		Healthy:      []string{},
		NotEvaluated: []NotEvaluated{},
	}
	r.Archive.RecordedFrom, r.Archive.RecordedTo = s.rec.Window()
	for _, n := range s.nodes {
		r.Archive.Nodes = append(r.Archive.Nodes, n.Name)
	}
	gaps, err := s.rec.Gaps(ctx)
	if err != nil && !s.damaged(err) {
		return nil, fmt.Errorf("look for gaps: %w", err)
	}
	for _, g := range gaps {
		r.Archive.Gaps = append(r.Archive.Gaps, Gap{g.Node, g.From, g.To, g.Why})
	}
	return r, nil
}
