package analyze

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// nearLimit is the share of a supervisor's intensity from which the next burst
// may exceed it.
const nearLimit = 0.8

// limits are the supervisors that gave up, or are about to.
func (s *scene) limits(n *node, loops []*loop, w complaints) []*Finding {
	var out []*Finding
	for _, d := range n.procs.fallen {
		if f := s.gaveUp(n, d, w); f != nil {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		out = append(out, s.saidToGiveUp(n, w)...)
	}
	for _, l := range loops {
		if f := s.nearLimit(n, l); f != nil {
			out = append(out, f)
		}
	}
	return out
}

// gaveUp judges a supervisor that is gone: it exceeded its limit if a child of
// its own kept dying just before.
func (s *scene) gaveUp(n *node, d fall, w complaints) *Finding {
	sup := d.supervisor
	period, intensity := 5*time.Second, 5
	in := n.inspected[sup.pid]
	if in != nil && in.period > 0 {
		period, intensity = time.Duration(in.period)*time.Second, in.intensity
	}
	var child string
	var said []complaint
	for _, name := range d.children {
		var close []complaint
		for _, c := range w.byName[name] {
			if c.at.After(d.after.Add(-period)) && !c.at.After(d.by) {
				close = append(close, c)
			}
		}
		if len(close) > len(said) {
			child, said = name, close
		}
	}
	exceeded, sure := d.exceeded(w)
	if !sure && len(said) < min(manyRestarts, intensity+1) {
		return nil
	}
	onset, off := middle(d.after, d.by)
	if sure {
		onset, off = exceeded, 100*time.Millisecond
	}
	if len(said) > 0 && said[0].at.Before(onset) {
		onset, off = said[0].at, 100*time.Millisecond
	}
	f := &Finding{
		Kind: "supervisor_limit", Subject: sup.subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: 87, Confidence: High,
		Title: fmt.Sprintf("the supervisor %s on %s gave up restarting", sup.called(), n.Name),
		Summary: fmt.Sprintf("It allows %d restarts in %s; then it was gone, and its %d children with it.",
			intensity, short(period), len(d.children)),
		Recommendation: "Mend why its child dies; raise the intensity only if restarts do help.",
		Confirm:        []string{fmt.Sprintf("process_list node=%s behavior=%s", n.Name, sup.behavior), fmt.Sprintf("app_list node=%s", n.Name)},
	}
	if sure {
		f.Summary += " It logged that its restart intensity is exceeded."
	}
	if msg, times := commonest(said); times > 0 {
		f.Title = fmt.Sprintf("the supervisor %s on %s gave up: its child %s kept dying", sup.called(), n.Name, child)
		f.Summary += fmt.Sprintf(" Its child %s logged %d errors in the %s before, %d times: %s", child, len(said), short(period), times, msg)
		f.Recommendation = fmt.Sprintf("Mend why %s dies; raise the intensity only if restarts do help.", child)
	}
	if i := slices.IndexFunc(said, func(c complaint) bool { return c.function != "" }); i >= 0 {
		f.Subject.Function = said[i].function
	}
	if !d.reborn.IsZero() {
		f.Summary += fmt.Sprintf(" It was restarted itself by %s.", clock(d.reborn))
	}
	from, to := d.after, d.by
	f.Evidence = append(f.Evidence, Evidence{
		What: "the supervisor is not listed any more", Node: n.Name, Tool: "process_list", Field: "PID", From: &from, To: &to,
		Values:  map[string]any{"children": len(d.children), "child": child, "intensity": intensity, "period_s": period.Seconds()},
		Records: []string{recordName(n.Name, "process_list", d.by)},
	})
	if in != nil {
		f.Evidence = append(f.Evidence, in.evidence(n, sup))
	} else {
		f.Caveats = append(f.Caveats, "the supervisor was not inspected: the framework's default limit of 5 restarts in 5 s is assumed")
	}
	return f
}

// saidToGiveUp are the supervisors that only their own word tells of: nothing
// was listed afterwards.
func (s *scene) saidToGiveUp(n *node, w complaints) []*Finding {
	var out []*Finding
	for pid, said := range w.byPID {
		i := slices.IndexFunc(said, complaint.gaveUp)
		if i < 0 {
			continue
		}
		sub, called := Subject{Node: n.Name, Incarnation: n.incarnation(said[i].at), PID: pid}, pid
		for name, by := range w.byName {
			if slices.Contains(by, said[i]) {
				sub.Name, called = name, name
			}
		}
		if a := n.procs.known[pid]; a != nil {
			sub, called = a.subject(said[i].at), a.called()
		}
		at := said[i].at
		out = append(out, &Finding{
			Kind: "supervisor_limit", Subject: sub, Onset: at, OnsetErrorS: 0.1, Score: 85, Confidence: Medium,
			Title:          fmt.Sprintf("the supervisor %s on %s gave up restarting", called, n.Name),
			Summary:        "It logged: " + said[i].message + ".",
			Recommendation: "See which of its children died before, and mend why; raise the intensity only if restarts do help.",
			Confirm:        []string{fmt.Sprintf("process_list node=%s", n.Name), fmt.Sprintf("app_list node=%s", n.Name)},
			Evidence:       []Evidence{{What: "its own word", Node: n.Name, Tool: "sample_read", From: &at, To: &at, Lines: []string{said[i].message}}},
			Caveats:        []string{"no listing shows it gone: its children and what became of them cannot be told"},
		})
	}
	return out
}

// gaveUp reports whether a line is a supervisor's word that it gives up.
func (c complaint) gaveUp() bool { return strings.Contains(c.message, "restart intensity is exceeded") }

// exceeded is when the supervisor logged that it gave up.
func (d fall) exceeded(w complaints) (at time.Time, ok bool) {
	for _, c := range w.byPID[d.supervisor.pid] {
		if c.gaveUp() && c.at.After(d.after.Add(-time.Second)) && !c.at.After(d.by) {
			return c.at, true
		}
	}
	return time.Time{}, false
}

// nearLimit judges a supervisor that still stands.
func (s *scene) nearLimit(n *node, l *loop) *Finding {
	in := l.inspected
	if in == nil || in.intensity <= 0 || l.supervisor == nil {
		return nil
	}
	onset, peak := time.Time{}, 0.0
	for i, v := range in.restarts.V {
		peak = max(peak, v)
		if onset.IsZero() && v >= nearLimit*float64(in.intensity) {
			onset = in.restarts.T[i]
		}
	}
	if onset.IsZero() {
		return nil
	}
	return &Finding{
		Kind: "supervisor_limit", Subject: l.supervisor.subject(onset), Onset: onset, OnsetErrorS: in.restarts.Interval().Seconds(),
		Score: 65, Confidence: High,
		Title:          fmt.Sprintf("the supervisor %s on %s is about to give up", l.supervisor.called(), n.Name),
		Summary:        fmt.Sprintf("It counted %d restarts in its period of %d s and allows %d; past that it dies, and the fault climbs the tree.", int(peak), in.period, in.intensity),
		Recommendation: fmt.Sprintf("Mend why %s dies.", l.name),
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, in.pid)},
		Evidence:       []Evidence{in.evidence(n, l.supervisor)},
	}
}
