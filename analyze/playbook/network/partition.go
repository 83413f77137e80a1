package network

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
)

// A split is a stretch in which the cluster was in several groups, all of them
// alive, that did not see each other.
type split struct {
	groups   [][]string // by size, the smallest first
	from, to time.Time  // to is zero where it lasts to the end
	off      time.Duration
	lost     [][2]string // the links between the groups
	older    bool        // it was so when the recording began
}

// A lostPair is a link of two living nodes that was lost for a while.
type lostPair struct {
	pair     [2]string
	from, to time.Time // to is the end of the window where it was not made again
	off      time.Duration
}

// at reports whether the link was lost at a moment.
func (l lostPair) at(t time.Time) bool { return !l.from.After(t) && l.to.After(t) }

// A union is nodes by another of the same group, or itself.
type union map[string]string

func (u union) find(n string) string {
	for u[n] != "" && u[n] != n {
		n = u[n]
	}
	return n
}

func (u union) join(pair [2]string) {
	for _, n := range pair {
		if u[n] == "" {
			u[n] = n
		}
	}
	u[u.find(pair[0])] = u.find(pair[1])
}

// heal is how long a lost link must stay lost to divide a cluster: nodes that
// find each other again at once were not divided.
const heal = 5 * time.Second

// partition finds the moments at which the links that are left do not connect
// all nodes any more, makes one finding of each, and puts the lost links below
// it. Two nodes that lose each other are a lost link.
func partition(s *scene.Scene, w *scene.Network, v *finding.Verdict) {
	if len(s.Nodes) < 3 {
		return
	}
	for _, p := range splits(s, w) {
		if !allAlive(s, p) {
			continue
		}
		f := divided(s, p)
		for _, link := range v.Findings {
			between := slices.ContainsFunc(p.lost, func(k [2]string) bool {
				return k[0] == link.Subject.Node && k[1] == link.Subject.Peer || k[1] == link.Subject.Node && k[0] == link.Subject.Peer
			})
			if between && (link.Kind == finding.LinkDown || link.Kind == finding.LinkFlap) {
				link.FollowsFrom(f, "the two are in groups that do not see each other")
			}
		}
		v.Find(f)
	}
}

// allAlive reports whether every recorded node of every group was heard of since: one that was not
// may be down. One that is not recorded is linked with one that is.
func allAlive(s *scene.Scene, p split) bool {
	return !slices.ContainsFunc(slices.Concat(p.groups...), func(name string) bool {
		n := s.Node(name)
		return n != nil && n.Heard.From(p.from.Add(p.off+time.Millisecond)).Len() == 0
	})
}

func splits(s *scene.Scene, w *scene.Network) []split {
	var lost []lostPair
	for _, pair := range w.Pairs() {
		for _, l := range w.Losses(pair[0], pair[1]) {
			to := l.Made
			if to.IsZero() {
				to = s.To
			}
			if l.Partial || to.Sub(l.Before) < heal || goneAround(s, w, l, pair[0], pair[1]) {
				continue
			}
			at, off := narrow(s, l, pair[0], pair[1]).At()
			lost = append(lost, lostPair{pair, at, to, off})
		}
	}
	pairs := w.Pairs()
	for _, pair := range slices.Concat(pairs, unseen(w, pairs)) {
		if made, ok := apartUntil(s, w, pair[0], pair[1]); ok {
			if made.IsZero() {
				made = s.To
			}
			lost = append(lost, lostPair{pair: pair, from: s.From, to: made, off: s.Usual(s.Nodes[0])})
		}
	}
	slices.SortFunc(lost, func(a, b lostPair) int { return a.from.Compare(b.from) })
	var all []split
	for _, l := range lost {
		// Links of one partition are missed within seconds of each other.
		at := l.from.Add(heal)
		if n := len(all); n > 0 && (all[n-1].to.IsZero() || at.Before(all[n-1].to)) {
			continue
		}
		groups, cut := groupsAt(s, w, lost, l.pair[0], at)
		if len(groups) < 2 {
			continue
		}
		p := split{groups: groups, from: l.from, off: l.off, older: l.from.Equal(s.From)}
		end := time.Time{}
		for _, c := range cut {
			p.lost = append(p.lost, c.pair)
			if c.from.Before(p.from) {
				p.from, p.off = c.from, c.off
			}
			if end.IsZero() || c.to.Before(end) {
				end = c.to // the first link between them that was made again
			}
		}
		if end.Before(s.To) {
			p.to = end
		}
		all = append(all, p)
	}
	return all
}

// groupsAt are the groups of nodes that see each other at a moment, of those that a node is connected
// with at some time or cannot be, and the lost links between them.
func groupsAt(s *scene.Scene, w *scene.Network, lost []lostPair, of string, at time.Time) (groups [][]string, cut []lostPair) {
	linked, met := union{}, union{}
	for _, l := range lost {
		met.join(l.pair)
	}
	recorded := func(n string) bool { return s.Node(n) != nil }
	for _, pair := range w.Pairs() {
		met.join(pair)
		down := slices.ContainsFunc(lost, func(l lostPair) bool { return l.pair == pair && l.at(at) })
		both := recorded(pair[0]) && recorded(pair[1]) // of others nobody was asked whether they could not
		if !down && (both || !firstMade(w, pair[0], pair[1]).After(at)) {
			linked.join(pair)
		}
	}
	members := map[string][]string{}
	for _, n := range slices.Sorted(maps.Keys(met)) {
		if met.find(n) == met.find(of) {
			members[linked.find(n)] = append(members[linked.find(n)], n)
		}
	}
	for _, m := range members {
		if !slices.ContainsFunc(m, recorded) {
			continue // it may be down
		}
		groups = append(groups, m)
	}
	slices.SortFunc(groups, func(a, b []string) int {
		if len(a) != len(b) {
			return len(a) - len(b)
		}
		return strings.Compare(a[0], b[0])
	})
	for _, l := range lost {
		a, b := linked.find(l.pair[0]), linked.find(l.pair[1])
		if l.at(at) && a != b && slices.ContainsFunc(members[a], recorded) && slices.ContainsFunc(members[b], recorded) {
			cut = append(cut, l)
		}
	}
	return groups, cut
}

func divided(s *scene.Scene, p split) *finding.Finding {
	var words []string
	for _, g := range p.groups {
		words = append(words, "{"+strings.Join(g, ", ")+"}")
	}
	first := p.lost[0]
	if !slices.Contains(p.groups[0], first[0]) && slices.Contains(p.groups[0], first[1]) {
		first[0], first[1] = first[1], first[0]
	}
	f := &finding.Finding{
		Kind: finding.Partition, Score: finding.Score(finding.Partition, float64(len(p.groups[0]))), Confidence: finding.High,
		Subject: finding.Subject{Node: first[0], Peer: first[1], Incarnation: s.Incarnation(first[0], p.from)},
		Onset:   p.from, OnsetErrorS: max(0.5, p.off.Seconds()),
		Title: fmt.Sprintf("The cluster is split into %s, all alive", strings.Join(words, " and ")),
		Summary: fmt.Sprintf("Since %s %s between the groups %s lost, and the links within them are not; all of these nodes went on answering.",
			finding.Clock(p.from), linkNames(p.lost), finding.Plural(len(p.lost), "is", "are")),
		Recommendation: "Examine the network between the groups (switch, firewall, security group, route); the nodes themselves are well. Decide which side may go on before they meet again.",
		Confirm:        []string{"cluster_nodes on a node of each group", "network_nodes on " + first[0]},
	}
	since := " any more"
	if p.older {
		since = ""
	}
	for _, k := range p.lost {
		from := p.from
		f.Evidence = append(f.Evidence, finding.Evidence{
			What: fmt.Sprintf("%s and %s are not connected%s", k[0], k[1], since), Node: k[0], Tool: "network_nodes", Field: "ConnectionUptime", From: &from,
		})
		if len(f.Evidence) == 6 {
			break
		}
	}
	if p.older {
		f.Facts, f.Confidence = append(f.Facts, finding.Older), finding.Medium
		f.Summary = fmt.Sprintf("It was so when the recording began: %s between the groups %s not there, and the links within them are; all of these nodes went on answering.",
			linkNames(p.lost), finding.Plural(len(p.lost), "was", "were"))
	}
	if !p.to.IsZero() {
		end := p.to
		f.End = &end
		f.Title = strings.Replace(f.Title, "is split", "was split", 1)
		f.Summary += fmt.Sprintf(" At %s the first of these links was made again.", finding.Clock(end))
	}
	if len(p.groups) == 2 && len(p.groups[0]) == 1 {
		f.Caveats = append(f.Caveats, fmt.Sprintf("It may be %s alone that is cut off: from inside, that looks the same.", p.groups[0][0]))
	}
	return f
}

// linkNames says which links were lost, the first few by name.
func linkNames(pairs [][2]string) string {
	var names []string
	for _, p := range pairs {
		names = append(names, p[0]+" to "+p[1])
	}
	if len(names) > 4 {
		names = append(names[:4:4], fmt.Sprintf("%d more", len(pairs)-4))
	}
	return finding.Plural(len(pairs), "the link ", "the links ") + strings.Join(names, ", ")
}
