package main

import (
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo/live"
)

// strangers keep marks (entry_lost, entry_back) of entry points that do not answer and of which it is not known whose they
// are: a node of which nothing is recorded may stand behind each.
type strangers struct {
	show func(live.Notice)
	now  func() time.Time

	mu   sync.Mutex
	mark func(archive.Mark) // nil: nothing is recorded yet
	held []archive.Mark     // until then
	lost map[string]bool    // by the way
}

// hear takes a notice, and shows it.
func (s *strangers) hear(n live.Notice) {
	s.show(n)
	s.mu.Lock()
	defer s.mu.Unlock()
	m := archive.Mark{From: s.now(), Note: n.Way}
	switch {
	case n.What == live.WayLost && n.Node == "" && !s.lost[n.Way]:
		if m.Kind = live.WayLost; n.Err != nil {
			m.Note += ": " + n.Err.Error()
		}
	case s.lost[n.Way] && (n.What == live.WayGone || n.Node != "" && n.What != live.WayLost):
		m.Kind, m.Node = live.WayBack, n.Node
	default:
		return
	}
	if s.lost == nil {
		s.lost = map[string]bool{}
	}
	s.lost[n.Way] = m.Kind == live.WayLost
	if s.held = append(s.held, m); s.mark != nil {
		s.hand()
	}
}

// record hands marks to a recorder from now on.
func (s *strangers) record(mark func(archive.Mark)) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.mark = mark
	s.hand()
}

func (s *strangers) hand() {
	for _, m := range s.held {
		s.mark(m)
	}
	s.held = nil
}
