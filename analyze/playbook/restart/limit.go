package restart

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/analyze/series"
	"ergorecorder/escape"
)

// limits are the supervisors that gave up, or are about to. The lives of one
// supervisor are one finding, and one whose child is a supervisor that gave up
// before it is its effect: the fault climbs.
func limits(s *scene.Scene, n *scene.Node, loops []*loop, w logged.Complaints, died ofCalls) []*finding.Finding {
	out, of := []*finding.Finding{}, map[string]*finding.Finding{}
	for _, lives := range falls(n) {
		var f *finding.Finding
		var first scene.Fall
		var again []scene.Fall
		for _, d := range lives {
			if f == nil {
				f, first = gaveUp(s, n, d, w, died), d
			} else if gaveUp(s, n, d, w, died) != nil {
				again = append(again, d)
			}
		}
		if f == nil {
			continue
		}
		several(f, n, first, again)
		of[lives[0].Supervisor.Name] = f
		out = append(out, f)
	}
	for _, d := range n.Procs.Fallen {
		above := of[d.Supervisor.Name]
		for _, child := range d.Children {
			if below := of[child]; above != nil && below != nil && !below.Onset.After(above.Onset) {
				above.FollowsFrom(below, "the supervisor that gave up is one of its children")
			}
		}
	}
	if len(out) == 0 {
		out = append(out, saidToGiveUp(n, w)...)
	}
	for _, l := range loops {
		known := slices.ContainsFunc(out, func(f *finding.Finding) bool { return l.supervisor != nil && f.Subject.Name == l.supervisor.Name })
		if f := nearItsLimit(s, n, l); f != nil && !known {
			out = append(out, f)
		}
	}
	return out
}

// falls are the falls of a node's supervisors, by supervisor.
func falls(n *scene.Node) [][]scene.Fall {
	var out [][]scene.Fall
	for _, d := range n.Procs.Fallen {
		i := slices.IndexFunc(out, func(l []scene.Fall) bool {
			o := l[0].Supervisor
			return o.Name == d.Supervisor.Name && o.Behavior == d.Supervisor.Behavior && (o.Name != "" || o.Family == d.Supervisor.Family)
		})
		if i < 0 {
			out = append(out, nil)
			i = len(out) - 1
		}
		out[i] = append(out[i], d)
	}
	return out
}

// several says how often a supervisor gave up, where it was more than once.
func several(f *finding.Finding, n *scene.Node, first scene.Fall, again []scene.Fall) {
	if len(again) == 0 {
		return
	}
	last := again[len(again)-1]
	f.Title += ", " + finding.Times(len(again)+1)
	f.Summary += fmt.Sprintf(" It was restarted and was gone again, %s in all, the last time by %s.", finding.Times(len(again)+1), finding.Clock(last.By))
	for i, d := range append([]scene.Fall{first}, again...) {
		gone := n.Says("process_list", d.By, d.By)
		f.Evidence[0].Value(fmt.Sprintf("gone_by.%d", i+1), d.By.UTC().Format(time.RFC3339Nano), gone.Of("last(at)"))
	}
}

// gaveUp judges a supervisor that is gone: it exceeded its limit if a child of
// its own kept dying just before.
func gaveUp(s *scene.Scene, n *scene.Node, d scene.Fall, w logged.Complaints, died ofCalls) *finding.Finding {
	sup := d.Supervisor
	period, intensity := 5*time.Second, 5
	in := n.Inspected[sup.Pid]
	if in != nil && in.Period > 0 {
		period, intensity = time.Duration(in.Period)*time.Second, in.Intensity
	}
	var child string
	var said []logged.Complaint
	for _, name := range d.Children {
		var close []logged.Complaint
		for _, c := range w.ByName[name] {
			if c.Died && c.At.After(d.After.Add(-period)) && !c.At.After(d.By) {
				close = append(close, c)
			}
		}
		if len(close) > len(said) {
			child, said = name, close
		}
	}
	exceeded, sure := exceeded(d, w)
	if len(said) == 0 && wentWithParent(n, d) {
		return nil
	}
	if !sure && len(logged.Deaths(said)) < min(s.Set.Int(manyRestarts), intensity+1) {
		return nil
	}
	onset, off := series.Middle(d.After, d.By)
	if sure {
		onset, off = exceeded, 100*time.Millisecond
	}
	if len(said) > 0 && said[0].At.Before(onset) {
		onset, off = said[0].At, 100*time.Millisecond
	}
	f := &finding.Finding{
		Kind: finding.SupervisorLimit, Subject: sup.Subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Score(finding.SupervisorLimit, pastIt), Confidence: finding.High,
		Title:          fmt.Sprintf("the supervisor %s on %s gave up restarting", sup.Called(), n.Name),
		Summary:        "It was gone.",
		Recommendation: "Mend why its child dies; raise the intensity only if restarts do help.",
		Confirm:        []string{fmt.Sprintf("process_list node=%s behavior=%s", n.Name, sup.Behavior), fmt.Sprintf("app_list node=%s", n.Name)},
	}
	if d.With > 0 {
		f.Summary = fmt.Sprintf("It was gone, and its %d %s with it.", d.With, finding.Plural(d.With, "child", "children"))
	}
	if in != nil {
		f.Summary = fmt.Sprintf("It allows %d restarts in %s. ", intensity, finding.Duration(period)) + f.Summary
	}
	if sure {
		f.Summary += " It logged that its restart intensity is exceeded."
	}
	if msg, times := commonest(said); times > 0 {
		f.Title = fmt.Sprintf("the supervisor %s on %s gave up: its child %s kept dying", sup.Called(), n.Name, child)
		f.Summary += fmt.Sprintf(" Its child %s died at least %s in the %s before, and said, %d times: %s.", child, finding.Times(len(logged.Deaths(said))), finding.Duration(period), times, msg)
		f.Recommendation = fmt.Sprintf("Mend why %s dies; raise the intensity only if restarts do help.", child)
	}
	if died(said) {
		f.Facts = append(f.Facts, finding.Waits)
		f.Summary += " It dies of calls that fail, so that whom it calls may be at fault."
	}
	if i := slices.IndexFunc(said, func(c logged.Complaint) bool { return c.Function != "" }); i >= 0 {
		f.Subject.Function = said[i].Function
	}
	if !d.Reborn.IsZero() {
		f.Summary += fmt.Sprintf(" It was restarted itself by %s.", finding.Clock(d.Reborn))
	}
	from, to := d.After, d.By
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "the supervisor is not listed any more", Node: n.Name, Tool: "process_list", Field: "PID", From: &from, To: &to,
		Records: []string{finding.RecordName(n.Name, "process_list", d.By)},
	})
	fallEvidence(&f.Evidence[0], n, d, child, said)
	if in != nil {
		f.Evidence = append(f.Evidence, limitEvidence(in, n, sup))
	} else {
		f.Caveats = append(f.Caveats, "the supervisor was not inspected: what it allows is not known (5 restarts in 5 s, where nothing else is said)")
	}
	return f
}

// fallEvidence adds what was seen of the children of a supervisor that fell, and
// what the one that kept dying logged.
func fallEvidence(e *finding.Evidence, n *scene.Node, d scene.Fall, child string, said []logged.Complaint) {
	had := n.Says("process_list", d.After, d.After)
	had.Where = map[string]string{"Parent": d.Supervisor.Pid}
	e.Value("children", d.With, had.Of("last(rows)"))
	if len(said) == 0 {
		return
	}
	lines := n.LogLines(said[0].At, said[len(said)-1].At)
	e.Value("lines", len(said), lines.Lines("", child, "error"))
	if msg, times := commonest(said); times > 0 {
		e.Value("same_message", times, lines.Lines(msg, child, "error"))
		e.Lines = append(e.Lines, msg)
	}
	if deaths := logged.Deaths(said); len(deaths) > 0 {
		ended := n.LogLines(deaths[0].At, deaths[len(deaths)-1].At).Lines("", child, "")
		ended.Gives = "writers"
		e.Value("died", len(deaths), ended)
	}
}

// wentWithParent reports whether a supervisor's own supervisor fell at the same
// time: its children say then, too, that an intensity is exceeded.
func wentWithParent(n *scene.Node, d scene.Fall) bool {
	return slices.ContainsFunc(n.Procs.Fallen, func(o scene.Fall) bool {
		return o.Supervisor.Pid == d.Supervisor.Parent && !o.After.After(d.By) && !d.After.After(o.By)
	})
}

// saidToGiveUp are the supervisors that only their own word tells of: nothing
// was listed afterwards.
func saidToGiveUp(n *scene.Node, w logged.Complaints) []*finding.Finding {
	var out []*finding.Finding
	for _, pid := range slices.Sorted(maps.Keys(w.ByPID)) {
		said := w.ByPID[pid]
		i := slices.IndexFunc(said, func(c logged.Complaint) bool { return c.GivesUp() && ownWord(n, pid, c) })
		if i < 0 {
			continue
		}
		sub, called := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(said[i].At), PID: pid}, pid
		for name, by := range w.ByName {
			if slices.Contains(by, said[i]) {
				sub.Name, called = name, escape.Name(name)
			}
		}
		if a := n.Procs.Known[pid]; a != nil {
			sub, called = a.Subject(said[i].At), a.Called()
		}
		at := said[i].At
		out = append(out, &finding.Finding{
			Kind: finding.SupervisorLimit, Subject: sub, Onset: at, OnsetErrorS: 0.1, Score: finding.Score(finding.SupervisorLimit, pastIt), Confidence: finding.Medium,
			Title:          fmt.Sprintf("the supervisor %s on %s gave up restarting", called, n.Name),
			Summary:        "It logged: " + escape.Quote(said[i].Message) + ".",
			Recommendation: "See which of its children died before, and mend why; raise the intensity only if restarts do help.",
			Confirm:        []string{fmt.Sprintf("process_list node=%s", n.Name), fmt.Sprintf("app_list node=%s", n.Name)},
			Evidence:       []finding.Evidence{{What: "its own word", Node: n.Name, Tool: "sample_read", From: &at, To: &at, Lines: []string{said[i].Message}}},
			Caveats:        []string{"no listing shows it gone: its children and what became of them cannot be told"},
		})
	}
	return out
}

// ownWord reports whether a line that a supervisor gives up may be the
// supervisor's own: its children log it too, with its PID.
func ownWord(n *scene.Node, pid string, c logged.Complaint) bool {
	a := n.Procs.Known[pid]
	return !strings.Contains(c.Message, "<") && (a == nil || a.Kind == "" || a.Kind == "supervisor")
}

// exceeded is when the supervisor logged that it gave up.
func exceeded(d scene.Fall, w logged.Complaints) (at time.Time, ok bool) {
	for _, c := range w.ByPID[d.Supervisor.Pid] {
		if c.GivesUp() && c.At.After(d.After.Add(-time.Second)) && !c.At.After(d.By) {
			return c.At, true
		}
	}
	return time.Time{}, false
}

// nearItsLimit judges a supervisor that still stands.
func nearItsLimit(s *scene.Scene, n *scene.Node, l *loop) *finding.Finding {
	in := l.inspected
	if in == nil || in.Intensity <= 0 || in.Restarts.Len() == 0 || l.supervisor == nil {
		return nil
	}
	onset, peak := time.Time{}, 0.0
	for i, v := range in.Restarts.V {
		peak = max(peak, v)
		if onset.IsZero() && v >= s.Set.Of(nearLimit)*float64(in.Intensity) {
			onset = in.Restarts.T[i]
		}
	}
	if onset.IsZero() {
		return nil
	}
	return &finding.Finding{
		Kind: finding.SupervisorLimit, Subject: l.supervisor.Subject(onset), Onset: onset, OnsetErrorS: in.Restarts.Interval().Seconds(),
		Score: min(finding.Score(finding.SupervisorLimit, peak/float64(in.Intensity)), finding.Unsure), Confidence: finding.High,
		Title:          fmt.Sprintf("the supervisor %s on %s is about to give up", l.supervisor.Called(), n.Name),
		Summary:        fmt.Sprintf("It counted %d restarts in its period of %d s and allows %d; past that it dies, and the fault climbs the tree.", int(peak), in.Period, in.Intensity),
		Recommendation: fmt.Sprintf("Mend why %s dies.", l.who()),
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, in.Pid)},
		Evidence:       []finding.Evidence{limitEvidence(in, n, l.supervisor)},
	}
}

// pastIt is how far a supervisor that gave up counts as past its limit: all that
// it held is gone with it, which is worse than a child at the limit.
const pastIt = 1.5
