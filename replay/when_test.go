package replay

import (
	"errors"
	"testing"
	"time"
)

func TestWhen(t *testing.T) {
	from := time.Date(2026, 11, 21, 23, 50, 0, 0, time.UTC)
	to := time.Date(2026, 11, 22, 0, 20, 0, 0, time.UTC)
	tests := []struct {
		text string
		want time.Time
	}{
		{"", to},
		{"end", to},
		{"start", from},
		{"2026-11-22T01:13:55.5Z", time.Date(2026, 11, 22, 1, 13, 55, 5e8, time.UTC)},
		{"2026-11-22T02:00:00+01:00", time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)},
		{"00:10", time.Date(2026, 11, 22, 0, 10, 0, 0, time.UTC)},
		{"23:55:30", time.Date(2026, 11, 21, 23, 55, 30, 0, time.UTC)},
		{"-10m", to.Add(-10 * time.Minute)},
		{"30s", from.Add(30 * time.Second)},
		{"+1m30s", from.Add(90 * time.Second)},
	}
	for _, tt := range tests {
		got, err := When(tt.text, from, to)
		if err != nil || !got.Equal(tt.want) {
			t.Errorf("%q: got %v %v, want %v", tt.text, got, err, tt.want)
		}
	}
	for _, bad := range []string{"F1", "yesterday", "10", "25:00"} {
		if _, err := When(bad, from, to); !errors.Is(err, ErrNotATime) {
			t.Errorf("%q: got %v, want ErrNotATime", bad, err)
		}
	}
}
