package recheck_test

import (
	"context"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/recheck"
	"ergorecorder/compare"
	"ergorecorder/internal/fixture"
	"ergorecorder/mcp"
)

// TestCaptures holds that every number of every report comes back, and that it
// would be told if one did not: each is altered by a twentieth.
func TestCaptures(t *testing.T) {
	seen := 0
	for _, c := range fixture.Captures(t, 9) {
		t.Run(filepath.Base(c), func(t *testing.T) {
			rec := fixture.Recording(t, c)
			rep, err := analyze.Run(context.Background(), rec, analyze.Options{})
			if err != nil {
				t.Fatal(err)
			}
			ask := mcp.New(mcp.Recorded(rec, c), mcp.Options{}).Ask
			checks, err := recheck.Findings(t.Context(), rep.Findings, ask)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range recheck.Wrong(checks) {
				t.Errorf("%s: %s, %s: %v, asked again %v (%s) by %v", w.Kind, w.Of, w.Name, w.Stated, w.Asked, w.Why, w.Call)
			}
			seen += len(checks)
			altered := 0
			for _, f := range rep.Findings {
				for i := range f.Evidence {
					altered += alter(f.Evidence[i].Values)
				}
			}
			checks, err = recheck.Findings(t.Context(), rep.Findings, ask)
			if err != nil {
				t.Fatal(err)
			}
			told := 0
			for _, w := range recheck.Wrong(checks) {
				if w.Why == "another value" {
					told++
				}
			}
			if told != altered {
				t.Errorf("%d numbers were altered, %d are told", altered, told)
			}
		})
	}
	if seen < 15 {
		t.Errorf("only %d numbers were asked for again", seen)
	}
}

// TestComparisons holds that every number of a comparison comes back: the first
// half of each capture against the second, and one node against another.
func TestComparisons(t *testing.T) {
	seen := 0
	for _, c := range fixture.Captures(t, 2) {
		rec := fixture.Recording(t, c)
		from, to := rec.Window()
		middle := from.Add(to.Sub(from) / 2)
		ask := recheck.Once(mcp.New(mcp.Recorded(rec, c), mcp.Options{}).Ask)
		for _, sides := range [][2]compare.Side{
			{{Recording: rec, Name: "capture", To: middle}, {Recording: rec, Name: "capture", From: middle}},
			{{Recording: rec, Name: "capture", Nodes: "alpha*"}, {Recording: rec, Name: "capture", Nodes: "gamma*"}},
		} {
			got, err := compare.Run(t.Context(), sides[0], sides[1])
			if err != nil {
				t.Fatal(err)
			}
			checks, err := recheck.Evidence(t.Context(), got.Evidence(), ask)
			if err != nil {
				t.Fatal(err)
			}
			for _, w := range recheck.Wrong(checks) {
				t.Errorf("%s: %s, %s: %v, asked again %v (%s)", filepath.Base(c), w.Of, w.Name, w.Stated, w.Asked, w.Why)
			}
			seen += len(checks)
		}
	}
	if seen < 3 {
		t.Errorf("only %d numbers were asked for again", seen)
	}
}

// alter changes every number of evidence and counts them.
func alter(values map[string]any) int {
	n := 0
	for name, v := range values {
		switch v := v.(type) {
		case map[string]any:
			n += alter(v)
		case float64:
			values[name] = v*1.05 + math.Copysign(1e-9, v)
			n++
		case int:
			values[name] = v + 1 + v/20
			n++
		case int64:
			values[name] = v + 1 + v/20
			n++
		}
	}
	return n
}

// TestMoreThanAValue: what is not a value of evidence is checked as well.
func TestMoreThanAValue(t *testing.T) {
	rec := fixture.Recording(t, fixture.Bundled(t, "stuck"))
	rep, err := analyze.Run(context.Background(), rec, analyze.Options{})
	if err != nil || len(rep.Findings) == 0 {
		t.Fatal(err)
	}
	ask := mcp.New(mcp.Recorded(rec, "stuck"), mcp.Options{}).Ask
	for what, spoil := range map[string]func(f *finding.Finding){
		"a number in the summary": func(f *finding.Finding) { f.Summary += " It lost 4711 messages." },
		"a time in the title":     func(f *finding.Finding) { f.Title += " since 03:04:05" },
		"a record": func(f *finding.Finding) {
			f.Evidence[0].Records[0] = strings.Replace(f.Evidence[0].Records[0], "T01:", "T02:", 1)
		},
		"a value without a call": func(f *finding.Finding) { f.Evidence[0].Values["more"] = 3 },
	} {
		f := *rep.Findings[0]
		f.Evidence = append([]finding.Evidence(nil), f.Evidence...)
		f.Evidence[0].Records = append([]string(nil), f.Evidence[0].Records...)
		values := map[string]any{}
		for k, v := range f.Evidence[0].Values {
			values[k] = v
		}
		f.Evidence[0].Values = values
		spoil(&f)
		checks, err := recheck.Findings(t.Context(), []*finding.Finding{&f}, ask)
		if err != nil || len(recheck.Wrong(checks)) != 1 {
			t.Errorf("%s: %d are told, %v: %+v", what, len(recheck.Wrong(checks)), err, recheck.Wrong(checks))
		}
	}
}
