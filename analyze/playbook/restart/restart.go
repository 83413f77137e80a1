package restart

import (
	"context"
	"fmt"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/died"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/escape"
)

// fewestListings are needed to see a process end and another take its place.
const fewestListings = 3

// judge looks for children that die and are restarted over and over, and
// for supervisors that gave up on them.
func judge(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		p := n.Procs
		if len(p.Listings) < fewestListings {
			v.Skip("%s: %s", n.Name, p.Missing(fewestListings))
			continue
		}
		log, err := s.Log(ctx, n)
		if err != nil {
			return err
		}
		w := log.Complaints
		diedOfCalls, err := died.OfCalls(ctx, s, n)
		if err != nil {
			return err
		}
		if cut(p) {
			told := toldLoops(s, n, w)
			for _, l := range told {
				f, err := restarting(ctx, s, l, diedOfCalls)
				if err != nil {
					return err
				}
				v.Find(f)
			}
			if len(told) == 0 {
				v.Skip("%s: %d of %d listings lack rows, so that a process that is missing may only be out of sight", n.Name, p.Lacking, len(p.Listings))
			}
			continue
		}
		loops := loops(s, n, w)
		for _, l := range loops {
			f, err := restarting(ctx, s, l, diedOfCalls)
			if err != nil {
				return err
			}
			v.Find(f)
		}
		limits := limits(s, n, loops, w, diedOfCalls)
		for _, f := range limits {
			v.Find(f)
		}
		if len(loops)+len(limits) == 0 {
			v.Fine("%s: no process of %d was restarted over and over, as %d listings show it", n.Name, n.Procs.Seen, len(n.Procs.Listings))
		}
	}
	return nil
}

// ofCalls tells whether most deaths of those that lines show were of calls that failed.
type ofCalls func(said []logged.Complaint) bool

func restarting(ctx context.Context, s *scene.Scene, l *loop, diedSo ofCalls) (*finding.Finding, error) {
	onset, off, err := firstDeath(ctx, s, l)
	if err != nil {
		return nil, err
	}
	cur := l.Current
	last := l.births[len(l.births)-1].By
	counted := l.counted()
	f := &finding.Finding{
		Kind: finding.RestartLoop, Subject: l.subject(onset), Onset: onset, OnsetErrorS: off.Seconds(),
		Score: finding.Score(finding.RestartLoop, perHour(counted.restarts, last.Sub(onset))), Confidence: finding.High,
		Title:          fmt.Sprintf("%s on %s dies and is restarted over and over", l.who(), l.Node.Name),
		Recommendation: "Mend what the repeated message says; until then stop the child or slow its restarts, for each one loses its state and mailbox.",
		Confirm: []string{
			fmt.Sprintf("process_inspect node=%s pid=%s", l.Node.Name, cur.Parent),
			fmt.Sprintf("process_list node=%s behavior=%s", l.Node.Name, cur.Behavior),
		},
	}
	if l.family != nil {
		f.Title = fmt.Sprintf("one after the other, processes of behavior %s on %s die and are restarted", l.who(), l.Node.Name)
		f.Recommendation = "Mend what the repeated message says: it is the same work that kills whoever takes it, or the same place that all of them come to."
	}
	f.Summary = fmt.Sprintf("It was restarted at least %s from %s to %s, every %s (counted by %s)", finding.Times(counted.restarts),
		finding.Clock(onset), finding.Clock(last), finding.Duration(l.period()), counted.by)
	if l.supervisor != nil {
		f.Summary += ", under " + l.supervisor.Called()
	}
	f.Summary += "."
	if !counted.exact && l.period() < 2*l.Node.Interval {
		f.Caveats = append(f.Caveats, fmt.Sprintf("the processes are listed every %s: of several restarts between two listings one is seen, so that it may die more often", finding.Duration(l.Node.Interval)))
	}
	noted := l.noted()
	if len(noted) > 0 {
		f.Summary += " Its supervisor noted why: " + scene.Why(noted) + "."
	}
	said := saidSince(l.said, onset.Add(-time.Second))
	if msg, n := commonest(said); n > 0 {
		f.Summary += fmt.Sprintf(" It logs, %d times: %s", n, escape.Quote(msg))
	}
	if diedSo(said) {
		f.Facts = append(f.Facts, finding.Waits)
		f.Summary += " It dies of calls that fail, so that whom it calls may be at fault."
	}
	for _, c := range said {
		if c.Function != "" {
			f.Subject.Function = c.Function
		}
	}
	switch {
	case !l.dense:
		f.AtMost(finding.Note)
		f.Title = fmt.Sprintf("%s on %s was restarted %s, far apart", l.who(), l.Node.Name, finding.Times(counted.restarts))
		f.Recommendation = "See in its log what it died of: its supervisor mends that, but each restart loses its state and mailbox."
	case s.To.Sub(last) > 10*max(l.period(), l.Node.Interval):
		end := last
		f.End = &end
		f.AtMost(finding.Over)
		switch {
		case l.more > 0:
			f.Summary += fmt.Sprintf(" Later it was restarted %s, far apart.", finding.Times(l.more))
		case l.family != nil:
			f.Summary += " None was restarted since."
		case cur.Gone:
			f.Summary += fmt.Sprintf(" It was last listed at %s, and not restarted again.", finding.Clock(cur.Last))
		default:
			f.Summary += " It has been stable since."
		}
	case len(said) == 0 && l.period() > time.Minute && l.births[0].By.Sub(s.From) < 2*l.period():
		f.AtMost(finding.Note)
		f.Caveats = append(f.Caveats, "it is restarted at long intervals from the first and logs no error: that may be intended")
	}
	if len(l.among) > 0 {
		f.Summary += fmt.Sprintf(" %d siblings are restarted with it.", len(l.among))
		if len(logged.Deaths(l.said)) == 0 {
			f.Confidence = finding.Medium
			f.Caveats = append(f.Caveats, "none of the siblings that are restarted together logs an end of its own: which one dies first cannot be told")
		}
	}
	f.Evidence = append(f.Evidence, l.evidence(onset, said))
	if len(noted) > 0 {
		f.Evidence = append(f.Evidence, historyEvidence(noted, l.inspected, l.Node, l.supervisor))
	}
	if l.inspected != nil && l.inspected.Supervisor {
		f.Evidence = append(f.Evidence, limitEvidence(l.inspected, l.Node, l.supervisor))
	}
	if len(said) == 0 && len(noted) == 0 {
		f.Caveats = append(f.Caveats, "no error or panic of the process was recorded: its log would tell why it dies")
	}
	return f, nil
}

// firstDeath is when the child died for the first time: by its supervisor's
// history or its log, else by the age of the process that replaced it, within the
// two listings.
func firstDeath(ctx context.Context, s *scene.Scene, l *loop) (time.Time, time.Duration, error) {
	b := l.births[0]
	if noted := l.notedIn(b.After.Add(-time.Second), b.By); len(noted) > 0 {
		return noted[0].At, 100 * time.Millisecond, nil
	}
	said := l.said
	if deaths := logged.Deaths(said); len(deaths) > 0 {
		said = deaths
	}
	for _, c := range said {
		if c.At.After(b.After.Add(-time.Second)) && !c.At.After(b.By) {
			return c.At, 100 * time.Millisecond, nil
		}
	}
	return s.BirthTime(ctx, l.Node, b.Pid, b.After, b.By)
}

// historyEvidence is what a supervisor noted of restarts: the last of them.
func historyEvidence(noted []scene.Noted, in *scene.Inspection, n *scene.Node, a *scene.Actor) finding.Evidence {
	who := in.Pid
	if a != nil {
		who = a.Called()
	}
	from, to := noted[0].At, noted[len(noted)-1].At
	e := finding.Evidence{What: "what the supervisor " + who + " noted", Node: n.Name, Tool: "process_inspect", Field: "history:count", From: &from, To: &to}
	for _, h := range noted[max(0, len(noted)-3):] {
		e.Lines = append(e.Lines, finding.Clock(h.At)+" "+h.Child+": "+h.Reason)
	}
	return e
}

// subject accuses the child, or the family: whoever of it lives now is not the
// one that died.
func (l *loop) subject(at time.Time) finding.Subject {
	if l.family == nil {
		return l.Current.Subject(at)
	}
	return finding.Subject{
		Node: l.Node.Name, Incarnation: l.Node.Incarnation(at), Behavior: l.Behavior, Application: l.family.Application,
	}
}

func perHour(restarts int, during time.Duration) float64 {
	return float64(restarts) / max(during.Hours(), 1.0/60)
}

// replaced is what the listings show.
func (l *loop) replaced() string {
	if l.family == nil {
		return "another PID under the same name"
	}
	parent := l.Current.Parent
	if l.supervisor != nil {
		parent = l.supervisor.Called()
	}
	return "a new process of the same behavior in the place of one that ended, under " + parent
}

func (l *loop) evidence(onset time.Time, said []logged.Complaint) finding.Evidence {
	first, last := l.births[0], l.births[len(l.births)-1]
	from, to := onset, last.By
	e := finding.Evidence{
		What: l.replaced(), Node: l.Node.Name, Tool: "process_list", Field: "PID", From: &from, To: &to,
		Records: []string{finding.RecordName(l.Node.Name, "process_list", first.By)},
	}
	if l.logged {
		e.Tool, e.Field, e.Records = "sample_read", "", nil
	}
	l.tellRestarts(&e)
	if len(said) > 0 {
		lines := l.Node.LogLines(said[0].At, said[len(said)-1].At)
		e.Value("errors_logged", len(said), lines.Lines("", l.who(), "error"))
		if msg, n := commonest(said); n > 0 {
			e.Value("same_message", n, lines.Lines(msg, l.who(), "error"))
		}
	}
	for i, c := range said {
		if i == 3 {
			break
		}
		e.Lines = append(e.Lines, finding.Clock(c.At)+" "+c.Level+": "+c.Message)
	}
	return e
}

// tellRestarts adds how often it was restarted: as the listings show it, and by
// what counts best.
func (l *loop) tellRestarts(e *finding.Evidence) {
	first, last := l.births[0], l.births[len(l.births)-1]
	rows, seen := l.Node.Says("process_list", first.After, last.By), "changes(PID)"
	if rows.Where = map[string]string{"Name": l.Name}; l.family != nil {
		rows.Where, seen = map[string]string{"Behavior": l.Behavior, "Parent": l.Current.Parent}, "sum(born)"
		rows.From = rows.From.Add(1)
	}
	if l.logged {
		rows = l.Node.Says("node_info", time.Time{}, time.Time{}) // any answer: two instants are compared
	} else {
		e.Value("restarts_seen", l.seen(), rows.Of(seen))
	}
	best := l.counted()
	switch {
	case l.period() == 0:
	case best.restarts > restarts(l.births) && best.by == byPool:
		pool := l.Node.Says("process_inspect", first.After, last.By)
		pool.Row = l.inspected.Pid
		e.Value("restarts", best.restarts, pool.Of("change(worker_restarts)"))
	case best.by == byLog:
		deaths := l.deaths()
		call := l.Node.LogLines(deaths[0].At, deaths[len(deaths)-1].At).Lines("", l.who(), "")
		call.Gives = "writers"
		e.Value("restarts", best.restarts, call)
	}
	apart := fmt.Sprintf("seconds(%s, %s) / %d", finding.Instant(first.By), finding.Instant(last.By), max(best.restarts-1, 1))
	e.Value("every_s", l.period().Seconds(), rows.Of(apart))
}

// limitEvidence is what the supervisor says of its restarts.
func limitEvidence(in *scene.Inspection, n *scene.Node, a *scene.Actor) finding.Evidence {
	peak := 0.0
	for _, v := range in.Restarts.V {
		peak = max(peak, v)
	}
	who := in.Pid
	if a != nil {
		who = a.Called()
	}
	e := finding.Evidence{
		What: fmt.Sprintf("the supervisor %s (%s, %s) allows %d restarts in %d s", who, in.Kind, in.Strategy, in.Intensity, in.Period),
		Node: n.Name, Tool: "process_inspect", Field: "restarts_count",
		Series: finding.Chart("restarts in the period", in.Restarts),
	}
	if in.Restarts.Len() == 0 {
		return e // older nodes do not say how many there were
	}
	said := n.Says("process_inspect", time.Time{}, in.Restarts.T[in.Restarts.Len()-1])
	said.Row = in.Pid
	e.Value("most_restarts", peak, said.Of("max(restarts_count)"))
	e.Value("intensity", in.Intensity, said.Of("last(intensity)"))
	e.Value("period_s", in.Period, said.Of("last(period)"))
	return e
}

func saidSince(said []logged.Complaint, from time.Time) []logged.Complaint {
	var out []logged.Complaint
	for _, c := range said {
		if !c.At.Before(from) {
			out = append(out, c)
		}
	}
	return out
}

// commonest is the message that was said most often, and how often.
func commonest(said []logged.Complaint) (message string, times int) {
	count := map[string]int{}
	for _, c := range said {
		count[c.Message]++
		if n := count[c.Message]; n > times || n == times && c.Message < message {
			message, times = c.Message, n
		}
	}
	return message, times
}
