package compare

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"ergorecorder/escape"
	"ergorecorder/replay"
)

const (
	// shortest is the least length of a side: below it no block holds several
	// answers of a recorder's usual interval.
	shortest = 30 * time.Second
	// lengths and intervals may differ by so many times.
	lengths, intervals = 20, 4
)

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
	if long, short := longer(a.To.Sub(a.From), b.To.Sub(b.From)); long > lengths*short {
		left = append(left, fmt.Sprintf("one side is %.0f times as long as the other: what comes once a day or an hour may be in one of them only", float64(long)/float64(short)))
	}
	if long, short := longer(a.every, b.every); short > 0 && long > intervals*short {
		left = append(left, fmt.Sprintf("processes were listed every %s on one side and every %s on the other: how long messages wait cannot be compared", long.Round(time.Millisecond), short.Round(time.Millisecond)))
		a.drop(Oldest, Mailbox)
		b.drop(Oldest, Mailbox)
	}
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
