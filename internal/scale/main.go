package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"time"
)

func main() {
	bin := flag.String("bin", "bin", "the directory of record and analyze")
	name := flag.String("case", "", "one case alone; without it all that are short")
	spec := flag.String("append", "", "make one recording of this load, as JSON; for scale itself")
	out := flag.String("o", "", "where to")
	head := flag.String("head", "", "what stands above the tables: machine, load, commit")
	flag.Parse()
	err := error(nil)
	if *spec != "" {
		err = appendAll(*spec, *out)
	} else {
		err = grow(*bin, *name, *head)
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "scale:", err)
		os.Exit(1)
	}
}

// grow runs the cases of a name.
func grow(bin, name, head string) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	cases, err := chosen(name)
	if err != nil {
		return err
	}
	if head != "" {
		fmt.Printf("%s\n\n", head)
	}
	began, spent := time.Now(), childrenCPU()
	var failed []error
	for _, d := range cases {
		if err := show(ctx, bin, d); err != nil {
			failed = append(failed, fmt.Errorf("case %s: %w", d.name, err))
		}
	}
	fmt.Printf("All of it took %s.\n", took(began, spent))
	return errors.Join(failed...)
}

// show runs one case, step by step.
func show(ctx context.Context, bin string, d dimension) error {
	t, began, spent, load := newTable(d), time.Now(), childrenCPU(), loadAverage()
	for _, s := range d.steps {
		costs, err := measure(ctx, bin, s)
		if err != nil {
			return err
		}
		t.add(costs)
	}
	t.write(os.Stdout)
	for _, told := range t.grew() {
		fmt.Printf("- %s\n", told)
	}
	fmt.Printf("\n`%s` took %s; load average %s before, %s after.\n\n", d.name, took(began, spent), load, loadAverage())
	if over := t.over(); len(over) > 0 {
		return fmt.Errorf("more memory than docs/memory.md says: %s", strings.Join(over, "; "))
	}
	return ctx.Err()
}

// took is how long something took, since began and so much was spent.
func took(began time.Time, spent time.Duration) string {
	return fmt.Sprintf("%s by the clock and %s of CPU", time.Since(began).Round(time.Second), (childrenCPU() - spent).Round(time.Second))
}

// loadAverage is that of the last minute.
func loadAverage() string {
	text, _ := os.ReadFile("/proc/loadavg") // without it nothing is said
	minute, _, _ := strings.Cut(string(text), " ")
	return minute
}

// measure makes the recording of a step and measures every command on it.
func measure(ctx context.Context, bin string, s step) (map[string]cost, error) {
	dir, err := os.MkdirTemp("", "scale")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	r := &recording{bin: bin, dir: dir, path: filepath.Join(dir, "a.erg"), load: s.load}
	if s.Segments > 1 {
		r.path = filepath.Join(dir, "segments") + string(filepath.Separator)
	}
	began := time.Now()
	costs := map[string]cost{"append": appended(ctx, r)}
	if c := costs["append"]; !c.known() {
		return nil, fmt.Errorf("make a recording: %s", c.why)
	}
	fmt.Fprintf(os.Stderr, "%s: made in %s\n", s.name(), time.Since(began).Round(time.Second))
	for _, cmd := range commands() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		costs[cmd.name] = cmd.run(ctx, r)
		if c := costs[cmd.name]; c.known() {
			fmt.Fprintf(os.Stderr, "%s: %s: %.2f s, %d MiB, %d KiB\n", s.name(), cmd.name, c.cpu.Seconds(), c.peak>>20, c.size>>10)
		} else {
			fmt.Fprintf(os.Stderr, "%s: %s: %s\n", s.name(), cmd.name, c.why)
		}
	}
	return costs, nil
}
