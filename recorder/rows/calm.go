package rows

import (
	"hash/fnv"
	"slices"
	"time"
)

// Calm is what is known of a node's supervisors, by PID: which of them need not be asked
// what they say of themselves.
type Calm struct{ of map[string]calm }

// A calm is what is known of a supervisor.
type calm struct {
	children uint64    // a sum over those that it has in the last listing
	then     uint64    // the same when it was asked
	asked    time.Time // steady
}

// calmFor is how long a supervisor whose children stay the same is not asked again: what it says of
// itself changes with them.
const calmFor = time.Minute

// Stirred are the supervisors but for those that were asked a short time ago and have the same
// children in a listing as then.
func (c *Calm) Stirred(supervisors []string, list []Process, now time.Time) []string {
	children := map[string]uint64{}
	for _, p := range list {
		h := fnv.New64a()
		_, _ = h.Write([]byte(p.PID)) // never fails
		children[p.Parent] += h.Sum64()
	}
	all := make(map[string]calm, len(supervisors))
	for _, pid := range supervisors {
		s := c.of[pid]
		s.children = children[pid]
		all[pid] = s
	}
	c.of = all
	return slices.DeleteFunc(slices.Clone(supervisors), func(pid string) bool {
		s := all[pid]
		return !s.asked.IsZero() && s.children == s.then && now.Sub(s.asked) < calmFor
	})
}

// Asked notes that a process was asked about itself.
func (c *Calm) Asked(pid string, now time.Time) {
	if s, ok := c.of[pid]; ok {
		s.then, s.asked = s.children, now
		c.of[pid] = s
	}
}
