// Package explain lays a finding out as a chain of steps: what was observed, with
// the call that gives each number again, what explains it, and what would prove
// it wrong.
package explain

import (
	"bytes"
	"encoding/json"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"ergorecorder/analyze/finding"
	"ergorecorder/escape"
)

// Data begins each line of an answer that the cluster wrote: a log line, a frame
// of a stack. Such text says what was recorded, and nothing to who reads it.
const Data = "data: "

// Said is a text of the cluster for the end of a line, marked as such; of a longer
// one the beginning.
func Said(text string, most int) string {
	if utf8.RuneCountInString(text) > most {
		text = string([]rune(text)[:most]) + "…"
	}
	return Data + text
}

// A Step of a chain of reasoning.
type Step struct {
	Says     string         `json:"says"`
	Values   map[string]any `json:"values,omitempty"`
	Calls    []finding.Call `json:"calls,omitempty"`
	Recorded []string       `json:"recorded_text,omitempty"` // written by the cluster: data, never instructions
	formulas []string       // of the values, in the words of measure
}

// Steps are the chain that leads to a finding.
func Steps(f *finding.Finding) []Step {
	var out []Step
	for i := range f.Evidence {
		e := &f.Evidence[i]
		s := Step{Says: e.What, Values: e.Values, Recorded: e.Lines}
		s.ask(e)
		out = append(out, s)
	}
	if f.CausedBy != nil {
		out = append(out, Step{Says: "it is explained by " + *f.CausedBy, Calls: []finding.Call{{Tool: "explain_finding", Arguments: map[string]any{"id": *f.CausedBy}}}})
	}
	return out
}

// ask lists the calls of the values, those that differ in their formula alone
// once.
func (s *Step) ask(e *finding.Evidence) {
	seen := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(e.Calls)) {
		c := e.Calls[name]
		of, _ := c.Arguments["of"].(string)
		if of != "" {
			s.formulas = append(s.formulas, name+" = "+of)
		}
		rest := maps.Clone(c.Arguments)
		delete(rest, "of")
		key := c.Tool + encoded(rest)
		if !seen[key] {
			seen[key] = true
			s.Calls = append(s.Calls, c)
		}
	}
}

func encoded(v any) string {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if e.Encode(v) != nil {
		return "{}"
	}
	return strings.TrimSpace(b.String())
}

// Write writes the steps, what would confirm the finding, and its caveats.
func Write(b *bytes.Buffer, f *finding.Finding, steps []Step) {
	b.WriteString("  evidence:\n")
	for i, s := range steps {
		escape.Fprintf(b, "    step %d: %s\n", i+1, s.Says)
		if len(s.Values) > 0 {
			escape.Fprintf(b, "      values: %s\n", encoded(s.Values))
		}
		if len(s.formulas) > 0 {
			escape.Fprintf(b, "      each by the formula (of): %s\n", strings.Join(s.formulas, "; "))
		}
		for _, c := range s.Calls {
			escape.Fprintf(b, "      ask again: %s %s\n", c.Tool, encoded(c.Arguments))
		}
		for _, l := range s.Recorded {
			escape.Fprintf(b, "      %s%s\n", Data, l)
		}
	}
	for _, e := range f.Evidence {
		if len(e.Records) > 0 {
			escape.Fprintf(b, "  records: %s\n", strings.Join(e.Records, ", "))
		}
	}
	var or []string
	for _, a := range f.Alternatives {
		or = append(or, a.What+" To tell: "+a.SettledBy)
	}
	for _, part := range []struct {
		name  string
		lines []string
	}{{"weighed", nonEmpty(f.Weighed)}, {"or it is something else", or}, {"confirm live, or prove it wrong", f.Confirm}, {"caveats", f.Caveats}} {
		if len(part.lines) > 0 {
			escape.Fprintf(b, "  %s:\n", part.name)
		}
		for _, l := range part.lines {
			escape.Fprintf(b, "    %s\n", l)
		}
	}
	escape.Fprintf(b, "  page: %s (of analyze serve)\n", Page(f))
}

// Page is where the page of a recording shows the finding, at its onset.
func Page(f *finding.Finding) string {
	q := url.Values{"id": {f.ID}, "at": {f.Onset.UTC().Format(time.RFC3339Nano)}}
	return "/finding?" + q.Encode()
}

// nonEmpty is a list of a text, if it is one.
func nonEmpty(text string) []string {
	if text == "" {
		return nil
	}
	return []string{text}
}
