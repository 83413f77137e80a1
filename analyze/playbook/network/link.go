package network

import (
	"fmt"
	"math"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// remoteErrors reports whether sends or calls of a node to others became more
// frequently in vain when a link was lost, or later.
func remoteErrors(s *scene.Scene, w *scene.Network, name string, lost scene.Loss) float64 {
	n, most := s.Node(name), 0.0
	if n == nil {
		return 0
	}
	for _, counted := range []series.Series{
		n.Series(ergo.Node, "SendErrorsRemote"),
		series.Without(n.Series(ergo.Node, "CallErrorsRemote"), w.OwnErrors(n)),
	} {
		b, ok := series.FindBurst(series.Steps(counted, n.Starts...))
		if ok && b.Onset.After(lost.After.Add(-s.Usual(n))) {
			most = max(most, b.After.Rate())
		}
	}
	return most
}

// goneAround reports whether one of two nodes began another life, or went away
// for good, around a loss: then the loss is that node's.
func goneAround(s *scene.Scene, w *scene.Network, l scene.Loss, names ...string) bool {
	until := l.Made
	if until.IsZero() {
		until = s.To
	}
	for _, name := range names {
		n := s.Node(name)
		if n == nil {
			continue
		}
		for _, d := range s.Absences(w, n) {
			if !d.From.After(l.Before.Add(s.Usual(n))) && !d.To.Before(l.After) {
				return true
			}
		}
		for _, start := range n.Starts {
			if start.After(l.After.Add(-s.Usual(n))) && !start.After(until.Add(2*time.Second)) {
				return true
			}
		}
	}
	return false
}

// lostLink finds a connection that is lost and made again (flap), or lost and
// not made again although both nodes live (down).
func lostLink(s *scene.Scene, w *scene.Network, v *finding.Verdict, a, b string) {
	var losses []scene.Loss
	for _, l := range w.Losses(a, b) {
		if !goneAround(s, w, l, a, b) {
			losses = append(losses, l)
		}
	}
	if len(losses) == 0 {
		return
	}
	first, last := narrow(s, losses[0], a, b), losses[len(losses)-1]
	onset, off := first.At()
	if first.Told {
		onset, off = first.Before, 500*time.Millisecond
	}
	f := &finding.Finding{
		Onset: onset, OnsetErrorS: off.Seconds(),
		Subject:  finding.Subject{Node: a, Peer: b, Incarnation: s.Incarnation(a, onset)},
		Evidence: lossEvidence(w, a, b, losses),
		Confirm: []string{
			fmt.Sprintf("network_nodes on %s: ConnectionUptime of %s against Uptime", a, b),
			fmt.Sprintf("network_ping name=%s on %s, several times", b, a),
		},
	}
	switch down := last.Made.IsZero(); {
	case wholeLosses(losses) == 0:
		poolFlap(w, f, losses)
	case !down || len(losses) > 1:
		linkFlap(f, losses)
		f.End = whole(s, losses)
	case s.To.Sub(last.Before) < 10*time.Second:
		return // too soon to tell from a flap that is about to mend
	case !heardSince(s, last.Before, a) || !heardSince(s, last.Before, b):
		return // one of them may be down
	default:
		linkDown(s, w, f, last)
	}
	if failed := max(remoteErrors(s, w, a, first), remoteErrors(s, w, b, first)); f.Kind == finding.LinkFlap && failed > 0 && wholeLosses(losses) > 0 {
		f.Score = max(f.Score, min(finding.Score(finding.LinkDown, failed), finding.Unsure))
		f.Summary += " Sends or calls to other nodes fail since then."
	}
	v.Find(f)
}

// heardSince reports whether a node answered after an instant; of one that was not
// recorded nobody knows better.
func heardSince(s *scene.Scene, t time.Time, name string) bool {
	n := s.Node(name)
	return n == nil || n.Heard.From(t).Len() > 0
}

// linkDown words a link that was lost for good. It scores by what somebody
// misses of it: what was sent over it, or what cannot be sent since.
func linkDown(s *scene.Scene, w *scene.Network, f *finding.Finding, lost scene.Loss) {
	a, b := f.Subject.Node, f.Subject.Peer
	f.Kind, f.Confidence = finding.LinkDown, finding.High
	f.Title = fmt.Sprintf("%s and %s are not connected any more, and both are alive", finding.NodeName(a), finding.NodeName(b))
	f.Summary = fmt.Sprintf("The connection ended at %s and was not made again in the %s to the end of the window; both nodes went on answering.", finding.Clock(f.Onset), finding.Duration(s.To.Sub(f.Onset)))
	f.Evidence[0].To = &s.To
	failed := max(remoteErrors(s, w, a, lost), remoteErrors(s, w, b, lost))
	carried, own := w.Carried(a, b, lost.Before), 2*s.OwnCalls(a, b) // each is a question and an answer
	f.Score = max(finding.Score(finding.LinkDown, max(failed, carried-own)), finding.ScoreWarning)
	switch {
	case failed > 0:
		f.Summary += " Sends or calls to other nodes fail since then."
	case carried > own:
		f.Summary += fmt.Sprintf(" It carried %s messages a second.", finding.Number(carried))
	default:
		f.Summary += " It carried no more than the recorder's own calls, and no sends or calls to other nodes fail since then."
	}
	f.Recommendation = fmt.Sprintf("Check the route and the ports between %s and %s (firewall, DNS, cookie); once it works, the next send connects again.", a, b)
	f.Caveats = []string{"Nodes connect on demand: if nothing is sent between them, a closed connection stays closed without a fault."}
}

// whole is since when a connection that was lost stands again, nil where it may be lost
// again any moment: it has to have stood for longer than it was between two losses.
func whole(s *scene.Scene, losses []scene.Loss) *time.Time {
	last, apart := losses[len(losses)-1], 10*time.Second
	for i := 1; i < len(losses); i++ {
		apart = max(apart, losses[i].Before.Sub(losses[i-1].Before)*3/2)
	}
	if last.Made.IsZero() || s.To.Sub(last.Made) < apart {
		return nil
	}
	return &last.Made
}

// linkFlap words a link that was lost and made again.
func linkFlap(f *finding.Finding, losses []scene.Loss) {
	a, b := f.Subject.Node, f.Subject.Peer
	last := losses[len(losses)-1]
	f.Kind, f.Score, f.Confidence = finding.LinkFlap, finding.Score(finding.LinkFlap, float64(len(losses))), finding.High
	if len(losses) == 1 {
		f.Confidence = finding.Medium
	}
	f.Title = fmt.Sprintf("The link between %s and %s was lost %s", finding.NodeName(a), finding.NodeName(b), finding.Times(len(losses)))
	f.Summary = fmt.Sprintf("Between %s and %s the connection was lost %s", finding.Clock(f.Onset), finding.Clock(last.Before), finding.Times(len(losses)))
	var every []float64
	for i := 1; i < len(losses); i++ {
		every = append(every, losses[i].Before.Sub(losses[i-1].Before).Seconds())
	}
	if len(every) > 0 {
		f.Summary += fmt.Sprintf(", every %s on average", finding.Seconds(last.Before.Sub(losses[0].Before).Seconds()/float64(len(every))))
	}
	f.Summary += ", while both nodes stayed up and kept their incarnation."
	if !last.Made.IsZero() {
		f.Summary += fmt.Sprintf(" It was last made again at %s.", finding.Clock(last.Made))
	}
	f.Recommendation = fmt.Sprintf("Examine the network path between %s and %s (interface errors, firewall, NAT and idle time-outs): the nodes themselves are well.", a, b)
	f.Caveats = []string{"Losses that were mended between two answers of network_nodes show only in ConnectionUptime and in the nodes' logs: there may have been more."}
}

// wholeLosses is how many of the losses took the connection as a whole.
func wholeLosses(losses []scene.Loss) int {
	n := 0
	for _, l := range losses {
		if !l.Partial {
			n++
		}
	}
	return n
}

// poolFlap words a link of which only some TCP connections were lost: how many, by the side that counted more,
// where a side that did not begin to count anew tells.
func poolFlap(w *scene.Network, f *finding.Finding, losses []scene.Loss) {
	a, b := f.Subject.Node, f.Subject.Peer
	var most finding.Source
	lost, per := 0.0, 0.0
	for _, k := range [][2]string{{a, b}, {b, a}} {
		l := w.Links[k]
		if l == nil {
			continue
		}
		counted := series.Series{}
		for _, p := range l.Points {
			if p.Up && !math.IsNaN(p.Reconnections) {
				counted.T, counted.V = append(counted.T, p.At), append(counted.V, p.Reconnections)
			}
		}
		if counted.Len() == 0 {
			continue
		}
		from, to := counted.T[0], counted.T[counted.Len()-1]
		if n := counted.V[counted.Len()-1] - counted.V[0]; n > lost {
			lost, per = n, n/to.Sub(from).Seconds()
			most = finding.Source{Tool: "network_nodes", Node: k[0], Row: k[1], From: from, To: to}
		}
	}
	f.Kind, f.Score, f.Confidence = finding.LinkFlap, min(finding.Score(finding.LinkFlap, max(lost, float64(len(losses)))), finding.Over), finding.Medium
	f.Title = fmt.Sprintf("TCP connections between %s and %s are lost and made again", finding.NodeName(a), finding.NodeName(b))
	f.Summary = "Single connections of the link were made anew, while the link as a whole stood."
	if lost > 0 {
		f.Summary = fmt.Sprintf("%s connections of the link were made anew in %s, while the link as a whole stood.", finding.Number(lost), finding.Duration(most.To.Sub(most.From)))
	}
	if per > 1 {
		f.Summary = strings.TrimSuffix(f.Summary, ".") + fmt.Sprintf(": %s a second, so that what is sent over them may never arrive.", finding.Number(per))
	}
	f.Recommendation = fmt.Sprintf("Examine the path between %s and %s for what ends single TCP connections: idle time-outs, NAT, a proxy; and whether both dialled each other at one moment.", a, b)
	f.Caveats = []string{"Messages of one sender keep to one TCP connection: those under way on a lost one are gone, and which ones is not recorded."}
	if lost > 0 {
		f.Evidence[0].Value("reconnections", lost, most.Of("last(Reconnections) - first(Reconnections)"))
		f.Evidence[0].Value("reconnections_per_s", per, most.Of("(last(Reconnections) - first(Reconnections)) / span(Reconnections)"))
	}
}

// narrow brackets a loss by the first failed sends and calls of its two nodes,
// which are counted more often than links are listed.
func narrow(s *scene.Scene, l scene.Loss, nodes ...string) scene.Loss {
	if l.Told {
		return l
	}
	for _, name := range nodes {
		n := s.Node(name)
		if n == nil {
			continue
		}
		for _, field := range []string{"SendErrorsRemote", "CallErrorsRemote"} {
			errs := n.Series(ergo.Node, field)
			for i := 1; i < errs.Len(); i++ {
				if errs.T[i].After(l.After) && errs.T[i-1].Before(l.Before) && errs.V[i] > errs.V[i-1] {
					l.After = series.Later(l.After, errs.T[i-1])
					l.Before = series.Earlier(l.Before, errs.T[i])
					break
				}
			}
		}
	}
	if l.After.After(l.Before) {
		l.After = l.Before
	}
	return l
}

// whenLost lists the losses, each by the log line or the answer that shows it.
func whenLost(w *scene.Network, a, b string, losses []scene.Loss) finding.Evidence {
	first, last := losses[0], losses[len(losses)-1]
	e := finding.Evidence{What: "losses, by the first word of each", Node: a, Tool: "network_nodes", Field: "ConnectionUptime", From: &first.Before, To: &last.Made}
	if last.Made.IsZero() {
		e.To = &last.Before
	}
	rows := finding.Source{Tool: "network_nodes", Node: a, Row: b}
	if n := len(losses) - 1; n > 0 {
		apart := fmt.Sprintf("seconds(%s, %s) / %d", finding.Instant(first.Before), finding.Instant(last.Before), n)
		e.Value("every_s", last.Before.Sub(first.Before).Seconds()/float64(n), rows.Of(apart))
	}
	for i, l := range losses {
		if at, call, ok := firstWord(w, a, b, l); ok {
			e.Value(fmt.Sprintf("shown_at.%d", i+1), at.UTC().Format(time.RFC3339Nano), call)
		}
	}
	return e
}

// firstWord is what first tells of a loss: a log line of one of the nodes, or the
// first answer of the one or the other behind it.
func firstWord(w *scene.Network, a, b string, l scene.Loss) (time.Time, finding.Call, bool) {
	for _, k := range [][2]string{{a, b}, {b, a}} {
		for _, line := range w.Logs[k[0]] {
			if l.Told && line.Lost && line.Peer == k[1] && line.At.Equal(l.Before) {
				call := finding.Source{Node: k[0], From: line.At, To: line.At}.Lines("connection with '"+k[1]+"'", "", "")
				call.Gives = "lines.0.at"
				return line.At, call, true
			}
		}
	}
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if w.Links[k] == nil {
			continue
		}
		for _, p := range w.Links[k].Points {
			if !p.At.Before(l.Before) {
				return p.At, finding.Source{Tool: "network_nodes", Node: k[0], From: l.Before, To: p.At}.Of("last(at)"), true
			}
		}
	}
	return time.Time{}, finding.Call{}, false
}

// lossEvidence shows both sides' view of a link, and what their logs say.
func lossEvidence(w *scene.Network, a, b string, losses []scene.Loss) []finding.Evidence {
	from, to := losses[0].After, losses[len(losses)-1].Before
	all := []finding.Evidence{whenLost(w, a, b, losses)}
	for _, k := range [][2]string{{a, b}, {b, a}} {
		l := w.Links[k]
		if l == nil {
			continue
		}
		var up series.Series
		absent := 0
		var records []string
		for i, p := range l.Points {
			age := 0.0
			if p.Up {
				age = p.At.Sub(p.Since).Seconds()
			} else {
				absent++
			}
			up.Add(p.At, age)
			if i > 0 && p.Up != l.Points[i-1].Up && len(records) < 6 {
				records = append(records, finding.RecordName(k[0], "network_nodes", p.At))
			}
		}
		all = append(all, finding.Evidence{
			What: fmt.Sprintf("%s lists %s: age of the connection, 0 where it is not listed", k[0], k[1]),
			Node: k[0], Tool: "network_nodes", Field: "ConnectionUptime", From: &from, To: &to,
			Records: records, Series: finding.Chart("s", up),
		})
		e, rows := &all[len(all)-1], finding.Source{Tool: "network_nodes", Node: k[0], Row: k[1], From: l.Points[0].At, To: l.Points[len(l.Points)-1].At}
		e.Value("answers", len(l.Points), rows.Of("count(rows)"))
		e.Value("not_connected_in", absent, rows.Of("count(rows) - sum(rows)"))
		var lines []string
		for _, line := range w.Logs[k[0]] {
			if line.Peer == k[1] && line.Lost && len(lines) < 5 {
				lines = append(lines, line.At.UTC().Format(time.RFC3339Nano)+" connection with '"+line.Peer+"' terminated")
			}
		}
		if lines != nil {
			all = append(all, finding.Evidence{What: k[0] + " logged the end of the connection", Node: k[0], Tool: "sample_read", Lines: lines})
		}
		if n := len(w.Mute[k]); n > 0 {
			all = append(all, finding.Evidence{
				What: fmt.Sprintf("pings of %s by %s without an answer", k[1], k[0]), Node: k[0], Tool: "network_ping",
			})
			e, pings := &all[len(all)-1], finding.Source{Tool: "network_ping", Node: k[0], Row: k[1]}
			e.Value("failed", n, pings.Of("count(failed) - count(says('rtt ')) - sum(lost)"))
			e.Value("answered", w.Pings[k].Len(), pings.Of("count(says('rtt '))"))
		}
	}
	return all
}
