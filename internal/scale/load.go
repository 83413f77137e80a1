package main

import (
	"time"

	"ergorecorder/internal/sim"
)

// A load is what a recording holds.
type load struct {
	Nodes, Processes int
	Length           time.Duration
	Stuck            int // processes that stand still in a callback, with mail, from the first tenth on
	Lines            int // of the log, all together
	Segments         int // 1 is an archive of one file
}

// standard is what the dimensions that a case leaves alone are.
func standard() load { return load{Nodes: 1, Processes: 1000, Length: time.Hour, Segments: 1} }

// workload is the workload of the storage measurements, of this size.
func (l load) workload() sim.Workload {
	w := sim.Standard(l.Nodes, l.Length)
	w.Processes, w.Stuck, w.Lines = l.Processes, l.Stuck, l.Lines
	return w
}

// at is when so many of equal parts of the load are over.
func (l load) at(part, of int) time.Time {
	return l.workload().Start().Add(l.Length * time.Duration(part) / time.Duration(of))
}

// segment is in which segment, from 0, what was said at a time lies.
func (l load) segment(t time.Time) int {
	return int(t.Sub(l.workload().Start()) * time.Duration(max(l.Segments, 1)) / l.Length)
}

// rows is how many process rows there are.
func (l load) rows() int { return l.Nodes * l.Processes * l.workload().Samples() }

// born is how many processes there ever were, about.
func (l load) born() int { return l.Nodes*l.Processes + int(float64(l.rows())*l.workload().Churn) }
