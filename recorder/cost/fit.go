package cost

import (
	"encoding/json"
	"time"
)

// A fit compares, over stretches of some seconds, what our calls seem to have
// cost with the CPU time that the node says it used for everything: used = its own + ratio x ours.
// The time that a call takes is not all that it costs: garbage is collected beside it.
type fit struct {
	at     time.Time     // steady, of the node_info with which a stretch began
	used   time.Duration // as it told
	total  time.Duration // what our calls seemed to have cost by then
	plain  bool          // the counters are known to count each second once
	n      float64       // comparisons, of which old ones count less
	x, y   float64       // sums: ours and used, a second
	xx, xy float64
	yy     float64
	spent  float64 // seconds that the compared calls seem to have cost
}

// How long a stretch is at least, so that what a call costs falls into that in which its answer
// came, and at most: in more, much else may have happened. How much less a comparison counts
// with each that follows. How far from what the calls seem to cost the ratio is expected to
// be before anything was compared, and where it ends.
const (
	least    = 8 * time.Second
	apart    = 30 * time.Second
	fades    = 0.98
	expected = 0.5
	lowest   = 0.25
	highest  = 4
	checkMin = 0.5 // seconds that must be compared before the node's total bounds ours
)

// hear takes in what node_info says of the CPU time used.
func (f *fit) hear(info []byte, total time.Duration, now time.Time) {
	var said struct{ UserTime, SystemTime time.Duration }
	if json.Unmarshal(info, &said) != nil || said.UserTime <= 0 {
		return
	}
	plain := f.plain
	f.plain = plain || odd(said.UserTime) || odd(said.SystemTime)
	used := said.UserTime + said.SystemTime
	if !f.plain {
		used = once(said.UserTime) + once(said.SystemTime)
	}
	took := now.Sub(f.at)
	if took < least && plain == f.plain && used >= f.used {
		return
	}
	if !f.at.IsZero() && plain == f.plain && used >= f.used && took > 0 && took < apart {
		f.compare((total-f.total).Seconds()/took.Seconds(), (used-f.used).Seconds()/took.Seconds())
		f.spent += (total - f.total).Seconds()
	}
	f.at, f.used, f.total = now, used, total
}

// Some versions count whole seconds twice. Then no counter ever has an odd number of them.
func odd(d time.Duration) bool { return d/time.Second%2 == 1 }

// once is a counter of whole seconds counted twice, with each counted once.
func once(d time.Duration) time.Duration { return d - d/time.Second/2*time.Second }

func (f *fit) compare(x, y float64) {
	f.n, f.x, f.y = f.n*fades+1, f.x*fades+x, f.y*fades+y
	f.xx, f.xy, f.yy = f.xx*fades+x*x, f.xy*fades+x*y, f.yy*fades+y*y
}

// ratio is by how much our calls cost more than they seem to, or less: the slope of
// used by ours. The more a node's use varies by itself, the nearer it stays to one. It is not less
// than one, for what is heard late makes a slope too small, unless all that was used is less
// than what ours seem to have cost.
func (f *fit) ratio() float64 {
	if f.n < Enough {
		return 1
	}
	xx, xy, yy := f.xx-f.x*f.x/f.n, f.xy-f.x*f.y/f.n, f.yy-f.y*f.y/f.n
	r := 1.0
	if xx > 0 {
		doubt := max(yy-xy*xy/xx, 0) / f.n / (expected * expected) // by what ours do not explain
		r = max(1, (xy+doubt)/(xx+doubt))
	}
	if f.spent >= checkMin && f.x > 0 {
		r = min(r, f.y/f.x)
	}
	return min(max(r, lowest), highest)
}
