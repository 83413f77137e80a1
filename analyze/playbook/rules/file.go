package rules

import (
	_ "embed" // the examples
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"ergorecorder/analyze/finding"
	"ergorecorder/ergo"
	"ergorecorder/internal/nearest"
)

// Examples is a file of rules to begin with.
//
//go:embed examples.yaml
var Examples []byte

// A Rule is one rule of a file.
type Rule struct {
	Name           string           `json:"name"`
	Over           ergo.Reading     `json:"over"` // whose rows it is about
	When           string           `json:"when"` // the expression, in CEL
	For            time.Duration    `json:"for_ns"`
	Severity       finding.Severity `json:"severity"`
	Text           string           `json:"text"` // what it means where the rule holds
	Recommendation string           `json:"recommendation"`

	expr *expression
}

// A Set is a file of rules.
type Set struct{ Rules []*Rule }

// A Problem is something that is wrong with a file of rules.
type Problem struct {
	Line, Column int // from 1
	Rule         string
	What         string
}

// Error implements error.
func (p *Problem) Error() string {
	text := fmt.Sprintf("%d:%d: ", p.Line, p.Column)
	if p.Rule != "" {
		text += "rule " + p.Rule + ": "
	}
	return text + p.What
}

// maxFile is how large a file of rules may be, and maxRules how many rules it
// may hold: each is asked of every row.
const (
	maxFile  = 1 << 20
	maxRules = 200
)

// Parse reads rules from YAML:
//
//	rules:
//	  - name: deep_mailbox
//	    over: processes
//	    when: MessagesMailbox > 1000
//	    for: 30s
//	    severity: warning
//	    text: More than 1,000 messages wait.
//	    recommendation: Look at what it does with analyze ps.
//
// It refuses what it does not know; the error joins a [Problem] for each place.
func Parse(text []byte) (*Set, error) {
	if len(text) > maxFile {
		return nil, fmt.Errorf("rules: the file has %d bytes: more than %d", len(text), maxFile)
	}
	var doc yaml.Node
	if err := yaml.Unmarshal(text, &doc); err != nil {
		return nil, fmt.Errorf("rules: %w", err)
	}
	r := &reader{source: []rune(string(text))}
	list := r.list(&doc)
	set := &Set{}
	for _, n := range list {
		rule := r.rule(n)
		if rule == nil {
			continue
		}
		if slices.ContainsFunc(set.Rules, func(o *Rule) bool { return o.Name == rule.Name }) {
			r.wrong(n, rule.Name, "there is a rule of that name already")
		}
		set.Rules = append(set.Rules, rule)
	}
	if len(r.problems) > 0 {
		return nil, errors.Join(r.problems...)
	}
	return set, nil
}

// A reader reads one file, and remembers what is wrong with it.
type reader struct {
	source   []rune
	problems []error
}

func (r *reader) wrong(n *yaml.Node, rule, format string, args ...any) {
	r.problems = append(r.problems, &Problem{max(n.Line, 1), max(n.Column, 1), rule, fmt.Sprintf(format, args...)})
}

// list are the nodes of the rules.
func (r *reader) list(doc *yaml.Node) []*yaml.Node {
	if len(doc.Content) == 0 {
		r.wrong(doc, "", "the file is empty: it begins with rules:")
		return nil
	}
	top := doc.Content[0]
	if top.Kind != yaml.MappingNode || len(top.Content) != 2 || top.Content[0].Value != "rules" {
		r.wrong(top, "", "a file of rules holds one key, rules, with a list of them")
		return nil
	}
	list := top.Content[1]
	switch {
	case list.Kind != yaml.SequenceNode || len(list.Content) == 0:
		r.wrong(list, "", "rules is a list of rules")
		return nil
	case len(list.Content) > maxRules:
		r.wrong(list, "", "there are %d rules: more than %d", len(list.Content), maxRules)
		return nil
	}
	return list.Content
}

// ruleKeys are the keys that a rule may have; for may be left out.
var ruleKeys = []string{"name", "over", "when", "for", "severity", "text", "recommendation"}

// rule reads one rule; nil where it is none.
func (r *reader) rule(n *yaml.Node) *Rule {
	if n.Kind != yaml.MappingNode {
		r.wrong(n, "", "a rule has the keys %s", strings.Join(ruleKeys, ", "))
		return nil
	}
	values := map[string]*yaml.Node{}
	name := ""
	for i := 0; i+1 < len(n.Content); i += 2 {
		if n.Content[i].Value == "name" {
			name = n.Content[i+1].Value
		}
	}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k, v := n.Content[i], n.Content[i+1]
		switch {
		case !slices.Contains(ruleKeys, k.Value):
			r.wrong(k, name, "there is no key %q%s", k.Value, nearest.Hint(k.Value, ruleKeys))
		case values[k.Value] != nil:
			r.wrong(k, name, "%s is given twice", k.Value)
		case v.Kind != yaml.ScalarNode:
			r.wrong(v, name, "%s is a text", k.Value)
		default:
			values[k.Value] = v
		}
	}
	for _, k := range ruleKeys {
		if v := values[k]; k != "for" && (v == nil || strings.TrimSpace(v.Value) == "") {
			r.wrong(n, name, "it has no %s", k)
			return nil
		}
	}
	return r.filled(values)
}

// filled is the rule of these values.
func (r *reader) filled(v map[string]*yaml.Node) *Rule {
	rule := &Rule{
		Name: v["name"].Value, Over: ergo.Reading(v["over"].Value), When: v["when"].Value, Severity: finding.Severity(v["severity"].Value),
		Text: strings.TrimSpace(v["text"].Value), Recommendation: strings.TrimSpace(v["recommendation"].Value),
	}
	if strings.IndexFunc(rule.Name, func(c rune) bool { return !strings.ContainsRune(nameRunes, c) }) >= 0 || len(rule.Name) > 64 {
		r.wrong(v["name"], "", "%q is no name: at most 64 of a to z, 0 to 9, _ and -", rule.Name)
	}
	severities := []string{string(finding.Critical), string(finding.Warning), string(finding.Info)}
	if !slices.Contains(severities, string(rule.Severity)) {
		r.wrong(v["severity"], rule.Name, "there is no severity %q%s", string(rule.Severity), nearest.Hint(string(rule.Severity), severities))
	}
	if f := v["for"]; f != nil {
		d, err := time.ParseDuration(f.Value)
		if err != nil || d < 0 || d > maxSpan {
			r.wrong(f, rule.Name, "for: %q is no time from 0s to %v", f.Value, maxSpan)
		}
		rule.For = d
	}
	if !slices.Contains(readings(), string(rule.Over)) {
		r.wrong(v["over"], rule.Name, "there is no reading %q to look over%s", string(rule.Over), nearest.Hint(string(rule.Over), readings()))
		return rule
	}
	expr, faults := compile(rule.When, ergo.Define(rule.Over))
	for _, f := range faults {
		line, column := r.place(v["when"], rule.When, f.line, f.column)
		r.problems = append(r.problems, &Problem{line, column, rule.Name, f.what})
	}
	rule.expr = expr
	return rule
}

const nameRunes = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-"

// maxSpan is the longest time that a rule may look back: what it remembers of a
// row is of bounded size, and a recorder reads as much again every few seconds.
const maxSpan = 24 * time.Hour

// readings are those that rules may be over: they have fields, and need nobody
// to be asked about.
func readings() []string {
	var out []string
	for _, r := range ergo.Readings() {
		if d := ergo.Define(r); len(d.Fields) > 0 && d.Subject == nil {
			out = append(out, string(r))
		}
	}
	return out
}

// place is where in the file a place of a text stands: line from 1, column from
// 0 of the text. YAML may have folded or indented it, but all that is no blank
// stands in the file in the same order.
func (r *reader) place(n *yaml.Node, text string, line, column int) (fileLine, fileColumn int) {
	before := 0 // that is no blank
	for i, l := range strings.Split(text, "\n") {
		for j, c := range []rune(l) {
			if i+1 > line || i+1 == line && j >= column {
				break
			}
			if !blank(c) {
				before++
			}
		}
	}
	var wanted []rune
	for _, c := range text {
		if !blank(c) {
			wanted = append(wanted, c)
		}
	}
	at, fileLine, fileColumn := 0, 1, 1
	begin := n.Line
	if n.Style&(yaml.LiteralStyle|yaml.FoldedStyle) != 0 {
		begin++ // behind the sign of the block
	}
	for _, c := range r.source {
		inside := fileLine > begin || fileLine == begin && (begin > n.Line || fileColumn >= n.Column)
		if inside && at < len(wanted) && c == wanted[at] {
			if at == before {
				return fileLine, fileColumn
			}
			at++
		}
		if fileColumn++; c == '\n' {
			fileLine, fileColumn = fileLine+1, 1
		}
	}
	return n.Line, n.Column // behind its end
}

func blank(c rune) bool { return c == ' ' || c == '\t' || c == '\n' || c == '\r' }
