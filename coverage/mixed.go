package coverage

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// Mixed names the nodes of which a recording holds two at once: another
// incident, or another cluster whose nodes have the same names, was put into
// the same archive. A node's life never comes back once the next has begun, and
// the CPU time of one life never falls.
func Mixed(ctx context.Context, rec *replay.Recording) ([]string, error) {
	var out []string
	for _, n := range rec.Nodes() {
		said, err := pulses(ctx, rec, n.Name)
		if err != nil {
			return nil, err
		}
		if why := mixed(said); why != "" {
			out = append(out, n.Name+": "+why)
		}
	}
	return out, nil
}

// A pulse is what one answer of node_info says of the node's life.
type pulse struct {
	at      time.Time
	created time.Time     // by the node's own clock, which may be stepped
	now     time.Time     // by that clock
	mono    time.Duration // by the recorder's own time, which no step of a clock touches; 0 where it was not recorded
	cpu     int64
}

func pulses(ctx context.Context, rec *replay.Recording, node string) ([]pulse, error) {
	var out []pulse
	var ask replay.Fields
	uptime, clock, ofUser, ofSystem := ask.Of("Uptime"), ask.Of("ServerTime"), ask.Of("UserTime"), ask.Of("SystemTime")
	for f, err := range rec.Table(ctx, node, "node_info", time.Time{}, time.Time{}, ask) {
		if err != nil {
			if errors.As(err, new(*archive.CorruptionError)) {
				continue // what can be read suffices
			}
			return nil, err
		}
		if f.Failure != nil || len(f.Live) == 0 {
			continue
		}
		slot := f.Live[0]
		up, ok := f.Columns[uptime].Int(slot)
		now, err := time.Parse(time.RFC3339Nano, f.Columns[clock].Text(slot))
		if !ok || err != nil {
			continue
		}
		user, _ := f.Columns[ofUser].Int(slot)
		system, _ := f.Columns[ofSystem].Int(slot)
		out = append(out, pulse{f.At, now.Add(-ergo.Lasting(up)), now, f.Mono, user + system})
	}
	slices.SortStableFunc(out, func(a, b pulse) int { return a.at.Compare(b.at) })
	return out, nil
}

// sameLife is by how much what two answers say of a node's creation may differ:
// its uptime is cut to whole seconds.
const sameLife = 2 * time.Second

// mixed says why the answers are of two nodes; "" where they are of one.
func mixed(said []pulse) string {
	falls := 0
	var lives []time.Time
	for i, p := range said {
		known := slices.IndexFunc(lives, func(l time.Time) bool { return l.Sub(p.created).Abs() <= sameLife })
		switch {
		case known < 0:
			lives = append(lives, p.created)
		case known < len(lives)-1:
			return fmt.Sprintf("at %s it is back in the life that began at %s, though the next had begun",
				p.at.UTC().Format(time.RFC3339), p.created.UTC().Format(time.RFC3339))
		}
		if i > 0 && said[i-1].created.Sub(p.created).Abs() <= sameLife && (p.cpu < said[i-1].cpu || p.at.Equal(said[i-1].at) && p.cpu != said[i-1].cpu) {
			falls++
		}
	}
	const chance = 2 // an answer may have overtaken another
	if falls > chance && !setBack(said) {
		return fmt.Sprintf("its CPU time falls %d times within one life", falls)
	}
	return ""
}

// setBack reports whether the answers are of one life after all, in which the
// recorder's clock was put back: by the node's own time its CPU time never falls, or, where
// the node's clock was put back with it, by the recorder's own time.
func setBack(said []pulse) bool {
	own := func(a, b pulse) int { return a.now.Compare(b.now) }
	recorders := func(a, b pulse) int { return cmp.Compare(a.mono, b.mono) }
	steady := !slices.ContainsFunc(said, func(p pulse) bool { return p.mono <= 0 })
	return neverFalls(said, own) || steady && neverFalls(said, recorders)
}

// neverFalls reports whether the CPU time never falls from answer to answer in an order.
func neverFalls(said []pulse, order func(a, b pulse) int) bool {
	said = slices.Clone(said)
	slices.SortStableFunc(said, order)
	for i := range said[1:] {
		if said[i+1].cpu < said[i].cpu || order(said[i], said[i+1]) == 0 && said[i+1].cpu != said[i].cpu {
			return false
		}
	}
	return true
}
