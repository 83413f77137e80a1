package analyze_test

import (
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ergorecorder/analyze/finding"
)

// noisy adds noise to what a world measures: the same each time, but for its
// amplitude.
func noisy(w *world, amplitude float64) {
	rng := rand.New(rand.NewPCG(9, 9))
	noise := func() float64 { return amplitude * rng.Float64() }
	burnt := map[string]float64{} // CPU by node, cumulative
	stats, info, ping := w.stats, w.info, w.ping
	w.stats = func(node string, at time.Duration, m map[string]any) {
		stats(node, at, m)
		add(m, "heap_alloc", 2e6*noise())
		if g, ok := m["goroutines"].(int); ok {
			m["goroutines"] = g + int(2*noise())
		}
	}
	w.info = func(node string, at time.Duration, m map[string]any) {
		info(node, at, m)
		burnt[node] += 2e8 * noise()
		add(m, "UserTime", burnt[node])
	}
	w.ping = func(a, b string, at time.Duration) any {
		rtt := ping(a, b, at)
		if ms, ok := rtt.(float64); ok {
			return ms * math.Exp(0.2*noise()-0.1*amplitude)
		}
		return rtt
	}
}

// TestNoiseNeverConvinces: of the same recording with more noise in it, no
// finding scores higher, is more certain, or is new.
func TestNoiseNeverConvinces(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges every place six times")
	}
	certain := map[finding.Confidence]int{finding.Low: 1, finding.Medium: 2, finding.High: 3}
	// A score may move with what was measured in the noise, a severity may not rise.
	severe := map[finding.Severity]int{finding.Info: 1, finding.Warning: 2, finding.Critical: 3}
	amplitudes := []float64{0, 1, 4, 16, 64, 256}
	for _, p := range places() {
		drowns := false // its finding, in the loudest noise
		switch p.name {
		case "a hot loop", "goroutines that stay", "a slow link":
			drowns = true
		case "healthy", "a leak", "a slow leak", "a heap that grows to a new level", "goroutines that come and go":
		default:
			continue // nothing of it is in the noise
		}
		t.Run(p.name, func(t *testing.T) {
			var before map[string]*finding.Finding
			for _, amplitude := range amplitudes {
				w := newWorld(1)
				p.make(w)
				noisy(w, amplitude)
				now := map[string]*finding.Finding{}
				for _, f := range judge(t, w.c).Findings {
					now[string(f.Kind)+" "+f.Subject.Node] = f
					b := before[string(f.Kind)+" "+f.Subject.Node]
					switch {
					case before == nil:
					case b == nil:
						t.Errorf("noise of %g makes up %s (score %d)", amplitude, line(f), f.Score)
					case severe[f.Severity] > severe[b.Severity] || certain[f.Confidence] > certain[b.Confidence]:
						t.Errorf("noise of %g raises %d, %s to %d, %s: %s", amplitude, b.Score, b.Confidence, f.Score, f.Confidence, line(f))
					}
				}
				before = now
			}
			if found := before[string(p.kind)+" "+p.node] != nil; drowns && found {
				t.Errorf("%s is found in any noise: the test tests nothing", p.kind)
			}
		})
	}
}
