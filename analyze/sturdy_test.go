package analyze_test

import (
	"context"
	"slices"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/detector"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

// A detector that panics costs its own verdict and no other, and the report says so; who does not ask
// for that, as tests do not, gets the error.
func TestADetectorThatPanics(t *testing.T) {
	rec := fixture.Open(t, fixture.Bare(t, fixture.Bundled(t, "stuck")))
	var none []int
	beyond := func() error { none[0]++; return nil }
	for name, run := range map[string]func(context.Context, *scene.Scene, *finding.Verdict) error{
		"itself": func(context.Context, *scene.Scene, *finding.Verdict) error { return beyond() },
		"on a goroutine for each node": func(ctx context.Context, s *scene.Scene, _ *finding.Verdict) error {
			return s.Each(ctx, func(context.Context, int, *scene.Node) error { return beyond() })
		},
		"in what is worked out once": func(_ context.Context, s *scene.Scene, _ *finding.Verdict) error {
			for range 2 { // who asks again gets the same
				if _, err := s.Once("off_by_one", func() (any, error) { return nil, beyond() }); err != nil {
					continue
				}
				return nil
			}
			_, err := s.Once("off_by_one", nil)
			return err
		},
		"in the standard library": func(context.Context, *scene.Scene, *finding.Verdict) error {
			_ = slices.Max(none)
			return nil
		},
	} {
		t.Run(name, func(t *testing.T) { breaks(t, rec, detector.Detector{Name: "off_by_one", Run: run}) })
	}
}

func breaks(t *testing.T, rec *replay.Recording, d detector.Detector) {
	t.Helper()
	opt := analyze.Options{Rules: []detector.Detector{d}}
	if _, err := analyze.Run(t.Context(), rec, opt); err == nil || !strings.Contains(err.Error(), "sturdy_test.go:") {
		t.Errorf("error %v, want the place", err)
	}
	opt.Sturdy = true
	r, err := analyze.Run(t.Context(), rec, opt)
	if err != nil {
		t.Fatal(err)
	}
	said := func(n finding.NotEvaluated) bool {
		return strings.HasPrefix(n.Why, "off_by_one: internal error at sturdy_test.go:")
	}
	if len(r.Findings) == 0 || !slices.ContainsFunc(r.NotEvaluated, said) {
		t.Errorf("%d findings, not evaluated: %+v", len(r.Findings), r.NotEvaluated)
	}
}
