package render

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"slices"
	"sort"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/internal/words"
)

// Wrap breaks text into lines of at most width columns. Words are not broken.
func Wrap(text string, width int) []string {
	var lines []string
	line := ""
	for _, word := range strings.Fields(text) {
		switch {
		case line == "":
			line = word
		case utf8.RuneCountInString(line)+1+utf8.RuneCountInString(word) > width:
			lines = append(lines, line)
			line = word
		default:
			line += " " + word
		}
	}
	if line != "" {
		lines = append(lines, line)
	}
	return lines
}

// clip cuts a line that cannot be wrapped.
func clip(s string, width int) string {
	r := []rune(s)
	if len(r) <= width || width < 2 {
		return s
	}
	return string(r[:width-1]) + "…"
}

var blocks = []rune("▁▂▃▄▅▆▇█")

// Sparkline draws a series over width columns of equal time; a column without
// a sample repeats the one before. Its ends are the least and the greatest
// value.
func Sparkline(s *finding.Series, width int) (line string, low, high float64) {
	if s == nil || len(s.Value) < 2 || width < 2 {
		return "", 0, 0
	}
	low, high = slices.Min(s.Value), slices.Max(s.Value)
	from, span := s.At[0], s.At[len(s.At)-1].Sub(s.At[0])
	cols := make([]float64, width)
	for i := range cols {
		cols[i] = math.NaN()
	}
	for i, v := range s.Value {
		c := 0
		if span > 0 {
			c = min(int(float64(s.At[i].Sub(from))/float64(span)*float64(width)), width-1)
		}
		if math.IsNaN(cols[c]) || v > cols[c] {
			cols[c] = v
		}
	}
	var b strings.Builder
	last := cols[0]
	for _, v := range cols {
		if math.IsNaN(v) {
			v = last
		}
		last = v
		level := 0
		if high > low {
			level = int((v - low) / (high - low) * float64(len(blocks)-1))
		}
		b.WriteRune(blocks[level])
	}
	return b.String(), low, high
}

// A fact is one row of an evidence table.
type fact struct{ name, before, after string }

// facts are the values of a piece of evidence by name. A value that is itself a
// pair of before and after fills both columns.
func facts(values map[string]any) []fact {
	var out []fact
	names := make([]string, 0, len(values))
	for n := range values {
		names = append(names, n)
	}
	sort.Strings(names)
	var single fact
	for _, n := range names {
		v := values[n]
		switch pair, ok := v.(map[string]any); {
		case ok && !isPair(pair):
			out = append(out, fact{name: spaced(n), after: several(pair)})
		case ok:
			out = append(out, fact{spaced(n), value(pair["before"]), value(pair["after"])})
		case n == "before":
			single.before = value(v)
		case n == "after":
			single.after = value(v)
		default:
			out = append(out, measured(n, v))
		}
	}
	if single.before != "" || single.after != "" {
		single.name = "value"
		out = append([]fact{single}, out...)
	}
	return out
}

// isPair reports whether values are one before and after.
func isPair(values map[string]any) bool {
	_, before := values["before"]
	_, after := values["after"]
	return before || after
}

// several are values of one name, by their numbers.
func several(values map[string]any) string {
	keys := slices.SortedFunc(maps.Keys(values), func(a, b string) int {
		return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b))
	})
	var out []string
	for _, k := range keys {
		text := value(values[k])
		if t, err := time.Parse(time.RFC3339Nano, text); err == nil {
			text = clock(t)
		}
		out = append(out, text)
	}
	return strings.Join(out, ", ")
}

// measured is a value with its unit: nanoseconds as a length of time, bytes in
// units of 1024.
func measured(name string, v any) fact {
	number, ok := v.(float64)
	if whole, is := v.(int64); is {
		number, ok = float64(whole), true
	}
	if rest, is := strings.CutSuffix(name, "_ns"); is && ok {
		return fact{name: spaced(rest), after: words.Length(time.Duration(number))}
	}
	if rest, is := strings.CutSuffix(name, "_bytes"); is && ok {
		return fact{name: spaced(rest), after: words.Size(number)}
	}
	return fact{name: spaced(name), after: value(v)}
}

// Facts are the values of an evidence, a line each.
func Facts(values map[string]any) []string {
	var lines []string
	for _, f := range facts(values) {
		if f.before != "" {
			f.after = f.before + " before, " + f.after + " after"
		}
		lines = append(lines, f.name+" "+f.after)
	}
	return lines
}

// spaced makes the name of a value readable: handled_per_s is "handled /s".
func spaced(name string) string {
	name = strings.ReplaceAll(name, "_per_s", " /s")
	for _, unit := range []string{"s", "ms", "ns", "bytes"} {
		if rest, ok := strings.CutSuffix(name, "_"+unit); ok {
			name = rest + " (" + unit + ")"
		}
	}
	return strings.ReplaceAll(name, "_", " ")
}

func value(v any) string {
	switch x := v.(type) {
	case nil:
		return "-"
	case string:
		return x
	case float64:
		return figures(x)
	case time.Time:
		return clock(x)
	}
	return fmt.Sprint(v)
}

func figures(v float64) string {
	if v == math.Trunc(v) && math.Abs(v) < 1e15 {
		return strconv.FormatFloat(v, 'f', -1, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}

func clock(t time.Time) string { return t.UTC().Format("15:04:05") }

func instant(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.0 UTC") }

// lasting is a duration to the second.
func lasting(d time.Duration) string { return words.Length(d.Round(time.Second)) }

// subject is whom a finding accuses, a field a row.
func subject(s finding.Subject) []fact {
	var out []fact
	for _, f := range []fact{
		{name: "node", after: s.Node},
		{name: "peer", after: s.Peer},
		{name: "process", after: strings.TrimSpace(s.Name + " " + s.PID)},
		{name: "behavior", after: s.Behavior},
		{name: "application", after: s.Application},
		{name: "function", after: s.Function},
		{name: "event", after: s.Event},
		{name: "incarnation", after: s.Incarnation},
	} {
		if f.after != "" {
			out = append(out, f)
		}
	}
	return out
}

// place is where evidence was seen.
func place(e finding.Evidence) string {
	var parts []string
	if e.Tool != "" {
		parts = append(parts, strings.TrimSpace(e.Tool+" "+e.Field))
	}
	switch {
	case e.From != nil && e.To != nil && !e.From.Equal(*e.To):
		parts = append(parts, clock(*e.From)+" to "+clock(*e.To))
	case e.From != nil:
		parts = append(parts, "at "+clock(*e.From))
	}
	return strings.Join(parts, ", ")
}

// span is when a finding was so.
func span(f *finding.Finding, end time.Time) string {
	s := "since " + instant(f.Onset)
	if f.OnsetErrorS >= 0.05 {
		s += fmt.Sprintf(" (within %s s)", figures(f.OnsetErrorS))
	}
	if f.End == nil {
		return s + fmt.Sprintf(", still so at the end, %s later", lasting(end.Sub(f.Onset)))
	}
	return s + fmt.Sprintf(", until %s, for %s", clock(*f.End), lasting(f.End.Sub(f.Onset)))
}

// verdict is the report in three lines: what, since when, what to do; and a
// fourth where not all was seen.
func verdict(r *analyze.Report) []string {
	crit, warn, notes := count(r)
	window := fmt.Sprintf("%s to %s (%s), %d nodes", instant(r.Window.From), clock(r.Window.To), lasting(r.Window.To.Sub(r.Window.From)), len(r.Archive.Nodes))
	if crit+warn == 0 {
		v := []string{
			r.Headline.Text,
			fmt.Sprintf("Examined %s; %d %s noted, %d not evaluated.", window, notes, plural(notes, "thing"), len(r.NotEvaluated)),
			"There is nothing to do.",
		}
		switch {
		case len(r.Headline.Settle) > 0:
			v[2] = "To settle it: " + r.Headline.Settle[0]
		case r.Headline.Verdict != analyze.NothingFound:
			v[2] = "Record it again, longer and with all of its nodes."
		}
		return v
	}
	f := r.Findings[0]
	what := strings.ToUpper(string(f.Severity)) + ": " + f.Title + "."
	when := fmt.Sprintf("Since %s", instant(f.Onset))
	if f.End != nil {
		when += ", until " + clock(*f.End)
	}
	when += ", confidence " + string(f.Confidence)
	if n := len(f.Effects); n > 0 {
		when += fmt.Sprintf("; %d other %s from it", n, plural2(n, "finding follows", "findings follow"))
	}
	if roots := rootCount(r); roots > 1 {
		when += fmt.Sprintf("; %d more of %s own", roots-1, plural2(roots-1, "its", "their"))
	}
	do, _, _ := strings.Cut(f.Recommendation, ". ")
	do, _, _ = strings.Cut(do, "; ")
	if do = strings.TrimSuffix(do, "."); !strings.HasSuffix(do, "?") {
		do += "."
	}
	v := []string{what, when + ".", do}
	if limit := r.Headline.Limit(); limit != "" {
		v = append(v, limit)
	}
	return v
}

// unseen is what was not seen, and what would settle it, a line each.
func unseen(r *analyze.Report) []string {
	const most = 12
	lines := slices.Clone(r.Headline.Beside)
	if n := len(lines) - most; n > 0 {
		lines = append(lines[:most], fmt.Sprintf("and %d more", n))
	}
	for _, s := range r.Headline.Settle[:min(len(r.Headline.Settle), 3)] {
		lines = append(lines, "to settle it: "+s)
	}
	return lines
}

const (
	// mostLines is how many lines a list of a report has.
	mostLines = 100
	// mostNodes is how many nodes are named in a row.
	mostNodes = 20
	// mostEffects is how many effects of a finding are named.
	mostEffects = 20
	// eachTold says where the findings are that are not told whole.
	eachTold = "analyze report --format json tells each of them whole; --node, --from and --to make a report of fewer"
)

// notEvaluated is what was not evaluated, a line each.
func notEvaluated(r *analyze.Report) []string {
	var lines []string
	for _, n := range r.NotEvaluated {
		lines = append(lines, n.Playbook+": "+n.Why)
	}
	return lines
}

func rootCount(r *analyze.Report) int {
	n := 0
	for _, f := range r.Findings {
		if f.CausedBy == nil && f.Severity != finding.Info {
			n++
		}
	}
	return n
}

func count(r *analyze.Report) (critical, warnings, notes int) {
	for _, f := range r.Findings {
		switch f.Severity {
		case finding.Critical:
			critical++
		case finding.Warning:
			warnings++
		case finding.Info:
			notes++
		}
	}
	return critical, warnings, notes
}

func plural(n int, one string) string { return plural2(n, one, one+"s") }

func plural2(n int, one, many string) string {
	if n == 1 {
		return one
	}
	return many
}

func upper(s string) string {
	if s == "" {
		return s
	}
	return strings.ToUpper(s[:1]) + s[1:]
}

// displays are the ranks (F1, F2, …) of findings by identity.
func displays(r *analyze.Report) map[string]string {
	m := map[string]string{}
	for _, f := range r.Findings {
		m[f.ID] = f.Display
	}
	return m
}

// relations is what a finding has to do with others.
func relations(f *finding.Finding, display map[string]string) []string {
	var out []string
	if f.CausedBy != nil {
		text := "Follows from " + display[*f.CausedBy]
		if f.Because != "" {
			text += ": " + f.Because
		}
		out = append(out, text+".")
	}
	var effects []string
	for _, id := range f.Effects {
		if d := display[id]; d != "" {
			effects = append(effects, d)
		}
	}
	slices.SortFunc(effects, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	if len(effects) > 0 {
		out = append(out, "Explains "+strings.Join(finding.Some(effects, mostEffects), ", ")+".")
	}
	return out
}
