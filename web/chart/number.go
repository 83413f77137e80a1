package chart

import (
	"math"
	"strconv"
	"strings"
	"time"

	"ergorecorder/internal/words"
)

// A Unit says how a number is written.
type Unit string

const (
	Count       Unit = ""
	Bytes       Unit = "B"
	Nanoseconds Unit = "ns"
	Seconds     Unit = "s"
	Percent     Unit = "%"
	PerSecond   Unit = "/s"
)

// Format writes a number for people: three significant digits and a suffix.
func (u Unit) Format(v float64) string {
	switch {
	case math.IsNaN(v) || math.IsInf(v, 0):
		return "–"
	case u == Bytes || u == "bytes":
		return scaled(v, 1024, " B", " KiB", " MiB", " GiB", " TiB")
	case u == Nanoseconds:
		return words.Length(time.Duration(clampInt(v)))
	case u == Seconds:
		return words.Length(time.Duration(clampInt(v * 1e9)))
	case u == Count || u == "count":
		return Whole(v)
	case u == Percent:
		return Significant(v) + " %"
	case u == "B/s" || u == "bytes/s":
		return scaled(v, 1024, " B/s", " KiB/s", " MiB/s", " GiB/s", " TiB/s")
	case u == "ns/s":
		return Significant(v/1e9) + " s/s"
	}
	return Whole(v) + " " + strings.TrimSpace(string(u))
}

// tick writes a number on an axis: without the unit's words, which the chart's
// title has.
func (u Unit) tick(v float64) string {
	if len(u) > 3 && u != "bytes" && u != "bytes/s" && u != "ns/s" {
		return Whole(v)
	}
	return u.Format(v)
}

// base is what the unit's prefixes are powers of; bytes are counted in KiB and MiB.
func (u Unit) base() float64 {
	switch u {
	case Bytes, "bytes", "B/s", "bytes/s":
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
	return Significant(v) + suffixes[i]
}

// Whole writes whole numbers in full up to 99,999 and shortens above.
func Whole(v float64) string {
	if math.Abs(v) < 100_000 {
		if v == math.Trunc(v) {
			return grouped(int64(v))
		}
		if math.Abs(v) < 0.01 {
			return "<0.01"
		}
		return Significant(v)
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

// Significant writes three significant digits without an exponent.
func Significant(v float64) string {
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

// OfSeconds is the length of so many seconds, be they as many as they want.
func OfSeconds(n int64) string {
	const most = int64(math.MaxInt64 / time.Second)
	return words.Length(time.Duration(min(max(n, -most), most)) * time.Second)
}

// Layouts of times in text and in addresses; all times are UTC.
const (
	LayoutDay   = "2006-01-02 15:04:05"
	LayoutClock = "15:04:05"
	LayoutExact = "15:04:05.000"
	LayoutURL   = "2006-01-02T15:04:05.000Z"
)

func Clock(t time.Time) string { return t.UTC().Format(LayoutClock) }
func Exact(t time.Time) string { return t.UTC().Format(LayoutExact) }
func Day(t time.Time) string   { return t.UTC().Format(LayoutDay) }
func InURL(t time.Time) string { return t.UTC().Format(LayoutURL) }
