package bottleneck

import (
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/archive"
)

// TestSiding: walking by changes comes to what looking at every row comes to,
// whoever is born, dies, is replaced or told anew meanwhile.
func TestSiding(t *testing.T) {
	for seed := range uint64(200) {
		rng := rand.New(rand.NewPCG(seed, 1))
		frames := listings(rng)
		node := &scene.Node{}
		turn := frames[rng.IntN(len(frames))].At
		w := siding{node: node, found: map[string]*sided{}}
		for _, f := range frames {
			w.see(f, f.At.After(turn))
		}
		w.end()
		want := everyRow(node, frames, turn)
		if len(w.found) != len(want) {
			t.Fatalf("seed %d: %d processes, want %d", seed, len(w.found), len(want))
		}
		for pid, x := range want {
			if got := w.found[pid]; got.first != x.first || got.last != x.last {
				t.Fatalf("seed %d: %s: %v %v, want %v %v", seed, pid, got.first, got.last, x.first, x.last)
			}
		}
	}
}

func everyRow(n *scene.Node, frames []*archive.Frame, turn time.Time) map[string]*sided {
	found := map[string]*sided{}
	for _, f := range frames {
		side := 0
		if f.At.After(turn) {
			side = 1
		}
		for _, slot := range f.Live {
			x := sidedAt(found, n, f, slot)
			x.take(side, f, slot)
			x.last[side] = x.now
		}
	}
	return found
}

// listings are frames as a scan gives them, of a few processes.
func listings(rng *rand.Rand) (out []*archive.Frame) {
	type process struct {
		pid     string
		in, out int64
	}
	const slots = 8
	var table, before [slots]*process
	next := 0
	for i := range 12 {
		f := &archive.Frame{At: time.Unix(int64(i)*5, 0), Reset: i == 0 || rng.IntN(6) == 0}
		cols := make([]archive.Column, 6)
		for c := range cols {
			cols[c].Texts = make([]string, slots)
			cols[c].Ints = make([]int64, slots)
			cols[c].Kinds = slices.Repeat([]archive.ValueKind{archive.String}, slots)
			if c >= 4 {
				cols[c].Kinds = slices.Repeat([]archive.ValueKind{archive.Int}, slots)
			}
		}
		for s := range table {
			switch {
			case table[s] == nil && rng.IntN(2) == 0, table[s] != nil && rng.IntN(8) == 0:
				next++
				table[s] = &process{pid: strconv.Itoa(next)}
			case table[s] != nil && rng.IntN(8) == 0:
				table[s] = nil
			case table[s] != nil && rng.IntN(2) == 0:
				table[s] = &process{table[s].pid, table[s].in + 1, table[s].out + rng.Int64N(3)}
			}
			slot := int32(s)
			switch p, was := table[s], before[s]; {
			case p == nil && was != nil && !f.Reset:
				f.Gone = append(f.Gone, slot)
			case p != nil:
				f.Live = append(f.Live, slot)
				if f.Reset || was == nil || *was != *p {
					f.Changed = append(f.Changed, slot)
				}
				cols[0].Texts[s], cols[4].Ints[s], cols[5].Ints[s] = p.pid, p.in, p.out
			}
		}
		before, f.Columns = table, slices.Clone(cols)
		out = append(out, f)
	}
	return out
}
