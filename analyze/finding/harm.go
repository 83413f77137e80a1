package finding

import (
	"maps"
	"math"
	"slices"
)

// Harm is what a finding counted of what was hurt: quantities, each by the kind that
// is scored by it (the time that messages have waited by [BlockedCallback], failed
// deliveries by [DeliveryErrors], work that is missing by [TrafficStopped]). So one
// quantity is weighed by one row of the table, whoever counted it.
type Harm map[Kind]float64

// Add adds what something else hurt.
func (h Harm) Add(o Harm) {
	for k, q := range o {
		h[k] += q
	}
}

// Score is how bad a harm is for a finding of a kind, 0 to 100: by the worst of the
// quantities that its row weighs. No finding passes what its own row says.
func (h Harm) Score(k Kind) int {
	row, ok := RowOf(k)
	if !ok {
		return ScoreInfo
	}
	worst := float64(ScoreInfo)
	for _, by := range slices.Sorted(maps.Keys(h)) {
		if of, ok := RowOf(by); ok && slices.Contains(row.Harms, by) && h[by] > 0 {
			worst = max(worst, of.Measure.steps(h[by]))
		}
	}
	return int(math.Round(min(worst, float64(row.most()))))
}

// AtMost bounds what a finding scores, whatever it hurt.
func (f *Finding) AtMost(score int) {
	f.Score = min(f.Score, score)
	if f.bound == 0 || score < f.bound {
		f.bound = score
	}
}

// Bound is what the finding scores at most: as it was bounded, or as its row says.
func (f *Finding) Bound() int {
	if f.bound > 0 {
		return f.bound
	}
	if row, ok := RowOf(f.Kind); ok {
		return row.most()
	}
	return ScoreInfo
}
