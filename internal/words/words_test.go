package words_test

import (
	"math"
	"testing"
	"time"

	"ergorecorder/internal/words"
)

func TestLengthsOfTime(t *testing.T) {
	for _, tt := range []struct {
		d             time.Duration
		length, short string
	}{
		{0, "0 s", "0s"},
		{740, "740 ns", "740ns"},
		{12_345, "0.0123 ms", "12µs"},
		{131_797_782, "0.132 s", "132ms"},
		{12_345_678, "12.3 ms", "12ms"},
		{29_712 * time.Millisecond, "29.7 s", "29.7s"},
		{93 * time.Second, "93 s", "1m33s"},
		{123 * time.Second, "2 min 3 s", "2m03s"},
		{7260 * time.Second, "2 h 1 min", "2h01m"},
		{5 * time.Minute, "5 min", "5m00s"},
		{76 * time.Hour, "3 d 4 h", "3d04h"},
		{-5 * time.Second, "-5 s", "-5s"},
		{math.MinInt64, "minus over a century", "<-100y"},
		{math.MaxInt64, "over a century", ">100y"},
	} {
		if got := words.Length(tt.d); got != tt.length {
			t.Errorf("Length(%d) = %q, want %q", tt.d, got, tt.length)
		}
		if got := words.Short(tt.d); got != tt.short {
			t.Errorf("Short(%d) = %q, want %q", tt.d, got, tt.short)
		}
	}
}

func TestSizesAndNumbers(t *testing.T) {
	for v, want := range map[float64]string{0: "0 B", 1023: "1023 B", 1024: "1 KiB", 12.34 * (1 << 20): "12.3 MiB", -3 * (1 << 30): "-3 GiB", 1 << 50: "1024 TiB"} {
		if got := words.Size(v); got != want {
			t.Errorf("Size(%v) = %q, want %q", v, got, want)
		}
	}
	for v, want := range map[float64]string{0: "0", 1234.5: "1235", 0.012345: "0.0123", math.NaN(): "0", math.Inf(1): "0"} {
		if got := words.Number(v); got != want {
			t.Errorf("Number(%v) = %q, want %q", v, got, want)
		}
	}
}
