package analyze

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"ergorecorder/analyze/causes"
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/mute"
	"ergorecorder/analyze/playbook"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/setting"
	"ergorecorder/analyze/weigh"
	"ergorecorder/coverage"
	"ergorecorder/internal/panics"
	"ergorecorder/replay"
)

// Options select what is judged. The zero value judges everything.
type Options struct {
	From, To  time.Time           // zero: the recording's own
	Playbooks []string            // health, bottleneck, cpu, memory, process-leak, restart-loop, zombies, network, goroutines, events
	Node      string              // glob over node names
	Path      string              // what the report calls the archive
	Settings  setting.Values      // those that are not the defaults
	Rules     []detector.Detector // the user's own; see package rules
	Mutes     []mute.Mute         // findings that are known
	Now       time.Time           // when mutes are looked at
	Progress  func(done, total int, step string)
	Sturdy    bool // a detector that panics is left out, and the report says so; without, that is an error
}

// Run judges a recording. It refuses a playbook that does not exist and a
// window without recorded data; data that do not suffice for a verdict are
// named in the report instead.
func Run(ctx context.Context, rec *replay.Recording, opt Options) (*Report, error) {
	books, err := selected(opt.Playbooks)
	if err != nil {
		return nil, err
	}
	covered := beside(ctx, func(ctx context.Context) (*coverage.Coverage, error) {
		return coverage.Of(ctx, rec, coverage.Options{From: opt.From, To: opt.To, Node: opt.Node, Needs: needs(books), Path: opt.Path})
	})
	defer covered.end()
	s, err := look(ctx, rec, opt)
	if err != nil {
		return nil, err
	}
	begun := beside(ctx, func(ctx context.Context) (*Report, error) { return report(ctx, s, opt) })
	defer begun.end()
	said, err := judge(ctx, s, books, opt)
	if err != nil {
		return nil, err
	}
	r, err := begun.wait()
	if err != nil {
		return nil, err
	}
	seen, err := covered.wait()
	if err != nil {
		return nil, fmt.Errorf("look at what was recorded: %w", err)
	}
	for _, j := range said {
		r.take(j, seen)
	}
	heeded, err := heed(ctx, s, opt.Rules, opt.Sturdy)
	if err != nil {
		return nil, err
	}
	r.Findings = append(r.Findings, heeded.Findings...)
	r.Healthy = append(r.Healthy, heeded.Healthy...)
	r.NotEvaluated = append(r.NotEvaluated, heeded.Skipped...)
	if r.Findings, err = explain(ctx, s, r.Findings); err != nil {
		return nil, err
	}
	if err := weigh.Findings(ctx, s, r.Findings); err != nil {
		return nil, fmt.Errorf("weigh what was found: %w", err)
	}
	for _, f := range r.Findings {
		acrossGaps(f, r.Archive.Gaps)
	}
	for _, ended := range mute.Apply(r.Findings, opt.Mutes, opt.Now) {
		r.NotEvaluated = append(r.NotEvaluated, finding.NotEvaluated{Playbook: "mute", Why: ended})
	}
	r.Findings = finding.Rank(r.Findings)
	net, err := s.Network(ctx)
	if err != nil {
		return nil, fmt.Errorf("look for what observes: %w", err)
	}
	if r.LeftOut = s.Footprint(net); r.LeftOut == nil {
		r.LeftOut = []string{}
	}
	r.NotEvaluated = append(r.NotEvaluated, unread(s.Damage())...)
	r.conclude(seen)
	r.quoteNames(oddNames(s))
	return r, nil
}

// unread is what the report says of what could not be read.
func unread(damage []string) []finding.NotEvaluated {
	const most = 5 // places that are named
	var out []finding.NotEvaluated
	for i, text := range damage {
		if i == most {
			return append(out, finding.NotEvaluated{Playbook: "all", Why: fmt.Sprintf("and %d more places that cannot be read", len(damage)-most)})
		}
		out = append(out, finding.NotEvaluated{Playbook: "all", Why: "cannot be read: " + text})
	}
	return out
}

// Findings judges a recording and returns what was found, as [Run] does, without
// all that a report says besides: what was in order, of what it could not be told, and
// how sure each finding is, on which neither its rank nor its cause depends. Who asks again
// and again for faults alone pays for nothing else. Mutes and gaps are a report's.
func Findings(ctx context.Context, rec *replay.Recording, opt Options) ([]*finding.Finding, error) {
	books, err := selected(opt.Playbooks)
	if err != nil {
		return nil, err
	}
	s, err := look(ctx, rec, opt)
	if err != nil {
		return nil, err
	}
	said, err := judge(ctx, s, books, opt)
	if err != nil {
		return nil, err
	}
	heeded, err := heed(ctx, s, opt.Rules, opt.Sturdy)
	if err != nil {
		return nil, err
	}
	var found []*finding.Finding
	for _, j := range said {
		found = append(found, j.Findings...)
	}
	if found, err = explain(ctx, s, append(found, heeded.Findings...)); err != nil {
		return nil, err
	}
	return finding.Rank(found), nil
}

// look reads the scene that the playbooks judge.
func look(ctx context.Context, rec *replay.Recording, opt Options) (*scene.Scene, error) {
	return scene.Read(ctx, rec, scene.Options{From: opt.From, To: opt.To, Node: opt.Node, Settings: opt.Settings, Progress: opt.Progress})
}

// explain tells causes from effects, and adds what was found by that.
func explain(ctx context.Context, s *scene.Scene, found []*finding.Finding) ([]*finding.Finding, error) {
	more, err := causes.Find(ctx, s, found)
	if err != nil {
		return nil, fmt.Errorf("look for causes: %w", err)
	}
	return append(found, more...), nil
}

// A judgement is what a playbook said, detector by detector.
type judgement struct {
	*finding.Verdict
	fine []detected
}

// detected are the lines of a detector about what it found in order.
type detected struct {
	detector string
	lines    []string
}

// judge asks the playbooks, as many of them at a time as there are cores. They share the
// scene and change nothing of it; what they say is in their order.
func judge(ctx context.Context, s *scene.Scene, books []playbook.Playbook, opt Options) ([]judgement, error) {
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(runtime.GOMAXPROCS(0))
	said := make([]judgement, len(books))
	var mu sync.Mutex
	done := 0
	for i, b := range books {
		g.Go(func() (err error) {
			said[i], err = ask(ctx, s, b, opt.Sturdy)
			mu.Lock()
			defer mu.Unlock()
			if done++; opt.Progress != nil {
				opt.Progress(done, len(books), b.Name)
			}
			return err
		})
	}
	return said, g.Wait()
}

// ask asks one playbook.
func ask(ctx context.Context, s *scene.Scene, b playbook.Playbook, sturdy bool) (judgement, error) {
	j := judgement{Verdict: &finding.Verdict{Playbook: b.Name}}
	for _, d := range b.Detectors {
		before := len(j.Healthy)
		whole, err := run(ctx, s, d, j.Verdict, sturdy)
		if err != nil {
			return j, fmt.Errorf("playbook %s: %s: %w", b.Name, d.Name, err)
		}
		if !whole {
			continue
		}
		j.fine = append(j.fine, detected{d.Name, j.Healthy[before:]})
	}
	return j, nil
}

// run runs a detector. One that panics is an error, or, for who wants the rest all the same (a
// recorder judges beside recording), nothing that it found in order counts.
func run(ctx context.Context, s *scene.Scene, d detector.Detector, v *finding.Verdict, sturdy bool) (whole bool, err error) {
	if err := panics.Caught(func() error { return d.Run(ctx, s, v) }); err != nil {
		if broke := (*panics.Error)(nil); sturdy && errors.As(err, &broke) {
			v.Skip("%s: %v: what it looks for is not judged. That is a fault of this program, not of the cluster: report it, with the archive if you can", d.Name, broke)
			return false, nil
		}
		return false, err
	}
	return true, lacking(s, d, v)
}

// take takes over what a playbook said, as far as enough was seen for it.
func (r *Report) take(j judgement, seen *coverage.Coverage) {
	var blind []finding.NotEvaluated
	for _, d := range j.fine {
		fine, not := earned(d.detector, d.lines, seen)
		r.Healthy = append(r.Healthy, fine...)
		for _, why := range not {
			blind = append(blind, finding.NotEvaluated{Playbook: j.Playbook, Why: why})
		}
	}
	r.Findings = append(r.Findings, j.Findings...)
	r.NotEvaluated = append(append(r.NotEvaluated, j.Skipped...), blind...)
}

// heed asks the user's own rules, which say themselves of how much they speak.
func heed(ctx context.Context, s *scene.Scene, rules []detector.Detector, sturdy bool) (*finding.Verdict, error) {
	v := &finding.Verdict{Playbook: "rules"}
	for _, d := range rules {
		if _, err := run(ctx, s, d, v, sturdy); err != nil {
			return nil, fmt.Errorf("rules: %w", err)
		}
	}
	return v, nil
}

// acrossGaps says so where a finding began while its node was not recorded. A
// node that was away is its own gap.
func acrossGaps(f *finding.Finding, gaps []Gap) {
	if finding.Among(f.Kind, finding.NodeDown, finding.NodeRestarted) {
		return
	}
	for _, g := range gaps {
		if g.Node == f.Subject.Node && f.Onset.After(g.From) && f.Onset.Before(g.To) {
			f.Caveats = append(f.Caveats, fmt.Sprintf("%s was not recorded from %s to %s (%s): within that stretch the onset is an estimate",
				g.Node, finding.Clock(g.From), finding.Clock(g.To), g.Why))
			return
		}
	}
}

// selected are the playbooks of the given names, all where none is given.
func selected(names []string) ([]playbook.Playbook, error) {
	all := playbook.All()
	if len(names) == 0 {
		return all, nil
	}
	var out []playbook.Playbook
	for _, name := range names {
		i := slices.IndexFunc(all, func(b playbook.Playbook) bool { return b.Name == name })
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
	for _, b := range playbook.All() {
		names = append(names, b.Name)
	}
	return names
}

// report is a report without findings.
func report(ctx context.Context, s *scene.Scene, opt Options) (*Report, error) {
	r := &Report{
		Schema:       SchemaVersion,
		Archive:      Archive{Path: opt.Path, Nodes: []string{}, Gaps: []Gap{}},
		Window:       finding.Window{From: s.From, To: s.To},
		Findings:     []*finding.Finding{},
		Healthy:      []string{},
		NotEvaluated: []finding.NotEvaluated{},
		LeftOut:      []string{},
	}
	r.Archive.RecordedFrom, r.Archive.RecordedTo = s.Rec.Window()
	for _, n := range s.Nodes {
		r.Archive.Nodes = append(r.Archive.Nodes, n.Name)
	}
	gaps, err := s.Rec.Gaps(ctx)
	if err != nil && !s.PassOver(err) {
		return nil, fmt.Errorf("look for gaps: %w", err)
	}
	for _, g := range gaps {
		r.Archive.Gaps = append(r.Archive.Gaps, Gap{g.Node, g.From, g.To, g.Why})
	}
	return r, nil
}
