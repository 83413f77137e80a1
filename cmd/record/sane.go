package main

import (
	"context"
	"errors"
	"fmt"
	"math"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
)

// leastInterval is the shortest time between two listings of processes: nodes
// need about that for a table of some thousands.
const leastInterval = 100 * time.Millisecond

// sane refuses values that mean nothing, all of them at once, before anything
// is opened or asked.
func (c *config) sane() error {
	var errs []error
	for key, d := range c.durations() {
		if d < 0 {
			errs = append(errs, fmt.Errorf("%s %v: a time before the start means nothing", key, d))
		}
	}
	for key, n := range map[string]int64{
		"parallel": int64(c.Parallel), "logs.buffer": int64(c.Logs.Buffer), "incidents.per-hour": int64(c.Incidents.PerHour),
		"archive.keep-bytes": c.Archive.KeepBytes, "archive.max-bytes": c.Archive.MaxBytes, "max-answer": c.MaxAnswer, "archive.rotate-bytes": c.Archive.RotateBytes, "shelf.keep-bytes": c.Shelf.KeepBytes,
	} {
		if n < 0 {
			errs = append(errs, fmt.Errorf("%s %d: less than nothing means nothing", key, n))
		}
	}
	if c.Interval > 0 && c.Interval < leastInterval {
		errs = append(errs, fmt.Errorf("interval %v: %v is the least", c.Interval, leastInterval))
	}
	if math.IsNaN(c.Budget) {
		errs = append(errs, errors.New("budget NaN: must be a share between 0 and 1"))
	}
	if f := c.Incidents.Faster; f < 0 || math.IsNaN(f) || math.IsInf(f, 0) {
		errs = append(errs, fmt.Errorf("incidents.faster %v: give 1 or more", f))
	}
	if s := c.Incidents.Share; !(s >= 0 && s <= 1) {
		errs = append(errs, fmt.Errorf("incidents.share %v: must be a share between 0 and 1", s))
	}
	for _, l := range c.Logs.Levels {
		if known := ergo.Levels(); !slices.Contains(known, ergo.Level(l)) {
			errs = append(errs, fmt.Errorf("log level %q: there are %v", l, known))
		}
	}
	if err := c.Fleet.sane(); err != nil {
		errs = append(errs, err)
	}
	if err := c.sized(); err != nil {
		errs = append(errs, err)
	}
	return oneLine(errs)
}

// oneLine is all errors as one, in order, on one line; nil where there are none.
func oneLine(errs []error) error {
	if len(errs) == 0 {
		return nil
	}
	words := make([]string, len(errs))
	for i, err := range errs {
		words[i] = err.Error()
	}
	slices.Sort(words)
	return errors.New(strings.Join(words, "; "))
}

// durations are all times of the configuration, by key.
func (c *config) durations() map[string]time.Duration {
	return map[string]time.Duration{
		"for": c.For, "interval": c.Interval, "timeout": c.Timeout, "discover": c.Discover,
		"logs.every": c.Logs.Every, "logs.renew": c.Logs.Renew, "pprof.every": c.Pprof.Every,
		"incidents.every": c.Incidents.Every, "incidents.before": c.Incidents.Before, "incidents.after": c.Incidents.After,
		"incidents.cooldown": c.Incidents.Cooldown, "fleet.within": c.Fleet.Within, "fleet.keep-age": c.Fleet.KeepAge,
		"archive.keep-age": c.Archive.KeepAge, "archive.rotate-age": c.Archive.RotateAge, "shelf.keep-age": c.Shelf.KeepAge,
	}
}

// sized refuses bounds that the kind of archive does not have: a file has no
// segments that could be dropped, and a directory no size at which it is full.
func (c *config) sized() error {
	if c.Output == "" {
		return nil
	}
	st, err := os.Stat(c.Output)
	dir := strings.HasSuffix(c.Output, string(filepath.Separator)) || err == nil && st.IsDir()
	switch {
	case c.Shelf.URL == onEngine && c.Fleet.Name == "":
		return errors.New("shelf: engine is that of a fleet: give --fleet NAME and --engine nats://HOST, or a shelf s3://BUCKET/PREFIX")
	case !dir && c.Shelf.URL != "":
		return fmt.Errorf("shelf: %s is one file, and closed segments go to a shelf: give a directory, as in -o %s/", c.Output, strings.TrimSuffix(c.Output, ".erg"))
	case !dir && c.Archive.KeepAge > 0:
		return fmt.Errorf("keep-age: %s is one file, which keeps all: give a directory, as in -o %s/", c.Output, strings.TrimSuffix(c.Output, ".erg"))
	case !dir && c.Archive.KeepBytes > 0:
		return fmt.Errorf("keep-bytes: %s is one file, which keeps all: give a directory, as in -o %s/, or --max-bytes", c.Output, strings.TrimSuffix(c.Output, ".erg"))
	case dir && c.Archive.MaxBytes > 0:
		return fmt.Errorf("max-bytes: %s is a directory: --keep-bytes bounds it", c.Output)
	}
	return nil
}

// prepare makes the directory for incidents and looks for the command that is
// run after one: both are needed when something is wrong, too late to mend them.
func (c *incidentConfig) prepare() error {
	if c.Dir != "" {
		if err := os.MkdirAll(c.Dir, 0o700); err != nil {
			return fmt.Errorf("incident-dir: %w", err)
		}
		f, err := os.CreateTemp(c.Dir, ".try-*")
		if err != nil {
			return fmt.Errorf("incident-dir: %w", err)
		}
		if err := errors.Join(f.Close(), os.Remove(f.Name())); err != nil {
			return fmt.Errorf("incident-dir: %w", err)
		}
	}
	if len(c.Command) > 0 {
		if _, err := exec.LookPath(c.Command[0]); err != nil {
			return fmt.Errorf("on-incident: %w", err)
		}
	}
	return nil
}

// await does what may hang, as opening a file on a file system that does not
// answer, and gives up when ctx ends: the program ends then, and with it what hangs.
func await[T any](ctx context.Context, what string, do func() (T, error)) (T, error) {
	type outcome struct {
		v   T
		err error
	}
	done := make(chan outcome, 1)
	go func() {
		v, err := do()
		done <- outcome{v, err}
	}()
	select {
	case o := <-done:
		return o.v, o.err
	case <-ctx.Done():
		var none T
		return none, fmt.Errorf("%s: %w before it was done", what, ctx.Err())
	}
}
