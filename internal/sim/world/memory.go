package world

import (
	"strings"
	"time"
)

// The heap of a node: what was live at the last collection, and what was
// allocated since. A collection comes when the heap has doubled, at the latest
// every two minutes, and costs CPU by what is live.

// firstHeap is the heap at which Go collects first.
const firstHeap = 4e6

// base is what the node itself keeps.
const base = 2.5e6

func (n *Node) alloc(p *Process, bytes float64) {
	n.since += bytes
	n.total += bytes
	p.allocated += bytes
	if n.live+n.since > max(firstHeap, 2*n.live) {
		n.collect()
	}
}

// background allocates for the node itself up to now.
func (n *Node) background() {
	d := (n.world.now - n.floorAt).Seconds()
	n.floorAt = n.world.now
	bytes := 60e3 * d
	n.since += bytes
	n.total += bytes
	n.used += time.Duration(4e6 * d)
	n.burned["runtime.futex"] += time.Duration(4e6 * d)
	if n.live+n.since > max(firstHeap, 2*n.live) {
		n.collect()
	}
}

func (n *Node) collect() {
	kept := 0.0
	for _, p := range n.procs {
		kept += p.kept + float64(p.depth)*200 + 3000
	}
	n.live, n.since = base+kept, 0
	n.collections++
	cost := time.Duration(n.live * 0.4) // 0.4 ms for a megabyte
	n.lastPause = 80*time.Microsecond + cost/100
	n.gcCPU += cost
	n.used += cost
	n.burned["runtime.gcBgMarkWorker"] += cost
}

// function is the text of a method of the behavior's type, as profiles say it.
func (s *Spec) function(method string) string {
	pkg, typ, ok := strings.Cut(s.Behavior, ".")
	if !ok {
		pkg, typ = "main", s.Behavior
	}
	return "labapp/" + pkg + ".(*" + typ + ")." + method
}
