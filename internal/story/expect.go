package story

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// Expect is what a report must say. Its words are those of the recorded cases:
// roots, effects, what may stand beside them, what must not be said.
type Expect struct {
	Roots    []Want
	Planned  []Want
	MaxRoots int // -1: any number
	Also     []Want
	Effects  []Effect
	Not      []Want // no warning or critical
	Never    []Want // no finding at all
	Text     []Pattern
	bounded  bool
}

// A Want describes a finding.
type Want struct {
	Kinds, Names []string
	Node, Peer   string
	Onset        time.Time
	Within       time.Duration
	Severity     string // at least
	Ends         *bool
	EndFrom      time.Time
	First        bool
	Says         []*regexp.Regexp
}

// An Effect leads over caused_by to another finding.
type Effect struct {
	What, Of Want
	Must     bool // be there
}

// A Pattern must, or must not, be in the report as text, or in its head.
type Pattern struct {
	Re           *regexp.Regexp
	Head, Absent bool
}

// within is how far an onset may be off where the story does not say.
const within = 4 * time.Second

var (
	effectForm  = regexp.MustCompile(`^(.*) (follows|must follow) from (.*)$`)
	plannedForm = regexp.MustCompile(`^planned: (.*)$`)
	wantForm    = regexp.MustCompile(`^(\w+(?: or \w+)*)(?: of ([^,]+?))?(?: on ([\w@-]+)(?: - ([\w@-]+))?)?$`)
	textForm    = regexp.MustCompile(`^(no )?(head|text) /(.*)/$`)
)

// line reads one line below the dashes.
func (e *Expect) line(c *cast, text string) error {
	var err error
	switch {
	case text == "healthy":
		e.bounded, e.MaxRoots = true, 0
	case text == "nothing else":
		e.bounded, e.MaxRoots = true, len(e.Roots)
	case strings.HasPrefix(text, "at most "):
		e.bounded = true
		_, err = fmt.Sscanf(text, "at most %d roots", &e.MaxRoots)
	case strings.HasPrefix(text, "may also: "):
		err = add(&e.Also, c, strings.TrimPrefix(text, "may also: "))
	case textForm.MatchString(text):
		m := textForm.FindStringSubmatch(text)
		re, bad := regexp.Compile("(?m)" + m[3])
		e.Text, err = append(e.Text, Pattern{Re: re, Head: m[2] == "head", Absent: m[1] != ""}), bad
	case strings.HasPrefix(text, "no "):
		err = add(&e.Not, c, strings.TrimPrefix(text, "no "))
	case strings.HasPrefix(text, "never "):
		err = add(&e.Never, c, strings.TrimPrefix(text, "never "))
	case plannedForm.MatchString(text):
		err = add(&e.Planned, c, plannedForm.FindStringSubmatch(text)[1])
	case effectForm.MatchString(text):
		m := effectForm.FindStringSubmatch(text)
		f := Effect{Must: m[2] == "must follow"}
		if f.What, err = want(c, m[1]); err == nil {
			f.Of, err = want(c, m[3])
		}
		e.Effects = append(e.Effects, f)
	default:
		err = add(&e.Roots, c, text)
	}
	return err
}

func add(to *[]Want, c *cast, text string) error {
	w, err := want(c, text)
	*to = append(*to, w)
	return err
}

type wanting struct {
	*cast
	w *Want
}

var wantPhrases = compile([]phrase[wanting]{
	{form: "since {d}[ within {d}]", means: "its onset, and how far off it may be (4s)", do: func(x wanting, a words) error {
		x.w.Onset, x.w.Within = x.world.From.Add(a.d(0)), within
		if a[1] != "" {
			x.w.Within = a.d(1)
		}
		return nil
	}},
	{form: "ended", means: "it has an end", do: func(x wanting, _ words) error { x.w.Ends = ptr(true); return nil }},
	{form: "goes on", means: "it has none", do: func(x wanting, _ words) error { x.w.Ends = ptr(false); return nil }},
	{form: "not ended before {d}", means: "an end, if any, is not earlier", do: func(x wanting, a words) error {
		x.w.EndFrom = x.world.From.Add(a.d(0))
		return nil
	}},
	{form: "(info|warning|critical)", means: "at least (warning)", do: func(x wanting, a words) error { x.w.Severity = a[0]; return nil }},
	{form: "first", means: "before all others that nothing caused", do: func(x wanting, _ words) error { x.w.First = true; return nil }},
	{form: "says {re}", means: "its words match", do: func(x wanting, a words) error {
		re, err := regexp.Compile(a[0])
		x.w.Says = append(x.w.Says, re)
		return err
	}},
})

func ptr[T any](v T) *T { return &v }

// want reads "kind or kind of name or name on node - node, since 1m, …".
func want(c *cast, text string) (Want, error) {
	parts := clauses(text)
	m := wantForm.FindStringSubmatch(parts[0])
	if m == nil {
		return Want{}, fmt.Errorf("%q is no kind with names and a node", parts[0])
	}
	w := Want{Severity: "warning", Kinds: strings.Split(m[1], " or ")}
	if m[2] != "" {
		w.Names = strings.Split(m[2], " or ")
	}
	for i, to := range []*string{&w.Node, &w.Peer} {
		if name := m[3+i]; name != "" {
			if *to = full(name); c.world.Node(*to) == nil {
				return Want{}, fmt.Errorf("no node %s", name)
			}
		}
	}
	for _, clause := range parts[1:] {
		if err := say(wantPhrases, wanting{c, &w}, clause); err != nil {
			return Want{}, err
		}
	}
	return w, nil
}

// A Report is what is read of one: the form that findings have as JSON.
type Report struct {
	Findings []Finding `json:"findings"`
}

// A Finding is one of a report.
type Finding struct {
	ID, Kind, Severity, Title, Summary string
	Subject                            map[string]any
	Onset                              *time.Time
	End                                *time.Time
	CausedBy                           *string `json:"caused_by"`
	Caveats                            []string
	Evidence                           []struct {
		What  string
		Lines []string
	}
}

// ReadReport reads a report from its JSON.
func ReadReport(text []byte) (Report, error) {
	var r Report
	err := json.Unmarshal(text, &r)
	return r, err
}

var ranks = []string{"info", "warning", "critical"}

func rank(severity string) int { return slices.Index(ranks, severity) }

func (f *Finding) loud() bool { return rank(f.Severity) > 0 }

func (f *Finding) at(key string) string {
	s, _ := f.Subject[key].(string)
	return s
}

// is reports whether the finding is the one that is described, by kind and
// subject.
func (w *Want) is(f *Finding) bool {
	if !slices.Contains(w.Kinds, f.Kind) {
		return false
	}
	node, peer := f.at("node"), f.at("peer")
	switch {
	case w.Peer != "":
		if !(node == w.Node && peer == w.Peer || node == w.Peer && peer == w.Node) {
			return false
		}
	case w.Node != "" && node != w.Node:
		return false
	}
	if len(w.Names) == 0 {
		return true
	}
	for k, v := range f.Subject {
		if s, ok := v.(string); ok && k != "incarnation" && slices.ContainsFunc(w.Names, func(n string) bool { return strings.Contains(s, n) }) {
			return true
		}
	}
	return false
}

// Lacks says how the report, with its text, falls short of what is expected;
// nothing if it does not.
func (e *Expect) Lacks(r Report, text string) []string {
	var roots []*Finding
	for i := range r.Findings {
		if f := &r.Findings[i]; f.loud() && f.CausedBy == nil {
			roots = append(roots, f)
		}
	}
	var why []string
	for _, w := range e.Roots {
		why = append(why, w.lacking(r, roots)...)
	}
	for _, w := range e.Planned {
		if !slices.ContainsFunc(r.Findings, func(f Finding) bool {
			return w.is(&f) && !f.loud() && strings.HasPrefix(f.Title, "Planned:")
		}) {
			why = append(why, fmt.Sprintf("no planned %s", w))
		}
	}
	if e.bounded {
		why = append(why, e.tooMany(roots)...)
	}
	for _, f := range e.Effects {
		why = append(why, f.lacking(r)...)
	}
	for i := range r.Findings {
		f := &r.Findings[i]
		for _, w := range e.Not {
			if f.loud() && w.is(f) {
				why = append(why, "says "+f.called())
			}
		}
		for _, w := range e.Never {
			if w.is(f) {
				why = append(why, "says "+f.called())
			}
		}
	}
	head, _, _ := strings.Cut(text, "\n\n")
	for _, p := range e.Text {
		where := text
		if p.Head {
			where = head
		}
		if p.Re.MatchString(where) == p.Absent {
			why = append(why, fmt.Sprintf("the text has /%s/: %v", p.Re, p.Absent))
		}
	}
	return why
}

func (e *Expect) tooMany(roots []*Finding) []string {
	var own []*Finding
	for _, f := range roots {
		if !slices.ContainsFunc(e.Also, func(w Want) bool { return w.is(f) }) {
			own = append(own, f)
		}
	}
	if len(own) <= e.MaxRoots {
		return nil
	}
	var names []string
	for _, f := range own {
		names = append(names, f.called())
	}
	return []string{fmt.Sprintf("%d findings that nothing caused, at most %d are right: %s", len(own), e.MaxRoots, strings.Join(names, "; "))}
}

// lacking is what the nearest finding lacks.
func (w *Want) lacking(r Report, roots []*Finding) []string {
	var best []string
	found := false
	for i := range r.Findings {
		f := &r.Findings[i]
		if !w.is(f) {
			continue
		}
		why := w.lacks(f, roots)
		if !found || len(why) < len(best) {
			best, found = why, true
		}
	}
	if !found {
		return []string{fmt.Sprintf("no %s", w)}
	}
	return best
}

func (w *Want) lacks(f *Finding, roots []*Finding) []string {
	var why []string
	say := func(format string, a ...any) { why = append(why, f.called()+": "+fmt.Sprintf(format, a...)) }
	if f.CausedBy != nil {
		say("told as the effect of another")
	}
	if rank(f.Severity) < rank(w.Severity) {
		say("only %s", f.Severity)
	}
	if !w.Onset.IsZero() {
		if f.Onset == nil || f.Onset.Sub(w.Onset).Abs() > w.Within {
			say("onset %v, want %s", f.Onset, w.Onset.Format("15:04:05"))
		}
	}
	if w.Ends != nil && (f.End != nil) != *w.Ends {
		say("end %v", f.End)
	}
	if !w.EndFrom.IsZero() && f.End != nil && f.End.Before(w.EndFrom) {
		say("ends at %s", f.End.Format("15:04:05"))
	}
	if w.First && len(roots) > 0 && roots[0] != f {
		say("behind %s", roots[0].called())
	}
	words := f.words()
	for _, re := range w.Says {
		if !re.MatchString(words) {
			say("does not say /%s/", re)
		}
	}
	return why
}

func (e *Effect) lacking(r Report) []string {
	byID := map[string]*Finding{}
	for i := range r.Findings {
		byID[r.Findings[i].ID] = &r.Findings[i]
	}
	var why []string
	met := false
	for i := range r.Findings {
		f := &r.Findings[i]
		if !e.What.is(f) {
			continue
		}
		met = true
		cause, left := f, len(r.Findings)
		for cause != nil && left > 0 && (cause == f || !e.Of.is(cause)) {
			left--
			if cause.CausedBy == nil {
				cause = nil
			} else {
				cause = byID[*cause.CausedBy]
			}
		}
		if cause == nil || cause == f {
			why = append(why, fmt.Sprintf("%s does not follow from %s", f.called(), &e.Of))
		}
	}
	if e.Must && !met {
		why = append(why, fmt.Sprintf("no %s", &e.What))
	}
	return why
}

func (f *Finding) called() string {
	who := ""
	for _, k := range []string{"name", "pid", "event", "function", "application", "behavior", "peer"} {
		if who == "" {
			who = f.at(k)
		}
	}
	return strings.TrimSpace(fmt.Sprintf("%s %s %s", f.Kind, f.at("node"), who))
}

func (f *Finding) words() string {
	told := append([]string{f.Title, f.Summary}, f.Caveats...)
	for _, e := range f.Evidence {
		told = append(append(told, e.What), e.Lines...)
	}
	return strings.Join(told, "\n")
}

func (w Want) String() string {
	s := strings.Join(w.Kinds, " or ")
	if len(w.Names) > 0 {
		s += " of " + strings.Join(w.Names, " or ")
	}
	if w.Node != "" {
		s += " on " + w.Node
	}
	if w.Peer != "" {
		s += " - " + w.Peer
	}
	return s
}
