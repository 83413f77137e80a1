package main

import (
	"fmt"
	"io"
	"math"
	"time"
)

// A table is one case: a line a command and step.
type table struct {
	of    dimension
	steps []map[string]cost
}

func newTable(d dimension) *table { return &table{of: d} }

func (t *table) add(_ int, costs map[string]cost) { t.steps = append(t.steps, costs) }

func (t *table) head(w io.Writer) {
	fmt.Fprintf(w, "### %s: %s\n\n", t.of.name, t.of.what)
}

// write writes the table as Markdown: cost and the exponent of its growth since
// the step before, in process rows, or where only an instant is asked for, in the
// rows of one.
func (t *table) write(w io.Writer) {
	fmt.Fprintf(w, "| command | %s | rows | CPU s | exponent | peak MiB | exponent | bound MiB | size KiB | exponent |\n|---|---|---|---|---|---|---|---|---|---|\n", t.of.name)
	for _, cmd := range append([]command{{name: "append"}}, commands()...) {
		for i, s := range t.of.steps {
			c := t.steps[i][cmd.name]
			if !c.known() {
				fmt.Fprintf(w, "| %s | %d | %d | - | | - | | | %s | |\n", cmd.name, s.n, s.rows(), c.why)
				continue
			}
			cpu, peak, size := "", "", ""
			if i > 0 && t.steps[i-1][cmd.name].known() {
				before, grown := t.steps[i-1][cmd.name], growth(t.of, i)
				cpu = exponent(before.cpu.Seconds(), c.cpu.Seconds(), grown, noise.Seconds())
				peak = exponent(mib(before.peak)-idle, mib(c.peak)-idle, grown, 10)
				size = exponent(float64(before.size), float64(c.size), grown, 1<<16)
			}
			fmt.Fprintf(w, "| %s | %d | %d | %.2f | %s | %.0f | %s | %s | %d | %s |\n", cmd.name, s.n, s.rows(), c.cpu.Seconds(), cpu, mib(c.peak), peak, t.bound(cmd, i), c.size>>10, size)
		}
	}
	fmt.Fprintln(w)
}

// bound is what a command may hold at a step, in MiB.
func (t *table) bound(cmd command, i int) string {
	if most := cmd.memory.of(t.of.steps[i].load, t.steps[i]["append"].size); most > 0 {
		return fmt.Sprintf("%.0f", mib(most))
	}
	return ""
}

// over are the commands that hold more than their bound says.
func (t *table) over() (names []string) {
	for _, cmd := range commands() {
		for i, s := range t.of.steps {
			if c := t.steps[i][cmd.name]; c.known() && c.peak > cmd.memory.of(s.load, t.steps[i]["append"].size) {
				names = append(names, fmt.Sprintf("%s at %d", cmd.name, s.n))
			}
		}
	}
	return names
}

const (
	// noise is the CPU time below which no exponent is given.
	noise = 100 * time.Millisecond
	// idle is what a command holds that does nothing, in MiB.
	idle = 27
)

func mib(bytes int64) float64 { return float64(bytes) / (1 << 20) }

// growth is how many times as much there is in a step as in the one before: of
// rows, or where these stay the same, of what grows.
func growth(d dimension, i int) float64 {
	a, b := d.steps[i-1], d.steps[i]
	if a.rows() != b.rows() {
		return float64(b.rows()) / float64(a.rows())
	}
	return float64(b.n) / float64(a.n)
}

// exponent is by which power of its growth a cost grew; nothing where it is
// below what is told from noise.
func exponent(before, after, grown, least float64) string {
	if max(before, after) < least || before <= 0 || after <= 0 || grown <= 1 {
		return ""
	}
	return fmt.Sprintf("%.2f", math.Log(max(after, least/10)/max(before, least/10))/math.Log(grown))
}
