package causes

import (
	"slices"
	"strings"

	"ergorecorder/analyze/finding"
)

// A naming is whom a waiter's log names, and the line.
type naming struct {
	callee *finding.Finding
	line   string
}

// named is for each waiter whom its log names of those who wait themselves at the same time: none of
// them is at fault, but that one may be the next in the chain. Names and PIDs are looked up, for as many
// may wait as there are lines.
func (g *graph) named(waiters []*finding.Finding, said map[*finding.Finding][]string) map[*finding.Finding]naming {
	next := map[*finding.Finding]naming{}
	if !slices.ContainsFunc(waiters, func(f *finding.Finding) bool { return len(said[f]) > 0 }) {
		return next
	}
	who := directory{at: map[string][]int{}}
	for i, c := range g.findings {
		if c.Is(finding.Waits) && c.Score >= finding.ScoreWarning {
			who.add(c.Subject.Name, i)
			who.add(c.Subject.PID, i)
		}
	}
	for _, f := range waiters {
		for _, line := range said[f] {
			if i := who.first(line, func(i int) bool { return g.waitsAlong(f, g.findings[i]) && names(line, g.findings[i]) }); i >= 0 {
				next[f] = naming{g.findings[i], line}
				break
			}
		}
	}
	return next
}

// waitsAlong reports whether another waits at the same time as a waiter, who may wait for it.
func (g *graph) waitsAlong(f, c *finding.Finding) bool {
	over := c.End != nil && c.End.Before(f.Onset) || f.End != nil && f.End.Before(c.Onset.Add(-slack(c, f)))
	return c != f && !over && g.rows[c.Kind].Leads(finding.WaitsFor, f.Kind) && !finding.LeadsTo(f, c)
}

// chained explains those whose log names one that waits itself, and is explained, or names such a one in
// turn: whoever is at fault for that one keeps both waiting.
func (g *graph) chained(left []*finding.Finding, next map[*finding.Finding]naming) {
	for _, f := range left {
		met := map[*finding.Finding]bool{f: true}
		chain := []*finding.Finding{f}
		c := next[f].callee
		for c != nil && c.Cause == nil && !met[c] {
			met[c] = true
			chain = append(chain, c)
			c = next[c].callee
		}
		if c == nil || c.Cause == nil {
			continue
		}
		for _, w := range slices.Backward(chain) {
			g.namedBy(w, next[w])
		}
	}
}

// namedBy explains a waiter by the process that its log names.
func (g *graph) namedBy(f *finding.Finding, by naming) bool {
	if f.Cause != nil || finding.LeadsTo(f, by.callee) {
		return false
	}
	g.waitsFor(f, by.callee, "its log names it: "+by.line)
	f.Summary += " It waits for " + by.callee.Subject.Who() + ", which its log names."
	return true
}

func (g *graph) waitsFor(f, callee *finding.Finding, because string) {
	f.FollowsFrom(callee, because)
	if callee.Subject.Node != f.Subject.Node {
		f.Subject.Peer = callee.Subject.Node
	}
}

// unexplained are those for which no cause is known.
func unexplained(all []*finding.Finding) []*finding.Finding {
	return slices.DeleteFunc(slices.Clone(all), func(f *finding.Finding) bool { return f.Cause != nil })
}

// A directory finds numbers by the names under which they stand, in the words of a line.
type directory struct {
	at    map[string][]int
	words int // of the name that has most
}

func (d *directory) add(name string, i int) {
	key := strings.TrimFunc(name, func(r rune) bool { return r > 0x7f || !part(byte(r)) })
	if key == "" {
		return
	}
	d.at[key] = append(d.at[key], i)
	d.words = max(d.words, len(words(key)))
}

// first is the least number under a name in a line of which a predicate holds; -1 where there is none.
func (d *directory) first(line string, holds func(int) bool) int {
	found, all := -1, words(line)
	for k := range all {
		for _, last := range all[k:min(k+d.words, len(all))] {
			for _, i := range d.at[line[all[k][0]:last[1]]] {
				if (found < 0 || i < found) && holds(i) {
					found = i
				}
			}
		}
	}
	return found
}

// words are from where to where the words of a line stand.
func words(line string) (out [][2]int) {
	for from, i := -1, 0; i <= len(line); i++ {
		inside := i < len(line) && part(line[i])
		switch {
		case inside && from < 0:
			from = i
		case !inside && from >= 0:
			out = append(out, [2]int{from, i})
			from = -1
		}
	}
	return out
}

// part reports whether a byte is a part of a word.
func part(b byte) bool {
	return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
}

// mentioned is the candidate that a log names by PID or name, and the line.
func mentioned(all []*finding.Finding, said []string) (*finding.Finding, string) {
	for _, line := range said {
		for _, c := range all {
			if names(line, c) {
				return c, line
			}
		}
	}
	return nil, ""
}

// names reports whether a line names the process of a finding.
func names(line string, c *finding.Finding) bool {
	return c.Subject.PID != "" && strings.Contains(line, c.Subject.PID) || containsWord(line, c.Subject.Name)
}

// containsWord reports whether a name stands in a line, and not as a part of a
// longer one; nor as a word of prose: a name that is a plain lower-case word has
// to be quoted.
func containsWord(line, name string) bool {
	if name == "" {
		return false
	}
	plain := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == ""
	for at := 0; ; {
		i := strings.Index(line[at:], name)
		if i < 0 {
			return false
		}
		from, to := at+i, at+i+len(name)
		before, behind := byte(' '), byte(' ')
		if from > 0 {
			before = line[from-1]
		}
		if to < len(line) {
			behind = line[to]
		}
		quoted := before == behind && strings.IndexByte("'\"`", before) >= 0 || before == '<' || before == '{' || failing(line[:from], line[to:])
		if !part(before) && !part(behind) && (!plain || quoted) {
			return true
		}
		at = to
	}
}

// failing reports whether what stands between two parts of a line is a part of an error, as Go's are
// put together: "process terminated abnormally - ledger: timed out".
func failing(before, behind string) bool {
	return strings.HasPrefix(behind, ": ") && (before == "" || strings.HasSuffix(before, "- ") || strings.HasSuffix(before, ": "))
}
