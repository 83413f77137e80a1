package replay

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ParseTime reads a time as users write it, relative to a window:
//
//   - RFC 3339, with or without fractions of a second;
//   - a clock time, 15:04, 15:04:05 or 15:04:05.999 (UTC): the first such
//     moment at or after the day on which the window begins;
//   - -10m: before the end of the window;
//   - 30s or +30s: after its start;
//   - start and end;
//   - @ID: where lookup finds the finding or mark of that name.
//
// A nil lookup knows no names.
func ParseTime(text string, from, to time.Time, lookup func(id string) (time.Time, bool)) (time.Time, error) {
	text = strings.TrimSpace(text)
	switch {
	case text == "":
		return time.Time{}, errors.New("parse time: it is empty")
	case text == "start":
		return from, nil
	case text == "end":
		return to, nil
	case text[0] == '@':
		if lookup != nil {
			if t, ok := lookup(text[1:]); ok {
				return t, nil
			}
		}
		return time.Time{}, fmt.Errorf("parse time %q: no finding or mark of that name", text)
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), nil
	}
	for _, layout := range []string{"15:04:05", "15:04"} {
		if t, err := time.Parse(layout, text); err == nil {
			return onDayOf(from, to, t), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil {
		if text[0] == '-' {
			return to.Add(d), nil
		}
		return from.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("parse time %q: write RFC 3339, 15:04:05, -10m (before the end), 30s (after the start) or @ID", text)
}

// onDayOf is the clock time on the day the window begins, or on a later one
// if only that is inside the window.
func onDayOf(from, to, clock time.Time) time.Time {
	day := from.UTC().Truncate(24 * time.Hour)
	t := day.Add(clock.Sub(clock.Truncate(24 * time.Hour)))
	if t.Before(from) && !t.Add(24*time.Hour).After(to) {
		t = t.Add(24 * time.Hour)
	}
	return t
}
