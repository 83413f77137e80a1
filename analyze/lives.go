package analyze

import (
	"context"
	"fmt"
	"slices"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/archive"
)

// An absence is a stretch in which a node was not there.
type absence struct {
	from    time.Time // best guess of when it went away
	off     time.Duration
	to      time.Time // when its next life began; the end of the window if it did not
	back    bool
	lastly  time.Time // its last answer
	refused int       // calls to it that failed meanwhile
	lostBy  []string  // peers that lost their connection to it
	told    bool      // a peer's log says when
}

// absences are the stretches in which a node was down: it did not answer, and
// then either began a new life, or never came back although its peers lost it
// too. A node that others still reach was not down; only the way to it was.
func (s *scene) absences(w *network, n *node) []absence {
	if known, ok := s.gone[n.Name]; ok {
		return known
	}
	var all []absence
	for _, start := range n.starts {
		all = append(all, s.absence(w, n, start, true))
	}
	if d, ok := s.goneForGood(w, n); ok {
		all = append(all, d)
	}
	if s.gone == nil {
		s.gone = map[string][]absence{}
	}
	s.gone[n.Name] = all
	return all
}

// absence describes the absence of a node that ended at to.
func (s *scene) absence(w *network, n *node, to time.Time, back bool) absence {
	d := absence{to: to, back: back}
	for _, t := range n.heard.T {
		if t.Before(to) {
			d.lastly = t
		}
	}
	before := to
	for _, call := range w.fails[n.Name] {
		if call.link && call.at.After(d.lastly) && !call.at.After(to.Add(s.usual(n))) {
			if d.refused == 0 {
				before = earlier(before, call.at)
			}
			d.refused++
		}
	}
	after := d.lastly
	for _, peer := range s.nodes {
		for _, l := range w.losses(peer.Name, n.Name) {
			if l.before.Before(d.lastly.Add(-time.Second)) || l.after.After(to) {
				continue
			}
			d.lostBy = append(d.lostBy, peer.Name)
			switch {
			case l.told && !d.told:
				after, before, d.told = l.before.Add(-500*time.Millisecond), l.before, true
			case l.told:
				before = earlier(before, l.before)
				after = earlier(after, before)
			case !d.told:
				after, before = later(after, l.after), earlier(before, l.before)
			}
			break
		}
	}
	if after.After(before) {
		after = before
	}
	d.from, d.off = middle(after, before)
	return d
}

// goneForGood tells a node that does not answer at the end of the window.
func (s *scene) goneForGood(w *network, n *node) (absence, bool) {
	if n.heard.Len() == 0 {
		return absence{}, false
	}
	last := n.heard.T[n.heard.Len()-1]
	if s.to.Sub(last) < max(5*time.Second, 3*s.usual(n)) {
		return absence{}, false
	}
	d := s.absence(w, n, s.to, false)
	if d.refused == 0 || s.seenAfter(w, n, last.Add(s.usual(n))) {
		return absence{}, false
	}
	return d, len(d.lostBy) > 0 || len(s.nodes) == 1
}

// seenAfter reports whether a peer is connected to the node after t.
func (s *scene) seenAfter(w *network, n *node, t time.Time) bool {
	for _, l := range w.links {
		if l.peer != n.Name {
			continue
		}
		if i := len(l.points) - 1; i >= 0 && l.points[i].up && l.points[i].at.After(t) {
			return true
		}
	}
	return false
}

// nodeLives finds nodes that went away, began another life, or have a clock
// that is off.
func nodeLives(ctx context.Context, s *scene, v *verdict) error {
	w, err := s.network(ctx)
	if err != nil {
		return err
	}
	for _, n := range s.nodes {
		all := s.absences(w, n)
		for _, d := range all {
			s.nodeAway(n, d, v)
		}
		if len(all) == 0 && n.heard.Len() > 1 {
			v.fine("%s: one life over the whole window, %d answers", n.Name, n.heard.Len())
		}
	}
	return s.clocks(ctx, v)
}

// nodeAway reports one absence: as down, if it was long enough to be missed or
// lasts, and as restarted, if a new life followed.
func (s *scene) nodeAway(n *node, d absence, v *verdict) {
	if d.back && d.refused == 0 && s.deaf(n, d) {
		v.find(s.unseenRestart(n, d))
		return
	}
	missed := d.refused > 0 || d.to.Sub(d.from) > 3*s.usual(n)
	evidence := s.awayEvidence(n, d)
	confirm := []string{"cluster_nodes", "node_info on " + n.Name + ": Uptime"}
	if missed || !d.back {
		f := &Finding{
			Kind: "node_down", Score: 95, Confidence: High,
			Subject: Subject{Node: n.Name, Incarnation: n.incarnation(d.lastly)},
			Onset:   d.from, OnsetErrorS: d.off.Seconds(), Evidence: evidence, Confirm: confirm,
			Recommendation: fmt.Sprintf("Find out what ended %s at %s: its service manager's and kernel's log (out of memory, kill, panic), and its own last lines.", n.Name, clock(d.from)),
			Caveats:        []string{"What ended the node is not in the recording of its peers: a crash, a kill and a lost host look the same from here."},
		}
		if d.back {
			f.End = &d.to
			f.Title = fmt.Sprintf("%s was down for %s, from %s", short2(n.Name), short(d.to.Sub(d.from)), clock(d.from))
			f.Summary = fmt.Sprintf("%s gave its last answer at %s; %d calls to it failed; a new incarnation began at %s.", n.Name, clock(d.lastly), d.refused, clock(d.to))
		} else {
			f.Title = fmt.Sprintf("%s is down since %s", short2(n.Name), clock(d.from))
			f.Summary = fmt.Sprintf("%s gave its last answer at %s; %d calls to it failed up to the end of the window, and %s lost the connection to it.", n.Name, clock(d.lastly), d.refused, list(d.lostBy))
		}
		v.find(f)
	}
	if !d.back {
		return
	}
	f := &Finding{
		Kind: "node_restarted", Score: 80, Confidence: High,
		Title:   fmt.Sprintf("%s began a new life at %s", short2(n.Name), clock(d.to)),
		Summary: fmt.Sprintf("The uptime of %s started again at %s: processes, PIDs and counters are those of a new incarnation.", n.Name, clock(d.to)),
		Subject: Subject{Node: n.Name, Incarnation: n.incarnation(d.to)},
		Onset:   d.from, OnsetErrorS: d.off.Seconds(), Evidence: evidence, Confirm: confirm,
		Recommendation: fmt.Sprintf("If nobody restarted %s on purpose, read its log and its service manager's around %s.", n.Name, clock(d.from)),
		Caveats:        []string{"The recording does not say whether it was meant."},
		End:            &d.to,
	}
	switch {
	case missed:
		f.Onset, f.OnsetErrorS = d.to, 1
		f.Score = 60
	case s.allBegan(d.to):
		f.Score, f.Confidence = 45, Medium
		f.Caveats = append(f.Caveats, "Every node began anew within seconds of the others, and no call was refused: as when a cluster is started again on purpose.")
	}
	v.find(f)
}

// allBegan reports whether every node of several began a new life around t.
func (s *scene) allBegan(t time.Time) bool {
	const around = 10 * time.Second
	for _, n := range s.nodes {
		if !slices.ContainsFunc(n.starts, func(start time.Time) bool { return start.Sub(t).Abs() <= around }) {
			return false
		}
	}
	return len(s.nodes) > 1
}

// deaf reports whether the recorder heard nobody while the node was away, and
// did not miss it: then nothing was recorded, and what happened cannot be told.
func (s *scene) deaf(n *node, d absence) bool {
	if d.to.Sub(d.lastly) <= 3*s.usual(n) {
		return false
	}
	for _, o := range s.nodes {
		if o.heard.Between(d.lastly.Add(2*s.usual(o)), d.to).Len() > 0 {
			return false
		}
	}
	marks, err := s.rec.Marks(context.Background(), d.lastly, d.to)
	return err == nil && !slices.ContainsFunc(marks, func(m archive.Mark) bool { return m.Kind == "node_lost" && m.Node == n.Name })
}

// unseenRestart notes a new life that began while nothing was recorded.
func (s *scene) unseenRestart(n *node, d absence) *Finding {
	return &Finding{
		Kind: "node_restarted", Score: 35, Confidence: Low,
		Title:   fmt.Sprintf("%s began a new life while nothing was recorded", short2(n.Name)),
		Summary: fmt.Sprintf("Nothing was recorded of any node from %s to %s; since then %s counts from the start again.", clock(d.lastly), clock(d.to), n.Name),
		Subject: Subject{Node: n.Name, Incarnation: n.incarnation(d.to)},
		Onset:   d.to, OnsetErrorS: 1, End: &d.to, Evidence: s.awayEvidence(n, d), Confirm: []string{"node_info on " + n.Name + ": Uptime"},
		Caveats: []string{"No conclusion is drawn across a stretch that was not recorded."},
	}
}

func (s *scene) awayEvidence(n *node, d absence) []Evidence {
	up := n.series("node_info", "Uptime")
	all := []Evidence{{
		What: "uptime of the node, where it answered", Node: n.Name, Tool: "node_info", Field: "Uptime", From: &d.from, To: &d.to,
		Values: map[string]any{"last_answer": d.lastly.UTC().Format(time.RFC3339Nano), "failed_calls": d.refused}, Series: chart("s", up),
		Records: []string{recordName(n.Name, "node_info", d.lastly)},
	}}
	if len(d.lostBy) > 0 {
		all = append(all, Evidence{What: "lost their connection to it: " + list(d.lostBy), Tool: "network_nodes", Field: "ConnectionUptime"})
	}
	return all
}

// list is names in words.
func list(names []string) string {
	names = slices.Clone(names)
	slices.Sort(names)
	names = slices.Compact(names)
	switch len(names) {
	case 0:
		return "nobody"
	case 1:
		return names[0]
	}
	text := names[0]
	for _, n := range names[1 : len(names)-1] {
		text += ", " + n
	}
	return text + " and " + names[len(names)-1]
}

// clocks compares what each node says the time is with when it said so. Nodes
// are compared with each other, so that the recorder's own clock is not taken
// for theirs.
func (s *scene) clocks(ctx context.Context, v *verdict) error {
	offsets := map[string]series.Series{}
	var middles []float64
	for _, n := range s.nodes {
		o, err := s.clockOffset(ctx, n)
		if err != nil {
			return err
		}
		if o.Len() > 0 {
			offsets[n.Name] = o
			middles = append(middles, series.Median(o.V))
		}
	}
	common := 0.0
	if len(middles) >= 3 {
		common = series.Median(middles)
	}
	for _, n := range s.nodes {
		if o, ok := offsets[n.Name]; ok {
			s.clockSkew(n, o, common, v)
		}
	}
	return nil
}

// clockOffset is by how many seconds, at least, a node's clock is ahead of the
// recorder's: what it says is from somewhere within the call, so that a time
// within it is no offset.
func (s *scene) clockOffset(ctx context.Context, n *node) (series.Series, error) {
	var o series.Series
	for f, err := range s.rec.Table(ctx, n.Name, "node_info", s.from, s.to, []string{"ServerTime"}) {
		if err != nil {
			if s.damaged(err) {
				continue
			}
			return o, err
		}
		if f.Failure != nil || len(f.Live) == 0 {
			continue
		}
		said, err := time.Parse(time.RFC3339Nano, f.Columns[0].Text(f.Live[0]))
		switch began := f.At.Add(-f.Took); {
		case err != nil:
		case said.After(f.At):
			o.Add(f.At, said.Sub(f.At).Seconds())
		case said.Before(began):
			o.Add(f.At, said.Sub(began).Seconds())
		default:
			o.Add(f.At, 0)
		}
	}
	return o, nil
}

// clockSkew reports a clock that is off by more than the sampling interval, now
// or since it jumped.
func (s *scene) clockSkew(n *node, o series.Series, common float64, v *verdict) {
	limit := max(s.usual(n).Seconds(), 1)
	off := series.Median(o.V) - common
	onset, onsetOff := o.T[0], s.usual(n)
	was := off
	if changes, err := series.Changes(o, 0.001); err == nil && len(changes) > 0 {
		last := changes[len(changes)-1]
		if jump := last.After - last.Before; jump > limit || jump < -limit {
			was, off, onset, onsetOff = last.Before-common, last.After-common, last.At, last.Error
		}
	}
	if off < limit && off > -limit {
		return
	}
	score := 50
	if was != off {
		score = 65
	}
	way := "ahead"
	if off < 0 {
		way = "behind"
	}
	v.find(&Finding{
		Kind: "clock_skew", Score: score, Confidence: High,
		Title:   fmt.Sprintf("The clock of %s is %s %s", short2(n.Name), seconds(max(off, -off)), way),
		Summary: fmt.Sprintf("ServerTime of %s is %s s %s of the time at which it was heard, the other nodes' common offset taken off; the sampling interval is %s.", n.Name, number(max(off, -off)), way, short(s.usual(n))),
		Subject: Subject{Node: n.Name, Incarnation: n.incarnation(onset)},
		Onset:   onset, OnsetErrorS: onsetOff.Seconds(),
		Evidence: []Evidence{{
			What: "the node's clock less the recorder's", Node: n.Name, Tool: "node_info", Field: "ServerTime", From: &onset, To: &s.to,
			Values: map[string]any{"before_s": round(was), "after_s": round(off)}, Series: chart("s", o),
		}},
		Recommendation: fmt.Sprintf("Check the time synchronisation of %s's host; times in its log are off by as much.", n.Name),
		Confirm:        []string{"node_info on every node at once: ServerTime"},
		Caveats:        []string{"With fewer than three nodes it cannot be told whose clock is right."},
	})
}
