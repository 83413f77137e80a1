package chart

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"
)

func TestFormat(t *testing.T) {
	for _, c := range []struct {
		unit Unit
		v    float64
		want string
	}{
		{Count, 0, "0"},
		{Count, 12345, "12,345"},
		{Count, -1234, "−1,234"},
		{Count, 1234567, "1.23 M"},
		{Count, 0.0004, "<0.01"},
		{Count, 1.5, "1.5"},
		{Count, math.NaN(), "–"},
		{Count, math.Inf(1), "–"},
		{Count, 1e300, "1e+282 E"},
		{Bytes, 1023, "1023 B"},
		{Bytes, 1 << 20, "1 MiB"},
		{Bytes, 120.5 * (1 << 20), "120 MiB"},
		{"bytes/s", 2048, "2 KiB/s"},
		{Nanoseconds, 0, "0 s"},
		{Nanoseconds, 740, "740 ns"},
		{Nanoseconds, 131_797_782, "0.132 s"},
		{Nanoseconds, 29.7e9, "29.7 s"},
		{Nanoseconds, 1e300, "over a century"},
		{Seconds, 60, "60 s"},
		{Seconds, 93, "93 s"},
		{Seconds, 7260, "2 h 1 min"},
		{Seconds, 10 * 86400, "10 d"},
		{Percent, 12.34, "12.3 %"},
		{PerSecond, 19.5, "19.5 /s"},
		{"messages", 2508, "2,508 messages"},
	} {
		if got := c.unit.Format(c.v); got != c.want {
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
		ticks := TimeTicks(from, from.Add(w), 8)
		if len(ticks) > 9 || w >= time.Minute && len(ticks) < 2 {
			t.Errorf("%v has %d ticks", w, len(ticks))
		}
	}
}

// A curve is drawn with its extremes however many points it has.
func TestPathKeepsExtremes(t *testing.T) {
	var c Curve
	for i := range 100_000 {
		v := 1.0
		if i == 77_777 {
			v = 1000
		}
		c.Add(time.UnixMilli(int64(i)), v)
	}
	s := Scale{time.UnixMilli(0), time.UnixMilli(99_999), 0, 1000, false}
	p := s.Path(c)
	if len(p) > 200 {
		t.Errorf("the path has %d characters", len(p))
	}
	if !strings.Contains(p, " 0.0") {
		t.Error("the peak is not drawn")
	}
}

// Of points on one level the first and the last are drawn, on both sides of a break.
func TestPathOfLevels(t *testing.T) {
	var c Curve
	for i, v := range []float64{1, 1, 1, 2, 2, 1, math.NaN(), 1, 1, 1} {
		c.Add(time.UnixMilli(int64(i*1000)), v)
	}
	s := Scale{From: time.UnixMilli(0), To: time.UnixMilli(10_000), Hi: 2}
	const want = "M0.0 50.0L200.0 50.0L300.0 0.0L400.0 0.0L500.0 50.0M700.0 50.0L900.0 50.0"
	if got := s.Path(c); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}

// Under the cursor, nothing is said to have been recorded where the line is broken.
func TestDataTellsGaps(t *testing.T) {
	var c Curve
	for i, v := range []float64{1, 2, math.NaN(), math.NaN(), 5, math.NaN()} {
		c.Add(time.UnixMilli(int64(i*1000)), v)
	}
	s := Scale{From: time.UnixMilli(0), To: time.UnixMilli(10_000), Hi: 5}
	want := `{"unit":"","curves":[{"name":"","t":[0,1000,2000,4000,5000],"v":[1,2,null,5,null]}]}`
	if got := c.Data(s, Count); got != want {
		t.Errorf("%s, want %s", got, want)
	}
}
