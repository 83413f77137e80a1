package restart

import (
	"cmp"
	"slices"
	"time"

	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/analyze/setting"
)

// A loop is one child's restarts, or those of a family whose members have no
// name, or another one each time, or die in turns.
type loop struct {
	*scene.Lineage
	family     *scene.Family // nil for a child that is known by its name
	births     []scene.Birth // under one and the same supervisor: of the latest loop, else all
	dense      bool          // they follow each other so fast that they are a loop
	more       int           // restarts after those
	said       []logged.Complaint
	supervisor *scene.Actor
	inspected  *scene.Inspection
	among      []string // siblings that are restarted with it
	logged     bool     // its births are known from the log alone
}

// who is how a person names what is restarted.
func (l *loop) who() string {
	if l.family == nil {
		return l.Name
	}
	return l.Behavior
}

// loops are the restart loops of a node. Siblings that a supervisor restarts
// together are one: the one that dies of its own, else that complains, else the first. So are the members
// of a family that die in turns.
func loops(s *scene.Scene, n *scene.Node, w logged.Complaints) []*loop {
	var out []*loop
	for _, fam := range n.Procs.SortedFamilies() {
		l := familyLoop(s, n, fam, w)
		if l == nil {
			l = loggedLoop(s, n, fam, w)
		}
		if l != nil {
			out = append(out, l)
		}
	}
	var all []*loop
	for _, l := range n.Procs.Lineages {
		covered := slices.ContainsFunc(out, func(o *loop) bool { return l.Current != nil && l.Current.Family == o.family })
		lp := &loop{Lineage: l, said: w.ByName[l.Name]}
		if !covered && lp.follows(s, n, withDeaths(l.Births, logged.Deaths(lp.said))) {
			lp.narrow(s.Set)
			all = append(all, lp)
		}
	}
	slices.SortFunc(all, func(a, b *loop) int {
		return cmp.Or(cmp.Compare(len(logged.Deaths(b.said)), len(logged.Deaths(a.said))), cmp.Compare(len(b.said), len(a.said)), a.births[0].By.Compare(b.births[0].By), cmp.Compare(a.Name, b.Name))
	})
	for _, l := range all {
		i := slices.IndexFunc(out, func(o *loop) bool { return o.together(l) })
		if i < 0 {
			out = append(out, l)
			continue
		}
		out[i].among = append(out[i].among, l.Name)
	}
	return out
}

// follows takes the restarts under the newest supervisor (those under another
// are another story), and reports whether there are enough under a supervisor.
func (l *loop) follows(s *scene.Scene, n *scene.Node, births []scene.Birth) bool {
	for i, b := range births {
		if i > 0 && b.Parent != births[i-1].Parent {
			l.births = l.births[:0]
		}
		if len(l.births) == 0 {
			b.Omitted = 0
		}
		l.births = append(l.births, b)
	}
	return restarts(l.births) >= s.Set.Int(manyRestarts) && supervised(n, l)
}

// withDeaths are the births that listings show with those between two of them: of several deaths
// that the log tells between two listings, one is seen.
func withDeaths(births []scene.Birth, deaths []logged.Complaint) []scene.Birth {
	out := slices.Clone(births)
	for i := range out {
		b, died := &out[i], 0
		for _, d := range deaths {
			if !d.At.Before(b.After) && !d.At.After(b.By) {
				died++
			}
		}
		b.Omitted = max(b.Omitted, died-1)
	}
	return out
}

// familyLoop is the loop of a family in which members die in turns: nil where
// one name, or all at the same time, are restarted, for these are told by their
// names; and where those that come and go do so because they are done.
func familyLoop(s *scene.Scene, n *scene.Node, fam *scene.Family, w logged.Complaints) *loop {
	births := fam.Succession.Births
	if len(births) < s.Set.Int(manyRestarts) || births[0].Name != "" && inTurns(births) < 2 || fam.Observing() {
		return nil
	}
	l := &loop{Lineage: &fam.Succession, family: fam, said: w.ByBehavior[fam.Behavior]}
	if !l.follows(s, n, births) || !l.supervisorKnown(n) {
		return nil
	}
	l.narrow(s.Set)
	deaths := max(len(l.deaths()), abnormal(l.noted()))
	switch {
	case !l.dense:
		return nil
	case l.pool(n):
		// A pool replaces a worker only when it ended. The log must tell of a
		// death, or the pool itself: who is missing in a listing may live.
		if deaths == 0 && (w.Lines > 0 || !l.counted().exact) {
			return nil
		}
	case deaths < s.Set.Int(manyRestarts) || 2*deaths < restarts(l.births):
		return nil
	}
	return l
}

// loggedLoop is the loop of a family of which the log tells many deaths and the
// listings hardly a life, for each is short: every death after the first is of one
// that had come for another. Where far more members were seen to end than died,
// those that die are exceptions.
func loggedLoop(s *scene.Scene, n *scene.Node, fam *scene.Family, w logged.Complaints) *loop {
	deaths := logged.Deaths(w.ByBehavior[fam.Behavior])
	many := s.Set.Int(manyRestarts)
	if len(deaths) <= many || !cut(n.Procs) && len(deaths) < 2*fam.Lives.Ended || fam.Observing() {
		return nil
	}
	for _, o := range n.Procs.SortedFamilies() {
		if o.ParentPID != fam.ParentPID && o.Behavior == fam.Behavior {
			return nil // whose deaths these are is not known
		}
	}
	for _, l := range n.Procs.Lineages {
		if l.Current != nil && l.Current.Family == fam && len(l.Births) > 0 {
			return nil // it keeps its name
		}
	}
	current := &scene.Actor{Node: n, Behavior: fam.Behavior, Application: fam.Application, Parent: fam.ParentPID, Family: fam}
	l := &loop{
		Lineage: &scene.Lineage{Node: n, Behavior: fam.Behavior, Current: current}, family: fam, said: w.ByBehavior[fam.Behavior],
		supervisor: n.Procs.Known[fam.ParentPID], inspected: n.Inspected[fam.ParentPID], logged: true,
	}
	for i := 1; i < len(deaths); i++ {
		l.births = append(l.births, scene.Birth{After: deaths[i-1].At, By: deaths[i].At, Pid: deaths[i].PID, Parent: fam.ParentPID})
	}
	l.narrow(s.Set)
	if !l.dense {
		return nil
	}
	return l
}

// cut reports whether so many listings lack rows that who is missing may only be out of sight.
func cut(p *scene.Population) bool { return p.Lacking > len(p.Listings)/2 }

// toldLoops are the loops of which the log tells, and a supervisor that counts restarts:
// listings that lack rows do not say who came and went.
func toldLoops(s *scene.Scene, n *scene.Node, w logged.Complaints) []*loop {
	var out []*loop
	for _, fam := range n.Procs.SortedFamilies() {
		l := loggedLoop(s, n, fam, w)
		once := !slices.ContainsFunc(out, func(o *loop) bool { return o.Behavior == fam.Behavior })
		if once && l != nil && l.inspected != nil && l.inspected.Supervisor && slices.ContainsFunc(l.inspected.Restarts.V, func(v float64) bool { return v > 0 }) {
			out = append(out, l)
		}
	}
	return out
}

// inTurns is how many names are restarted at times of their own.
func inTurns(births []scene.Birth) int {
	names, times := map[string]bool{}, map[time.Time]int{}
	for _, b := range births {
		times[b.By]++
	}
	for _, b := range births {
		if times[b.By] == 1 {
			names[b.Name] = true
		}
	}
	return len(names)
}

// supervisorKnown reports whether the parent is surely one that restarts: a
// supervisor or a pool.
func (l *loop) supervisorKnown(n *scene.Node) bool {
	return l.pool(n) || l.inspected != nil && l.inspected.Supervisor || l.supervisor != nil && l.supervisor.Kind == "supervisor"
}

func (l *loop) pool(n *scene.Node) bool { return l.supervisor != nil && n.IsPool(l.supervisor) }

// deaths are the deaths that were logged while the loop lasted.
func (l *loop) deaths() []logged.Complaint {
	from, to := l.births[0].After.Add(-time.Second), l.births[len(l.births)-1].By
	return logged.Deaths(slices.DeleteFunc(slices.Clone(l.said), func(c logged.Complaint) bool {
		return c.At.Before(from) || c.At.After(to)
	}))
}

// noted are the loop's restarts in its supervisor's history.
func (l *loop) noted() []scene.Noted {
	return l.notedIn(l.births[0].After.Add(-time.Second), l.births[len(l.births)-1].By)
}

// notedIn are those within a stretch. A supervisor notes the members of a family
// under their own names, or under that of what they are made by: they are known as
// the family's where it has no other children.
func (l *loop) notedIn(from, to time.Time) []scene.Noted {
	switch {
	case l.family == nil:
		return l.inspected.Of(l.Name, from, to)
	case l.inspected == nil || !l.onlyChildren():
		return nil
	}
	var out []scene.Noted
	for _, h := range l.inspected.History {
		if !h.At.Before(from) && !h.At.After(to) {
			out = append(out, h)
		}
	}
	return out
}

// onlyChildren reports whether the family are all children that its parent has had.
func (l *loop) onlyChildren() bool {
	for _, fam := range l.Node.Procs.Families {
		if fam != l.family && fam.ParentPID == l.family.ParentPID {
			return false
		}
	}
	return true
}

// abnormal is how many of these ends were no ends of work.
func abnormal(noted []scene.Noted) (n int) {
	for _, h := range noted {
		if h.Reason != "normal" && h.Reason != "shutdown" {
			n++
		}
	}
	return n
}

// window is the time within which restarts make a loop: no shorter than what
// the listings can show.
func (l *loop) window(set setting.Values) time.Duration {
	w := max(set.Span(loopWindow), time.Duration(set.Int(manyRestarts))*l.Node.Interval)
	if l.inspected != nil {
		w = max(w, time.Duration(l.inspected.Period)*time.Second)
	}
	return w
}

// narrow leaves the latest stretch of restarts that follow each other within
// the window, if there are enough of them within one.
func (l *loop) narrow(set setting.Values) {
	window := l.window(set)
	for to := len(l.births); to > 0; {
		from := to - 1
		for from > 0 && l.births[from].Gap(l.births[from-1]) <= window {
			from--
		}
		if crowded(l.births[from:to], set.Int(manyRestarts), window) {
			l.more, l.births, l.dense = restarts(l.births[to:]), slices.Clone(l.births[from:to]), true
			l.births[0].Omitted = 0
			return
		}
		to = from
	}
}

// crowded reports whether so many restarts fell within a window.
func crowded(births []scene.Birth, many int, window time.Duration) bool {
	for i, b := range births {
		if i > 0 && b.Omitted >= many-2 && b.Gap(births[i-1])*time.Duration(many-1) <= window {
			return true
		}
		if k := i - (many - 1); k >= 0 && b.By.Sub(births[k].By) <= window {
			return true
		}
	}
	return false
}

// restarts is how many restarts the births stand for.
func restarts(births []scene.Birth) int {
	n := len(births)
	for _, b := range births {
		n += b.Omitted
	}
	return n
}

// seen is how many of its restarts the listings show.
func (l *loop) seen() int {
	if l.family != nil {
		return restarts(l.births)
	}
	shown := slices.DeleteFunc(slices.Clone(l.Births), func(b scene.Birth) bool {
		return b.By.Before(l.births[0].By) || b.By.After(l.births[len(l.births)-1].By)
	})
	if len(shown) > 0 {
		shown[0].Omitted = 0
	}
	return restarts(shown)
}

// supervised reports whether the process's parent is a supervisor, and finds
// it. A parent of which nothing is known counts as one: only supervisors give
// a new process the old one's name again and again.
func supervised(n *scene.Node, l *loop) bool {
	pid := l.births[len(l.births)-1].Parent
	l.supervisor = n.Procs.Known[pid]
	l.inspected = n.Inspected[pid]
	switch {
	case l.pool(n):
		return true
	case l.inspected != nil:
		return l.inspected.Supervisor
	case l.supervisor != nil && l.supervisor.Kind != "":
		return l.supervisor.Kind == "supervisor"
	}
	return l.supervisor == nil || len(l.said) > 0
}

// together reports whether most restarts of o came with one of l.
func (l *loop) together(o *loop) bool {
	if l.births[0].Parent != o.births[0].Parent {
		return false
	}
	same := 0
	for _, b := range o.births {
		if slices.ContainsFunc(l.births, func(x scene.Birth) bool { return x.By.Equal(b.By) }) {
			same++
		}
	}
	return float64(same) >= 0.8*float64(len(o.births))
}

// A count is how many restarts there were, and who says so.
type count struct {
	restarts int
	by       string
	exact    bool
}

// counted is the number of restarts by the best source: what the pool or the log
// counted, else the changes from listing to listing, which miss all but one of
// those between two.
func (l *loop) counted() count {
	best := count{l.seen(), "changes from one listing to the next", false}
	if deaths := len(l.deaths()); deaths >= best.restarts {
		best = count{deaths, byLog, true}
	}
	if l.inspected != nil {
		first, last := l.births[0], l.births[len(l.births)-1]
		before, _ := l.inspected.Replaced.At(first.After)
		if after, ok := l.inspected.Replaced.At(last.By); ok && int(after-before) > best.restarts {
			best = count{int(after - before), byPool, true}
		}
	}
	return best
}

// What counts restarts besides the listings.
const (
	byLog  = "deaths in its log"
	byPool = "restarts that its pool counted"
)

// period is the usual time between two restarts.
func (l *loop) period() time.Duration {
	n := l.counted().restarts
	if n < 2 {
		return 0
	}
	return l.births[len(l.births)-1].By.Sub(l.births[0].By) / time.Duration(n-1)
}
