package merge

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"ergorecorder/archive"
)

// covered is the kind of mark that a gap, or the loss of a node, becomes through
// which another recorder saw.
const covered = "covered"

// gapOf is what a gap's details say is lacking; nothing if it is all of a
// node.
func gapOf(m archive.Mark) string { s, _ := m.More["what"].(string); return s }

// readMarks reads the marks of all sources, by the reconciled clock.
func (m *merger) readMarks(ctx context.Context) error {
	for _, s := range m.sources {
		for mark, err := range s.Reader.Marks(ctx, s.own(m.opts.From), s.own(m.opts.To)) {
			if err != nil {
				if passOver(err) {
					continue // it is told where the records are copied
				}
				return err
			}
			mark.From, mark.To, mark.At = mark.From.Add(s.Shift), mark.To.Add(s.Shift), mark.At.Add(s.Shift)
			s.marks = append(s.marks, mark)
		}
	}
	return nil
}

// writeMarks writes the marks of all sources, each once.
func (m *merger) writeMarks(ctx context.Context) error {
	type of struct {
		source *source
		mark   archive.Mark
	}
	var all []of
	for _, s := range m.sources {
		s.Records += len(s.marks)
		for _, mark := range s.marks {
			all = append(all, of{s, mark})
		}
	}
	slices.SortStableFunc(all, func(a, b of) int { return a.mark.At.Compare(b.mark.At) })
	written := map[string]bool{}
	for _, x := range all {
		text, err := json.Marshal(x.mark)
		if err != nil {
			return fmt.Errorf("read a mark of %s: %w", x.source.Part.Name, err)
		}
		same := fmt.Sprint(x.mark.At.UnixNano(), " ", string(text))
		if written[same] { // of a copy of one archive
			x.source.Once++
			continue
		}
		written[same] = true
		if err := m.mark(ctx, x.source, x.mark); err != nil {
			return err
		}
	}
	return nil
}

// mark writes a mark of a source: what is left of it if it says that something was
// not seen.
func (m *merger) mark(ctx context.Context, s *source, mark archive.Mark) error {
	left, err := m.left(ctx, s, mark)
	if err != nil {
		return err
	}
	more := map[string]any{"recorder": s.ID}
	maps.Copy(more, mark.More)
	mark.More = more
	if slices.Equal(left, []part{{mark.Node, span{mark.From, mark.To}}}) {
		return m.writeMark(mark)
	}
	s.Covered++
	whole := mark
	whole.Kind, whole.Note = covered, fmt.Sprintf("%s of one recorder, and another saw: %s", mark.Kind, mark.Note)
	whole.More = maps.Clone(more)
	whole.More["of"] = mark.Kind
	if err := m.writeMark(whole); err != nil {
		return err
	}
	for _, p := range left {
		mark.Node, mark.From, mark.To = p.node, p.from, p.to
		if err := m.writeMark(mark); err != nil {
			return err
		}
	}
	return nil
}

// A part is what stands of a mark: of which node, and when.
type part struct {
	node string
	span
}

// left is what stands of a mark: all of it, unless it says that something was not
// seen that another source saw.
func (m *merger) left(ctx context.Context, s *source, mark archive.Mark) ([]part, error) {
	whole := []part{{mark.Node, span{mark.From, mark.To}}}
	if len(m.sources) < 2 {
		return whole, nil
	}
	switch what := gapOf(mark); {
	case mark.Kind == archive.MarkGap && what != "" && what != "records":
		if m.followed(s, mark.Node, mark.From, mark.To) {
			return nil, nil
		}
		return whole, nil
	case mark.Kind == archive.MarkGap && mark.Node == "":
		return m.leftOfAll(ctx, s, mark)
	case mark.Kind == archive.MarkGap:
		return m.leftOf(ctx, s, mark.Node, mark.From, mark.To)
	case mark.Kind == "node_lost" || mark.Kind == "node_back":
		from := mark.From
		if away, ok := mark.More["away_s"].(float64); ok && mark.Kind == "node_back" {
			from = from.Add(-time.Duration(away * float64(time.Second)))
		}
		if left, err := m.unseen(ctx, s, mark.Node, from, mark.To); err != nil || len(left) == 0 {
			return nil, err
		}
	}
	return whole, nil
}

func (m *merger) leftOf(ctx context.Context, s *source, node string, from, to time.Time) (parts []part, err error) {
	left, err := m.unseen(ctx, s, node, from, to)
	for _, x := range left {
		parts = append(parts, part{node, x})
	}
	return parts, err
}

// leftOfAll is what stands of a gap of all that a source records: it is that of
// each of its nodes, where another source saw any node meanwhile.
func (m *merger) leftOfAll(ctx context.Context, s *source, mark archive.Mark) (parts []part, err error) {
	seen := false
	for _, o := range m.sources {
		if o == s {
			continue
		}
		for node := range o.nodes {
			spans, err := m.seen.heard(ctx, o, node)
			if err != nil {
				return nil, err
			}
			seen = seen || slices.ContainsFunc(spans, func(x span) bool { return !x.to.Before(mark.From) && !mark.To.Before(x.from) })
		}
	}
	if !seen {
		return []part{{mark.Node, span{mark.From, mark.To}}}, nil
	}
	for _, node := range slices.Sorted(maps.Keys(s.nodes)) {
		own, err := m.leftOf(ctx, s, node, mark.From, mark.To)
		if err != nil {
			return nil, err
		}
		parts = append(parts, own...)
	}
	return parts, nil
}
