package web

import (
	"fmt"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"

	"ergorecorder/web/chart"
)

// A causes diagram shows which finding led to which: causes on the left,
// their effects to the right, in the order of onsets.
type causes struct {
	Width, Height int
	Boxes         []causeBox
	Arrows        []string // paths
}

// A causeBox is a finding in the diagram.
type causeBox struct {
	X, Y, W, H   int
	Display      string
	Class        string
	Kind, Whom   string
	When         string
	URL          string
	TextX, TextY int
}

const (
	boxWidth, boxHeight = 248, 52
	boxGapX, boxGapY    = 44, 12
)

// newCauses lays out the findings that cause or are caused; nil where nothing
// is linked. A cycle, which no honest report has, is cut where it closes.
func newCauses(report *analyze.Report, url func(*finding.Finding) string) *causes {
	effects := map[string][]*finding.Finding{}
	byID := map[string]*finding.Finding{}
	for _, f := range report.Findings {
		byID[f.ID] = f
	}
	for _, f := range report.Findings {
		if f.CausedBy != nil && byID[*f.CausedBy] != nil {
			effects[*f.CausedBy] = append(effects[*f.CausedBy], f)
		}
	}
	if len(effects) == 0 {
		return nil
	}
	l := causeLayout{effects: effects, url: url, placed: map[string]bool{}}
	for _, f := range report.Findings {
		if (f.CausedBy == nil || byID[*f.CausedBy] == nil) && effects[f.ID] != nil {
			l.place(f, 0, time.Time{})
		}
	}
	l.out.Height = l.row*(boxHeight+boxGapY) + 2 - boxGapY
	return &l.out
}

type causeLayout struct {
	effects map[string][]*finding.Finding
	url     func(*finding.Finding) string
	placed  map[string]bool
	row     int
	out     causes
}

// place puts a finding at depth, its effects right of it, and returns where
// an arrow to it ends.
func (l *causeLayout) place(f *finding.Finding, depth int, after time.Time) (x, y int, ok bool) {
	if l.placed[f.ID] {
		return 0, 0, false
	}
	l.placed[f.ID] = true
	x, y = depth*(boxWidth+boxGapX)+1, l.row*(boxHeight+boxGapY)+1
	when := chart.Clock(f.Onset)
	if !after.IsZero() {
		when = "at once"
		if d := f.Onset.Sub(after).Round(time.Second); d > 0 {
			when = chart.Span(d) + " later"
		}
	}
	l.out.Boxes = append(l.out.Boxes, causeBox{
		X: x, Y: y, W: boxWidth, H: boxHeight, TextX: x + 10, TextY: y + 21,
		Display: f.Display, Class: string(f.Severity), Kind: kindWords(f.Kind), Whom: clip(whom(f.Subject), 26), When: when, URL: l.url(f),
	})
	l.out.Width = max(l.out.Width, x+boxWidth+1)
	first := true
	for _, e := range l.effects[f.ID] {
		ex, ey, ok := l.place(e, depth+1, f.Onset)
		if !ok {
			continue
		}
		first = false
		a, b := x+boxWidth, y+boxHeight/2
		c, d := ex, ey+boxHeight/2
		mid := (a + c) / 2
		l.out.Arrows = append(l.out.Arrows, fmt.Sprintf("M%d %dC%d %d %d %d %d %d", a, b, mid, b, mid, d, c-5, d))
	}
	if first {
		l.row++
	}
	return x, y, true
}

// whom is the most telling name of a subject.
func whom(s finding.Subject) string {
	name := ""
	for _, n := range []string{s.Name, s.Event, s.Function, s.Behavior, s.PID, s.Application} {
		if n != "" {
			name = n
			break
		}
	}
	switch {
	case s.Peer != "" && name == "":
		return short(s.Node) + " ↔ " + short(s.Peer)
	case name == "":
		return short(s.Node)
	case s.Node != "":
		return name + " on " + short(s.Node)
	}
	return name
}

// clip shortens a text to n runes.
func clip(s string, n int) string {
	r := []rune(s)
	if len(r) <= n {
		return s
	}
	return string(r[:n-1]) + "…"
}
