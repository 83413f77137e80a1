package health

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/died"
	"ergorecorder/analyze/scene/logged"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

// runsWhatItShould looks at the applications of each node, and whether it can
// stop.
func runsWhatItShould(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	listed := map[*scene.Node][]*scene.Application{}
	for _, n := range s.Nodes {
		said, err := s.Log(ctx, n)
		if err != nil {
			return err
		}
		ofCalls, err := died.OfCalls(ctx, s, n)
		if err != nil {
			return err
		}
		all, answers, err := s.Applications(ctx, n)
		if err != nil {
			return err
		}
		listed[n] = all
		ran, before := 0, len(v.Findings)
		for _, a := range all {
			if a.Ran {
				ran++
			}
			if !a.Down.IsZero() {
				f := applicationDown(s, n, a, said.Own)
				tellLastDeath(n, f, said.Complaints, ofCalls)
				v.Find(f)
			} else if f := betweenListings(n, a, said.Own); f != nil {
				v.Find(f)
			}
		}
		if f := shutdownStuck(n, said.Own); f != nil {
			v.Find(f)
		}
		if n.Heard.Len() == 0 {
			v.Skip("%s: node_info never answered", n.Name)
			continue
		}
		if len(v.Findings) == before && answers > 0 {
			v.Fine("%s: none of %d applications that ran stopped, over %d answers%s", n.Name, ran, answers, condition(n))
		}
	}
	for _, n := range s.Nodes {
		for _, a := range listed[n] {
			if peers := runningElsewhere(s, listed, n, a); peers != nil {
				v.Find(notStarted(s, n, a, peers))
			}
		}
	}
	return cronJobs(ctx, s, v)
}

// runningElsewhere are the other nodes, if an application never ran on this one and ran
// on all others that have it, two or more.
func runningElsewhere(s *scene.Scene, listed map[*scene.Node][]*scene.Application, n *scene.Node, a *scene.Application) []string {
	if a.Ran || len(n.Starts) > 0 || a.State == "unloaded" {
		return nil
	}
	var peers []string
	for _, o := range s.Nodes {
		for _, b := range listed[o] {
			switch {
			case o == n || b.Name != a.Name:
			case !b.Ran || !b.Down.IsZero():
				return nil
			default:
				peers = append(peers, o.Name)
			}
		}
	}
	if len(peers) < 2 {
		return nil
	}
	return peers
}

// notStarted is the finding about an application that did not run when the recording
// began, nor after.
func notStarted(s *scene.Scene, n *scene.Node, a *scene.Application, peers []string) *finding.Finding {
	f := &finding.Finding{
		Kind: finding.ApplicationDown, Onset: s.From, OnsetErrorS: s.Usual(n).Seconds(), Score: min(finding.Score(finding.ApplicationDown, s.To.Sub(s.From).Seconds()), finding.Paused),
		Confidence: finding.Medium, Facts: []finding.Fact{finding.Older},
		Subject:        finding.Subject{Node: n.Name, Incarnation: n.Incarnation(a.First), Name: a.Name, Application: a.Name},
		Title:          fmt.Sprintf("the application %s on %s does not run, as it does on %s", a.Name, n.Name, finding.List(peers)),
		Summary:        fmt.Sprintf("It was so when the recording began: it is %s (mode %s), and on every other node that has it it runs.", a.State, a.Mode),
		Recommendation: "See why it stopped (the node's log from before the recording, the supervisor that gave up), mend that, and start it again.",
		Confirm:        []string{fmt.Sprintf("app_list node=%s", n.Name), fmt.Sprintf("app_info node=%s name=%s", n.Name, a.Name)},
		Caveats:        []string{"That it should run on this node is told by the others only; a node that stands by may be meant to."},
		Evidence: []finding.Evidence{{
			What: "state of the application", Node: n.Name, Tool: "app_list", Field: "state", From: &a.First, To: &s.To,
			Records: []string{finding.RecordName(n.Name, "app_list", a.First)},
		}},
	}
	rows := n.Says("app_list", a.First, s.To)
	rows.Row = a.Name
	f.Evidence[0].Value("state", a.State, rows.Of("last(state)"))
	f.Evidence[0].Value("mode", a.Mode, rows.Of("last(mode)"))
	return f
}

func applicationDown(s *scene.Scene, n *scene.Node, a *scene.Application, said []replay.LogLine) *finding.Finding {
	onset, off := emptied(n, a)
	reason := ""
	for _, l := range said {
		who, stopped := ergo.Tells(ergo.LineAppStopped, l.Type, l.Source, l.Message)
		if stopped && who == a.Name && l.At.After(a.Up.Add(-time.Second)) && !l.At.After(a.Down) {
			if reason == "" {
				onset, off = l.At, 100*time.Millisecond
			}
			reason = l.Message
		}
	}
	f := &finding.Finding{
		Kind: finding.ApplicationDown, Onset: onset, OnsetErrorS: off.Seconds(), Score: finding.Score(finding.ApplicationDown, s.To.Sub(onset).Seconds()), Confidence: finding.High,
		Subject:        finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset), Name: a.Name, Application: a.Name},
		Title:          fmt.Sprintf("the application %s on %s does not run any more", a.Name, n.Name),
		Summary:        fmt.Sprintf("It ran (mode %s) and is %s since.", a.Mode, a.State),
		Recommendation: "See why it stopped (its log, the supervisor that gave up), mend that, and start it again.",
		Confirm:        []string{fmt.Sprintf("app_list node=%s", n.Name), fmt.Sprintf("app_info node=%s name=%s", n.Name, a.Name)},
	}
	if reason != "" {
		f.Summary += " The node logged: " + escape.Quote(reason) + "."
	} else {
		f.Caveats = append(f.Caveats, "the node's own log line with the reason was not recorded")
	}
	if a.Mode == "temporary" && strings.HasSuffix(reason, "normal") {
		f.Score = min(f.Score, finding.Note)
		f.Caveats = append(f.Caveats, "a temporary application that ends normally may have done its work")
	}
	if !a.Back.IsZero() {
		back := a.Back
		f.End = &back
		f.Score = min(finding.Score(finding.ApplicationDown, back.Sub(onset).Seconds()), f.Score, finding.Over)
		f.Title = fmt.Sprintf("the application %s on %s did not run for %s", a.Name, n.Name, finding.Duration(back.Sub(onset)))
		f.Summary = fmt.Sprintf("It ran (mode %s), was %s, and runs again since %s.", a.Mode, a.State, finding.Clock(back))
		if reason != "" {
			f.Summary += " The node logged: " + escape.Quote(reason) + "."
		}
		if reason == "" {
			f.Score = min(f.Score, finding.Note)
			f.Caveats = append(f.Caveats, "nobody but an operator, or a program in his place, starts an application again: if it ended by itself, the line with the reason says so")
		}
		asIfMeant(f, reason)
	}
	up, down := a.Up, a.Down
	f.Evidence = append(f.Evidence, finding.Evidence{
		What: "state of the application", Node: n.Name, Tool: "app_list", Field: "state", From: &up, To: &down,
		Records: []string{finding.RecordName(n.Name, "app_list", up), finding.RecordName(n.Name, "app_list", down)},
	})
	e, rows := &f.Evidence[0], n.Says("app_list", up, up)
	rows.Row = a.Name
	e.Value("before", scene.AppRunning, rows.Of("last(state)"))
	e.Value("mode", a.Mode, rows.Of("last(mode)"))
	e.Value("after", a.State, rows.Between(down, down).Of("last(state)"))
	return f
}

// tellLastDeath says of an application that stopped that one of its processes died of a call that failed
// just before, if that was the last that died of its own: whom it called may be at fault. Supervisors
// end for what their children died of.
func tellLastDeath(n *scene.Node, f *finding.Finding, said logged.Complaints, ofCalls func([]logged.Complaint) bool) {
	const before = 10 * time.Second // a supervisor ends its children, and then itself
	var last *logged.Complaint
	for _, c := range said.Deaths() {
		parent := slices.ContainsFunc(n.Procs.Actors, func(x *scene.Actor) bool { return x.Parent == c.PID })
		if parent || f.Onset.Sub(c.At) >= before || c.At.After(f.Onset) {
			continue
		}
		switch of := applicationOf(n, c, said); {
		case slices.Equal(of, []string{f.Subject.Application}):
			last = &c
		case len(of) != 1:
			last = nil // it may be its last as well
		}
	}
	if last == nil || !ofCalls([]logged.Complaint{*last}) {
		return
	}
	f.Facts = append(f.Facts, finding.Waits)
	f.Summary += fmt.Sprintf(" The last of its processes that died of its own before, at %s, died of a call that failed, so that whom it called may be at fault: %s", finding.Clock(last.At), escape.Quote(last.Message)+".")
	f.Evidence = append(f.Evidence, finding.Evidence{What: "the last of its processes that died of its own", Node: n.Name, Tool: "sample_read", Lines: []string{last.Message}})
}

// applicationOf is the application of who wrote a line: as listed, else that of all processes of its behavior. Where
// those are of several, or none is known, it cannot be told.
func applicationOf(n *scene.Node, c logged.Complaint, said logged.Complaints) []string {
	if a := n.Procs.Known[c.PID]; a != nil {
		return []string{a.Application}
	}
	if i := slices.IndexFunc(n.Procs.Actors, func(a *scene.Actor) bool { return a.Pid == c.PID }); i >= 0 {
		return []string{n.Procs.Actors[i].Application}
	}
	var of []string
	for _, fam := range n.Procs.Families {
		if said.Wrote(c.PID, fam.Behavior) && !slices.Contains(of, fam.Application) {
			of = append(of, fam.Application)
		}
	}
	return of
}

// asIfMeant makes a note of an application that stopped normally and was started again.
func asIfMeant(f *finding.Finding, reason string) {
	if strings.HasSuffix(reason, "normal") || strings.HasSuffix(reason, "shutdown") {
		f.Score, f.Facts = min(f.Score, finding.Note), []finding.Fact{finding.Planned}
		f.Title = fmt.Sprintf("Planned: the application %s on %s was stopped at %s and started again", f.Subject.Application, f.Subject.Node, finding.Clock(f.Onset))
		f.Recommendation = "Nothing, if somebody did so on purpose: it stopped normally."
	}
}

// betweenListings finds an application that, by what its node logged, stopped and started
// again between two listings of applications, the last time that it did so.
func betweenListings(n *scene.Node, a *scene.Application, said []replay.LogLine) *finding.Finding {
	var down, stopped, started replay.LogLine
	for _, l := range said {
		if who, told := ergo.Tells(ergo.LineAppStopped, l.Type, l.Source, l.Message); told && who == a.Name {
			down = l
		}
		if who, told := ergo.Tells(ergo.LineAppStarted, l.Type, l.Source, l.Message); told && who == a.Name && !down.At.IsZero() {
			stopped, started, down = down, l, replay.LogLine{}
		}
	}
	if stopped.At.IsZero() {
		return begunAnew(n, a)
	}
	if !a.Ran || slices.ContainsFunc(n.Starts, func(t time.Time) bool { return t.After(stopped.At.Add(-time.Second)) && !t.After(started.At) }) {
		return nil
	}
	f := &finding.Finding{
		Kind: finding.ApplicationDown, Onset: stopped.At, OnsetErrorS: 0.1, End: &started.At, Confidence: finding.High,
		Score:          min(finding.Score(finding.ApplicationDown, started.At.Sub(stopped.At).Seconds()), finding.Over),
		Subject:        finding.Subject{Node: n.Name, Incarnation: n.Incarnation(stopped.At), Name: a.Name, Application: a.Name},
		Title:          fmt.Sprintf("the application %s on %s stopped at %s and was started again", a.Name, n.Name, finding.Clock(stopped.At)),
		Summary:        fmt.Sprintf("The node logged: %s, and %s later that it started.", escape.Quote(stopped.Message), finding.Duration(started.At.Sub(stopped.At))),
		Recommendation: "See why it stopped (its log, the supervisor that gave up), and mend that.",
		Confirm:        []string{fmt.Sprintf("app_info node=%s name=%s", n.Name, a.Name)},
		Evidence: []finding.Evidence{{
			What: "what the node logged", Node: n.Name, Tool: "sample_read", From: &stopped.At, To: &started.At, Lines: []string{stopped.Message, started.Message},
		}},
	}
	asIfMeant(f, stopped.Message)
	return f
}

// begunAnew finds an application that by its uptime began anew between two listings, of which no
// pair of lines tells: applications do not start by themselves.
func begunAnew(n *scene.Node, a *scene.Application) *finding.Finding {
	if a.Anew.IsZero() || slices.ContainsFunc(n.Starts, func(t time.Time) bool { return t.Sub(a.Anew).Abs() < time.Minute }) {
		return nil
	}
	onset, off := series.Middle(a.Was, a.Anew)
	return &finding.Finding{
		Kind: finding.ApplicationDown, Onset: onset, OnsetErrorS: max(1, off.Seconds()), End: &a.Anew, Confidence: finding.Medium, Score: finding.Note,
		Subject:        finding.Subject{Node: n.Name, Incarnation: n.Incarnation(a.Anew), Name: a.Name, Application: a.Name},
		Title:          fmt.Sprintf("the application %s on %s was started again at %s", a.Name, n.Name, finding.Clock(a.Anew)),
		Summary:        "Its uptime began anew between two listings of applications, both of which show it running. No pair of lines tells that it stopped and started.",
		Recommendation: "Nothing, if somebody did so on purpose; else see why it stopped (its log, the supervisor that gave up).",
		Confirm:        []string{fmt.Sprintf("app_info node=%s name=%s", n.Name, a.Name)},
		Evidence:       []finding.Evidence{{What: "its uptime", Node: n.Name, Tool: "app_list", Field: "uptime", From: &onset, To: &a.Up}},
	}
}

// emptied is when the processes of an application went, between the listings of
// applications that show it running and not.
func emptied(n *scene.Node, a *scene.Application) (time.Time, time.Duration) {
	from, to := a.Up, a.Down
	for _, fam := range n.Procs.Families {
		if fam.Application != a.Name {
			continue
		}
		c := fam.Count.Sampled(n.Procs.Listings)
		for i := 1; i < c.Len(); i++ {
			fell := c.V[i] == 0 && c.V[i-1] > 0
			if fell && c.T[i].After(a.Up.Add(-n.Interval)) && !c.T[i].After(to) {
				from, to = c.T[i-1], c.T[i]
			}
		}
	}
	return series.Middle(from, to)
}
