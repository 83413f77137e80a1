package restart

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// limits are the supervisors that gave up, or are about to.
func limits(s *scene.Scene, n *scene.Node, loops []*loop, w scene.Complaints) []*finding.Finding {
	var out []*finding.Finding
	for _, d := range n.Procs.Fallen {
		if f := gaveUp(s, n, d, w); f != nil {
			out = append(out, f)
		}
	}
	if len(out) == 0 {
		out = append(out, saidToGiveUp(n, w)...)
	}
	for _, l := range loops {
		if f := nearItsLimit(s, n, l); f != nil {
			out = append(out, f)
		}
	}
	return out
}

// gaveUp judges a supervisor that is gone: it exceeded its limit if a child of
// its own kept dying just before.
func gaveUp(s *scene.Scene, n *scene.Node, d scene.Fall, w scene.Complaints) *finding.Finding {
	sup := d.Supervisor
	period, intensity := 5*time.Second, 5
	in := n.Inspected[sup.Pid]
	if in != nil && in.Period > 0 {
		period, intensity = time.Duration(in.Period)*time.Second, in.Intensity
	}
	var child string
	var said []scene.Complaint
	for _, name := range d.Children {
		var close []scene.Complaint
		for _, c := range w.ByName[name] {
			if c.At.After(d.After.Add(-period)) && !c.At.After(d.By) {
				close = append(close, c)
			}
		}
		if len(close) > len(said) {
			child, said = name, close
		}
	}
	exceeded, sure := exceeded(d, w)
	if !sure && len(said) < min(s.Set.Int(manyRestarts), intensity+1) {
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
		Score: 87, Confidence: finding.High,
		Title: fmt.Sprintf("the supervisor %s on %s gave up restarting", sup.Called(), n.Name),
		Summary: fmt.Sprintf("It allows %d restarts in %s; then it was gone, and its %d children with it.",
			intensity, finding.Duration(period), len(d.Children)),
		Recommendation: "Mend why its child dies; raise the intensity only if restarts do help.",
		Confirm:        []string{fmt.Sprintf("process_list node=%s behavior=%s", n.Name, sup.Behavior), fmt.Sprintf("app_list node=%s", n.Name)},
	}
	if sure {
		f.Summary += " It logged that its restart intensity is exceeded."
	}
	if msg, times := commonest(said); times > 0 {
		f.Title = fmt.Sprintf("the supervisor %s on %s gave up: its child %s kept dying", sup.Called(), n.Name, child)
		f.Summary += fmt.Sprintf(" Its child %s logged %d errors in the %s before, %d times: %s", child, len(said), finding.Duration(period), times, msg)
		f.Recommendation = fmt.Sprintf("Mend why %s dies; raise the intensity only if restarts do help.", child)
	}
	if i := slices.IndexFunc(said, func(c scene.Complaint) bool { return c.Function != "" }); i >= 0 {
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
		f.Caveats = append(f.Caveats, "the supervisor was not inspected: the framework's default limit of 5 restarts in 5 s is assumed")
	}
	return f
}

// fallEvidence adds what was seen of the children of a supervisor that fell, and
// what the one that kept dying logged.
func fallEvidence(e *finding.Evidence, n *scene.Node, d scene.Fall, child string, said []scene.Complaint) {
	had := n.Says("process_list", d.After, d.After)
	had.Where = map[string]string{"Parent": d.Supervisor.Pid}
	e.Value("children", len(d.Children), had.Of("last(rows)"))
	if len(said) == 0 {
		return
	}
	lines := n.Says("sample_read", said[0].At, said[len(said)-1].At)
	e.Value("errors_logged", len(said), lines.Lines("", child, "error"))
	if msg, times := commonest(said); times > 0 {
		e.Value("same_message", times, lines.Lines(msg, child, "error"))
	}
}

// saidToGiveUp are the supervisors that only their own word tells of: nothing
// was listed afterwards.
func saidToGiveUp(n *scene.Node, w scene.Complaints) []*finding.Finding {
	var out []*finding.Finding
	for pid, said := range w.ByPID {
		i := slices.IndexFunc(said, func(c scene.Complaint) bool { return saysItGivesUp(c) })
		if i < 0 {
			continue
		}
		sub, called := finding.Subject{Node: n.Name, Incarnation: n.Incarnation(said[i].At), PID: pid}, pid
		for name, by := range w.ByName {
			if slices.Contains(by, said[i]) {
				sub.Name, called = name, name
			}
		}
		if a := n.Procs.Known[pid]; a != nil {
			sub, called = a.Subject(said[i].At), a.Called()
		}
		at := said[i].At
		out = append(out, &finding.Finding{
			Kind: finding.SupervisorLimit, Subject: sub, Onset: at, OnsetErrorS: 0.1, Score: 85, Confidence: finding.Medium,
			Title:          fmt.Sprintf("the supervisor %s on %s gave up restarting", called, n.Name),
			Summary:        "It logged: " + said[i].Message + ".",
			Recommendation: "See which of its children died before, and mend why; raise the intensity only if restarts do help.",
			Confirm:        []string{fmt.Sprintf("process_list node=%s", n.Name), fmt.Sprintf("app_list node=%s", n.Name)},
			Evidence:       []finding.Evidence{{What: "its own word", Node: n.Name, Tool: "sample_read", From: &at, To: &at, Lines: []string{said[i].Message}}},
			Caveats:        []string{"no listing shows it gone: its children and what became of them cannot be told"},
		})
	}
	return out
}

// saysItGivesUp reports whether a line is a supervisor's word that it gives up.
func saysItGivesUp(c scene.Complaint) bool {
	return strings.Contains(c.Message, "restart intensity is exceeded")
}

// exceeded is when the supervisor logged that it gave up.
func exceeded(d scene.Fall, w scene.Complaints) (at time.Time, ok bool) {
	for _, c := range w.ByPID[d.Supervisor.Pid] {
		if saysItGivesUp(c) && c.At.After(d.After.Add(-time.Second)) && !c.At.After(d.By) {
			return c.At, true
		}
	}
	return time.Time{}, false
}

// nearItsLimit judges a supervisor that still stands.
func nearItsLimit(s *scene.Scene, n *scene.Node, l *loop) *finding.Finding {
	in := l.inspected
	if in == nil || in.Intensity <= 0 || l.supervisor == nil {
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
		Score: 65, Confidence: finding.High,
		Title:          fmt.Sprintf("the supervisor %s on %s is about to give up", l.supervisor.Called(), n.Name),
		Summary:        fmt.Sprintf("It counted %d restarts in its period of %d s and allows %d; past that it dies, and the fault climbs the tree.", int(peak), in.Period, in.Intensity),
		Recommendation: fmt.Sprintf("Mend why %s dies.", l.Name),
		Confirm:        []string{fmt.Sprintf("process_inspect node=%s pid=%s", n.Name, in.Pid)},
		Evidence:       []finding.Evidence{limitEvidence(in, n, l.supervisor)},
	}
}
