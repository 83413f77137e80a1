package main

import (
	"fmt"
	"io"
	"strconv"
	"strings"
)

// A memory is a bound of what a command holds at its most, measured and rounded up:
// a sum of what it needs in any case and for what a recording has.
type memory struct {
	base    float64 // MiB
	file    float64 // for each byte of the recording: of what is read it is held what lies where, what is written is mapped
	all     float64 // KiB for each process that lives, of all nodes
	one     float64 // of the largest node
	ever    float64 // KiB for each process that ever lived
	node    float64 // KiB for each node
	segment float64 // KiB for each segment
	line    float64 // KiB for each log line
	suspect float64 // KiB for each process that stands still or has a queue
}

// terms are what the bound is a sum of.
func (m memory) terms(l load, file int64) []term {
	const kib = 1 << 10
	return []term{
		{m.base, "", kib * kib},
		{m.file * 1024, "the size of the recording", float64(file) / 1024},
		{m.all, "for each process of all nodes", kib * float64(l.Nodes*l.Processes)},
		{m.one, "for each process of the largest node", kib * float64(l.Processes)},
		{m.ever, "for each process that ever lived", kib * float64(l.born())},
		{m.node, "for each node", kib * float64(l.Nodes)},
		{m.segment, "for each segment", kib * float64(l.Segments)},
		{m.line, "for each log line", kib * float64(l.Lines)},
		{m.suspect, "for each process that stands still or has a queue", kib * float64(l.Stuck)},
	}
}

type term struct {
	much  float64
	what  string
	bytes float64 // for one of much
}

// of is the bound for a recording, in bytes.
func (m memory) of(l load, file int64) int64 {
	sum := 0.0
	for _, t := range m.terms(l, file) {
		sum += t.much * t.bytes
	}
	return int64(sum)
}

// String is the formula.
func (m memory) String() string {
	var parts []string
	for i, t := range m.terms(load{}, 0) {
		number := strconv.FormatFloat(t.much, 'g', -1, 64)
		switch {
		case t.much == 0:
		case i == 0:
			parts = append(parts, number+" MiB")
		case t.what == "the size of the recording":
			parts = append(parts, strconv.FormatFloat(m.file, 'g', -1, 64)+" times "+t.what)
		default:
			parts = append(parts, number+" KiB "+t.what)
		}
	}
	return strings.Join(parts, " + ")
}

// formulas writes the bounds as a table: docs/memory.md has it.
func formulas(w io.Writer) {
	fmt.Fprint(w, "| command | holds at most |\n|---|---|\n")
	for _, c := range measured() {
		fmt.Fprintf(w, "| %s | %s |\n", c.name, c.memory)
	}
}
