package network

import (
	"fmt"
	"math"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// messageLoss compares what a node sent to a peer with what that peer received
// of it, over each connection that both saw.
func messageLoss(s *scene.Scene, w *scene.Network, v *finding.Verdict, from, to string) {
	out, in := w.Links[[2]string{from, to}], w.Links[[2]string{to, from}]
	if out == nil || in == nil {
		return
	}
	missing, sent, starts := compareEnds(out.Points, in.Points)
	if missing.Len() < 8 {
		return
	}
	since, off := lossBegan(missing)
	net, total := lostOf(missing, sent, since)
	rest := missing.Before(since)
	noise := 0.0
	if rest.Len() >= 4 {
		noise = series.Quantile(rest.V, 1) - series.Quantile(rest.V, 0)
	}
	if !keepsLosing(missing.From(since)) || net < s.Set.Of(minGap) || net < 3*noise || net < 0.01*total {
		return
	}
	share := net / math.Max(total, 1)
	f := &finding.Finding{
		Kind: finding.MessageLoss, Score: finding.Score(finding.MessageLoss, share), Confidence: finding.High,
		Title:   fmt.Sprintf("Messages from %s to %s do not arrive: %s of %s since %s", finding.NodeName(from), finding.NodeName(to), finding.Number(net), finding.Number(total), finding.Clock(since)),
		Summary: fmt.Sprintf("%s counted %s messages sent to %s since %s; %s received %s fewer (%s %%), over the same connection.", from, finding.Number(total), to, finding.Clock(since), to, finding.Number(net), finding.Number(100*share)),
		Subject: finding.Subject{Node: from, Peer: to, Incarnation: s.Incarnation(from, since)},
		Onset:   since, OnsetErrorS: off.Seconds(),
		Evidence: []finding.Evidence{{
			What: "messages sent by " + from + " less those received by " + to, Node: from, Tool: "network_nodes", Field: "MessagesOut - MessagesIn",
			From: &since, To: &s.To, Series: finding.Chart("messages", missing),
		}},
		Recommendation: fmt.Sprintf("Look for a link that drops: compare BytesOut of %s with BytesIn of %s and the interface counters on the way; resend what must not be lost with ImportantDelivery.", from, to),
		Confirm:        []string{fmt.Sprintf("network_nodes on %s and on %s at the same time: MessagesOut against MessagesIn", from, to)},
		Caveats:        []string{"The two ends were not asked at the same instant: one side's count is interpolated between its answers."},
	}
	tellEnds(&f.Evidence[0], from, to, missing, sent, starts, answerBefore(missing, since))
	v.Find(f)
}

// maxConnections is how many connections are counted one by one in evidence.
const maxConnections = 20

// tellEnds adds what the one end sent and the other received since an answer,
// connection by connection; starts are the answers with which each began.
func tellEnds(e *finding.Evidence, from, to string, missing, sent series.Series, starts []int, since int) {
	told := 0
	for i, first := range starts {
		last := missing.Len() - 1
		if i+1 < len(starts) {
			last = starts[i+1] - 1
		}
		if first = max(first, since); first >= last || told == maxConnections {
			continue
		}
		told++
		a, b := missing.T[first], missing.T[last]
		out, lost := sent.V[last]-sent.V[first], missing.V[last]-missing.V[first]
		e.Value(fmt.Sprintf("sent.%d", told), int(math.Round(out)),
			finding.Source{Tool: "network_nodes", Node: from, Row: to}.Of(fmt.Sprintf("grown(MessagesOut, %s, %s)", finding.Instant(a), finding.Instant(b))))
		e.Value(fmt.Sprintf("received.%d", told), int(math.Round(out-lost)),
			finding.Source{Tool: "network_nodes", Node: to, Row: from, From: a, To: b}.Of("change(MessagesIn)"))
	}
}

// lossBegan is since when messages are lost, at one rate: where what is missing
// bends, else where the missing of each stretch rises, else the first answer. Loss
// by chance wanders, which hides the bend and not the rise.
func lossBegan(missing series.Series) (time.Time, time.Duration) {
	if knee, err := series.FindKnee(missing); err == nil && knee.P < 0.001 && knee.After > knee.Before {
		return knee.At, knee.Error
	}
	if changes, err := series.Changes(stretches(missing), 0.001); err == nil {
		for _, c := range changes {
			if c.After > c.Before {
				return c.At, c.Error
			}
		}
	}
	return missing.T[0], missing.Interval()
}

// stretches is how many a second went missing from each answer to the next.
func stretches(missing series.Series) series.Series {
	var out series.Series
	for i := 1; i < missing.Len(); i++ {
		if d := missing.T[i].Sub(missing.T[i-1]).Seconds(); d > 0 {
			out.Add(missing.T[i], (missing.V[i]-missing.V[i-1])/d)
		}
	}
	return out
}

// keepsLosing reports whether what is missing grows by more than chance: the
// mean of the stretches is many times as large as it is uncertain.
func keepsLosing(missing series.Series) bool {
	const surely = 4 // standard errors
	each := stretches(missing).V
	if len(each) < 4 {
		return false
	}
	mean, spread := series.Mean(each), 0.0
	for _, v := range each {
		spread += (v - mean) * (v - mean)
	}
	n := float64(len(each))
	return mean > surely*math.Sqrt(spread/(n-1)/n)
}

// lostOf is how many messages are missing of how many that were sent, counted
// between the same two answers, so that what is missing is a part of what was
// sent: from the last answer before a moment to the newest.
func lostOf(missing, sent series.Series, since time.Time) (lost, total float64) {
	k, last := answerBefore(missing, since), missing.Len()-1
	return missing.V[last] - missing.V[k], sent.V[last] - sent.V[k]
}

// answerBefore is the last answer of a series that is not after a moment, else the
// first.
func answerBefore(s series.Series, at time.Time) int {
	k := 0
	for k+1 < s.Len() && !s.T[k+1].After(at) {
		k++
	}
	return k
}

// compareEnds is, at the receiver's answers, how many messages the sender had
// sent beyond those received, and how many it had sent, both counted on from
// connection to connection. The sender's count is interpolated; connections
// that only one side saw are left out. It says with which of the receiver's
// answers each connection begins.
func compareEnds(out, in []scene.LinkPoint) (missing, sent series.Series, starts []int) {
	var gapBase, sentBase, lastGap, lastSent float64
	var connection time.Time
	j := 0
	for _, q := range in {
		for j+1 < len(out) && out[j+1].At.Before(q.At) {
			j++
		}
		if j+1 >= len(out) || !q.Up {
			continue
		}
		a, b := out[j], out[j+1]
		sameConnection := a.Up && b.Up && b.Since.Sub(a.Since).Abs() <= 2*time.Second && a.Since.Sub(q.Since).Abs() <= 3*time.Second
		if !sameConnection || a.At.After(q.At) {
			continue
		}
		share := q.At.Sub(a.At).Seconds() / b.At.Sub(a.At).Seconds()
		now := a.Out + share*(b.Out-a.Out)
		if q.Since.Sub(connection).Abs() > 3*time.Second {
			connection, gapBase, sentBase = q.Since, lastGap-(now-q.In), lastSent-now
			starts = append(starts, missing.Len())
		}
		lastGap, lastSent = gapBase+now-q.In, sentBase+now
		missing.Add(q.At, lastGap)
		sent.Add(q.At, lastSent)
	}
	return missing, sent, starts
}
