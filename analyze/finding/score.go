package finding

import "math"

// Score is how bad a finding of a kind is, 0 to 100, by the quantity that its
// row names: 50 where the row says warning, 75 where it says critical, by the
// logarithm of the quantity in between and beyond, for harm is felt in
// multiples. A kind without a row scores as a note.
func Score(k Kind, quantity float64) int {
	row, ok := RowOf(k)
	if !ok || quantity <= 0 {
		return ScoreInfo
	}
	warning, critical := row.Measure.Warning, row.Measure.Critical
	if warning == critical {
		if quantity >= critical {
			return 82
		}
		return ScoreInfo
	}
	steps := math.Log(quantity/warning) / math.Log(critical/warning) // 0 at warning, 1 at critical
	return int(math.Round(min(max(ScoreWarning+25*steps, ScoreInfo), 95)))
}
