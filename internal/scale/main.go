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
	began := time.Now()
	var failed []error
	for _, d := range cases {
		if err := show(ctx, bin, d); err != nil {
			failed = append(failed, fmt.Errorf("case %s: %w", d.name, err))
		}
	}
	fmt.Printf("All of it took %s.\n", time.Since(began).Round(time.Second))
	return errors.Join(failed...)
}

// show runs one case, step by step.
func show(ctx context.Context, bin string, d dimension) error {
	t := newTable(d)
	t.head(os.Stdout)
	for i, s := range d.steps {
		costs, err := measure(ctx, bin, s)
		if err != nil {
			return err
		}
		t.add(i, costs)
	}
	t.write(os.Stdout)
	if over := t.over(); len(over) > 0 {
		return fmt.Errorf("more memory than docs/memory.md says: %s", strings.Join(over, ", "))
	}
	return ctx.Err()
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
	costs := map[string]cost{"append": appended(ctx, r)}
	if c := costs["append"]; !c.known() {
		return nil, fmt.Errorf("make a recording: %s", c.why)
	}
	for _, cmd := range commands() {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		costs[cmd.name] = cmd.run(ctx, r)
		if c := costs[cmd.name]; c.known() {
			fmt.Fprintf(os.Stderr, "%d: %s: %.2f s, %d MiB, %d KiB\n", s.n, cmd.name, c.cpu.Seconds(), c.peak>>20, c.size>>10)
		} else {
			fmt.Fprintf(os.Stderr, "%d: %s: %s\n", s.n, cmd.name, c.why)
		}
	}
	return costs, nil
}
