package analyze_test

import (
	"math"
	"slices"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/sim"
)

// The recorder's own time tells its clock's steps to the millisecond, in whatever order the
// answers lie, and is no step by itself: a machine that slept, and a recorder that was
// started anew, have clocks that are right. None of it is held against a node.
func TestRecorderStepsByOwnTime(t *testing.T) {
	stepped := func(by time.Duration) func(r *archive.Record, since time.Duration) bool {
		return func(r *archive.Record, since time.Duration) bool {
			if since >= fault {
				r.At = r.At.Add(by)
			}
			return true
		}
	}
	for _, tt := range []struct {
		name  string
		edit  func(r *archive.Record, since time.Duration) bool // false: it was not recorded
		order func(a, b *archive.Record) int
		moved float64 // ms; 0: no finding
	}{
		{"forward", stepped(7345 * time.Millisecond), nil, 7345},
		{"back", stepped(-7345 * time.Millisecond), nil, -7345},
		{"back, told by the clock", stepped(-7345 * time.Millisecond), func(a, b *archive.Record) int { return a.At.Compare(b.At) }, -7345},
		{"it slept", func(r *archive.Record, since time.Duration) bool {
			if since >= fault {
				r.Mono -= 40 * time.Second
			}
			return since < fault || since >= fault+40*time.Second
		}, nil, 0},
		{"it was started anew", func(r *archive.Record, since time.Duration) bool {
			if since >= fault {
				r.Mono -= fault
			}
			return true
		}, nil, 0},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := sim.New(3, 3)
			var records []*archive.Record
			for _, r := range c.Records() {
				since := r.At.Sub(c.From)
				if r.Mono = since + time.Second; tt.edit(r, since) {
					records = append(records, r)
				}
			}
			if tt.order != nil {
				slices.SortStableFunc(records, tt.order)
			}
			rec := fixture.Recorded(t, records)
			defer rec.Close()
			r, err := analyze.Run(t.Context(), rec, analyze.Options{Playbooks: []string{"health"}})
			if err != nil {
				t.Fatal(err)
			}
			moved := 0.0
			for _, f := range r.Findings {
				if f.Kind != finding.RecorderClock {
					t.Errorf("it says %s", f.Title)
					continue
				}
				for _, e := range f.Evidence {
					if v, ok := e.Number("recorder_moved_ms"); ok {
						moved = v
					}
				}
			}
			if math.Abs(moved-tt.moved) > 1.5 {
				t.Errorf("the recorder's clock is said to have moved by %v ms, want %v", moved, tt.moved)
			}
		})
	}
}
