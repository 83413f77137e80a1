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
var numeral = regexp.MustCompile(`(?:^|[\s(,;:~])(\d\d:\d\d:\d\d|\d+ h \d+ min|\d+ min \d+ s|\d+(?:\.\d+)?(?:e[+-]?\d+)?(?: (?:ms|s|B|KiB|MiB|GiB|TiB|%)\b| %)?)(?:$|[\s).,;:!?])`)

// release is the number of a release, which is a name.
var release = regexp.MustCompile(`\d+\.\d+\.\d+`)

// inQuotes is a text of the cluster within a sentence of ours.
var inQuotes = regexp.MustCompile(`"(?:[^"\\]|\\.)*"`)

// Numbers are the numbers that a text of a finding states. What the cluster
// wrote (names, log lines, stacks) is no statement of ours and left out.
//
// A forecast states none either: it says so, and follows from the pace.
func Numbers(f *finding.Finding, text string) []string {
	for _, begins := range []string{"If it goes on, ", "At this pace "} {
		if before, after, ok := strings.Cut(text, begins); ok {
			_, rest, _ := strings.Cut(after, ". ")
			text = before + rest
		}
	}
	for _, w := range quoted(f) {
		text = strings.ReplaceAll(text, w, "…")
	}
	text = inQuotes.ReplaceAllString(text, "…")
	text = release.ReplaceAllString(text, "…")
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
	add("5 s") // the framework's time-out of a call
	for _, c := range f.Caveats {
		for _, n := range Numbers(&finding.Finding{}, c) {
			add(n) // what is assumed is said so there
		}
	}
	add(strconv.Itoa(len(f.Effects)))
	for _, t := range times {
		add(finding.Clock(t))
	}
	for i, a := range times {
		add(finding.Clock(a))
		for _, b := range times[:i] {
			values = append(values, math.Abs(a.Sub(b).Seconds()))
		}
	}
	for _, v := range values {
		for _, w := range written(math.Abs(v)) { // by how much, the way is said in words
			add(w)
		}
	}
	for _, v := range counts(f) {
		add(finding.Number(v))
		add(finding.Number(100*v) + " %")
	}
	return out
}

// written are the ways in which a value is written: as it is or in another unit,
// as a share, a rate of another time, a duration, a size or, where its name says
// so, a time.
func written(v float64) []string {
	var out []string
	for _, x := range []float64{v, 100 * v, 60 * v, 86400 * v, v / 60, 1000 * v, v / 1000, v * 1e9, v / 1e9} {
		out = append(out, finding.Number(x), finding.Number(x)+" %", finding.Number(x)+" ms")
	}
	out = append(out, strconv.FormatFloat(math.Round(v), 'f', 0, 64), strconv.FormatFloat(math.Round(100*v), 'f', 0, 64)+" %", finding.Size(v))
	for _, x := range []float64{v, v / 1000, v / 1e9} {
		out = append(out, finding.Seconds(x))
	}
	if math.Abs(v) < 1e9 {
		// A value has three figures: what is written was cut from more.
		for _, x := range []float64{v, v * 0.996, v * 1.004} {
			out = append(out, finding.Duration(time.Duration(x*float64(time.Second))))
		}
		out = append(out, fmt.Sprintf("%d s", int(v)))
	}
	if v > 1e9 && v < 1e10 {
		out = append(out, finding.Clock(time.Unix(int64(v), 0)))
	}
	return out
}

// counts are the numbers of what is listed, and what two values of one piece of
// evidence make: by how much, and how many times as much.
func counts(f *finding.Finding) []float64 {
	out := []float64{float64(len(f.Effects))}
	for _, e := range f.Evidence {
		out = append(out, float64(len(e.Records)), float64(len(e.Lines)))
		var values []float64
		for _, v := range e.Values {
			if inner, ok := v.(map[string]any); ok {
				out = append(out, float64(len(inner)))
			}
		}
		for _, v := range flat(e.Values) {
			if n, ok := number(v.value); ok {
				values = append(values, n)
			}
		}
		values = append(values, together(e.Values)...)
		out = append(out, together(e.Values)...)
		for _, a := range values {
			for _, b := range values {
				// Values have three figures, and what follows from two may differ in the last.
				for k := 0.995; k < 1.0055; k += 0.001 {
					if b != 0 {
						out = append(out, k*a/b)
					}
					out = append(out, k*(a-b))
				}
			}
		}
	}
	return out
}

// numbered is the number that tells several values of one kind apart: sent.1 and
// sent.2, cores_1.after and cores_2.after.
var numbered = regexp.MustCompile(`[._]\d+`)

// together are the sums of values of one kind, by how much two of them differ,
// and of these differences again what share each is.
func together(values map[string]any) []float64 {
	sums := map[string]float64{}
	for _, v := range flat(values) {
		if n, ok := number(v.value); ok && numbered.MatchString(v.name) {
			sums[numbered.ReplaceAllString(v.name, "")] += n
		}
	}
	var out []float64
	for _, a := range sums {
		out = append(out, a)
		for _, b := range sums {
			if out = append(out, a-b); a != 0 {
				out = append(out, (a-b)/a)
			}
		}
	}
	return out
}
