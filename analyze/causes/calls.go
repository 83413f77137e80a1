package causes

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

// calls finds for each process that waits for replies the one that keeps it
// waiting: who is at fault otherwise, for a waiter is never a root while
// somebody who does not wait is. Where nobody is, they wait for each other. It
// returns the cycles that it found.
func (g *graph) calls(ctx context.Context) ([]*finding.Finding, error) {
	var waiters, answered []*finding.Finding // who is answered, if late, waits for nobody at fault
	for _, f := range g.findings {
		switch {
		case f.Cause != nil || !f.Is(finding.Waits):
		case f.Score < finding.ScoreWarning:
			answered = append(answered, f)
		default:
			waiters = append(waiters, f)
		}
	}
	defer g.siblings(answered)
	if len(waiters) == 0 {
		return nil, nil
	}
	said, err := g.said(ctx, waiters)
	if err != nil {
		return nil, err
	}
	net, err := g.scene.Network(ctx)
	if err != nil {
		return nil, err
	}
	var left []*finding.Finding
	for _, f := range waiters {
		if !g.calleeOf(net, f, said[f]) {
			left = append(left, f)
		}
	}
	var cycles []*finding.Finding
	if unseen := g.notRecorded(net); len(unseen) == 0 {
		var kept []*finding.Finding
		if cycles, kept, err = g.cycles(ctx, left); err != nil {
			return nil, err
		}
		for _, f := range kept {
			g.likely(net, f, g.candidates(f), "in the cluster")
		}
	} else {
		for _, f := range left {
			f.Or(fmt.Sprintf("It waits for somebody on %s, of which no process was listed.", finding.List(unseen)), "its log, its stack or its code names whom it calls; the processes of that node.")
		}
	}
	for _, f := range left {
		if f.Cause == nil {
			g.elsewhere(net, f)
		}
	}
	g.siblings(left)
	return cycles, nil
}

// notRecorded are the nodes that others are connected to and of which no process
// was listed: whoever waits may wait for one of theirs.
func (g *graph) notRecorded(net *scene.Network) []string {
	var out []string
	for k := range net.Links {
		if n := g.scene.Node(k[1]); (n == nil || len(n.Procs.Listings) == 0) && !slices.Contains(out, k[1]) {
			out = append(out, k[1])
		}
	}
	return out
}

// said is what each waiter logged since shortly before it began to wait.
func (g *graph) said(ctx context.Context, waiters []*finding.Finding) (map[*finding.Finding][]string, error) {
	out := map[*finding.Finding][]string{}
	for _, n := range g.scene.Nodes {
		var pids []string
		var since time.Time
		for _, f := range waiters {
			if f.Subject.Node == n.Name {
				pids = append(pids, f.Subject.PID)
				if since.IsZero() {
					since = f.Onset.Add(-work.CallTimeout)
				}
			}
		}
		if pids == nil {
			continue
		}
		said, err := g.scene.SaidBy(ctx, n, since, pids)
		if err != nil {
			return nil, err
		}
		for _, f := range waiters {
			if f.Subject.Node == n.Name {
				out[f] = said[f.Subject.PID]
			}
		}
	}
	for _, f := range waiters { // who died said it under another PID: its last words are evidence
		for _, e := range f.Evidence {
			if finding.Among(f.Kind, finding.RestartLoop, finding.SupervisorLimit, finding.ApplicationDown) {
				out[f] = append(out[f], e.Lines...)
			}
		}
	}
	return out, nil
}

// calleeOf explains a waiter by the process that its log names, else by one of
// its own application.
func (g *graph) calleeOf(net *scene.Network, f *finding.Finding, said []string) bool {
	all := g.candidates(f)
	if c, line := mentioned(append(slices.Clone(all), g.alsoWaiting(f)...), said); c != nil {
		g.waitsFor(f, c, "its log names it: "+line)
		f.Summary += " It waits for " + c.Subject.Who() + ", which its log names."
		return true
	}
	var own []*finding.Finding
	for _, c := range all {
		if f.Subject.Application != "" && c.Subject.Application == f.Subject.Application {
			own = append(own, c)
		}
	}
	return g.likely(net, f, own, "of its application")
}

// alsoWaiting are those who wait themselves, at the same time: none of them is at fault, but one that a log
// names is the next in the chain.
func (g *graph) alsoWaiting(f *finding.Finding) []*finding.Finding {
	var out []*finding.Finding
	for _, c := range g.findings {
		over := c.End != nil && c.End.Before(f.Onset) || f.End != nil && f.End.Before(c.Onset.Add(-slack(c, f)))
		if c != f && !over && c.Is(finding.Waits) && c.Score >= finding.ScoreWarning && g.rows[c.Kind].Leads(finding.WaitsFor, f.Kind) && !finding.LeadsTo(f, c) {
			out = append(out, c)
		}
	}
	return out
}

// elsewhere explains a waiter by a process of another application, if there is
// but one at fault.
func (g *graph) elsewhere(net *scene.Network, f *finding.Finding) {
	if all := g.candidates(f); len(roots(all)) == 1 {
		g.likely(net, f, all, "in the cluster")
	}
}

// likely explains a waiter by the likeliest of several processes at fault: on
// the side on which its node's calls fail, else on its own node, the last that
// began before it. It says who else it may be.
func (g *graph) likely(net *scene.Network, f *finding.Finding, all []*finding.Finding, where string) bool {
	if len(all) == 0 {
		return false
	}
	all = keepsWaiting(all)
	side, why := g.side(net, f, all)
	if side == nil {
		side = slices.DeleteFunc(slices.Clone(all), func(c *finding.Finding) bool { return !sameNode(c, f) })
	}
	if len(side) == 0 {
		side = all
	}
	best := side[0]
	for _, c := range side[1:] {
		if c.Onset.After(best.Onset) && !c.Onset.After(f.Onset.Add(slack(c, f))) {
			best = c
		}
	}
	because := "it waits for replies, " + lag(best, f)
	if why != "" {
		because += "; " + why
	}
	g.waitsFor(f, best, because)
	var others []string
	for _, c := range all {
		if r := rootOf(c); r != rootOf(best) {
			others = append(others, r.Subject.Who())
		}
	}
	if others == nil {
		f.Summary += fmt.Sprintf(" It probably waits for %s: nobody else %s was at fault who does not wait himself.", best.Subject.Who(), where)
		f.Caveats = append(f.Caveats, "Whom it calls is inferred from who was at fault; its log or its code would settle it.")
		return true
	}
	f.Summary += fmt.Sprintf(" It may wait for %s.", best.Subject.Who())
	f.Or(fmt.Sprintf("It waits for %s.", finding.List(others)), "its log, its stack or its code names whom it calls.")
	f.Confidence = finding.Medium
	return true
}

// keepsWaiting are those of the candidates for whom messages wait: who burns CPU and lets
// none wait answers in time, as does who is worth a note only, and is whom somebody waits for
// only where there is no other.
func keepsWaiting(all []*finding.Finding) []*finding.Finding {
	waited := slices.DeleteFunc(slices.Clone(all), func(c *finding.Finding) bool {
		return c.Kind == finding.CPUHotspot || c.Score < finding.ScoreWarning
	})
	if len(waited) == 0 {
		return all
	}
	return waited
}

// side is those of the candidates that are where the calls of the waiter's node
// fail, by its counters, and what these say; nil where they do not tell.
func (g *graph) side(net *scene.Network, f *finding.Finding, all []*finding.Finding) (there []*finding.Finding, why string) {
	n := g.scene.Node(f.Subject.Node)
	if n == nil {
		return nil, ""
	}
	since := f.Onset.Add(-g.scene.Usual(n))
	local, _ := series.Increase(n.Series(ergo.Node, "CallErrorsLocal").From(since), n.Starts...)
	remote, _ := series.Increase(series.Without(n.Series(ergo.Node, "CallErrorsRemote"), net.OwnErrors(n)).From(since), n.Starts...)
	if (local > 0) == (remote > 0) {
		return nil, ""
	}
	for _, c := range all {
		if sameNode(c, f) == (local > 0) {
			there = append(there, c)
		}
	}
	if there == nil {
		return nil, ""
	}
	where := "on other nodes"
	if local > 0 {
		where = "on its own node"
	}
	return there, fmt.Sprintf("%s calls of its node failed meanwhile, all of them %s", finding.Number(local+remote), where)
}

func (g *graph) waitsFor(f, callee *finding.Finding, because string) {
	f.FollowsFrom(callee, because)
	if callee.Subject.Node != f.Subject.Node {
		f.Subject.Peer = callee.Subject.Node
	}
}

// mentioned is the candidate that a log names by PID or name, and the line.
func mentioned(all []*finding.Finding, said []string) (*finding.Finding, string) {
	for _, line := range said {
		for _, c := range all {
			if c.Subject.PID != "" && strings.Contains(line, c.Subject.PID) || containsWord(line, c.Subject.Name) {
				return c, line
			}
		}
	}
	return nil, ""
}

// containsWord reports whether a name stands in a line, and not as a part of a
// longer one; nor as a word of prose: a name that is a plain lower-case word has
// to be quoted.
func containsWord(line, name string) bool {
	if name == "" {
		return false
	}
	plain := strings.Trim(name, "abcdefghijklmnopqrstuvwxyz") == ""
	part := func(b byte) bool {
		return b == '_' || b >= '0' && b <= '9' || b >= 'a' && b <= 'z' || b >= 'A' && b <= 'Z'
	}
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

// siblings puts waiters of one behavior and node, for which nobody could be
// found, below the first of them: they call the same.
func (g *graph) siblings(left []*finding.Finding) {
	for i, f := range left {
		if f.Cause != nil {
			continue
		}
		for _, first := range left[:i] {
			if first.Cause == nil && first.Subject.Behavior == f.Subject.Behavior && first.Subject.Application == f.Subject.Application && f.Subject.Behavior != "" {
				f.FollowsFrom(first, "it has the same code, and began to wait "+lag(first, f)+": they wait for the same, whoever that is")
				break
			}
		}
	}
}
