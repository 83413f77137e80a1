package recheck

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
)

// prose holds the numbers of a finding's title and summary against its evidence:
// each is the value of a piece of evidence, or follows from its times, as
// package finding writes them.
func prose(f *finding.Finding) []Check {
	said := words(f)
	var out []Check
	for _, text := range []string{f.Title, f.Summary} {
		for _, n := range Numbers(f, text) {
			if !said[n] {
				out = append(out, Check{Finding: f.ID, Kind: f.Kind, Of: text, Name: n, Stated: n, Why: "no evidence has this number"})
			}
		}
	}
	return out
}

// numeral is a number, with its unit where it has one.
var numeral = regexp.MustCompile(`(?:^|[\s(,;:~])(\d\d:\d\d:\d\d|\d+ h \d+ min|\d+ min \d+ s|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?: (?:ms|s|B|KB|MB|GB|TB|%)\b| %)?)(?:$|[\s).,;:!?])`)

// Numbers are the numbers that a text of a finding states. What the cluster
// wrote (names, log lines, stacks) is no statement of ours and left out.
func Numbers(f *finding.Finding, text string) []string {
	for _, w := range quoted(f) {
		text = strings.ReplaceAll(text, w, "…")
	}
	var out []string
	for text != "" {
		m := numeral.FindStringSubmatchIndex(text)
		if m == nil {
			break
		}
		out = append(out, text[m[2]:m[3]])
		text = text[m[3]:]
	}
	return out
}

// quoted are the texts of the cluster in a finding, the longest first.
func quoted(f *finding.Finding) []string {
	s := f.Subject
	var out []string
	for _, e := range f.Evidence {
		for _, l := range e.Lines {
			out = append(out, l)
			for _, sep := range []string{": ", " "} {
				if _, rest, ok := strings.Cut(l, sep); ok && len(rest) > 8 {
					out = append(out, rest)
				}
			}
		}
		out = append(out, e.Node)
	}
	out = append(out, s.Function, s.Behavior, s.Name, s.PID, s.Node, s.Peer, s.Event, s.Application, finding.NodeName(s.Node), finding.NodeName(s.Peer))
	var kept []string
	for _, w := range out {
		if len(w) > 1 {
			kept = append(kept, w)
		}
	}
	return kept
}

// words are all ways in which a finding may write its values and times.
func words(f *finding.Finding) map[string]bool {
	out := map[string]bool{}
	add := func(s string) { out[s] = true }
	times := []time.Time{f.Onset}
	if f.End != nil {
		times = append(times, *f.End)
	}
	var values []float64
	for _, e := range f.Evidence {
		for _, t := range []*time.Time{e.From, e.To} {
			if t != nil {
				times = append(times, *t)
			}
		}
		for _, v := range flat(e.Values) {
			if n, ok := number(v.value); ok {
				values = append(values, n)
			}
			if s, ok := v.value.(string); ok {
				if t, err := time.Parse(time.RFC3339Nano, s); err == nil {
					times = append(times, t)
				}
			}
		}
	}
	for _, t := range times {
		add(finding.Clock(t))
	}
	for _, v := range values {
		for _, x := range []float64{v, 100 * v, 60 * v, 86400 * v, v / 60, 1000 * v, v / 1000, v * 1e9, v / 1e9} {
			add(finding.Number(x))
			add(finding.Number(x) + " %")
			add(strconv.FormatFloat(math.Round(x), 'f', 0, 64))
			add(strconv.FormatFloat(math.Round(x), 'f', 0, 64) + " %")
		}
		for _, x := range []float64{v, v / 1000, v / 1e9} {
			add(finding.Seconds(x))
		}
		if d := time.Duration(v * float64(time.Second)); math.Abs(v) < 1e9 {
			add(finding.Duration(d))
			add(fmt.Sprintf("%d s", int(v)))
		}
		add(finding.Size(v))
	}
	return out
}
