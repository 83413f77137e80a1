package web

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"
)

// A unit says how a number is written.
type unit string

const (
	unitCount   unit = ""
	unitBytes   unit = "B"
	unitNS      unit = "ns"
	unitSeconds unit = "s"
	unitPercent unit = "%"
	unitRate    unit = "/s"
)

// format writes a number for people: three significant digits and a suffix.
func (u unit) format(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case u == unitBytes || u == "bytes":
		return scaled(v, 1024, " B", " kB", " MB", " GB", " TB")
	case u == unitNS:
		return span(time.Duration(clampInt(v)))
	case u == unitSeconds:
		return span(time.Duration(clampInt(v * 1e9)))
	case u == unitCount || u == "count":
		return count(v)
	case u == unitPercent:
		return significant(v) + " %"
	case u == "B/s" || u == "bytes/s":
		return scaled(v, 1024, " B/s", " kB/s", " MB/s", " GB/s", " TB/s")
	case u == "ns/s":
		return significant(v/1e9) + " s/s"
	}
	return count(v) + " " + strings.TrimSpace(string(u))
}

// tick writes a number on an axis: without the unit's words, which the chart's
// title has.
func (u unit) tick(v float64) string {
	if len(u) > 3 && u != "bytes" && u != "bytes/s" {
		return count(v)
	}
	return u.format(v)
}

// base is what the unit's prefixes are powers of. Bytes are counted as Go
// counts them: a MB is 1,048,576.
func (u unit) base() float64 {
	switch u {
	case unitBytes, "bytes", "B/s", "bytes/s":
		return 1024
	}
	return 1000
}

func clampInt(v float64) int64 {
	if v > math.MaxInt64/2 {
		return math.MaxInt64 / 2
	}
	if v < math.MinInt64/2 {
		return math.MinInt64 / 2
	}
	return int64(v)
}

// scaled divides by base until the number is short.
func scaled(v, base float64, suffixes ...string) string {
	i := 0
	for math.Abs(v) >= base && i < len(suffixes)-1 {
		v /= base
		i++
	}
	return significant(v) + suffixes[i]
}

// count writes whole numbers in full up to 99,999 and shortens above.
func count(v float64) string {
	if math.Abs(v) < 100_000 {
		if v == math.Trunc(v) {
			return grouped(int64(v))
		}
		if math.Abs(v) < 0.01 {
			return "<0.01"
		}
		return significant(v)
	}
	return scaled(v, 1000, "", " k", " M", " G", " T", " P", " E")
}

func grouped(n int64) string {
	s := strconv.FormatInt(n, 10)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "," + s[i:]
	}
	if neg {
		s = "−" + s
	}
	return s
}

// significant writes three significant digits without an exponent.
func significant(v float64) string {
	a := math.Abs(v)
	switch {
	case v == 0:
		return "0"
	case a >= 1e6:
		return strconv.FormatFloat(v, 'g', 3, 64)
	case a >= 100 || v == math.Trunc(v):
		return strconv.FormatFloat(v, 'f', 0, 64)
	case a >= 10:
		return trimZeros(strconv.FormatFloat(v, 'f', 1, 64))
	case a >= 0.01:
		return trimZeros(strconv.FormatFloat(v, 'f', 2, 64))
	}
	return strconv.FormatFloat(v, 'g', 2, 64)
}

func trimZeros(s string) string { return strings.TrimRight(strings.TrimRight(s, "0"), ".") }

// span writes a duration with its two leading units, or three digits of one.
func span(d time.Duration) string {
	sign := ""
	if d < 0 {
		sign, d = "−", -d
	}
	switch {
	case d == 0:
		return "0"
	case d < time.Microsecond:
		return fmt.Sprintf("%s%d ns", sign, d)
	case d < time.Millisecond:
		return sign + significant(float64(d)/1e3) + " µs"
	case d < time.Second:
		return sign + significant(float64(d)/1e6) + " ms"
	case d < time.Minute:
		return sign + significant(float64(d)/1e9) + " s"
	case d < time.Hour:
		return sign + units(int64(d/time.Minute), "min", int64(d%time.Minute/time.Second), "s")
	case d < 48*time.Hour:
		return sign + units(int64(d/time.Hour), "h", int64(d%time.Hour/time.Minute), "min")
	}
	return sign + units(int64(d/(24*time.Hour)), "d", int64(d%(24*time.Hour)/time.Hour), "h")
}

func units(big int64, bigUnit string, small int64, smallUnit string) string {
	if small == 0 {
		return fmt.Sprintf("%d %s", big, bigUnit)
	}
	return fmt.Sprintf("%d %s %d %s", big, bigUnit, small, smallUnit)
}

// Layouts of times in text and in addresses; all times are UTC.
const (
	layoutDay   = "2006-01-02 15:04:05"
	layoutClock = "15:04:05"
	layoutExact = "15:04:05.000"
	layoutURL   = "2006-01-02T15:04:05.000Z"
)

func clock(t time.Time) string { return t.UTC().Format(layoutClock) }
func exact(t time.Time) string { return t.UTC().Format(layoutExact) }
func day(t time.Time) string   { return t.UTC().Format(layoutDay) }
func inURL(t time.Time) string { return t.UTC().Format(layoutURL) }
