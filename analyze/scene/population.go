package scene

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/looks"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Population is what one pass over a node's process listings leaves: the
// processes that are alive at the end or that were seen at fault, families and
// lineages. Its size depends on how many processes there are at a time, not
// on how many there were nor on how long it was recorded.
type Population struct {
	node     *Node
	Listings []time.Time // that arrived
	Looks    int         // these, and glances in between
	failed   int         // that did not
	fault    string      // what the last of these said
	Partial  int         // that were cut: rows are missing
	Lacking  int         // that lack more rows than come and go between two answers
	Actors   []*Actor
	Seen     int    // processes, of any time
	Waits    Waited // the most that messages waited
	Families map[familyKey]*Family
	Lineages map[lineageKey]*Lineage
	Known    map[string]*Actor // by PID: alive at the end, and the fallen supervisors
	Fallen   []Fall

	byPID  map[string]*Actor
	looked map[string]*Actor // for whom a listing was looked through; see parentOf
	slots  []*Actor
	watch  map[int32]bool // slots that are not at rest
	life   int

	cut      bool // the listing that is being read lacks processes by the node's own count
	much     bool // by more than come and go between two answers
	unlisted int  // processes that cut listings left out
}

// A Fall is the end of a supervisor while its node lived on.
type Fall struct {
	Supervisor *Actor
	After, By  time.Time // the last listing with it and the first without
	Children   []string  // the names of those it had
	With       int       // how many of them were listed for the last time when it was
	Reborn     time.Time // the first listing with its successor; zero if it has none
}

// maxFalls bounds the falls that are kept.
const maxFalls = 256

type lineageKey struct{ name, behavior string }

// processColumns are the columns that the pass reads. The ages are left out:
// they would make every row of every listing a changed one. Where an age
// decides, a zoom reads it.
func processColumns() []string {
	return []string{
		ColPID: "PID", ColName: "Name", ColBehavior: "Behavior", ColApplication: "Application",
		colParent: "Parent", colKind: "Kind", colState: "State",
		colIn: "MessagesIn", colOut: "MessagesOut", colMailbox: "MessagesMailbox", colLatency: "MailboxLatency",
		colRun: "RunningTime", colWakeups: "Wakeups",
	}
}

const (
	ColPID = iota
	ColName
	ColBehavior
	ColApplication
	colParent
	colKind
	colState
	colIn
	colOut
	colMailbox
	colLatency
	colRun
	colWakeups
)

func readProcesses(ctx context.Context, s *Scene, n *Node) (*Population, error) {
	p := &Population{
		node:     n,
		Families: map[familyKey]*Family{},
		Lineages: map[lineageKey]*Lineage{},
		byPID:    map[string]*Actor{},
		looked:   map[string]*Actor{},
		watch:    map[int32]bool{},
	}
	total := n.Series(ergo.Node, "ProcessesTotal")
	q := replay.Query{Node: n.Name, Reading: ergo.Processes, From: s.From, To: s.To, Fields: processColumns(), Failures: true, Damaged: s.Note}
	for f, err := range looks.Walk(ctx, s.Rec, q) {
		switch {
		case err != nil:
			return nil, err
		case f.Glance:
			p.glance(f)
		case f.Failure != nil:
			p.failed++
			p.fault = f.Failure.Text
		default:
			p.listing(f.Frame, total)
		}
	}
	p.finish()
	n.Interval = series.Every(p.Listings)
	return p, nil
}

// lives takes note of the lives that the node has begun.
func (p *Population) lives(at time.Time) {
	for p.life < len(p.node.Starts) && at.After(p.node.Starts[p.life]) {
		p.life++
		p.nodeDied()
	}
}

// glance takes the rows of those for whom messages wait: nobody has come or gone by it,
// but for who of the others had messages waiting has none now, where it shows all.
func (p *Population) glance(f looks.Look) {
	p.lives(f.At)
	p.Looks++
	p.much = true
	for _, slot := range f.Live {
		a := p.byPID[f.Columns[ColPID].Text(slot)]
		if a == nil {
			a = p.actor(f.Frame, slot)
			a.unlisted = true // until a listing shows it
			p.unlisted++
		}
		p.observe(a, PointOf(f.Frame, slot))
	}
	for _, a := range p.byPID {
		if f.All && a.Watched() && a.Last.Before(f.At) && a.Now().Mailbox > 0 {
			a.Drained()
		}
	}
}

// listing takes one whole listing.
func (p *Population) listing(f *archive.Frame, total series.Series) {
	clear(p.looked)
	p.lives(f.At)
	share := p.shown(f, total)
	p.cut, p.much = share < 1, share < 0.95
	if p.much {
		p.Lacking++
	}
	changed := f.Changed
	if f.Reset {
		p.slots, p.watch = nil, map[int32]bool{}
		changed = f.Live
	}
	for _, slot := range f.Gone {
		p.missing(p.at(slot), f.At)
		p.slots[slot] = nil
		delete(p.watch, slot)
	}
	for _, slot := range changed {
		p.row(f, slot)
	}
	for slot := range p.watch {
		if a := p.slots[slot]; a != nil && a.Last.Before(f.At) {
			p.row(f, slot)
		}
	}
	if f.Reset || p.unlisted > 0 {
		p.sweep(f, share)
	}
	for _, fam := range p.Families {
		fam.succeed(p.previous())
		fam.Count.add(f.At, fam.alive)
		fam.Births.add(f.At, fam.Born)
	}
	p.Looks++
	p.Listings = append(p.Listings, f.At)
}

// previous is the time of the listing before the one that is being read.
func (p *Population) previous() time.Time {
	if n := len(p.Listings); n > 0 {
		return p.Listings[n-1]
	}
	return time.Time{}
}

func (p *Population) at(slot int32) *Actor {
	for int(slot) >= len(p.slots) {
		p.slots = append(p.slots, nil)
	}
	return p.slots[slot]
}

// row takes one process's row.
func (p *Population) row(f *archive.Frame, slot int32) {
	a := p.at(slot)
	if a == nil || a.Gone || a.Pid != f.Columns[ColPID].Text(slot) {
		a = p.actor(f, slot)
		p.slots[slot] = a
	}
	pt := PointOf(f, slot)
	p.observe(a, pt)
	p.listed(a)
	if a.Watched() {
		p.watch[slot] = true
	} else {
		delete(p.watch, slot)
	}
}

// observe takes what a row says of a process.
func (p *Population) observe(a *Actor, pt work.Point) {
	if !a.Begin.At.IsZero() && !a.unlisted && p.previous().After(a.Last) {
		a.Still(p.previous()) // a row that is not listed as changed said the same until then
	}
	a.observe(pt)
	p.Waits.add(a, pt)
}

// actor is the process in a slot that has another one, or none, so far.
func (p *Population) actor(f *archive.Frame, slot int32) *Actor {
	c := f.Columns
	pid := c[ColPID].Text(slot)
	if a := p.byPID[pid]; a != nil && !a.Gone {
		return a // the slots are new, the process is not
	}
	a := &Actor{
		Node: p.node, Pid: pid,
		Name: c[ColName].Text(slot), Behavior: c[ColBehavior].Text(slot),
		Application: c[ColApplication].Text(slot), Kind: c[colKind].Text(slot), Parent: c[colParent].Text(slot),
	}
	if a.First = f.At; !p.much { // who is first seen in a cut listing may have been there
		a.BornAfter = p.previous()
	}
	p.byPID[pid] = a
	p.Seen++
	p.join(a, f)
	if a.Name != "" {
		k := lineageKey{a.Name, a.Behavior}
		l := p.Lineages[k]
		if l == nil {
			l = &Lineage{Node: p.node, Name: a.Name, Behavior: a.Behavior}
			p.Lineages[k] = l
		}
		l.reborn(a)
		p.succeed(a, f.At)
	}
	return a
}

// join puts a new process into its family.
func (p *Population) join(a *Actor, f *archive.Frame) {
	parent, kind := p.parentOf(a.Parent, f)
	k := familyKey{a.Behavior, a.Application, parent}
	fam := p.Families[k]
	if fam == nil {
		fam = &Family{familyKey: k, node: p.node, Succession: Lineage{Node: p.node, Behavior: a.Behavior}}
		if at := p.previous(); !at.IsZero() {
			fam.Count.add(at, 0)
			fam.Births.add(at, 0)
		}
		p.Families[k] = fam
	}
	fam.ParentPID = a.Parent
	if kind != "" {
		fam.parentKind = kind
	}
	fam.alive++
	if !a.BornAfter.IsZero() {
		fam.Born++
		fam.newborn = append(fam.newborn, a)
	}
	a.Family = fam
}

// parentOf is the name (else the behavior) and kind of a parent; nothing where
// it is not listed.
func (p *Population) parentOf(pid string, f *archive.Frame) (name, kind string) {
	a := p.byPID[pid]
	if ahead, looked := p.looked[pid]; a == nil && looked { // who goes on being born of it looks once in a listing
		a = ahead
	} else if a == nil {
		c := f.Columns
		if i := slices.IndexFunc(f.Live, func(slot int32) bool { return c[ColPID].Text(slot) == pid }); i >= 0 {
			a = &Actor{Name: c[ColName].Text(f.Live[i]), Behavior: c[ColBehavior].Text(f.Live[i]), Kind: c[colKind].Text(f.Live[i])}
		}
		p.looked[pid] = a
	}
	switch {
	case a == nil:
		return "", "" // the node itself, or a process that is gone
	case a.Name != "":
		return a.Name, a.Kind
	}
	return a.Behavior, a.Kind
}

// ended ends a process while its node lives on.
func (p *Population) ended(a *Actor, at time.Time) {
	if a == nil || a.Gone {
		return
	}
	if p.supervises(a) && len(p.Fallen) < maxFalls {
		d := Fall{Supervisor: a, After: p.previous(), By: at}
		for _, l := range p.Lineages {
			if l.Current != nil && l.Current.Parent == a.Pid {
				d.Children = append(d.Children, l.Name)
				if !l.Current.Last.Before(d.After) {
					d.With++
				}
			}
		}
		slices.Sort(d.Children)
		p.Fallen = append(p.Fallen, d)
	}
	p.died(a)
	a.Family.Lives.add(a.Last.Sub(a.First)) // one that was there from the first lived at least so long
	a.Family.vacant = append(a.Family.vacant, a)
}

// supervises reports whether the process is a supervisor.
func (p *Population) supervises(a *Actor) bool {
	in := p.node.Inspected[a.Pid]
	return a.Kind == "supervisor" || a.Kind == "" && in != nil && in.Supervisor
}

// succeed notes that a fallen supervisor has a successor.
func (p *Population) succeed(a *Actor, at time.Time) {
	for i := range p.Fallen {
		d := &p.Fallen[i]
		if d.Reborn.IsZero() && d.Supervisor.Name == a.Name && d.Supervisor.Behavior == a.Behavior {
			d.Reborn = at
		}
	}
}

// died ends a process that a listing does not show any more.
func (p *Population) died(a *Actor) {
	if a == nil || a.Gone {
		return
	}
	if !a.unlisted {
		a.Last = series.Later(a.Last, p.previous())
	}
	p.listed(a)
	a.finish(true)
	a.Family.alive--
	if a.Notable() {
		p.Actors = append(p.Actors, a)
	}
	delete(p.byPID, a.Pid)
	if k := (lineageKey{a.Name, a.Behavior}); a.Name != "" {
		if l := p.Lineages[k]; l.lives == 1 && len(p.Lineages) > maxLineages {
			delete(p.Lineages, k)
		}
	}
}

// maxLineages bounds the names that are remembered after their processes have
// gone, for applications that give every process a name of its own.
const maxLineages = 20_000

// nodeDied ends all processes: the node has begun another life, and hands out
// the same PIDs again.
func (p *Population) nodeDied() {
	for _, a := range p.byPID {
		p.died(a)
	}
	p.slots, p.watch = nil, map[int32]bool{}
	for _, l := range p.Lineages {
		l.broken = true
	}
	for _, fam := range p.Families {
		fam.vacant, fam.newborn = nil, nil
	}
}

// shown is which share of the processes a listing shows, by the node's own count.
func (p *Population) shown(f *archive.Frame, total series.Series) float64 {
	t, ok := total.At(f.At)
	live := float64(len(f.Live))
	if f.Seen < f.Total || ok && live < 0.9*t {
		p.Partial++
	}
	share := 1.0
	if ok && t-live >= 1 {
		share = live / t
	}
	if f.Seen < f.Total {
		share = min(share, float64(f.Seen)/float64(f.Total))
	}
	return share
}

// missing takes a process that a listing does not show: it has ended, unless the
// listing is cut.
func (p *Population) missing(a *Actor, at time.Time) {
	switch {
	case a == nil || a.Gone:
	case !p.much: // one or two more by the count come and go between the two answers
		p.ended(a, at)
	case !a.unlisted:
		a.unlisted, a.Last = true, series.Later(a.Last, p.previous()) // if it has ended, it did so after that
		p.unlisted++
	}
}

// surely is how improbable it must be that a process which lives is left out of
// so many cut listings one after the other.
const surely = 0.001

// sweep ends the processes that are not in a listing whose slots are new, or
// that cut listings have not shown for so long that they must have ended.
func (p *Population) sweep(f *archive.Frame, share float64) {
	patience := time.Duration(0)
	if p.cut && len(p.Listings) > 1 {
		step := f.At.Sub(p.Listings[0]) / time.Duration(len(p.Listings))
		patience = time.Duration(math.Log(surely)/math.Log(1-min(share, 0.95))) * step
	}
	for _, a := range p.byPID {
		switch {
		case !a.Last.Before(f.At) || !f.Reset && !a.unlisted: // a row that did not change is there
		case p.cut && f.At.Sub(a.Last) <= patience:
			p.missing(a, f.At)
		default:
			p.ended(a, f.At)
		}
	}
}

// listed takes note that a process is shown again, or has ended.
func (p *Population) listed(a *Actor) {
	if a.unlisted {
		a.unlisted = false
		p.unlisted--
	}
}

func (p *Population) finish() {
	p.Known = make(map[string]*Actor, len(p.byPID))
	for _, d := range p.Fallen {
		p.Known[d.Supervisor.Pid] = d.Supervisor
	}
	for _, a := range p.byPID {
		a.Last = series.Later(a.Last, p.previous())
		a.finish(false)
		p.Actors = append(p.Actors, a)
		p.Known[a.Pid] = a
	}
	p.slots, p.watch = nil, nil
	slices.SortFunc(p.Actors, func(a, b *Actor) int {
		if c := a.First.Compare(b.First); c != 0 {
			return c
		}
		if a.Pid < b.Pid {
			return -1
		}
		return 1
	})
}

// Missing says why the processes of a node cannot be judged, for which so many
// listings are needed.
func (p *Population) Missing(needed int) string {
	const wall = "timed out, as a forwarded answer of more than 65,535 bytes does: give the recorder the node's own endpoint"
	switch {
	case p.failed > len(p.Listings):
		why := p.fault
		if strings.HasSuffix(why, "timed out") {
			why = wall
		}
		return fmt.Sprintf("%d of %d process listings did not arrive (%s)", p.failed, p.failed+len(p.Listings), why)
	case len(p.Listings) == 0:
		return "no process listing was recorded"
	case len(p.Listings) >= needed:
		return fmt.Sprintf("%d of %d process listings lack rows", p.Lacking, len(p.Listings))
	}
	return fmt.Sprintf("%d process %s too few: %d are needed", len(p.Listings), finding.Plural(len(p.Listings), "listing is", "listings are"), needed)
}
