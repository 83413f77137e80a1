package main

import (
	"fmt"
	"time"
)

// A dimension is what grows from step to step.
type dimension struct {
	name  string
	what  string
	long  bool // only where it is asked for by name
	steps []step
}

// A step is one recording.
type step struct {
	n int // of what grows
	load
}

// dimensions are all cases. Where a step would take many minutes with the hour
// that the others have, it is shorter, and its rows say so.
func dimensions() []dimension {
	grow := func(values []int, set func(*load, int)) (steps []step) {
		for _, v := range values {
			l := standard()
			set(&l, v)
			steps = append(steps, step{v, l})
		}
		return steps
	}
	return []dimension{
		{"processes", "processes of one node", false, grow([]int{100, 1000, 10_000, 100_000}, func(l *load, v int) {
			if l.Processes = v; v >= 10_000 {
				l.Length = 6 * time.Minute
			}
		})},
		{"nodes", "nodes", false, grow([]int{1, 10, 100, 500}, func(l *load, v int) {
			if l.Nodes = v; v >= 100 {
				l.Length = 6 * time.Minute
			}
		})},
		{"nodes-hour", "nodes, for an hour each", true, grow([]int{50, 500}, func(l *load, v int) { l.Nodes = v })},
		{"hours", "tenths of an hour", false, grow([]int{1, 10, 240}, func(l *load, v int) { l.Length = time.Duration(v) * 6 * time.Minute })},
		{"findings", "processes that stand still, of 10,000", false, grow([]int{1, 100, 1000, 9000}, func(l *load, v int) {
			l.Stuck, l.Processes, l.Length = v, 10_000, 6*time.Minute
		})},
		{"lines", "log lines", false, grow([]int{1000, 30_000, 1_000_000}, func(l *load, v int) { l.Lines = v })},
		{"segments", "segments", false, grow([]int{2, 24, 720}, func(l *load, v int) { l.Segments = v })},
		{"day", "nodes, for a day each", true, grow([]int{1, 10}, func(l *load, v int) { l.Nodes, l.Length = v, 24*time.Hour })},
	}
}

// chosen are the cases of a name, or those that are run without one.
func chosen(name string) ([]dimension, error) {
	var out []dimension
	var names []string
	for _, d := range dimensions() {
		names = append(names, d.name)
		if d.name == name || name == "" && !d.long {
			out = append(out, d)
		}
	}
	if out == nil {
		return nil, fmt.Errorf("case %q: there are %v", name, names)
	}
	return out, nil
}
