package web

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"sync"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
	"ergorecorder/web/graph"
)

// A verdict is the analysis of the recording, as far as it has come.
type verdict struct {
	mu       sync.Mutex
	report   *analyze.Report
	progress string
	failure  string
}

// get returns the newest report, a sentence about what is under way or to come, and why there is none.
func (v *verdict) get() (report *analyze.Report, progress, failure string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.report == nil && v.progress == "" && v.failure == "" {
		return nil, "Findings: judging has not begun", ""
	}
	return v.report, v.progress, v.failure
}

func (v *verdict) goOn(step string) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.progress = "Findings are being worked out: " + step
}

// end keeps a finished report; after a failure the one before stays.
func (v *verdict) end(r *analyze.Report, err error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	v.progress, v.failure = "", ""
	if err != nil {
		v.failure = chart.Clip(err.Error(), 300)
		return
	}
	v.report = r
}

// Analyse judges the recording as it is now, and shows that on the pages from
// then on. For a live recording it is called again and again; pages go on showing the report before.
func (s *Server) Analyse(ctx context.Context) error {
	s.verdict.goOn("reading")
	opt := analyze.Options{Path: s.opt.Name, Progress: func(done, total int, step string) {
		s.verdict.goOn(fmt.Sprintf("%s, %d of %d", step, done, total))
	}}
	if from, to := s.rec.Window(); s.opt.Recent > 0 && to.Sub(from) > s.opt.Recent {
		opt.From, opt.To = to.Add(-s.opt.Recent), to
	}
	r, err := s.opt.Analyze(ctx, s.rec, opt)
	s.verdict.end(r, err)
	if err != nil {
		return fmt.Errorf("analyse %s: %w", s.opt.Name, err)
	}
	return nil
}

// A recording that grows is judged every analyseEvery, and at once after a
// trigger of the recorder's, for which its marks are looked through every lookEvery.
const (
	analyseEvery = time.Minute
	lookEvery    = 2 * time.Second
)

// AnalyseAgain judges the recording again and again, first after a while, until
// ctx is done. What fails is said.
func (s *Server) AnalyseAgain(ctx context.Context, first time.Duration, say func(string)) {
	again, look := time.NewTimer(first), time.NewTicker(lookEvery)
	defer again.Stop()
	defer look.Stop()
	triggers := s.triggers(ctx)
	for {
		select {
		case <-ctx.Done():
			return
		case <-look.C:
			n := s.triggers(ctx)
			if n == triggers {
				continue
			}
			triggers = n
		case <-again.C:
		}
		again.Reset(analyseEvery)
		if err := s.Analyse(ctx); err != nil && !errors.Is(err, context.Canceled) {
			say(err.Error())
		}
	}
}

// triggers counts the recorder's triggers within the last hour.
func (s *Server) triggers(ctx context.Context) int {
	_, end := s.rec.Window()
	marks, err := s.rec.Marks(ctx, end.Add(-time.Hour), end.Add(time.Minute))
	if err != nil {
		return 0 // the strip says what cannot be read
	}
	n := 0
	for _, m := range marks {
		if m.Kind == "trigger" {
			n++
		}
	}
	return n
}

// A findingView is a finding as it is drawn: in the report and on the page.
type findingView struct {
	*finding.Finding
	Charts   []chart.Chart
	Cause    *finding.Finding
	Then     []*finding.Finding
	URL      func(*finding.Finding) string
	Profiles []quickLink  // of its node, taken nearest to its onset
	Chain    *graph.Drawn // what led to it and what it led to
}

// findingViews draws findings with their charts, read from the recording.
func findingViews(ctx context.Context, report *analyze.Report, rec *replay.Recording, link func(*finding.Finding) string) ([]findingView, error) {
	var out []findingView
	for _, f := range report.Findings {
		v, err := newFindingView(ctx, report, f, rec, link)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, nil
}

func newFindingView(ctx context.Context, report *analyze.Report, f *finding.Finding, rec *replay.Recording, link func(*finding.Finding) string) (findingView, error) {
	v := findingView{Finding: f, URL: link, Chain: newChain(report, f, link)}
	for _, other := range report.Findings {
		if f.CausedBy != nil && other.ID == *f.CausedBy {
			v.Cause = other
		}
		if other.CausedBy != nil && *other.CausedBy == f.ID {
			v.Then = append(v.Then, other)
		}
	}
	charts, err := evidenceCharts(ctx, report, f, rec, link)
	if err != nil {
		return v, err
	}
	life, err := processCharts(ctx, report, f, rec, link)
	v.Charts = append(charts, life...)
	return v, err
}

// Onset is the address of the page at the moment at which the worst finding
// began; page itself where there is none. page is the address of the first page.
func (s *Server) Onset(page string) string {
	report, _, _ := s.verdict.get()
	u, err := url.Parse(page)
	if err != nil || report == nil || len(report.Findings) == 0 {
		return page
	}
	f := report.Findings[0]
	u.Path = "/finding"
	q := u.Query()
	q.Set("id", f.ID)
	q.Set("at", chart.InURL(f.Onset))
	u.RawQuery = q.Encode()
	return u.String()
}
