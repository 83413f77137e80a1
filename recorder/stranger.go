package recorder

import (
	"fmt"
	"time"

	"ergorecorder/archive"
	"ergorecorder/recorder/names"
)

// Whoever answers at an entry point says which nodes there are, and may make
// them up. Names that no node can have are not believed, and of the nodes that
// never answered only some are asked at a time: the others wait until those have
// answered or were given up.
const (
	mostNodes     = 1000
	mostStrangers = 100
	strangerFor   = 5 * time.Minute
)

// meetAll begins to record the nodes that were not known, as far as there is
// room for strangers; when there is none it says so, once.
func (r *Recorder) meetAll(there []string) {
	room, strangers := r.room()
	refused := r.meetSome(there, room)
	if was := r.crowded.Swap(refused > 0); refused > 0 && !was {
		r.mark(archive.Mark{
			Kind: "nodes_waiting", From: r.clock.Now(),
			Note: fmt.Sprintf("entry points name %d nodes more, and %d never answered: only so many are asked at a time", refused, strangers),
			More: map[string]any{"waiting": refused, "strangers": strangers},
		})
	}
}

// room is for how many nodes more there is room, and how many never answered.
func (r *Recorder) room() (room, strangers int) {
	known := r.known()
	for _, n := range known {
		if n.stranger() {
			strangers++
		}
	}
	return min(mostStrangers-strangers, mostNodes-len(known)), strangers
}

// meetSome begins to record as many nodes that were not known, and says how many
// more there are.
func (r *Recorder) meetSome(there []string, room int) (refused int) {
	for _, name := range there {
		r.mu.Lock()
		met := r.nodes[name] != nil
		r.mu.Unlock()
		switch {
		case met:
		case !names.OfNode(name) || room <= 0:
			refused++
		default:
			r.meet(name)
			room--
		}
	}
	return refused
}

// stranger reports whether the node never answered.
func (n *node) stranger() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.heardAt.IsZero()
}

// tooStrange reports whether the node should make room for others: they wait, and
// it has had its time to answer.
func (n *node) tooStrange(now time.Time) bool {
	return n.r.crowded.Load() && n.stranger() && now.Sub(n.met) >= strangerFor
}

// makeRoom lets others who wait be met at once: a stranger is none any more.
func (r *Recorder) makeRoom() {
	if r.crowded.Load() {
		r.desk.LookSoon()
	}
}
