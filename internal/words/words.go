// Package words writes numbers, lengths of time and sizes for people, in one way
// for every command, page and report: three figures, for more would claim more
// than was measured.
//
// Length and Size are for sentences, and can be read back (analyze/recheck does);
// Short is for the columns of a table.
package words

import (
	"fmt"
	"math"
	"strconv"
	"time"
)

// Round keeps three significant figures.
func Round(v float64) float64 {
	if v == 0 || math.IsNaN(v) || math.IsInf(v, 0) {
		return 0
	}
	digits := 2 - int(math.Floor(math.Log10(math.Abs(v))))
	if digits < 0 {
		return math.Round(v)
	}
	p := math.Pow(10, float64(min(digits, 12)))
	return math.Round(v*p) / p
}

// Number is a value to three figures.
func Number(v float64) string { return strconv.FormatFloat(Round(v), 'f', -1, 64) }

// century is longer than anything that is recorded: a length of time beyond it is a
// number that ran over, or was made up, and its figures say nothing.
const century = 100 * 365 * 24 * time.Hour

// Length is a length of time in a sentence or a cell: three digits of one unit,
// or the two leading ones: "740 ns", "0.27 ms", "1.5 s", "2 min 3 s", "2 h", "3 d 4 h".
func Length(d time.Duration) string {
	switch {
	case d < -century:
		return "minus over a century"
	case d > century:
		return "over a century"
	case d < 0:
		return "-" + Length(-d)
	case d == 0:
		return "0 s"
	case d < time.Microsecond:
		return fmt.Sprintf("%d ns", d)
	case d < 100*time.Millisecond:
		return Number(float64(d)/1e6) + " ms"
	case d < 2*time.Minute:
		return Number(d.Seconds()) + " s"
	case d < 2*time.Hour:
		return units(d, time.Minute, "min", time.Second, "s")
	case d < 48*time.Hour:
		return units(d, time.Hour, "h", time.Minute, "min")
	}
	return units(d, 24*time.Hour, "d", time.Hour, "h")
}

// units are the two leading ones of a length of time; the second where it is not 0.
func units(d, big time.Duration, bigUnit string, small time.Duration, smallUnit string) string {
	s := fmt.Sprintf("%d %s", d/big, bigUnit)
	if rest := d % big / small; rest > 0 {
		s += fmt.Sprintf(" %d %s", rest, smallUnit)
	}
	return s
}

// Short is a length of time in a column, in at most two units: "12ms", "1.5s",
// "2m03s", "2h05m", "3d04h".
func Short(d time.Duration) string {
	switch {
	case d < -century:
		return "<-100y"
	case d > century:
		return ">100y"
	case d < 0:
		return "-" + Short(-d)
	case d == 0:
		return "0s"
	case d < time.Microsecond:
		return d.String()
	case d < time.Millisecond:
		return d.Round(time.Microsecond).String()
	case d < time.Second:
		return d.Round(time.Millisecond).String()
	case d < time.Minute:
		return d.Round(100 * time.Millisecond).String()
	case d < time.Hour:
		return fmt.Sprintf("%dm%02ds", int(d/time.Minute), int(d%time.Minute/time.Second))
	case d < 48*time.Hour:
		return fmt.Sprintf("%dh%02dm", int(d/time.Hour), int(d%time.Hour/time.Minute))
	}
	return fmt.Sprintf("%dd%02dh", int(d/(24*time.Hour)), int(d%(24*time.Hour)/time.Hour))
}

// Size is a number of bytes, in units of 1024: "12.3 MiB".
func Size(v float64) string {
	for _, u := range []string{"B", "KiB", "MiB", "GiB"} {
		if math.Abs(v) < 1024 {
			return Number(v) + " " + u
		}
		v /= 1024
	}
	return Number(v) + " TiB"
}
