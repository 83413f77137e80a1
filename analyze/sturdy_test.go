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
)

// A detector that panics costs its own verdict and no other, and the report says so; who does not ask
// for that, as tests do not, gets the error.
func TestADetectorThatPanics(t *testing.T) {
	rec := fixture.Open(t, fixture.Bare(t, fixture.Bundled(t, "stuck")))
	var none []int
	breaks := detector.Detector{Name: "off_by_one", Run: func(context.Context, *scene.Scene, *finding.Verdict) error {
		none[0]++
		return nil
	}}
	opt := analyze.Options{Rules: []detector.Detector{breaks}}
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
