package analyze

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/logs"
)

// manyRestarts is how many restarts of one process make a loop: two may be one
// fault and its repetition.
const manyRestarts = 3

// loopWindow is the time within which so many restarts make a loop, unless the
// supervisor counts over a longer one: what dies once in hours is restarted as
// supervisors are meant to.
const loopWindow = 10 * time.Minute

// restartLoop looks for children that die and are restarted over and over, and
// for supervisors that gave up on them.
func restartLoop(ctx context.Context, s *scene, v *verdict) error {
	for _, n := range s.nodes {
		switch p := n.procs; {
		case len(p.listings) < 3:
			v.skip("%s: %s", n.Name, p.missing())
			continue
		case p.partial > len(p.listings)/2:
			v.skip("%s: %d of %d listings lack rows, so that a process that is missing may only be out of sight", n.Name, p.partial, len(p.listings))
			continue
		}
		w, err := s.complaints(ctx, n)
		if err != nil {
			return err
		}
		loops := s.loops(n, w)
		for _, l := range loops {
			f, err := s.restarting(ctx, l)
			if err != nil {
				return err
			}
			v.find(f)
		}
		limits := s.limits(n, loops, w)
		for _, f := range limits {
			v.find(f)
		}
		if len(loops)+len(limits) == 0 {
			v.fine("%s: no supervised process was restarted over and over, over %d listings", n.Name, len(n.procs.listings))
		}
	}
	return nil
}

// complaints are the lines that a node logged as errors and panics, by the name
// and by the PID of the process that wrote them.
type complaints struct {
	byName, byPID map[string][]complaint
}

type complaint struct {
	at       time.Time
	level    string
	message  string
	function string // of a panic, application code only
}

// maxComplaints bounds the lines that are kept for one process.
const maxComplaints = 2000

func (s *scene) complaints(ctx context.Context, n *node) (complaints, error) {
	w := complaints{map[string][]complaint{}, map[string][]complaint{}}
	for l, err := range s.rec.Logs(ctx, n.Name, s.from, s.to) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return w, err
		}
		if logs.Rank(l.Level) < logs.Rank("error") {
			continue
		}
		src := logs.ParseSource(l.Source)
		c := complaint{at: l.At, level: l.Level, message: l.Message}
		if p, ok := logs.ParsePanic(l.Message); ok {
			c.function = p.Application
		}
		if src.Name != "" && len(w.byName[src.Name]) < maxComplaints {
			w.byName[src.Name] = append(w.byName[src.Name], c)
		}
		if src.PID != "" && len(w.byPID[src.PID]) < maxComplaints {
			w.byPID[src.PID] = append(w.byPID[src.PID], c)
		}
	}
	return w, nil
}

// A loop is one child's restarts.
type loop struct {
	*lineage
	births     []birth // under one and the same supervisor: of the latest loop, else all
	dense      bool    // they follow each other so fast that they are a loop
	more       int     // restarts after those
	said       []complaint
	supervisor *actor
	inspected  *inspection
	among      []string // siblings that are restarted with it
}

// loops are the restart loops of a node. Siblings that a supervisor restarts
// together are one: the one that complains, else the first.
func (s *scene) loops(n *node, w complaints) []*loop {
	var all []*loop
	for _, l := range n.procs.lineages {
		lp := &loop{lineage: l, said: w.byName[l.name]}
		for i, b := range l.births {
			if i > 0 && b.parent != l.births[i-1].parent {
				lp.births = lp.births[:0] // its supervisor is a new one: that is another story
			}
			if len(lp.births) == 0 {
				b.omitted = 0
			}
			lp.births = append(lp.births, b)
		}
		if len(lp.births) < manyRestarts || !n.supervised(lp) {
			continue
		}
		lp.narrow()
		all = append(all, lp)
	}
	slices.SortFunc(all, func(a, b *loop) int {
		return cmp.Or(cmp.Compare(len(b.said), len(a.said)), a.births[0].by.Compare(b.births[0].by), cmp.Compare(a.name, b.name))
	})
	var out []*loop
	for _, l := range all {
		i := slices.IndexFunc(out, func(o *loop) bool { return o.together(l) })
		if i < 0 {
			out = append(out, l)
			continue
		}
		out[i].among = append(out[i].among, l.name)
	}
	return out
}

// window is the time within which restarts make a loop: no shorter than what
// the listings can show.
func (l *loop) window() time.Duration {
	w := max(loopWindow, manyRestarts*l.node.interval)
	if l.inspected != nil {
		w = max(w, time.Duration(l.inspected.period)*time.Second)
	}
	return w
}

// narrow leaves the latest stretch of restarts that follow each other within
// the window, if there are enough of them within one.
func (l *loop) narrow() {
	window := l.window()
	for to := len(l.births); to > 0; {
		from := to - 1
		for from > 0 && l.births[from].gap(l.births[from-1]) <= window {
			from--
		}
		if crowded(l.births[from:to], window) {
			l.more, l.births, l.dense = restarts(l.births[to:]), slices.Clone(l.births[from:to]), true
			l.births[0].omitted = 0
			return
		}
		to = from
	}
}

// crowded reports whether manyRestarts fell within a window.
func crowded(births []birth, window time.Duration) bool {
	for i, b := range births {
		if i > 0 && b.omitted >= manyRestarts-2 && b.gap(births[i-1])*(manyRestarts-1) <= window {
			return true
		}
		if k := i - (manyRestarts - 1); k >= 0 && b.by.Sub(births[k].by) <= window {
			return true
		}
	}
	return false
}

// restarts is how many restarts the births stand for.
func restarts(births []birth) int {
	n := len(births)
	for _, b := range births {
		n += b.omitted
	}
	return n
}

// supervised reports whether the process's parent is a supervisor, and finds
// it. A parent of which nothing is known counts as one: only supervisors give
// a new process the old one's name again and again.
func (n *node) supervised(l *loop) bool {
	pid := l.births[len(l.births)-1].parent
	l.supervisor = n.procs.known[pid]
	l.inspected = n.inspected[pid]
	switch {
	case l.inspected != nil:
		return l.inspected.supervisor
	case l.supervisor != nil && l.supervisor.kind != "":
		return l.supervisor.kind == "supervisor"
	}
	return l.supervisor == nil || len(l.said) > 0
}

// together reports whether most restarts of o came with one of l.
func (l *loop) together(o *loop) bool {
	if l.births[0].parent != o.births[0].parent {
		return false
	}
	same := 0
	for _, b := range o.births {
		if slices.ContainsFunc(l.births, func(x birth) bool { return x.by.Equal(b.by) }) {
			same++
		}
	}
	return float64(same) >= 0.8*float64(len(o.births))
}

// period is the usual time between two restarts.
func (l *loop) period() time.Duration {
	if len(l.births) < 2 {
		return 0
	}
	return l.births[len(l.births)-1].by.Sub(l.births[0].by) / time.Duration(restarts(l.births)-1)
}

func (s *scene) restarting(ctx context.Context, l *loop) (*Finding, error) {
	onset, off, err := s.firstDeath(ctx, l)
	if err != nil {
		return nil, err
	}
	cur := l.current
	last := l.births[len(l.births)-1].by
	f := &Finding{
		Kind: "restart_loop", Subject: cur.subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: 84, Confidence: High,
		Title:          fmt.Sprintf("%s on %s dies and is restarted over and over", l.name, l.node.Name),
		Recommendation: "Mend what the repeated message says; until then stop the child or slow its restarts, for each one loses its state and mailbox.",
		Confirm: []string{
			fmt.Sprintf("process_inspect node=%s pid=%s", l.node.Name, cur.parent),
			fmt.Sprintf("process_list node=%s name=%s", l.node.Name, l.name),
		},
	}
	f.Summary = fmt.Sprintf("Its PID changed in %d of the listings since then, every %s", restarts(l.births), short(l.period()))
	if l.supervisor != nil {
		f.Summary += ", under the supervisor " + l.supervisor.called()
	}
	f.Summary += "."
	said := since(l.said, onset.Add(-time.Second))
	if msg, n := commonest(said); n > 0 {
		f.Summary += fmt.Sprintf(" It logs, %d times: %s", n, msg)
	}
	for _, c := range said {
		if c.function != "" {
			f.Subject.Function = c.function
		}
	}
	switch {
	case !l.dense:
		f.Score = 40
		f.Title = fmt.Sprintf("%s on %s was restarted %s, far apart", l.name, l.node.Name, times(restarts(l.births)))
		f.Recommendation = "See in its log what it died of: its supervisor mends that, but each restart loses its state and mailbox."
	case s.to.Sub(last) > 10*max(l.period(), l.node.interval):
		end := last
		f.End = &end
		f.Score = 68
		if l.more == 0 {
			f.Summary += " It has been stable since."
		} else {
			f.Summary += fmt.Sprintf(" Later it was restarted %s, far apart.", times(l.more))
		}
	case len(said) == 0 && l.period() > time.Minute && l.births[0].by.Sub(s.from) < 2*l.period():
		f.Score = 45
		f.Caveats = append(f.Caveats, "it is restarted at long intervals from the first and logs no error: that may be intended")
	}
	if len(l.among) > 0 {
		f.Summary += fmt.Sprintf(" %d siblings are restarted with it.", len(l.among))
		if len(l.said) == 0 {
			f.Confidence = Medium
			f.Caveats = append(f.Caveats, "none of the siblings that are restarted together logs an error: which one dies first cannot be told")
		}
	}
	f.Evidence = append(f.Evidence, l.evidence(onset, said))
	if l.inspected != nil {
		f.Evidence = append(f.Evidence, l.inspected.evidence(l.node, l.supervisor))
	}
	if len(said) == 0 {
		f.Caveats = append(f.Caveats, "no error or panic of the process was recorded: its log would tell why it dies")
	}
	return f, nil
}

// firstDeath is when the child died for the first time: by its log, else by the
// age of the process that replaced it, within the two listings.
func (s *scene) firstDeath(ctx context.Context, l *loop) (time.Time, time.Duration, error) {
	b := l.births[0]
	for _, c := range l.said {
		if c.at.After(b.after.Add(-time.Second)) && !c.at.After(b.by) {
			return c.at, 100 * time.Millisecond, nil
		}
	}
	return s.birthTime(ctx, l.node, b.pid, b.after, b.by)
}

// birthTime is when a process that one listing shows and the one before does
// not was spawned.
func (s *scene) birthTime(ctx context.Context, n *node, pid string, after, by time.Time) (time.Time, time.Duration, error) {
	rows, err := s.zoom(ctx, n, by, by, pid)
	if err != nil {
		return time.Time{}, 0, err
	}
	from, to := after, by
	for _, r := range rows[pid] {
		// The uptime is cut to whole seconds.
		if t := r.at.Add(-r.uptime); t.Before(to) {
			to = t
		}
		if t := r.at.Add(-r.uptime - time.Second - r.took); t.After(from) {
			from = t
		}
	}
	if to.Before(from) {
		from, to = after, by
	}
	at, off := middle(from, to)
	return at, off, nil
}

func (l *loop) evidence(onset time.Time, said []complaint) Evidence {
	first, last := l.births[0], l.births[len(l.births)-1]
	from, to := onset, last.by
	e := Evidence{
		What: "another PID under the same name", Node: l.node.Name, Tool: "process_list", Field: "PID", From: &from, To: &to,
		Values: map[string]any{
			"restarts_seen": restarts(l.births), "every_s": round(l.period().Seconds()),
			"life_before_s": round(first.previous.Seconds()), "errors_logged": len(said),
		},
		Records: []string{recordName(l.node.Name, "process_list", first.by)},
	}
	for i, c := range said {
		if i == 3 {
			break
		}
		e.Lines = append(e.Lines, clock(c.at)+" "+c.level+": "+c.message)
	}
	return e
}

// evidence is what the supervisor says of its restarts.
func (in *inspection) evidence(n *node, a *actor) Evidence {
	peak := 0.0
	for _, v := range in.restarts.V {
		peak = max(peak, v)
	}
	who := in.pid
	if a != nil {
		who = a.called()
	}
	return Evidence{
		What: fmt.Sprintf("the supervisor %s (%s, %s) allows %d restarts in %d s", who, in.kind, in.strategy, in.intensity, in.period),
		Node: n.Name, Tool: "process_inspect", Field: "restarts_count",
		Values: map[string]any{"most_restarts": peak, "intensity": in.intensity, "period_s": in.period},
		Series: chart("restarts in the period", in.restarts),
	}
}

func since(said []complaint, from time.Time) []complaint {
	var out []complaint
	for _, c := range said {
		if !c.at.Before(from) {
			out = append(out, c)
		}
	}
	return out
}

// commonest is the message that was said most often, and how often.
func commonest(said []complaint) (message string, times int) {
	count := map[string]int{}
	for _, c := range said {
		count[c.message]++
		if n := count[c.message]; n > times || n == times && c.message < message {
			message, times = c.message, n
		}
	}
	return message, times
}
