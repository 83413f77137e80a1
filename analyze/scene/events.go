package scene

import (
	"context"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// An Event is one event of a node, over the node's newest life in the window.
// The series hold a sample at each change and the last one before it.
type Event struct {
	Node          *Node
	Name          string
	Producer      string
	Created       time.Time
	LastPublished time.Time     // zero if it never was
	Interval      time.Duration // between answers of event_list
	Last          time.Time     // the newest answer that shows it
	Gone          bool          // a later answer does not
	Earlier       bool          // an earlier life of the node had it too

	Published, Delivered, Subscribers series.Series
}

func (s *Scene) Events(ctx context.Context, n *Node) (all []*Event, answers int, err error) {
	byName := map[string]*Event{}
	var ask replay.Fields
	called, producer, subscribers, published := ask.Of("Event"), ask.Of("Producer"), ask.Of("Subscribers"), ask.Of("MessagesPublished")
	here, there, created, last := ask.Of("MessagesLocalSent"), ask.Of("MessagesRemoteSent"), ask.Of("CreatedAt"), ask.Of("LastPublishedAt")
	var listed []time.Time
	life, earlier := n.ThisLife(s), map[string]bool{}
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Events, From: s.From, To: s.To, Fields: ask}) {
		if err != nil {
			return nil, 0, err
		}
		if f.At.Before(life) {
			if f.Reset || len(f.Changed)+len(f.Gone) > 0 || len(earlier) == 0 {
				for _, slot := range f.Live {
					earlier[f.Columns[called].Text(slot)] = true
				}
			}
			continue
		}
		changed := f.Changed
		if f.Reset || len(listed) == 0 {
			changed = f.Live
		}
		for _, slot := range changed {
			c := f.Columns
			name := c[called].Text(slot)
			e := byName[name]
			if e == nil {
				e = &Event{Node: n, Name: name, Earlier: earlier[name]}
				byName[name] = e
			}
			if len(listed) > 0 && !e.Last.IsZero() {
				e.hold(listed[len(listed)-1])
			}
			e.Producer = c[producer].Text(slot)
			e.Created, e.LastPublished = n.dated(c[created].Float(slot)), n.dated(c[last].Float(slot))
			e.Subscribers.Add(f.At, c[subscribers].Float(slot))
			e.Published.Add(f.At, c[published].Float(slot))
			e.Delivered.Add(f.At, c[here].Float(slot)+c[there].Float(slot))
			e.Gone = false
		}
		live := map[string]bool{}
		for _, slot := range f.Live {
			live[f.Columns[called].Text(slot)] = true
		}
		for name, e := range byName {
			if e.Gone = !live[name]; !e.Gone {
				e.Last = f.At
			}
		}
		listed = append(listed, f.At)
	}
	for _, name := range slices.Sorted(maps.Keys(byName)) {
		e := byName[name]
		if _, ours := ergo.Observes(ergo.TraceEvent, ergo.EventName(name)); ours || !e.whole() {
			continue
		}
		e.hold(e.Last)
		e.Interval = series.Every(listed)
		all = append(all, e)
	}
	return all, len(listed), nil
}

// whole reports whether every answer gave every number: an event of which a
// node says less is not judged.
func (e *Event) whole() bool {
	n := e.Published.Len()
	return n > 0 && e.Delivered.Len() == n && e.Subscribers.Len() == n
}

// hold repeats the newest values at t, until which nothing changed.
func (e *Event) hold(t time.Time) {
	for _, s := range []*series.Series{&e.Published, &e.Delivered, &e.Subscribers} {
		if i := s.Len() - 1; i >= 0 && s.T[i].Before(t) {
			s.Add(t, s.V[i])
		}
	}
}

// dated is an instant that the node gave in ns since 1970; zero for none.
func (n *Node) dated(ns float64) time.Time {
	if !(ns > 0) {
		return time.Time{}
	}
	return n.Clock.Ours(time.Unix(0, int64(ns)).UTC())
}

// Label is the event's name without its node's CRC.
func (e *Event) Label() string {
	_, name, ok := strings.Cut(e.Name, ":")
	if !ok {
		return e.Name
	}
	return strings.TrimSuffix(name, ">")
}
