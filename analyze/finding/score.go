package finding

import (
	"cmp"
	"math"
)

// Bounds of a score where the quantity alone would say too much.
const (
	Note   = 45 // it was meant, is how the application is built, or harms nobody
	Over   = 68 // it has ended, is far apart, or was seen from afar: nobody must act at once
	Paused = 54 // it stopped and came back by itself: perhaps it was meant
	Unsure = 74 // told by indirect signs: a warning, never critical
)

// most is what a kind scores at most that does not say.
const most = 95

// Score is how bad a finding of a kind is, 0 to 100, by the quantity that its
// row names: 50 where the row says warning, 75 where it says critical, by the
// logarithm of the quantity in between and beyond, for harm is felt in
// multiples. No score passes the row's Most: however long one process is blocked,
// a node that is down comes first. A kind without a row scores as a note.
func Score(k Kind, quantity float64) int {
	row, ok := RowOf(k)
	if !ok || quantity <= 0 {
		return ScoreInfo
	}
	top := row.most()
	if row.Measure.Warning == row.Measure.Critical {
		if quantity >= row.Measure.Critical {
			return top
		}
		return ScoreInfo
	}
	return int(math.Round(min(max(row.Measure.steps(quantity), ScoreInfo), float64(top))))
}

// most is what a finding of the row's kind scores at most.
func (r Row) most() int { return cmp.Or(r.Most, most) }

// steps is the score of a quantity, without bounds: 50 at warning, 75 at critical.
func (m Measure) steps(quantity float64) float64 {
	return ScoreWarning + (ScoreCritical-ScoreWarning)*math.Log(quantity/m.Warning)/math.Log(m.Critical/m.Warning)
}
