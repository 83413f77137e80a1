package main

import (
	"fmt"
	"io"
	"math"
	"strings"
	"time"
)

// A table is one case: a line a command, a column a step.
type table struct {
	of    dimension
	steps []map[string]cost
}

func newTable(d dimension) *table { return &table{of: d} }

func (t *table) add(costs map[string]cost) { t.steps = append(t.steps, costs) }

// write writes the table as Markdown. A cell is CPU time in s, peak memory in MiB
// and size in KiB, each with the exponent of its growth since the step before.
func (t *table) write(w io.Writer) {
	fmt.Fprintf(w, "| %s |", t.of.what)
	for _, s := range t.of.steps {
		fmt.Fprintf(w, " %s |", s.name())
	}
	fmt.Fprintf(w, "\n|---|%s\n| process rows |", strings.Repeat("---|", len(t.of.steps)))
	for _, s := range t.of.steps {
		fmt.Fprintf(w, " %d |", s.rows())
	}
	fmt.Fprintln(w)
	for _, cmd := range measured() {
		fmt.Fprintf(w, "| %s |", cmd.name)
		for i := range t.steps {
			fmt.Fprintf(w, " %s |", t.cell(cmd, i))
		}
		fmt.Fprintln(w)
	}
	fmt.Fprintln(w)
}

func (t *table) cell(cmd command, i int) string {
	c := t.steps[i][cmd.name]
	if !c.known() {
		return c.why
	}
	e := t.exponents(cmd, i)
	bracket := func(e float64) string {
		if math.IsNaN(e) {
			return ""
		}
		return fmt.Sprintf(" (%.2f)", e)
	}
	return fmt.Sprintf("%.2f%s, %.0f%s, %d%s", c.cpu.Seconds(), bracket(e[0]), mib(c.peak), bracket(e[1]), c.size>>10, bracket(e[2]))
}

// exponents are by which powers CPU time, memory and size grew since the step
// before.
func (t *table) exponents(cmd command, i int) [3]float64 {
	none := math.NaN()
	if i == 0 || !t.steps[i][cmd.name].known() || !t.steps[i-1][cmd.name].known() {
		return [3]float64{none, none, none}
	}
	before, after, grown := t.steps[i-1][cmd.name], t.steps[i][cmd.name], t.of.growth(i)
	return [3]float64{
		exponent(before.cpu.Seconds(), after.cpu.Seconds(), grown, noise.Seconds()),
		exponent(mib(before.peak)-idle, mib(after.peak)-idle, grown, 10),
		exponent(float64(before.size), float64(after.size), grown, 1<<16),
	}
}

const (
	// noise is the CPU time below which no exponent is given.
	noise = 100 * time.Millisecond
	// idle is what a command holds that does nothing, in MiB.
	idle = 27

	// steep is the exponent above which a cost grows faster than what it is for: a
	// little more than 1, for figures of one run.
	steep = 1.1
	// flat is that above which a cost grows that shall not: of ten times as much it
	// takes a quarter more.
	flat = 0.1
)

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// exponent is by which power of its growth a cost grew; not a number where it is
// below what is told from noise.
func exponent(before, after, grown, least float64) float64 {
	if max(before, after) < least || before <= 0 || after <= 0 || grown <= 1 {
		return math.NaN()
	}
	return math.Log(max(after, least/10)/max(before, least/10)) / math.Log(grown)
}

// grew tells what grew more than it may: faster than in proportion, or at all where
// only an instant or the heads are asked for and what grows is not in an instant.
func (t *table) grew() (told []string) {
	for _, cmd := range measured() {
		most := steep
		if cmd.instant && !t.of.wide {
			most = flat
		}
		for i := range t.steps {
			for k, e := range t.exponents(cmd, i) {
				if e > most {
					told = append(told, fmt.Sprintf("%s of %s, %s: exponent %.2f, at most %.1f is meant", []string{"CPU time", "memory", "size"}[k], cmd.name, t.of.steps[i].name(), e, most))
				}
			}
		}
	}
	return told
}

// over are the commands that hold more than their bound says.
func (t *table) over() (told []string) {
	for _, cmd := range measured() {
		for i, costs := range t.steps {
			c := costs[cmd.name]
			if bound := cmd.memory.of(t.of.steps[i].load, costs["append"].size); c.known() && c.peak > bound {
				told = append(told, fmt.Sprintf("%s, %s: %.0f MiB, at most %.0f", cmd.name, t.of.steps[i].name(), mib(c.peak), mib(bound)))
			}
		}
	}
	return told
}
