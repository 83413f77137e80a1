package weigh

import (
	"cmp"
	"context"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// An event is what the listings of one event said, before and since.
type event struct {
	published [2][]float64 // a second
	listening [2][]float64 // its subscribers
	last      float64      // how often it was published when it was listed before
	at        time.Time    // when that was; zero: it was not
}

// seen takes in what one listing says of an event: how often it had been published, since it was
// listed before, and who listens.
func (e *event) seen(side int, at time.Time, published, subscribers float64) {
	if seconds := at.Sub(e.at).Seconds(); !e.at.IsZero() && published >= e.last && seconds > 0 {
		e.published[side] = append(e.published[side], (published-e.last)/seconds)
	}
	e.listening[side] = append(e.listening[side], subscribers)
	e.last, e.at = published, at
}

// published is how far the series of a node's events moved: how often each is published, and
// who listens. That of the node alone would not show one event among many.
func published(ctx context.Context, s *scene.Scene, n *scene.Node, before, since finding.Window) ([]moved, error) {
	all := map[string]*event{}
	for side, w := range []finding.Window{before, since} {
		if err := listings(ctx, s, n, w, side, all); err != nil {
			return nil, err
		}
	}
	var out []moved
	for name, e := range all {
		row := finding.Source{Tool: "event_list", Node: n.Name, Row: name}
		best := moved{node: n, who: "the event " + ergo.EventName(name) + " of " + n.Name, metric: "how often it is published a second", formula: "median(rates(MessagesPublished))", rows: row}
		best.before, best.since, best.times = apart(e.published[0], e.published[1], 1)
		heard := best
		heard.metric, heard.formula = "its subscribers", "median(Subscribers)"
		if heard.before, heard.since, heard.times = apart(e.listening[0], e.listening[1], 3); heard.times > best.times {
			best = heard
		}
		if best.times > 0 {
			out = append(out, best)
		}
	}
	slices.SortFunc(out, func(a, b moved) int { return cmp.Or(cmp.Compare(b.times, a.times), cmp.Compare(a.who, b.who)) })
	return out[:min(len(out), mostRanked)], nil
}

// listings takes in what the listings of a stretch say of each event.
func listings(ctx context.Context, s *scene.Scene, n *scene.Node, w finding.Window, side int, all map[string]*event) error {
	for _, e := range all {
		e.at = time.Time{}
	}
	var ask replay.Fields
	called, published, subscribers := ask.Of("Event"), ask.Of("MessagesPublished"), ask.Of("Subscribers")
	for f, err := range s.Rec.Answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Events, From: w.From, To: w.To, Fields: ask, Damaged: s.Note}) {
		if err != nil {
			return err
		}
		for _, slot := range f.Live {
			name := f.Columns[called].Text(slot)
			e := all[name]
			if e == nil {
				if _, ours := ergo.Observes(ergo.TraceEvent, ergo.EventName(name)); ours {
					continue
				}
				e = &event{}
				all[name] = e
			}
			e.seen(side, f.At, f.Columns[published].Float(slot), f.Columns[subscribers].Float(slot))
		}
	}
	return nil
}
