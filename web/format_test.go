package web

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		unit unit
		v    float64
		want string
	}{
		{unitCount, 0, "0"},
		{unitCount, 12345, "12,345"},
		{unitCount, -1234, "−1,234"},
		{unitCount, 1234567, "1.23 M"},
		{unitCount, 0.0004, "<0.01"},
		{unitCount, 1.5, "1.5"},
		{unitCount, math.NaN(), "–"},
		{unitCount, math.Inf(1), "–"},
		{unitCount, 1e300, "1e+282 E"},
		{unitBytes, 1023, "1023 B"},
		{unitBytes, 1 << 20, "1 MB"},
		{unitBytes, 120.5 * (1 << 20), "120 MB"},
		{"bytes/s", 2048, "2 kB/s"},
		{unitNS, 0, "0"},
		{unitNS, 740, "740 ns"},
		{unitNS, 131_797_782, "132 ms"},
		{unitNS, 29.7e9, "29.7 s"},
		{unitNS, 1e300, "53375 d 23 h"},
		{unitSeconds, 60, "1 min"},
		{unitSeconds, 93, "1 min 33 s"},
		{unitSeconds, 7260, "2 h 1 min"},
		{unitSeconds, 10 * 86400, "10 d"},
		{unitPercent, 12.34, "12.3 %"},
		{unitRate, 19.5, "19.5 /s"},
		{"messages", 2508, "2,508 messages"},
	} {
		if got := c.unit.format(c.v); got != c.want {
			t.Errorf("%q %v: %q, want %q", c.unit, c.v, got, c.want)
		}
	}
}

func TestTicksAreRound(t *testing.T) {
	for _, c := range []struct {
		lo, hi, base float64
		want         []float64
	}{
		{0, 1500, 1000, []float64{0, 500, 1000, 1500}},
		{0, 1, 1000, []float64{0, 0.5, 1}},
		{0, 150 << 20, 1024, []float64{0, 50 << 20, 100 << 20, 150 << 20}},
		{0, math.NaN(), 1000, nil},
		{5, 5, 1000, nil},
	} {
		if got := niceTicks(c.lo, c.hi, 3, c.base); !slices.Equal(got, c.want) {
			t.Errorf("%v to %v: %v, want %v", c.lo, c.hi, got, c.want)
		}
	}
	from := time.Date(2026, 1, 1, 0, 0, 7, 0, time.UTC)
	for _, w := range []time.Duration{0, time.Second, time.Minute, 3 * time.Hour, 24 * time.Hour, 1000 * time.Hour} {
		ticks := timeTicks(from, from.Add(w), 8)
		if len(ticks) > 9 || w >= time.Minute && len(ticks) < 2 {
			t.Errorf("%v has %d ticks", w, len(ticks))
		}
	}
}

// A curve is drawn with its extremes however many points it has.
func TestPathKeepsExtremes(t *testing.T) {
	var c curve
	for i := range 100_000 {
		v := 1.0
		if i == 77_777 {
			v = 1000
		}
		c.add(time.UnixMilli(int64(i)), v)
	}
	s := scale{time.UnixMilli(0), time.UnixMilli(99_999), 0, 1000}
	p := s.path(c)
	if len(p) > 20_000 {
		t.Errorf("the path has %d characters", len(p))
	}
	if !strings.Contains(p, " 0.0") {
		t.Error("the peak is not drawn")
	}
}
