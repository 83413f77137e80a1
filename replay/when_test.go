package replay

import (
	"errors"
	"strings"
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
		{"2026-11-22T00:13:55.5Z", time.Date(2026, 11, 22, 0, 13, 55, 5e8, time.UTC)},
		{"2026-11-22T01:00:00+01:00", time.Date(2026, 11, 22, 0, 0, 0, 0, time.UTC)},
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
	for _, far := range []string{"2030-01-01T00:00:00Z", "2026-11-21T23:49:58Z", "-31m", "31m", "23:30", "2026-11-22T00:20:02Z"} {
		if _, err := When(far, from, to); !errors.As(err, new(*OutsideError)) || !strings.Contains(err.Error(), "nearest is ") {
			t.Errorf("%q: got %v, want it to be outside", far, err)
		}
	}
	if got, err := WindowFrom("-45m", from, to); err != nil || !got.Equal(from) {
		t.Errorf("the last 45 of 30 minutes: from %v, %v", got, err)
	}
	if _, err := WindowFrom("23:30", from, to); !errors.As(err, new(*OutsideError)) {
		t.Errorf("a window from before the recording: %v", err)
	}
	for _, bad := range []string{"F1", "yesterday", "10", "25:00"} {
		if _, err := When(bad, from, to); !errors.Is(err, ErrNotATime) {
			t.Errorf("%q: got %v, want ErrNotATime", bad, err)
		}
	}
}
