package terminal

import (
	"fmt"
	"slices"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/render"
)

// findings lists what the report says, the first to act on first.
func (s Source) findings() *Table {
	t := &Table{Title: "findings", Columns: columns("FINDING", "SEVERITY", "SINCE", "UNTIL", "WHAT"), Fixed: true}
	if s.Report == nil {
		t.Notes = []string{"the recording is still being judged"}
		return t
	}
	t.Title = counted(len(s.Report.Findings), "finding")
	t.Notes = []string{s.Report.Headline.Text}
	for _, f := range s.Report.Findings {
		until := "-"
		if f.End != nil {
			until = clock(*f.End)
		}
		severity := string(f.Severity)
		if f.Muted != nil {
			severity += ", muted"
		}
		t.Rows = append(t.Rows, Row{Mark: markOf(string(f.Severity)), PID: f.Display, Jump: f.Onset, Cells: []Cell{
			text(f.Display), text(severity), text(clock(f.Onset)), text(until), text(f.Title),
		}})
	}
	return t
}

// finding shows one finding in full.
func (s Source) finding(q Query) *Table {
	t := &Table{Title: "finding " + q.PID, Columns: columns("", "WHAT"), Fixed: true}
	if s.Report == nil {
		t.Notes = []string{"the recording is still being judged"}
		return t
	}
	for _, f := range s.Report.Findings {
		if f.Display == q.PID {
			t.Rows = told(f)
		}
	}
	return t
}

// told is a finding as lines.
func told(f *finding.Finding) []Row {
	var rows []Row
	say := func(name, words string) {
		for i, line := range wrapped(words, 100) {
			if i > 0 {
				name = ""
			}
			rows = append(rows, Row{Node: f.Subject.Node, PID: f.Subject.PID, Cells: []Cell{text(name), text(line)}})
		}
	}
	say(string(f.Severity), f.Title)
	say("kind", fmt.Sprintf("%s, confidence %s, score %d, id %s", f.Kind, f.Confidence, f.Score, f.ID))
	say("since", fmt.Sprintf("%s (within %.3g s)", clock(f.Onset), f.OnsetErrorS))
	if f.End != nil {
		say("until", clock(*f.End))
	}
	say("summary", f.Summary)
	if f.CausedBy != nil {
		say("caused by", *f.CausedBy)
	}
	for _, e := range f.Evidence {
		say("evidence", e.What)
		for _, line := range slices.Concat(render.Facts(e.Values), e.Lines) {
			say("", line)
		}
	}
	for _, c := range f.Caveats {
		say("but", c)
	}
	say("do", f.Recommendation)
	for _, c := range f.Confirm {
		say("ask", c)
	}
	return rows
}

// wrapped breaks a text into lines of at most so many characters, at blanks.
func wrapped(text string, width int) []string {
	var lines []string
	line := ""
	for word := range strings.FieldsSeq(text) {
		if line != "" && len(line)+1+len(word) > width {
			lines = append(lines, line)
			line = ""
		}
		if line != "" {
			line += " "
		}
		line += word
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}
