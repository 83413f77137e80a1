package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"ergorecorder/escape"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
)

// Options say how a text report is laid out.
type Options struct {
	Width int  // columns; 0 is 100. Below 60, 60 is used
	Color bool // severities are coloured, the verdict is bold
	Whole bool // no cell of a table is cut
}

// Text writes the report as plain text.
func Text(w io.Writer, r *analyze.Report, opt Options) error {
	width := opt.Width
	if width == 0 {
		width = 100
	}
	p := &page{w: bufio.NewWriter(w), width: min(max(width, 60), 140), color: opt.Color, whole: opt.Whole}
	for i, line := range verdict(r) {
		for _, l := range Wrap(line, p.width) {
			if i > 0 {
				p.line("%s", l)
				continue
			}
			p.line("%s%s%s", p.paint(bold), l, p.paint(plain))
		}
	}
	p.heading(r)
	display := displays(r)
	whole, rest := finding.Fold(r.Findings)
	notes := false
	for _, f := range whole {
		if f.Severity == finding.Info {
			notes = true
			continue
		}
		p.finding(f, r, display)
	}
	if rest != nil {
		p.list("More findings", append(finding.FoldedWords(rest), eachTold))
	}
	if notes {
		p.section("Noted")
		for _, f := range whole {
			if f.Severity == finding.Info {
				p.item(fmt.Sprintf("%s %s (%s): %s", f.Display, f.Title, f.Kind, f.Summary))
			}
		}
	}
	p.list("Not seen", unseen(r))
	p.list("In order", finding.Some(alike(r.Healthy, r.Archive.Nodes), mostLines))
	p.list("Not evaluated", finding.Some(notEvaluated(r), mostLines))
	p.list(leftOut, finding.Some(r.LeftOut, mostLines))
	return p.w.Flush()
}

// leftOut heads what is in the recording and in no count and no verdict.
const leftOut = "Left out, for it is there because somebody observes"

// A page is text of a given width.
type page struct {
	w            *bufio.Writer
	width        int
	color, whole bool
}

// What colours and weights are for a terminal.
const (
	plain = "\x1b[0m"
	bold  = "\x1b[1m"
)

// Paint is what a terminal is told to draw a severity with. The word itself says
// the same, so that no colour is needed.
func Paint(s finding.Severity) string {
	switch s {
	case finding.Critical:
		return "\x1b[1;31m"
	case finding.Warning:
		return "\x1b[33m"
	}
	return "\x1b[36m"
}

// Unpaint ends what Paint began.
const Unpaint = plain

// paint is a sequence for a terminal, nothing where colours are off.
func (p *page) paint(sequence string) escape.Raw {
	if !p.color {
		return ""
	}
	return escape.Raw(sequence)
}

// cell is the text of a table's cell, cut where it has no room.
func (p *page) cell(text string, room int) string {
	if p.whole {
		return text
	}
	return clip(text, room)
}

// Errors of the writer are kept by it, and come out of Flush.
func (p *page) line(format string, args ...any) {
	escape.Fprintf(p.w, format, args...)
	p.w.WriteByte('\n')
}

func (p *page) paragraph(indent, text string) {
	for _, l := range Wrap(text, p.width-utf8.RuneCountInString(indent)) {
		p.line("%s%s", indent, l)
	}
}

// item is a paragraph that hangs from a dash.
func (p *page) item(text string) { p.hang("  - ", text) }

func (p *page) hang(lead, text string) {
	blank := strings.Repeat(" ", utf8.RuneCountInString(lead))
	for i, l := range Wrap(text, p.width-len(blank)) {
		if i == 0 {
			p.line("%s%s", lead, l)
			continue
		}
		p.line("%s%s", blank, l)
	}
}

func (p *page) section(title string) {
	p.line("")
	p.line("%s", title)
	p.line("%s", strings.Repeat("-", len(title)))
}

// list is a section of items, if there are any.
func (p *page) list(title string, items []string) {
	if len(items) == 0 {
		return
	}
	p.section(title)
	for _, i := range items {
		p.item(i)
	}
}

func (p *page) heading(r *analyze.Report) {
	crit, warn, notes := count(r)
	p.line("")
	p.line("%s", r.Archive.Path)
	p.paragraph("", fmt.Sprintf("%s to %s, %d nodes (%s): %d critical, %d %s, %d %s",
		instant(r.Window.From), instant(r.Window.To), len(r.Archive.Nodes), strings.Join(finding.Some(r.Archive.Nodes, mostNodes), ", "),
		crit, warn, plural(warn, "warning"), notes, plural(notes, "note")))
	for i, g := range r.Archive.Gaps {
		if i == 5 {
			p.item(fmt.Sprintf("and %d more gaps", len(r.Archive.Gaps)-i))
			break
		}
		p.item(fmt.Sprintf("gap: %s was not recorded from %s to %s: %s", g.Node, clock(g.From), clock(g.To), g.Why))
	}
}

func (p *page) finding(f *finding.Finding, r *analyze.Report, display map[string]string) {
	p.line("")
	p.line("%s", strings.Repeat("=", p.width))
	word, lead := strings.ToUpper(string(f.Severity)), f.Display+"  "
	for i, l := range Wrap(fmt.Sprintf("%s %d: %s", word, f.Score, f.Title), p.width-utf8.RuneCountInString(lead)) {
		if i == 0 {
			p.line("%s%s%s%s%s", lead, p.paint(Paint(f.Severity)), word, p.paint(Unpaint), strings.TrimPrefix(l, word))
			continue
		}
		p.line("%s%s", strings.Repeat(" ", utf8.RuneCountInString(lead)), l)
	}
	p.paragraph("    ", fmt.Sprintf("%s, found by %s, confidence %s, id %s", f.Kind, f.Playbook, f.Confidence, f.ID))
	p.paragraph("    ", upper(span(f, r.Window.To))+".")
	for _, rel := range relations(f, display) {
		p.paragraph("    ", rel)
	}
	p.line("")
	p.paragraph("    ", f.Summary)
	p.line("")
	p.table("    ", subject(f.Subject))
	for _, e := range f.Evidence {
		p.evidence(e)
	}
	p.line("")
	if f.Recommendation != "" {
		p.hang("    Do: ", f.Recommendation)
	}
	for _, c := range f.Confirm {
		p.line("    Ask: %s", c) // one line, to be copied
	}
	for _, c := range f.Caveats {
		p.hang("    But: ", c)
	}
	for _, a := range f.Alternatives {
		p.hang("    Or: ", a.What+" To tell: "+a.SettledBy)
	}
	if f.Weighed != "" {
		p.hang("    Weighed: ", f.Weighed)
	}
}

func (p *page) evidence(e finding.Evidence) {
	p.line("")
	what := upper(e.What)
	if at := place(e); at != "" {
		what += " (" + at + ")"
	}
	p.paragraph("    ", what)
	if line, low, high := Sparkline(e.Series, min(p.width-40, 60)); line != "" {
		p.line("      %s  %s to %s %s", line, figures(low), figures(high), e.Series.Unit)
	}
	p.table("      ", facts(e.Values))
	for _, l := range e.Lines {
		p.hang("      ", l)
	}
}

// table writes rows of a name and one or two values, in columns.
func (p *page) table(indent string, rows []fact) {
	name, before, pairs := 0, 6, false
	for _, r := range rows {
		name = max(name, utf8.RuneCountInString(r.name))
		before = max(before, utf8.RuneCountInString(r.before))
		pairs = pairs || r.before != ""
	}
	room := p.width - len(indent) - name - 2
	if !pairs {
		for _, r := range rows {
			p.line("%s%-*s  %s", indent, name, r.name, p.cell(r.after, room))
		}
		return
	}
	p.line("%s%-*s  %*s  %s", indent, name, "", before, "before", "after")
	for _, r := range rows {
		p.line("%s%-*s  %*s  %s", indent, name, r.name, before, r.before, p.cell(r.after, room-before-2))
	}
}
