package finding

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/internal/words"
)

// List is names in words.
func List(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	switch len(names) {
	case 0:
		return "nobody"
	case 1:
		return names[0]
	}
	text := names[0]
	for _, n := range names[1 : len(names)-1] {
		text += ", " + n
	}
	return text + " and " + names[len(names)-1]
}

// Times is a count in words.
func Times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// NodeName is a node's name without its host.
func NodeName(node string) string {
	name, _, _ := strings.Cut(node, "@")
	return name
}

// RecordName names a record as findings do.
func RecordName(node, tool string, at time.Time) string {
	return node + "/" + tool + "@" + at.UTC().Format(time.RFC3339Nano)
}

// Round keeps three significant figures, so that reports do not claim more.
func Round(v float64) float64 { return words.Round(v) }

// Number is a value in words, to three figures.
func Number(v float64) string { return words.Number(v) }

// Seconds is a number of seconds in words.
func Seconds(v float64) string { return words.Length(time.Duration(v * float64(time.Second))) }

// Duration is a duration in words, to about three figures.
func Duration(d time.Duration) string { return words.Length(d) }

// Clock is a time of day, UTC.
func Clock(t time.Time) string { return t.UTC().Format("15:04:05") }

// Size is a number of bytes in words.
func Size(v float64) string { return words.Size(v) }

// maxChart is how many points a chart in a finding has.
const maxChart = 120

// Chart is a series as evidence shows it: at most maxChart points.
func Chart(unit string, s series.Series) *Series {
	if s.Len() == 0 {
		return nil
	}
	c := &Series{Unit: unit}
	step := (s.Len() + maxChart - 1) / maxChart
	for i := 0; i < s.Len(); i += step {
		c.At = append(c.At, s.T[i])
		c.Value = append(c.Value, s.V[i])
	}
	return c
}

func FirstLines(lines []string, n int) []string {
	if len(lines) <= n {
		return lines
	}
	return append(lines[:n:n], fmt.Sprintf("and %d more", len(lines)-n))
}

func Plural(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}
