package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

const (
	// shortest is the least length of a side: below it no block holds several
	// answers of a recorder's usual interval.
	shortest = 30 * time.Second
	// lengths and intervals may differ by so many times.
	lengths, intervals = 20, 4
	// mostLoad is by how many times as many messages what they use can still be
	// divided by their number: beyond, waiting grows faster than the load, and
	// what a node uses while idle is shared by others.
	mostLoad = 4
	// mostMixed is by how many times the number of all messages may differ from
	// what the behaviors have in common: beyond, a node's messages are other ones,
	// and what one costs on average says nothing.
	mostMixed = 1.5
)

// gateLoad leaves out what follows from the load alone, and says so.
func gateLoad(a, b *sheet, load float64) (left []string) {
	if load > mostLoad || load < 1.0/mostLoad {
		left = append(left, fmt.Sprintf("%.2g times as many messages are more than can be taken off: how long messages wait, and what nodes use, is not compared", load))
		a.drop(Mailbox, Oldest, CPU, CPUMessage, Allocation)
		b.drop(Mailbox, Oldest, CPU, CPUMessage, Allocation)
	}
	was, is := a.handled(), b.handled()
	if was <= 0 || is <= 0 {
		return left
	}
	if mix := is / was / load; mix > mostMixed || mix < 1/mostMixed {
		left = append(left, fmt.Sprintf("%.3g times as many messages are handled in all, and that is not so of most behaviors: what a node uses for a message is not compared, for the messages are other ones", is/was))
		a.drop(CPUMessage, Allocation)
		b.drop(CPUMessage, Allocation)
	}
	return left
}

// handled is how many messages are handled a second in all.
func (s *sheet) handled() float64 {
	n := 0.0
	for k, t := range s.tracks {
		if k.metric == Rate && k.subject.Node != "" {
			num, _ := t.total()
			n += num
		}
	}
	return n / s.To.Sub(s.From).Seconds()
}

// gate says what cannot be compared, and why; fatal where nothing can.
func gate(a, b *sheet) (left []string, fatal bool) {
	for _, s := range []*sheet{a, b} {
		switch {
		case len(s.nodes) == 0:
			return append(left, s.Name+": no node of it was recorded"), true
		case s.To.Sub(s.From) < shortest:
			return append(left, fmt.Sprintf("%s has %s, which is too short: %s are needed", s.label(), s.To.Sub(s.From).Round(time.Second), shortest)), true
		case s.listed < leastBlocks:
			left = append(left, fmt.Sprintf("%s has %d listings of processes: behaviors cannot be compared", s.label(), s.listed))
		}
	}
	switch {
	case a.Recording == b.Recording && a.Nodes == b.Nodes && a.From.Equal(b.From) && a.To.Equal(b.To):
		return append(left, "both sides are the same stretch of the same nodes"), true
	case b.From.Before(a.From.Add(-time.Second)) && b.To.Before(a.To):
		left = append(left, "what is called later began earlier: what changed is said the other way round")
	case a.Recording == b.Recording && b.From.Before(a.To) && len(shared(a.nodes, b.nodes)) > 0:
		left = append(left, "both sides share "+finding.Duration(a.To.Sub(b.From))+": what changed within them counts for both")
	}
	if long, short := longer(a.To.Sub(a.From), b.To.Sub(b.From)); long > lengths*short {
		left = append(left, fmt.Sprintf("one side is %.0f times as long as the other: what comes once a day or an hour may be in one of them only", float64(long)/float64(short)))
	}
	if long, short := longer(a.every, b.every); short > 0 && long > intervals*short {
		left = append(left, fmt.Sprintf("processes were listed every %s on one side and every %s on the other: how long messages wait cannot be compared", long.Round(time.Millisecond), short.Round(time.Millisecond)))
		a.drop(Oldest, Mailbox)
		b.drop(Oldest, Mailbox)
	}
	left = append(left, gateClocks(a, b)...)
	if x, y := tags(a.nodes), tags(b.nodes); x != y {
		left = append(left, fmt.Sprintf("the nodes were built with other tags (%s; %s): the age of messages is not compared", x, y))
		a.drop(Oldest)
		b.drop(Oldest)
	}
	for name := range onlyIn(a.apps, b.apps) {
		left = append(left, "the application "+escape.Name(name)+" ran before only")
	}
	for name := range onlyIn(b.apps, a.apps) {
		left = append(left, "the application "+escape.Name(name)+" runs later only")
	}
	slices.Sort(left)
	return left, false
}

// shared are the nodes that both sides have.
func shared(a, b []replay.Node) []string {
	return slices.DeleteFunc(names(a), func(name string) bool { return !slices.Contains(names(b), name) })
}

func (s *sheet) label() string {
	return fmt.Sprintf("%s, %s to %s", s.Name, s.From.UTC().Format("15:04:05"), s.To.UTC().Format("15:04:05"))
}

func longer(a, b time.Duration) (long, short time.Duration) { return max(a, b), min(a, b) }

func (s *sheet) drop(metrics ...Metric) {
	maps.DeleteFunc(s.tracks, func(k key, _ track) bool { return slices.Contains(metrics, k.metric) })
}

// tags are the build tags of nodes, as far as they are known.
func tags(nodes []replay.Node) string {
	latency := map[string]bool{}
	for _, n := range nodes {
		latency[n.Latency.String()] = true
	}
	return "latency " + strings.Join(slices.Sorted(maps.Keys(latency)), " and ")
}

func onlyIn(a, b map[string]bool) map[string]bool {
	out := map[string]bool{}
	for name := range a {
		if name != "" && !b[name] {
			out[name] = true
		}
	}
	return out
}
