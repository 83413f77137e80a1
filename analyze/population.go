package analyze

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/archive"
)

// A population is what one pass over a node's process listings leaves: the
// processes that are alive at the end or that were seen at fault, families and
// lineages. Its size depends on how many processes there are at a time, not
// on how many there were nor on how long it was recorded.
type population struct {
	node     *node
	listings []time.Time // that arrived
	failed   int         // that did not
	partial  int         // that were cut: rows are missing
	actors   []*actor
	families map[familyKey]*family
	lineages map[lineageKey]*lineage
	known    map[string]*actor // by PID: alive at the end, and the fallen supervisors
	fallen   []fall

	byPID map[string]*actor
	slots []*actor
	watch map[int32]bool // slots that are not at rest
	life  int
}

// A fall is the end of a supervisor while its node lived on.
type fall struct {
	supervisor *actor
	after, by  time.Time // the last listing with it and the first without
	children   []string  // the names of those it had
	reborn     time.Time // the first listing with its successor; zero if it has none
}

// maxFalls bounds the falls that are kept.
const maxFalls = 256

type lineageKey struct{ name, behavior string }

// processColumns are the columns that the pass reads. The ages are left out:
// they would make every row of every listing a changed one. Where an age
// decides, a zoom reads it.
func processColumns() []string {
	return []string{
		"PID", "Name", "Behavior", "Application", "Parent", "Kind", "State",
		"MessagesIn", "MessagesOut", "MessagesMailbox", "MailboxLatency", "RunningTime", "Wakeups",
	}
}

const (
	colPID = iota
	colName
	colBehavior
	colApplication
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

func readProcesses(ctx context.Context, s *scene, n *node) (*population, error) {
	p := &population{
		node:     n,
		families: map[familyKey]*family{},
		lineages: map[lineageKey]*lineage{},
		byPID:    map[string]*actor{},
		watch:    map[int32]bool{},
	}
	total := n.series("node_info", "ProcessesTotal")
	for f, err := range s.rec.Table(ctx, n.Name, "process_list", s.from, s.to, processColumns()) {
		switch {
		case err != nil && s.damaged(err):
		case err != nil:
			return nil, err
		case f.Failure != nil:
			p.failed++
		default:
			p.listing(f, total)
		}
	}
	p.finish()
	n.interval = interval(p.listings)
	return p, nil
}

// listing takes one whole listing.
func (p *population) listing(f *archive.Frame, total series.Series) {
	for p.life < len(p.node.starts) && f.At.After(p.node.starts[p.life]) {
		p.life++
		p.nodeDied()
	}
	if t, ok := total.At(f.At); f.Seen < f.Total || ok && float64(len(f.Live)) < 0.9*t {
		p.partial++
	}
	changed := f.Changed
	if f.Reset {
		p.slots, p.watch = nil, map[int32]bool{}
		changed = f.Live
	}
	for _, slot := range f.Gone {
		p.ended(p.at(slot), f.At)
		p.slots[slot] = nil
		delete(p.watch, slot)
	}
	for _, slot := range changed {
		p.row(f, slot)
	}
	for slot := range p.watch {
		if a := p.slots[slot]; a != nil && a.last.Before(f.At) {
			p.row(f, slot)
		}
	}
	if f.Reset {
		p.sweep(f)
	}
	for _, fam := range p.families {
		fam.count.add(f.At, fam.alive)
		fam.births.add(f.At, fam.born)
	}
	p.listings = append(p.listings, f.At)
}

// previous is the time of the listing before the one that is being read.
func (p *population) previous() time.Time {
	if n := len(p.listings); n > 0 {
		return p.listings[n-1]
	}
	return time.Time{}
}

func (p *population) at(slot int32) *actor {
	for int(slot) >= len(p.slots) {
		p.slots = append(p.slots, nil)
	}
	return p.slots[slot]
}

// row takes one process's row.
func (p *population) row(f *archive.Frame, slot int32) {
	a := p.at(slot)
	if a == nil || a.gone || a.pid != f.Columns[colPID].Text(slot) {
		a = p.actor(f, slot)
		p.slots[slot] = a
	}
	pt := pointOf(f, slot)
	if a.begin.at.IsZero() {
		a.begin = pt
	} else {
		a.now.at = p.previous() // a row that is not listed as changed said the same until then
	}
	a.observe(pt)
	if a.busy != nil || a.stall != nil {
		p.watch[slot] = true
	} else {
		delete(p.watch, slot)
	}
}

// actor is the process in a slot that has another one, or none, so far.
func (p *population) actor(f *archive.Frame, slot int32) *actor {
	c := f.Columns
	pid := c[colPID].Text(slot)
	if a := p.byPID[pid]; a != nil && !a.gone {
		return a // the slots are new, the process is not
	}
	a := &actor{
		node: p.node, pid: pid,
		name: c[colName].Text(slot), behavior: c[colBehavior].Text(slot),
		application: c[colApplication].Text(slot), kind: c[colKind].Text(slot), parent: c[colParent].Text(slot),
	}
	a.bornAfter, a.first = p.previous(), f.At
	p.byPID[pid] = a
	p.join(a, f)
	if a.name != "" {
		k := lineageKey{a.name, a.behavior}
		l := p.lineages[k]
		if l == nil {
			l = &lineage{node: p.node, name: a.name, behavior: a.behavior}
			p.lineages[k] = l
		}
		l.reborn(a)
		p.succeed(a, f.At)
	}
	return a
}

// join puts a new process into its family.
func (p *population) join(a *actor, f *archive.Frame) {
	parent, kind := p.parentOf(a.parent, f)
	k := familyKey{a.behavior, a.application, parent}
	fam := p.families[k]
	if fam == nil {
		fam = &family{familyKey: k, node: p.node}
		if at := p.previous(); !at.IsZero() {
			fam.count.add(at, 0)
			fam.births.add(at, 0)
		}
		p.families[k] = fam
	}
	fam.parentPID = a.parent
	if kind != "" {
		fam.parentKind = kind
	}
	fam.alive++
	if !a.bornAfter.IsZero() {
		fam.born++
	}
	a.family = fam
}

// parentOf is the name (else the behavior) and kind of a parent; nothing where
// it is not listed.
func (p *population) parentOf(pid string, f *archive.Frame) (name, kind string) {
	a := p.byPID[pid]
	if a == nil {
		c := f.Columns
		for _, slot := range f.Live {
			if c[colPID].Text(slot) == pid {
				a = &actor{name: c[colName].Text(slot), behavior: c[colBehavior].Text(slot), kind: c[colKind].Text(slot)}
				break
			}
		}
	}
	switch {
	case a == nil:
		return "", "" // the node itself, or a process that is gone
	case a.name != "":
		return a.name, a.kind
	}
	return a.behavior, a.kind
}

// ended ends a process while its node lives on.
func (p *population) ended(a *actor, at time.Time) {
	if a == nil || a.gone {
		return
	}
	if p.supervises(a) && len(p.fallen) < maxFalls {
		d := fall{supervisor: a, after: p.previous(), by: at}
		for _, l := range p.lineages {
			if l.current != nil && l.current.parent == a.pid {
				d.children = append(d.children, l.name)
			}
		}
		slices.Sort(d.children)
		p.fallen = append(p.fallen, d)
	}
	p.died(a)
}

// supervises reports whether the process is a supervisor.
func (p *population) supervises(a *actor) bool {
	in := p.node.inspected[a.pid]
	return a.kind == "supervisor" || a.kind == "" && in != nil && in.supervisor
}

// succeed notes that a fallen supervisor has a successor.
func (p *population) succeed(a *actor, at time.Time) {
	for i := range p.fallen {
		d := &p.fallen[i]
		if d.reborn.IsZero() && d.supervisor.name == a.name && d.supervisor.behavior == a.behavior {
			d.reborn = at
		}
	}
}

// died ends a process that a listing does not show any more.
func (p *population) died(a *actor) {
	if a == nil || a.gone {
		return
	}
	a.last = p.previous()
	a.finish(true)
	a.family.alive--
	if len(a.episodes)+len(a.stalls) > 0 {
		p.actors = append(p.actors, a)
	}
	delete(p.byPID, a.pid)
	if k := (lineageKey{a.name, a.behavior}); a.name != "" {
		if l := p.lineages[k]; l.lives == 1 && len(p.lineages) > maxLineages {
			delete(p.lineages, k)
		}
	}
}

// maxLineages bounds the names that are remembered after their processes have
// gone, for applications that give every process a name of its own.
const maxLineages = 20_000

// nodeDied ends all processes: the node has begun another life, and hands out
// the same PIDs again.
func (p *population) nodeDied() {
	for _, a := range p.byPID {
		p.died(a)
	}
	p.slots, p.watch = nil, map[int32]bool{}
	for _, l := range p.lineages {
		l.broken = true
	}
}

// sweep ends the processes that are not in a listing whose slots are new.
func (p *population) sweep(f *archive.Frame) {
	for _, a := range p.byPID {
		if a.last.Before(f.At) {
			p.ended(a, f.At)
		}
	}
}

func (p *population) finish() {
	p.known = make(map[string]*actor, len(p.byPID))
	for _, d := range p.fallen {
		p.known[d.supervisor.pid] = d.supervisor
	}
	for _, a := range p.byPID {
		a.last = p.previous()
		a.finish(false)
		p.actors = append(p.actors, a)
		p.known[a.pid] = a
	}
	p.slots, p.watch = nil, nil
	slices.SortFunc(p.actors, func(a, b *actor) int {
		if c := a.first.Compare(b.first); c != 0 {
			return c
		}
		if a.pid < b.pid {
			return -1
		}
		return 1
	})
}

func interval(at []time.Time) time.Duration {
	var s series.Series
	for _, t := range at {
		s.Add(t, 0)
	}
	return s.Interval()
}

// missing says why the processes of a node cannot be judged.
func (p *population) missing() string {
	const wall = "a forwarded answer of more than 65,535 bytes never arrives: give the recorder the node's own endpoint"
	switch {
	case p.failed > len(p.listings):
		return fmt.Sprintf("%d of %d process listings did not arrive (%s)", p.failed, p.failed+len(p.listings), wall)
	case len(p.listings) == 0:
		return "no process listing was recorded"
	}
	return fmt.Sprintf("%d process %s too few: three are needed", len(p.listings), plural(len(p.listings), "listing is", "listings are"))
}
