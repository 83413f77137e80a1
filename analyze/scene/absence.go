package scene

import (
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// An Absence is a stretch in which a node was not there.
type Absence struct {
	From    time.Time // best guess of when it went away
	Off     time.Duration
	To      time.Time // when its next life began; the end of the window if it did not
	Back    bool
	AtStart bool      // it was so when the window began
	Lastly  time.Time // its last answer
	Refused int       // calls to it that failed meanwhile, and the recorder's notes of such
	Calls   int       // these calls alone
	CallsTo time.Time // the last of them
	LostBy  []string  // peers that lost their connection to it
	Closed  bool      // nobody else could be asked; its own endpoint refused connections
	told    bool      // a peer's log says when
}

// Absences are the stretches in which a node was down: it did not answer, and
// then either began a new life, or never came back although its peers lost it
// too. A node that others still reach was not down; only the way to it was.
func (s *Scene) Absences(w *Network, n *Node) []Absence {
	s.mu.Lock()
	known, ok := s.gone[n.Name]
	s.mu.Unlock()
	if ok {
		return known
	}
	var all []Absence
	if d, ok := s.goneAtStart(w, n); ok {
		all = append(all, d)
	}
	for _, start := range n.Starts {
		if n.Heard.Before(start).Len() > 0 { // else the life before it ended before the window
			all = append(all, s.absence(w, n, start, true))
		}
	}
	if d, ok := s.goneForGood(w, n); ok {
		all = append(all, d)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.gone == nil {
		s.gone = map[string][]Absence{}
	}
	s.gone[n.Name] = all
	return all
}

// goneAtStart tells a node that was down when the window began: calls to it
// failed until it began a life, or throughout, while others answered.
func (s *Scene) goneAtStart(w *Network, n *Node) (Absence, bool) {
	d := Absence{From: s.From, To: s.To, Lastly: s.From, AtStart: true}
	if n.Heard.Len() > 0 {
		d.To, d.Back = n.Heard.T[0], true
		if up, ok := n.Series(ergo.Node, "Uptime").At(d.To); ok {
			d.To = d.To.Add(-seconds(up))
		}
	}
	for _, call := range w.fails[n.Name] {
		if call.Link && call.At.After(s.From) && !call.At.After(d.To) {
			d.refused(call)
		}
	}
	others := slices.ContainsFunc(s.Nodes, func(o *Node) bool { return o != n && o.Heard.Between(s.From, d.To).Len() > 0 })
	enough := d.To.Sub(s.From) >= max(5*time.Second, 3*s.Usual(n)) && d.Refused >= 2 && others
	return d, enough && (d.Back || !s.seenAfter(w, n, s.From.Add(s.Usual(n))))
}

func (d *Absence) refused(call failedCall) {
	if d.Refused++; !call.mark {
		d.Calls, d.CallsTo = d.Calls+1, series.Later(d.CallsTo, call.At)
	}
}

// absence describes the absence of a node that ended at to.
func (s *Scene) absence(w *Network, n *Node, to time.Time, back bool) Absence {
	d := Absence{To: to, Back: back}
	for _, t := range n.Heard.T {
		if t.Before(to) {
			d.Lastly = t
		}
	}
	before := to
	for _, call := range w.fails[n.Name] {
		if call.Link && call.At.After(d.Lastly) && !call.At.After(to.Add(s.Usual(n))) {
			before = series.Earlier(before, call.At)
			d.refused(call)
		}
	}
	after := d.Lastly
	for _, peer := range s.Nodes {
		for _, l := range w.Losses(peer.Name, n.Name) {
			if l.Before.Before(d.Lastly.Add(-time.Second)) || l.After.After(to) {
				continue
			}
			d.LostBy = append(d.LostBy, peer.Name)
			switch {
			case l.Told && !d.told:
				after, before, d.told = l.Before.Add(-500*time.Millisecond), l.Before, true
			case l.Told:
				before = series.Earlier(before, l.Before)
				after = series.Earlier(after, before)
			case !d.told:
				after, before = series.Later(after, l.After), series.Earlier(before, l.Before)
			}
			break
		}
	}
	if after.After(before) {
		after = before
	}
	d.From, d.Off = series.Middle(after, before)
	return d
}

// goneForGood tells a node that does not answer at the end of the window.
func (s *Scene) goneForGood(w *Network, n *Node) (Absence, bool) {
	if n.Heard.Len() == 0 {
		return Absence{}, false
	}
	last := n.Heard.T[n.Heard.Len()-1]
	if s.To.Sub(last) < max(5*time.Second, 3*s.Usual(n)) {
		return Absence{}, false
	}
	d := s.absence(w, n, s.To, false)
	if d.Refused == 0 || s.seenAfter(w, n, last.Add(s.Usual(n))) {
		return Absence{}, false
	}
	d.Closed = len(d.LostBy) == 0 && s.closed(w, n, last)
	return d, len(d.LostBy) > 0 || len(s.Nodes) == 1 || d.Closed
}

// closed reports whether the machine of an entry point refused connections to it
// since t, while nobody else was heard of for that reason: its process is gone,
// or what listened in it.
func (s *Scene) closed(w *Network, n *Node, t time.Time) bool {
	refused := slices.ContainsFunc(w.fails[n.Name], func(c failedCall) bool { return c.At.After(t) && strings.Contains(c.Why, "connection refused") })
	heard := slices.ContainsFunc(s.Nodes, func(o *Node) bool {
		return o != n && o.Heard.From(t.Add(s.Usual(o))).Len() > 0
	})
	return n.Entry && refused && !heard
}

// seenAfter reports whether a peer is connected to the node after t.
func (s *Scene) seenAfter(w *Network, n *Node, t time.Time) bool {
	for _, k := range w.links.to[n.Name] {
		l := w.Links[k]
		if i := len(l.Points) - 1; i >= 0 && l.Points[i].Up && l.Points[i].At.After(t) {
			return true
		}
	}
	return false
}
