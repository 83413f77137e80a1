package analyze

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
)

// networkBook compares both ends of every link over the window: connections
// that were lost, messages that did not arrive, round trips, and peers that
// were turned away. Nodes that went away are the health playbook's: a link
// that ended with its node is no fault of the network.
func networkBook(ctx context.Context, s *scene, v *verdict) error {
	w, err := s.network(ctx)
	if err != nil {
		return err
	}
	if len(s.nodes) > 1 && len(w.links) == 0 {
		v.skip("network_nodes was not recorded: links between nodes cannot be told")
	}
	for _, pair := range w.pairs() {
		before := len(v.findings)
		s.lostLink(w, v, pair[0], pair[1])
		for _, way := range [][2]string{pair, {pair[1], pair[0]}} {
			s.messageLoss(w, v, way[0], way[1])
		}
		s.slowLink(w, v, pair[0], pair[1])
		if len(v.findings) == before {
			v.fine("%s and %s: %s", pair[0], pair[1], w.traffic(pair[0], pair[1]))
		}
	}
	return s.handshakes(ctx, v)
}

// traffic says what was examined of a healthy link.
func (w *network) traffic(a, b string) string {
	samples, rtts := 0, []float64{}
	for _, k := range [][2]string{{a, b}, {b, a}} {
		if l := w.links[k]; l != nil {
			samples += len(l.points)
		}
		rtts = append(rtts, w.pings[k].V...)
	}
	text := fmt.Sprintf("connected in all of %d answers", samples)
	if len(rtts) > 0 {
		text += fmt.Sprintf(", %d round trips, median %s ms", len(rtts), number(series.Median(rtts)))
	}
	return text
}

// goneAround reports whether one of two nodes began another life, or went away
// for good, around a loss: then the loss is that node's.
func (s *scene) goneAround(w *network, l loss, names ...string) bool {
	until := l.made
	if until.IsZero() {
		until = s.to
	}
	for _, name := range names {
		n := s.node(name)
		if n == nil {
			continue
		}
		for _, d := range s.absences(w, n) {
			if !d.from.After(l.before.Add(s.usual(n))) && !d.to.Before(l.after) {
				return true
			}
		}
		for _, start := range n.starts {
			if start.After(l.after.Add(-s.usual(n))) && !start.After(until.Add(2*time.Second)) {
				return true
			}
		}
	}
	return false
}

// usual is the time between two answers of a node.
func (s *scene) usual(n *node) time.Duration { return max(n.heard.Interval(), time.Second) }

// lostLink finds a connection that is lost and made again (flap), or lost and
// not made again although both nodes live (down).
func (s *scene) lostLink(w *network, v *verdict, a, b string) {
	var losses []loss
	for _, l := range w.losses(a, b) {
		if !s.goneAround(w, l, a, b) {
			losses = append(losses, l)
		}
	}
	if len(losses) == 0 {
		return
	}
	first, last := s.narrow(losses[0], a, b), losses[len(losses)-1]
	onset, off := first.at()
	if first.told {
		onset, off = first.before, 500*time.Millisecond
	}
	f := &Finding{
		Onset: onset, OnsetErrorS: off.Seconds(),
		Subject:  Subject{Node: a, Peer: b, Incarnation: s.incarnation(a, onset)},
		Evidence: w.lossEvidence(a, b, losses),
		Confirm: []string{
			fmt.Sprintf("network_nodes on %s: ConnectionUptime of %s against Uptime", a, b),
			fmt.Sprintf("network_ping name=%s on %s, several times", b, a),
		},
	}
	switch down := last.made.IsZero(); {
	case wholeLosses(losses) == 0:
		poolFlap(f, losses)
	case !down || len(losses) > 1:
		linkFlap(f, losses)
	case s.to.Sub(last.before) < 10*time.Second:
		return // too soon to tell from a flap that is about to mend
	default:
		s.linkDown(w, f, last)
	}
	v.find(f)
}

// linkDown words a link that was lost for good. It is critical where somebody
// misses it: what was sent over it, or what could not be sent since.
func (s *scene) linkDown(w *network, f *Finding, lost loss) {
	a, b := f.Subject.Node, f.Subject.Peer
	f.Kind, f.Score, f.Confidence = "link_down", 70, High
	f.Title = fmt.Sprintf("%s and %s are not connected any more, and both are alive", short2(a), short2(b))
	f.Summary = fmt.Sprintf("The connection ended at %s and was not made again in the %s to the end of the window; both nodes went on answering.", clock(f.Onset), short(s.to.Sub(f.Onset)))
	failed := s.remoteErrors(w, a, lost) || s.remoteErrors(w, b, lost)
	carried := w.carried(a, b, lost.before)
	switch {
	case failed:
		f.Score = 82
		f.Summary += " Sends or calls to other nodes fail since then."
	case carried > 2*s.ownCalls(a, b): // each is a question and an answer
		f.Score = 82
		f.Summary += fmt.Sprintf(" It carried %s messages a second.", number(carried))
	default:
		f.Summary += " It carried no more than the recorder's own calls, and no sends or calls to other nodes fail since then."
	}
	f.Recommendation = fmt.Sprintf("Check the route and the ports between %s and %s (firewall, DNS, cookie); once it works, the next send connects again.", a, b)
	f.Caveats = []string{"Nodes connect on demand: if nothing is sent between them, a closed connection stays closed without a fault."}
}

// linkFlap words a link that was lost and made again.
func linkFlap(f *Finding, losses []loss) {
	a, b := f.Subject.Node, f.Subject.Peer
	last := losses[len(losses)-1]
	f.Kind, f.Score, f.Confidence = "link_flap", min(90, 70+5*len(losses)), High
	if len(losses) == 1 {
		f.Score, f.Confidence = 60, Medium
	}
	f.Title = fmt.Sprintf("The link between %s and %s was lost %s", short2(a), short2(b), times(len(losses)))
	f.Summary = fmt.Sprintf("Between %s and %s the connection was lost %s", clock(f.Onset), clock(last.before), times(len(losses)))
	var every []float64
	for i := 1; i < len(losses); i++ {
		every = append(every, losses[i].before.Sub(losses[i-1].before).Seconds())
	}
	if len(every) > 0 {
		f.Summary += fmt.Sprintf(", typically every %s", seconds(series.Median(every)))
	}
	f.Summary += ", while both nodes stayed up and kept their incarnation."
	if !last.made.IsZero() {
		f.Summary += fmt.Sprintf(" It was last made again at %s.", clock(last.made))
	}
	f.Recommendation = fmt.Sprintf("Examine the network path between %s and %s (interface errors, firewall, NAT and idle time-outs): the nodes themselves are well.", a, b)
	f.Caveats = []string{"Losses that were mended between two answers of network_nodes show only in ConnectionUptime and in the nodes' logs: there may have been more."}
}

// wholeLosses is how many of the losses took the connection as a whole.
func wholeLosses(losses []loss) int {
	n := 0
	for _, l := range losses {
		if !l.partial {
			n++
		}
	}
	return n
}

// poolFlap words a link of which only some TCP connections were lost.
func poolFlap(f *Finding, losses []loss) {
	a, b := f.Subject.Node, f.Subject.Peer
	f.Kind, f.Score, f.Confidence = "link_flap", min(70, 50+3*len(losses)), Medium
	f.Title = fmt.Sprintf("TCP connections between %s and %s are lost and made again", short2(a), short2(b))
	f.Summary = fmt.Sprintf("Reconnections of the link grew %s since %s, while the link as a whole stood.", times(len(losses)), clock(f.Onset))
	f.Recommendation = fmt.Sprintf("Examine the path between %s and %s for what ends single TCP connections: idle time-outs, NAT, a proxy.", a, b)
	f.Caveats = []string{"Messages of one sender keep to one TCP connection: those under way on a lost one are gone, and which ones is not recorded."}
}

// times is a count in words.
func times(n int) string {
	switch n {
	case 1:
		return "once"
	case 2:
		return "twice"
	}
	return fmt.Sprintf("%d times", n)
}

// short2 is a node's name without its host.
func short2(node string) string {
	name, _, _ := strings.Cut(node, "@")
	return name
}

func (s *scene) incarnation(name string, at time.Time) string {
	if n := s.node(name); n != nil {
		return n.incarnation(at)
	}
	return ""
}

// narrow brackets a loss by the first failed sends and calls of its two nodes,
// which are counted more often than links are listed.
func (s *scene) narrow(l loss, nodes ...string) loss {
	if l.told {
		return l
	}
	for _, name := range nodes {
		n := s.node(name)
		if n == nil {
			continue
		}
		for _, field := range []string{"SendErrorsRemote", "CallErrorsRemote"} {
			errs := n.series("node_info", field)
			for i := 1; i < errs.Len(); i++ {
				if errs.T[i].After(l.after) && errs.T[i-1].Before(l.before) && errs.V[i] > errs.V[i-1] {
					l.after = later(l.after, errs.T[i-1])
					l.before = earlier(l.before, errs.T[i])
					break
				}
			}
		}
	}
	if l.after.After(l.before) {
		l.after = l.before
	}
	return l
}

// lossEvidence shows both sides' view of a link, and what their logs say.
func (w *network) lossEvidence(a, b string, losses []loss) []Evidence {
	from, to := losses[0].after, losses[len(losses)-1].before
	var all []Evidence
	for _, k := range [][2]string{{a, b}, {b, a}} {
		l := w.links[k]
		if l == nil {
			continue
		}
		var up series.Series
		absent := 0
		var records []string
		for i, p := range l.points {
			age := 0.0
			if p.up {
				age = p.at.Sub(p.since).Seconds()
			} else {
				absent++
			}
			up.Add(p.at, age)
			if i > 0 && p.up != l.points[i-1].up && len(records) < 6 {
				records = append(records, recordName(k[0], "network_nodes", p.at))
			}
		}
		all = append(all, Evidence{
			What: fmt.Sprintf("%s lists %s: age of the connection, 0 where it is not listed", k[0], k[1]),
			Node: k[0], Tool: "network_nodes", Field: "ConnectionUptime", From: &from, To: &to,
			Values:  map[string]any{"answers": len(l.points), "not_connected_in": absent, "losses": len(l.losses())},
			Records: records, Series: chart("s", up),
		})
		var lines []string
		for _, line := range w.logs[k[0]] {
			if line.peer == k[1] && line.lost && len(lines) < 5 {
				lines = append(lines, line.at.UTC().Format(time.RFC3339Nano)+" connection with '"+line.peer+"' terminated")
			}
		}
		if lines != nil {
			all = append(all, Evidence{What: k[0] + " logged the end of the connection", Node: k[0], Tool: "sample_read", Lines: lines})
		}
		if n := len(w.mute[k]); n > 0 {
			all = append(all, Evidence{
				What: fmt.Sprintf("pings of %s by %s without an answer", k[1], k[0]), Node: k[0], Tool: "network_ping",
				Values: map[string]any{"failed": n, "answered": w.pings[k].Len()},
			})
		}
	}
	return all
}

// minGap is the least number of messages that must be missing: fewer may be
// under way.
const minGap = 50

// messageLoss compares what a node sent to a peer with what that peer received
// of it, over each connection that both saw.
func (s *scene) messageLoss(w *network, v *verdict, from, to string) {
	out, in := w.links[[2]string{from, to}], w.links[[2]string{to, from}]
	if out == nil || in == nil {
		return
	}
	missing, sent := compareEnds(out.points, in.points)
	if missing.Len() < 8 {
		return
	}
	// Lost at one rate from an instant on, else from the first answer on.
	since, off := missing.T[0], missing.Interval()
	if knee, err := series.FindKnee(missing); err == nil && knee.P < 0.001 && knee.After > knee.Before {
		since, off = knee.At, knee.Error
	}
	lost, _ := series.Increase(missing.From(since))
	total, _ := series.Increase(sent.From(since))
	rest := missing.Before(since)
	noise := 0.0
	if rest.Len() >= 4 {
		noise = series.Quantile(rest.V, 1) - series.Quantile(rest.V, 0)
	}
	net := missing.V[missing.Len()-1] - series.Median(missing.Between(missing.T[0], since.Add(missing.Interval())).V)
	slope, err := series.TheilSen(missing.From(since))
	if err != nil || !slope.Grows() || net < minGap || net < 3*noise || net < 0.01*total || lost <= 0 {
		return
	}
	share := net / math.Max(total, 1)
	v.find(&Finding{
		Kind: "message_loss", Score: min(85, 60+int(100*share)), Confidence: High,
		Title:   fmt.Sprintf("Messages from %s to %s do not arrive: %s of %s since %s", short2(from), short2(to), number(net), number(total), clock(since)),
		Summary: fmt.Sprintf("%s counted %s messages sent to %s since %s; %s received %s fewer (%s %%), over the same connection.", from, number(total), to, clock(since), to, number(net), number(100*share)),
		Subject: Subject{Node: from, Peer: to, Incarnation: s.incarnation(from, since)},
		Onset:   since, OnsetErrorS: off.Seconds(),
		Evidence: []Evidence{{
			What: "messages sent by " + from + " less those received by " + to, Node: from, Tool: "network_nodes", Field: "MessagesOut - MessagesIn",
			From: &since, To: &s.to, Values: map[string]any{"missing": net, "sent": total, "percent": round(100 * share)}, Series: chart("messages", missing),
		}},
		Recommendation: fmt.Sprintf("Look for a link that drops: compare BytesOut of %s with BytesIn of %s and the interface counters on the way; resend what must not be lost with ImportantDelivery.", from, to),
		Confirm:        []string{fmt.Sprintf("network_nodes on %s and on %s at the same time: MessagesOut against MessagesIn", from, to)},
		Caveats:        []string{"The two ends were not asked at the same instant: one side's count is interpolated between its answers."},
	})
}

// compareEnds is, at the receiver's answers, how many messages the sender had
// sent beyond those received, and how many it had sent, both counted on from
// connection to connection. The sender's count is interpolated; connections
// that only one side saw are left out.
func compareEnds(out, in []linkPoint) (missing, sent series.Series) {
	var gapBase, sentBase, lastGap, lastSent float64
	var connection time.Time
	j := 0
	for _, q := range in {
		for j+1 < len(out) && out[j+1].at.Before(q.at) {
			j++
		}
		if j+1 >= len(out) || !q.up {
			continue
		}
		a, b := out[j], out[j+1]
		sameConnection := a.up && b.up && b.since.Sub(a.since).Abs() <= 2*time.Second && a.since.Sub(q.since).Abs() <= 3*time.Second
		if !sameConnection || a.at.After(q.at) {
			continue
		}
		share := q.at.Sub(a.at).Seconds() / b.at.Sub(a.at).Seconds()
		now := a.out + share*(b.out-a.out)
		if q.since.Sub(connection).Abs() > 3*time.Second {
			connection, gapBase, sentBase = q.since, lastGap-(now-q.in), lastSent-now
		}
		lastGap, lastSent = gapBase+now-q.in, sentBase+now
		missing.Add(q.at, lastGap)
		sent.Add(q.at, lastSent)
	}
	return missing, sent
}

// slowRatio is how much longer than usual a round trip must take, and slowMS
// from how many milliseconds on anyone would notice.
const (
	slowRatio = 4.0
	slowMS    = 5.0
)

// unanswered is what a ping without an answer counts as while its link stands,
// in ms: the time-out of a call.
const unanswered = 5000.0

// upAt reports whether the newest answer at t shows the link.
func (l *link) upAt(t time.Time) bool {
	up := false
	for _, p := range l.points {
		if p.at.After(t) {
			break
		}
		up = p.up
	}
	return up
}

// slowLink finds round trips that became much longer than they were, or are
// not answered any more over a link that stands, from both ends together.
func (s *scene) slowLink(w *network, v *verdict, a, b string) {
	var all series.Series
	for _, k := range [][2]string{{a, b}, {b, a}} {
		for i, t := range w.pings[k].T {
			all.Add(t, math.Log10(max(w.pings[k].V[i], 0.01)))
		}
		for _, ping := range w.mute[k] {
			if l := w.links[k]; l != nil && l.upAt(ping.at) && ping.timedOut() {
				all.Add(ping.at, math.Log10(unanswered))
			}
		}
	}
	changes, err := series.Changes(all, 0.001)
	if err != nil {
		return
	}
	for i, c := range changes {
		was, is := math.Pow(10, c.Before), math.Pow(10, c.After)
		if is < slowRatio*was || is < slowMS {
			continue
		}
		rtt := all
		rtt.V = slices.Clone(all.V)
		for i := range rtt.V {
			rtt.V[i] = round(math.Pow(10, rtt.V[i]))
		}
		onset, off := s.slowSince(c, a, b)
		f := &Finding{
			Kind: "slow_link", Score: 65, Confidence: Medium,
			Title:   fmt.Sprintf("Round trips between %s and %s take %s ms instead of %s", short2(a), short2(b), number(is), number(was)),
			Summary: fmt.Sprintf("Since %s the median round trip is %s ms; before it was %s ms.", clock(c.At), number(is), number(was)),
			Subject: Subject{Node: a, Peer: b, Incarnation: s.incarnation(a, c.At)},
			Onset:   onset, OnsetErrorS: off.Seconds(),
			Evidence: []Evidence{{
				What: "round trips measured from both ends", Node: a, Tool: "network_ping", From: &c.At, To: &s.to,
				Values: map[string]any{"before_ms": round(was), "after_ms": round(is), "p": c.P}, Series: chart("ms", rtt),
			}},
			Recommendation: fmt.Sprintf("Compare with the other links of %s and %s: if all are slow, that node is busy; if only this one is, examine the path.", a, b),
			Confirm:        []string{fmt.Sprintf("network_ping name=%s on %s, and from other nodes", b, a)},
			Caveats:        []string{"A ping is answered by one of five workers: one that is busy with a profile delays it too."},
		}
		if i+1 < len(changes) {
			f.End = &changes[i+1].At
		}
		v.find(f)
		return
	}
}

// slowSince is when a link became slow. Where one end is the entry point, the
// calls that it forwards to the other tell sooner than the pings do.
func (s *scene) slowSince(c series.Change, a, b string) (time.Time, time.Duration) {
	for _, pair := range [][2]string{{a, b}, {b, a}} {
		entry, other := s.node(pair[0]), s.node(pair[1])
		if entry == nil || other == nil || !entry.Entry {
			continue
		}
		changes, err := series.Changes(other.heard, 0.001)
		if err != nil {
			continue
		}
		for _, heard := range changes {
			if heard.After > heard.Before && heard.At.Sub(c.At).Abs() <= c.Error+2*s.usual(other) {
				return heard.At, heard.Error
			}
		}
	}
	return c.At, c.Error
}

// handshakes finds acceptors that turn peers away.
func (s *scene) handshakes(ctx context.Context, v *verdict) error {
	for _, n := range s.nodes {
		counts, err := s.column(ctx, n, "network_acceptors", "HandshakeErrors")
		if err != nil {
			return err
		}
		b, ok := findBurst(steps(counts, n.starts...))
		if !ok {
			if counts.Len() > 1 {
				v.fine("%s: no peer was turned away more often than before, over %d answers", n.Name, counts.Len())
			}
			continue
		}
		v.find(&Finding{
			Kind: "handshake_errors", Score: 60, Confidence: Medium,
			Title:   fmt.Sprintf("%s turns peers away: %s failed handshakes since %s", short2(n.Name), number(b.after.Events), clock(b.onset)),
			Summary: fmt.Sprintf("HandshakeErrors grew by %s in %s; before, by %s in %s.", number(b.after.Events), seconds(b.after.Seconds), number(b.before.Events), seconds(b.before.Seconds)),
			Subject: Subject{Node: n.Name, Incarnation: n.incarnation(b.onset)},
			Onset:   b.onset, OnsetErrorS: b.off.Seconds(),
			Evidence: []Evidence{{
				What: "failed handshakes at the acceptors", Node: n.Name, Tool: "network_acceptors", Field: "HandshakeErrors", From: &b.onset, To: &s.to,
				Values: map[string]any{"before_per_min": round(60 * b.before.Rate()), "after_per_min": round(60 * b.after.Rate())}, Series: chart("count", counts),
			}},
			Recommendation: "Find who dials: compare the cookie and the framework version of nodes that were started or changed at that time; if none was, someone scans the port.",
			Confirm:        []string{"network_acceptors on " + n.Name, "network_info on " + n.Name},
			Caveats:        []string{"The counter does not say who was turned away, nor whether for the cookie or the version: the node's log at that time would."},
		})
	}
	return nil
}

// column sums one numeric column of a table tool over its rows, per answer.
func (s *scene) column(ctx context.Context, n *node, tool, field string) (series.Series, error) {
	var sum series.Series
	for f, err := range s.rec.Table(ctx, n.Name, tool, s.from, s.to, []string{field}) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return sum, err
		}
		if f.Failure != nil || len(f.Live) == 0 {
			continue
		}
		total := 0.0
		for _, slot := range f.Live {
			total += f.Columns[0].Float(slot)
		}
		sum.Add(f.At, total)
	}
	return sum, nil
}
