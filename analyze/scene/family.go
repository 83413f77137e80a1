package scene

import (
	"cmp"
	"math/bits"
	"slices"
	"time"

	"ergorecorder/analyze/series"
)

// A familyKey tells families apart: processes of one behavior and application
// under one parent. The parent is named, so that a restarted one keeps its
// children.
type familyKey struct{ Behavior, Application, Parent string }

// A Family is what the listings leave of all processes of one family.
type Family struct {
	familyKey
	node       *Node
	ParentPID  string // the newest
	parentKind string

	alive  int
	Born   int    // seen; those of the first listing are not counted
	Count  census // alive at each listing
	Births census // born so far at each listing
	Lives  Lives  // of the members that ended

	// Succession are the members that came for one of the same parent that had
	// just ended: the family's restarts, whatever name they have.
	Succession Lineage
	vacant     []*Actor // ended, and nobody came for them so far
	newborn    []*Actor // since the last listing
}

// succeed matches the members that ended with those that came, in a listing.
// A place may be filled a listing later.
func (f *Family) succeed(previous time.Time) {
	for _, a := range f.newborn {
		i := slices.IndexFunc(f.vacant, func(v *Actor) bool { return v.Parent == a.Parent && v != a })
		if i < 0 {
			continue
		}
		f.Succession.follow(f.vacant[i], a)
		f.vacant = slices.Delete(f.vacant, i, i+1)
	}
	f.newborn = f.newborn[:0]
	f.vacant = slices.DeleteFunc(f.vacant, func(v *Actor) bool { return v.Last.Before(previous) })
}

// Lives are how long the ended members of a family lived, as the listings
// showed it, by powers of two of a second.
type Lives struct {
	Ended  int
	bucket [32]int
}

func (l *Lives) add(lived time.Duration) {
	l.Ended++
	l.bucket[bits.Len64(uint64(max(0, lived)/time.Second))%len(l.bucket)]++
}

// Longer is how many of them lived for longer than d, at most.
func (l Lives) Longer(d time.Duration) int {
	n := 0
	for i := bits.Len64(uint64(max(0, d) / time.Second)); i < len(l.bucket); i++ {
		n += l.bucket[i]
	}
	return n
}

// Usual is what all but a hundredth of them did not outlive.
func (l Lives) Usual() time.Duration {
	n := 0
	for i := len(l.bucket) - 1; i >= 0; i-- {
		if n += l.bucket[i]; n > l.Ended/100 {
			return time.Duration(1<<i) * time.Second
		}
	}
	return 0
}

// A census is a number at each listing, thinned when it gets long. Only changes
// are stored, each with the listing before it.
type census struct {
	t        []time.Time
	v        []int
	lastAt   time.Time
	lastV    int
	any      bool
	stride   int
	sinceAdd int
}

const maxCensus = 4096

func (c *census) add(at time.Time, v int) {
	if c.any && v == c.lastV {
		c.lastAt = at
		return
	}
	if c.any && len(c.t) > 0 && c.lastAt.After(c.t[len(c.t)-1]) {
		c.put(c.lastAt, c.lastV)
	}
	c.put(at, v)
	c.lastAt, c.lastV, c.any = at, v, true
}

func (c *census) put(at time.Time, v int) {
	if c.sinceAdd < c.stride {
		c.sinceAdd++
		return
	}
	c.sinceAdd = 0
	c.t, c.v = append(c.t, at), append(c.v, v)
	if len(c.t) < maxCensus {
		return
	}
	n := 0
	for i := 0; i < len(c.t); i += 2 {
		c.t[n], c.v[n] = c.t[i], c.v[i]
		n++
	}
	c.t, c.v = c.t[:n], c.v[:n]
	c.stride = 2*c.stride + 1
}

// Sampled is the census at the given listings.
func (c *census) Sampled(at []time.Time) series.Series {
	var s series.Series
	if !c.any {
		return s
	}
	i := -1
	for _, t := range at {
		for i+1 < len(c.t) && !c.t[i+1].After(t) {
			i++
		}
		if i < 0 {
			continue
		}
		v := c.v[i]
		if !t.Before(c.lastAt) {
			v = c.lastV
		}
		s.T, s.V = append(s.T, t), append(s.V, float64(v))
	}
	return s
}

func (p *Population) SortedFamilies() []*Family {
	var all []*Family
	for _, f := range p.Families {
		all = append(all, f)
	}
	slices.SortFunc(all, func(a, b *Family) int {
		return cmp.Or(cmp.Compare(a.Behavior, b.Behavior), cmp.Compare(a.Application, b.Application), cmp.Compare(a.Parent, b.Parent))
	})
	return all
}

// A Lineage is one process through its restarts: the same name and behavior
// under several PIDs. For processes without a name, or with a new one each
// time, see [Family.Succession].
type Lineage struct {
	Node     *Node
	Name     string
	Behavior string
	lives    int     // PIDs seen
	Current  *Actor  // the newest
	broken   bool    // its node died since: the next birth is no restart
	Births   []Birth // the restarts that were seen: the first and the newest, at most maxBirths
}

// A Birth is a restart that was seen between two listings.
type Birth struct {
	After, By time.Time // the listing before and the listing that shows it
	Pid       string
	Name      string
	Parent    string
	Previous  time.Duration // how long the life before was seen, 0 if not known
	Omitted   int           // restarts right before this one that are only counted
}

const maxBirths = 512

// reborn takes a new PID under the name.
func (l *Lineage) reborn(a *Actor) {
	if old := l.Current; old != nil && old.Pid == a.Pid && !l.broken {
		l.Current = a // a node hands out no PID twice in one life: it was not listed for a while
		return
	}
	l.lives++
	old, broken := l.Current, l.broken
	l.Current, l.broken = a, false
	if old == nil || broken || a.BornAfter.IsZero() {
		return
	}
	l.follow(old, a)
}

// follow notes that a process came for another one.
func (l *Lineage) follow(old, a *Actor) {
	l.Current = a
	if len(l.Births) == maxBirths {
		const middle = maxBirths / 2
		l.Births[middle+1].Omitted += l.Births[middle].Omitted + 1
		l.Births = slices.Delete(l.Births, middle, middle+1)
	}
	l.Births = append(l.Births, Birth{
		After: a.BornAfter, By: a.First, Pid: a.Pid, Name: a.Name, Parent: a.Parent, Previous: old.Last.Sub(old.First),
	})
}

// Gap is the usual time between the restarts from one that is kept to the next.
func (b Birth) Gap(last Birth) time.Duration { return b.By.Sub(last.By) / time.Duration(b.Omitted+1) }

// OnlyName is the name under which processes of a behavior were seen, "" where
// there is none or more than one.
func (p *Population) OnlyName(behavior string) string {
	name := ""
	for k := range p.Lineages {
		switch {
		case k.behavior != behavior:
		case name != "":
			return ""
		default:
			name = k.name
		}
	}
	return name
}
