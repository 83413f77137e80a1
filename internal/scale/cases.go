package main

import (
	"fmt"
	"strconv"
	"time"
)

// A dimension is what grows from step to step.
type dimension struct {
	name  string
	what  string
	unit  string // of n
	long  bool   // only where it is asked for by name
	wide  bool   // an instant has more of it too: what asks for one may grow with it
	steps []step
}

// A step is one recording.
type step struct {
	n    int // of what grows
	unit string
	load
}

func (s step) name() string { return strconv.Itoa(s.n) + s.unit }

// dimensions are all cases. All steps of a case are of the same length, so that
// exponents say what they seem to; where an hour of the largest would take many
// minutes they are of six minutes, and the hour is a case of its own.
func dimensions() []dimension {
	grow := func(d dimension, values []int, set func(*load, int)) dimension {
		for _, v := range values {
			l := standard()
			set(&l, v)
			d.steps = append(d.steps, step{v, d.unit, l})
		}
		return d
	}
	const short = 6 * time.Minute
	return []dimension{
		grow(dimension{name: "processes", what: "processes of one node, an hour", wide: true}, []int{100, 1000, 10_000},
			func(l *load, v int) { l.Processes = v }),
		grow(dimension{name: "processes-wide", what: "processes of one node, 6 min", wide: true}, []int{1000, 10_000, 100_000},
			func(l *load, v int) { l.Processes, l.Length = v, short }),
		grow(dimension{name: "nodes", what: "nodes of 1,000 processes, 6 min", wide: true}, []int{1, 10, 100, 500},
			func(l *load, v int) { l.Nodes, l.Length = v, short }),
		grow(dimension{name: "hours", what: "length", unit: " min"}, []int{6, 60, 24 * 60},
			func(l *load, v int) { l.Length = time.Duration(v) * time.Minute }),
		grow(dimension{name: "findings", what: "processes that stand still, of 12,000 in 6 min"}, []int{1, 100, 1000, 10_000},
			func(l *load, v int) { l.Stuck, l.Processes, l.Length = v, 12_000, short }),
		grow(dimension{name: "lines", what: "log lines"}, []int{1000, 30_000, 1_000_000},
			func(l *load, v int) { l.Lines = v }),
		grow(dimension{name: "segments", what: "segments"}, []int{1, 24, 720},
			func(l *load, v int) { l.Segments = v }),
		grow(dimension{name: "segments-many", what: "segments, of 100 processes in 10 h", long: true}, []int{72, 720, 7200},
			func(l *load, v int) { l.Segments, l.Processes, l.Length = v, 100, 10*time.Hour }),
		grow(dimension{name: "processes-hour", what: "processes of one node, an hour", long: true, wide: true}, []int{10_000, 100_000},
			func(l *load, v int) { l.Processes = v }),
		grow(dimension{name: "nodes-hour", what: "nodes of 1,000 processes, an hour", long: true, wide: true}, []int{1, 10, 100, 500},
			func(l *load, v int) { l.Nodes = v }),
		grow(dimension{name: "day", what: "nodes of 1,000 processes, a day", long: true, wide: true}, []int{1, 10},
			func(l *load, v int) { l.Nodes, l.Length = v, 24*time.Hour }),
	}
}

// growth is how many times as much there is in a step as in the one before: of
// rows, or where these stay the same, of what grows.
func (d dimension) growth(i int) float64 {
	a, b := d.steps[i-1], d.steps[i]
	if a.rows() != b.rows() {
		return float64(b.rows()) / float64(a.rows())
	}
	return float64(b.n) / float64(a.n)
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
