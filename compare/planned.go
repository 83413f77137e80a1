package compare

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// A Planned change is one that somebody made: no incident, and what explains
// much of what is different.
type Planned struct {
	Kind string `json:"kind"` // deploy, restart, load
	Text string `json:"text"`
}

const (
	// sameLoad is how far the behaviors' rates may be from a common factor.
	sameLoad = 0.15
	// fewestBehaviors tell a load from one behavior that changed.
	fewestBehaviors = 3
	// enoughMessages are handled of a behavior that has a say in it.
	enoughMessages = 50
)

// loadOf is by how much more messages there are later: the factor that two
// thirds of the behaviors share, 1 where they share none.
func loadOf(a, b tracks) float64 {
	var ratios []float64
	for k, t := range a {
		if k.metric != Rate || k.subject.Node != "" {
			continue
		}
		na, da := t.total()
		nb, db := b[k].total()
		if na < enoughMessages || nb < enoughMessages {
			continue
		}
		ratios = append(ratios, nb/db/(na/da))
	}
	if len(ratios) < fewestBehaviors {
		return 1
	}
	common := series.Median(ratios)
	near := 0
	for _, r := range ratios {
		if math.Abs(r/common-1) <= sameLoad {
			near++
		}
	}
	if 3*near < 2*len(ratios) || math.Abs(common-1) < sameLoad {
		return 1
	}
	return common
}

// planned names what somebody did between the two sides.
func planned(a, b *sheet, load float64) []Planned {
	var out []Planned
	if p, ok := deployed(a, b); ok {
		out = append(out, p)
	}
	if load != 1 {
		out = append(out, Planned{"load", fmt.Sprintf("planned change: %.2g times as many messages reach nearly all behaviors; rates are compared with that taken off", load)})
	}
	return out
}

// deployed tells another release, and nodes that were started anew.
func deployed(a, b *sheet) (Planned, bool) {
	was, is := releases(onlyIn(a.runs, b.runs)), releases(onlyIn(b.runs, a.runs))
	var anew []string
	same := 0
	for _, n := range b.nodes {
		i := slices.IndexFunc(a.nodes, func(o replay.Node) bool { return o.Name == n.Name })
		if i < 0 {
			continue
		}
		same++
		if !sameLife(lifeAt(a.nodes[i], a.To), lifeAt(n, b.To)) {
			anew = append(anew, n.Name)
		}
	}
	switch {
	case is != "" && len(a.runs) > 0:
		return Planned{"deploy", fmt.Sprintf("planned change: another release runs (%s, before %s)", is, cmp.Or(was, releases(a.runs)))}, true
	case same > 1 && len(anew) == same:
		return Planned{"restart", fmt.Sprintf("planned change: all %d nodes were started anew in between, as by a deploy or a rolling restart", same)}, true
	}
	return Planned{}, false
}

func releases(all map[string]bool) string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(all)) {
		out = append(out, escape.Name(name))
	}
	return strings.Join(out, " and ")
}

// lifeAt is when the life of a node began that it had at an instant.
func lifeAt(n replay.Node, at time.Time) time.Time {
	var began time.Time
	for _, l := range n.Lives {
		if !l.From.After(at) {
			began = l.Started
		}
	}
	return began
}

// sameLife: the start of a life is known to a few seconds.
func sameLife(a, b time.Time) bool { return a.Sub(b).Abs() < 10*time.Second }
