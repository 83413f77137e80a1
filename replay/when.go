package replay

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// ErrNotATime is returned by [When] for text in none of its forms; callers that
// know names (findings, marks) look there next.
var ErrNotATime = errors.New("not a time; want RFC 3339, a clock time, -10m (before the end), 30s (after the start), start or end")

// When reads a moment of a recording that covers [from, to]:
//
//	2026-11-22T01:13:55Z   RFC 3339
//	01:13:55, 01:13        the last such time of day at or before the end, UTC
//	-10m                   before the end
//	30s, +30s              after the start
//	start, end
//
// Empty text is the end. A moment outside of the recording is an
// [OutsideError], with the moment beside it; what is printed in whole seconds
// may be read back.
func When(text string, from, to time.Time) (time.Time, error) {
	t, err := read(text, from, to)
	if err == nil && (t.Before(from.Add(-rounding)) || t.After(to.Add(rounding))) {
		err = &OutsideError{Text: text, At: t, From: from, To: to}
	}
	return t, err
}

// WindowFrom reads the begin of a window as When does. A stretch before the end
// that is longer than the recording is all of it.
func WindowFrom(text string, from, to time.Time) (time.Time, error) {
	t, err := When(text, from, to)
	if out := (*OutsideError)(nil); errors.As(err, &out) && t.Before(from) && strings.HasPrefix(strings.TrimSpace(text), "-") {
		return from, nil
	}
	return t, err
}

// WrittenAt reads a moment as read does, of log lines: these bear the time of their
// node, whose clock may be off by as much as [Recording.Logs] allows for, and so
// may a moment lie outside of the recording.
func WrittenAt(read func(string, time.Time, time.Time) (time.Time, error)) func(string, time.Time, time.Time) (time.Time, error) {
	return func(text string, from, to time.Time) (time.Time, error) {
		t, err := read(text, from, to)
		if out := (*OutsideError)(nil); errors.As(err, &out) && !outside(t, from.Add(-late), to.Add(late)) {
			return t, nil
		}
		return t, err
	}
}

// rounding is how far a moment may lie outside for having been printed short.
const rounding = time.Second

func read(text string, from, to time.Time) (time.Time, error) {
	switch text = strings.TrimSpace(text); text {
	case "", "end", "now":
		return to, nil
	case "start":
		return from, nil
	}
	if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return t.UTC(), nil
	}
	for _, form := range []string{"15:04:05", "15:04"} {
		if c, err := time.Parse(form, text); err == nil {
			return lastClock(c, to), nil
		}
	}
	if d, err := time.ParseDuration(text); err == nil {
		if strings.HasPrefix(text, "-") {
			return to.Add(d), nil
		}
		return from.Add(d), nil
	}
	return time.Time{}, fmt.Errorf("read time %q: %w", text, ErrNotATime)
}

// lastClock is the last moment at or before to that has c's time of day.
func lastClock(c, to time.Time) time.Time {
	to = to.UTC()
	t := time.Date(to.Year(), to.Month(), to.Day(), c.Hour(), c.Minute(), c.Second(), c.Nanosecond(), time.UTC)
	if t.After(to) {
		t = t.AddDate(0, 0, -1)
	}
	return t
}
