package merge

import (
	"context"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
)

// silent is how many of its intervals a node may not be heard before that is a
// gap.
const silent = 3

// A span is a stretch of the merged time.
type span struct{ from, to time.Time }

// presence is when each source heard each node, found out where a gap asks.
type presence map[*source]map[string][]span

// heard are the stretches in which a source heard a node.
func (p presence) heard(ctx context.Context, s *source, node string) ([]span, error) {
	if spans, known := p[s][node]; known {
		return spans, nil
	}
	times, err := answers(ctx, s, node)
	if err != nil {
		return nil, err
	}
	if p[s] == nil {
		p[s] = map[string][]span{}
	}
	p[s][node] = spansOf(times)
	return p[s][node], nil
}

// answers are the times at which a node answered a source's most telling
// question: about itself, else the one asked most.
func answers(ctx context.Context, s *source, node string) (times []int64, err error) {
	var pulse archive.Stream
	for _, x := range s.Reader.Streams() {
		if x.Kind != archive.Sample || x.Node != node || x.Schema.Form == archive.FormText || delivers(x.Name) {
			continue
		}
		if tools48.Spelling().Says(x.Name, ergo.Node) {
			pulse = x
			break
		}
		if x.Records-x.Failures > pulse.Records-pulse.Failures {
			pulse = x
		}
	}
	if pulse.Name == "" {
		return nil, nil
	}
	for f, err := range s.Reader.Scan(ctx, pulse.StreamKey, time.Time{}, time.Time{}, []string{}) {
		switch {
		case err == nil && f.Failure == nil:
			times = append(times, f.At.Add(s.Shift).UnixNano())
		case err != nil && !passOver(err):
			return nil, err
		}
	}
	slices.Sort(times)
	return times, nil
}

// spansOf are the stretches in which answers came without a gap.
func spansOf(times []int64) (spans []span) {
	limit := silent * interval(times)
	for i, t := range times {
		at := time.Unix(0, t).UTC()
		if n := len(spans); i > 0 && t-times[i-1] <= limit {
			spans[n-1].to = at
		} else {
			spans = append(spans, span{at, at})
		}
	}
	return spans
}

// unseen is what is left of a stretch of a node where no other source heard it.
func (m *merger) unseen(ctx context.Context, of *source, node string, from, to time.Time) ([]span, error) {
	left := []span{{from, to}}
	for _, s := range m.sources {
		if s == of {
			continue
		}
		spans, err := m.seen.heard(ctx, s, node)
		if err != nil {
			return nil, err
		}
		for _, x := range spans {
			left = without(left, x)
		}
	}
	return left, nil
}

// without takes a stretch out of others. An instant is gone if it is in it.
func without(list []span, x span) (left []span) {
	for _, s := range list {
		if x.to.Before(s.from) || s.to.Before(x.from) {
			left = append(left, s)
			continue
		}
		if s.from.Before(x.from) {
			left = append(left, span{s.from, x.from})
		}
		if x.to.Before(s.to) {
			left = append(left, span{x.to, s.to})
		}
	}
	return left
}

// followed reports whether another source followed the log lines of a node
// throughout.
func (m *merger) followed(of *source, node string, from, to time.Time) bool {
	for _, s := range m.sources {
		if s == of || s.lost(node, from, to) {
			continue
		}
		for _, x := range s.Reader.Streams() {
			lines := x.Kind == archive.Log || x.Kind == archive.Sample && delivers(x.Name)
			if x.Node == node && lines && !x.From.Add(s.Shift).After(from) && !x.To.Add(s.Shift).Before(to) {
				return true
			}
		}
	}
	return false
}

// lost reports whether the source says that it lacks something of a node.
func (s *source) lost(node string, from, to time.Time) bool {
	return slices.ContainsFunc(s.marks, func(m archive.Mark) bool {
		return m.Kind == archive.MarkGap && (m.Node == node || m.Node == "") && !m.From.After(to) && !m.To.Before(from)
	})
}
