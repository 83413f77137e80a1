package compare_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/compare"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/pace"
	"ergorecorder/internal/sim"
)

// side is ten minutes of a cluster of three nodes with five behaviors, from a
// seed, with what a test changes.
func side(t testing.TB, seed uint64, change func(*sim.Cluster)) compare.Side {
	t.Helper()
	return edited(t, seed, change, nil)
}

// edited is a side whose records a test alters.
func edited(t testing.TB, seed uint64, change func(*sim.Cluster), edit func(*archive.Record)) compare.Side {
	t.Helper()
	c := sim.New(seed, 0)
	c.Length = 10 * time.Minute
	for _, n := range c.Nodes {
		sup := n.Actors[0]
		for i, kind := range []struct {
			behavior string
			rate     float64
			service  time.Duration
		}{{"shop.Clerk", 12, 900 * time.Microsecond}, {"shop.Cart", 8, 400 * time.Microsecond}, {"shop.Ledger", 5, 2 * time.Millisecond}, {"shop.Mail", 3, 700 * time.Microsecond}, {"shop.Stock", 10, 300 * time.Microsecond}} {
			for k := range 2 {
				n.Add(&sim.Actor{Name: fmt.Sprintf("%s_%d", strings.ToLower(kind.behavior[5:]), k), Behavior: kind.behavior, Parent: sup, Rate: kind.rate * (1 + 0.3*float64(k)), Service: kind.service})
			}
			if i == 2 {
				n.Say(time.Minute*time.Duration(1+seed%7), "warning", fmt.Sprintf("ledger page %d is nearly full", seed), sup)
			}
		}
	}
	c.Edit = func(_ *sim.Node, tool string, at time.Duration, answer any) any {
		if m, ok := answer.(map[string]any); ok && tool == "node_info" {
			m["UserTime"], m["SystemTime"] = int64(at/20), int64(at/50)
		}
		return answer
	}
	if change != nil {
		change(c)
	}
	records := c.Records()
	for _, r := range records {
		if edit != nil {
			edit(r)
		}
	}
	return opened(t, fixture.Written(t, nil, records))
}

func opened(t testing.TB, path string) compare.Side {
	t.Helper()
	return compare.Side{Recording: fixture.Open(t, path), Name: filepath.Base(path)}
}

func run(t testing.TB, a, b compare.Side) *compare.Comparison {
	t.Helper()
	c, err := compare.Run(t.Context(), a, b)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestNothingChanged holds that of all pairs of stretches in which nothing
// changed none is said to have: 105 pairs of 15 with LONG=1.
func TestNothingChanged(t *testing.T) {
	var sides []compare.Side
	for i := range pace.Times(15, 7, 2) {
		sides = append(sides, side(t, uint64(1000+i), nil))
	}
	for i, a := range sides {
		for j, b := range sides[i+1:] {
			c := run(t, a, b)
			if !c.Comparable || c.Questions < 60 || len(c.Changes) > 0 || len(c.Planned) > 0 {
				t.Errorf("%d and %d, %d questions: %s %v", i, i+1+j, c.Questions, c.Conclusion, c.Planned)
			}
		}
	}
}

// TestInjected holds that each injected change is found, and first.
func TestInjected(t *testing.T) {
	behaviors := []string{"shop.Clerk", "shop.Cart", "shop.Ledger", "shop.Mail", "shop.Stock"}
	if testing.Short() {
		behaviors = behaviors[3:4] // that with the fewest messages
	}
	for i, behavior := range behaviors {
		for k, up := range []float64{1.2, 0.8} {
			if !pace.Long() && k != i%2 {
				continue
			}
			slower := func(c *sim.Cluster) {
				each(c, behavior, func(a *sim.Actor) { a.Service = time.Duration(float64(a.Service) * up) })
			}
			busier := func(c *sim.Cluster) { each(c, behavior, func(a *sim.Actor) { a.Rate *= up }) }
			seed := uint64(10 * (i + 1))
			found(t, fmt.Sprintf("service of %s x %v", behavior, up), run(t, side(t, seed, nil), side(t, seed+1, slower)), compare.ServiceTime, behavior, "")
			found(t, fmt.Sprintf("rate of %s x %v", behavior, up), run(t, side(t, seed+2, nil), side(t, seed+3, busier)), compare.Rate, behavior, "")
		}
	}
	heavier := func(c *sim.Cluster) {
		edit := c.Edit
		c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
			if m, ok := answer.(map[string]any); ok && tool == "runtime_stats" && n.Name == "east@lab" {
				m["heap_alloc"] = m["heap_alloc"].(int64) * 13 / 10
			}
			return edit(n, tool, at, answer)
		}
	}
	found(t, "heap", run(t, side(t, 5, nil), side(t, 6, heavier)), compare.HeapKept, "", "east@lab")
}

func each(c *sim.Cluster, behavior string, change func(*sim.Actor)) {
	for _, n := range c.Nodes {
		for _, a := range n.Actors {
			if a.Behavior == behavior {
				change(a)
			}
		}
	}
}

func found(t *testing.T, what string, c *compare.Comparison, metric compare.Metric, behavior, node string) {
	t.Helper()
	if len(c.Changes) == 0 || c.Changes[0].Metric != metric || c.Changes[0].Subject.Behavior != behavior || c.Changes[0].Subject.Node != node {
		t.Errorf("%s: %s %v", what, c.Conclusion, c.Planned)
		return
	}
	for _, x := range c.Changes[1:] {
		if x.ExplainedBy == "" {
			t.Errorf("%s: besides it, %s", what, x.Text)
		}
	}
	x := c.Changes[0]
	if x.Low > x.Ratio || x.High < x.Ratio {
		t.Errorf("%s: the interval %v to %v does not hold %v", what, x.Low, x.High, x.Ratio)
	}
}

// TestPlanned: a doubled load and nodes that were all started anew are named, and
// no change is made of them.
func TestPlanned(t *testing.T) {
	if testing.Short() {
		t.Skip("many judgements")
	}
	double := func(c *sim.Cluster) {
		for _, n := range c.Nodes {
			for _, a := range n.Actors {
				a.Rate *= 2
			}
		}
	}
	c := run(t, side(t, 41, nil), side(t, 42, double))
	if len(c.Planned) != 1 || c.Planned[0].Kind != "load" || len(c.Changes) > 0 && c.Changes[0].Metric == compare.Rate {
		t.Errorf("twice the load: %v %s", c.Planned, c.Conclusion)
	}
	anew := func(c *sim.Cluster) { c.From = c.From.Add(time.Hour) }
	if c := run(t, side(t, 43, nil), side(t, 44, anew)); len(c.Planned) != 1 || c.Planned[0].Kind != "restart" || len(c.Changes) > 0 {
		t.Errorf("all nodes anew: %v %s", c.Planned, c.Conclusion)
	}
	release := func(c *sim.Cluster) {
		edit := c.Edit
		c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
			if m, ok := answer.(map[string]any); ok && tool == "node_info" {
				m["Framework"] = "Ergo Framework:3.9.9"
			}
			return edit(n, tool, at, answer)
		}
	}
	older := func(c *sim.Cluster) {
		release(c)
		edit := c.Edit
		c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
			answer = edit(n, tool, at, answer)
			if m, ok := answer.(map[string]any); ok && tool == "node_info" {
				m["Framework"] = "Ergo Framework:3.9.8"
			}
			return answer
		}
	}
	if c := run(t, side(t, 45, older), side(t, 46, release)); len(c.Planned) != 1 || c.Planned[0].Kind != "deploy" {
		t.Errorf("another release: %v %s", c.Planned, c.Conclusion)
	}
}

// TestCanary holds some nodes against the others of one recording.
func TestCanary(t *testing.T) {
	s := side(t, 51, func(c *sim.Cluster) {
		for _, a := range c.Nodes[1].Actors {
			if a.Behavior == "shop.Ledger" {
				a.Service = a.Service * 13 / 10
			}
		}
	})
	rest, canary := s, s
	rest.Nodes, canary.Nodes = "[ns]*", "east*"
	found(t, "canary", run(t, rest, canary), compare.ServiceTime, "shop.Ledger", "")
}

// TestGate: what cannot be compared is said, and left out.
func TestGate(t *testing.T) {
	a := side(t, 61, nil)
	short := a
	short.To = time.Date(2026, 11, 22, 10, 0, 10, 0, time.UTC)
	if c := run(t, a, short); c.Comparable || !strings.Contains(c.Conclusion, "too short") {
		t.Errorf("ten seconds: %s", c.Conclusion)
	}
	untagged := side(t, 62, func(c *sim.Cluster) { c.Latency = false })
	c := run(t, a, untagged)
	if !strings.Contains(strings.Join(c.Left, "\n"), "tags") || len(c.Changes) > 0 {
		t.Errorf("other tags: %v %s", c.Left, c.Conclusion)
	}
	other := side(t, 63, func(c *sim.Cluster) { c.Nodes[0].App = "depot" })
	if c := run(t, a, other); !strings.Contains(strings.Join(c.Left, "\n"), "depot") {
		t.Errorf("another application: %v", c.Left)
	}
	nobody := a
	nobody.Nodes = "nobody*"
	if _, err := compare.Run(t.Context(), a, nobody); err == nil {
		t.Error("nodes that there are not are compared")
	}
}

// TestClocks: what was counted by a clock that moved is left out, and said.
func TestClocks(t *testing.T) {
	if testing.Short() {
		t.Skip("many judgements")
	}
	a := side(t, 64, nil)
	begin := time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	stepped := edited(t, 65, nil, func(r *archive.Record) {
		r.Mono = r.At.Sub(begin) + time.Second
		if r.At.Sub(begin) > 5*time.Minute {
			r.At = r.At.Add(2 * time.Minute)
		}
	})
	ahead := side(t, 66, func(c *sim.Cluster) {
		edit := c.Edit
		c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
			if m, ok := answer.(map[string]any); ok && tool == "node_info" && n.Name == "east@lab" {
				m["ServerTime"] = c.At(at + time.Minute).Format(time.RFC3339Nano)
			}
			return edit(n, tool, at, answer)
		}
	})
	for want, b := range map[string]compare.Side{
		"the clock of the machine that recorded moved by 2 min": stepped,
		"the clock of east@lab was up to 60 s ahead":            ahead,
	} {
		c := run(t, a, b)
		if !strings.Contains(strings.Join(c.Left, "\n"), want) || len(c.Changes) > 0 {
			t.Errorf("no %q: %v %s", want, c.Left, c.Conclusion)
		}
	}
	if c := run(t, a, a); c.Comparable || !strings.Contains(c.Conclusion, "the same stretch") {
		t.Errorf("a side against itself: %s", c.Conclusion)
	}
	if c := run(t, a, side(t, 67, nil)); len(c.Left) > 0 {
		t.Errorf("of clocks that are right it is said: %v", c.Left)
	}
}

// TestMoreThanCanBeTakenOff: six times the load is named, and what follows from it
// alone is not compared.
func TestMoreThanCanBeTakenOff(t *testing.T) {
	if testing.Short() {
		t.Skip("many judgements")
	}
	c := run(t, side(t, 68, nil), side(t, 69, func(c *sim.Cluster) {
		for _, n := range c.Nodes {
			for _, a := range n.Actors {
				a.Rate *= 6
			}
		}
	}))
	if len(c.Planned) != 1 || c.Planned[0].Kind != "load" || !strings.Contains(strings.Join(c.Left, "\n"), "more than can be taken off") {
		t.Errorf("%v %v", c.Planned, c.Left)
	}
	for _, x := range c.Changes {
		if x.Metric == compare.CPU || x.Metric == compare.Mailbox || x.Metric == compare.Rate {
			t.Errorf("it is claimed: %s", x.Text)
		}
	}
}

// TestNotSettled: a difference that a few answers cannot tell from chance, or
// that a part of a side alone shows, is told as that, and never as health.
func TestNotSettled(t *testing.T) {
	flood := func(c *sim.Cluster) {
		for _, a := range c.Nodes[1].Actors {
			if a.Behavior == "shop.Mail" {
				a.Change = []sim.Change{{At: 9 * time.Minute, Rate: 3000, Service: a.Service}}
			}
		}
	}
	a, b := side(t, 73, nil), side(t, 74, flood)
	c := run(t, a, b)
	if !strings.Contains(strings.Join(c.Open, "\n"), "messages handled of shop.Mail") && !strings.Contains(c.Conclusion, "shop.Mail") {
		t.Errorf("a flood at the end: %s %v", c.Conclusion, c.Open)
	}
	b.From = time.Date(2026, 11, 22, 10, 9, 20, 0, time.UTC)
	if c := run(t, a, b); c.Unasked == 0 || !strings.Contains(c.Conclusion, "too few answers") && len(c.Changes) == 0 {
		t.Errorf("40 s: %s", c.Conclusion)
	}
}

// TestNewLines: a line that is new, and errors that are more, are found.
func TestNewLines(t *testing.T) {
	noisy := func(c *sim.Cluster) {
		for i := range 60 {
			c.Nodes[0].Say(time.Duration(10*i)*time.Second, "error", fmt.Sprintf("cannot reach depot %d: refused", i), c.Nodes[0].Actors[1])
		}
	}
	c := run(t, side(t, 71, nil), side(t, 72, noisy))
	metrics := map[compare.Metric]bool{}
	for _, x := range c.Changes {
		metrics[x.Metric] = true
	}
	if !metrics[compare.Errors] || !metrics[compare.Lines] {
		t.Errorf("errors of a new kind: %s", c.Conclusion)
	}
}

// TestCaptures holds stretches of captures in which nothing happened against each
// other: twenty pairs.
func TestCaptures(t *testing.T) {
	dir := os.Getenv("ERGO_CAPTURES")
	if dir == "" {
		t.Skip("ERGO_CAPTURES is not set")
	}
	pairs := 0
	for _, name := range []string{"healthy", "wide"} {
		pairs += capturePairs(t, filepath.Join(dir, name))
	}
	if pairs < 20 {
		t.Errorf("only %d pairs", pairs)
	}
}

// capturePairs compares stretches of a capture that follow each other, and
// returns how many pairs there were.
func capturePairs(t *testing.T, path string) (pairs int) {
	t.Helper()
	s := opened(t, fixture.Bare(t, path))
	from, to := s.Recording.Window()
	for _, length := range []time.Duration{45 * time.Second, time.Minute, 80 * time.Second} {
		for at := from; at.Add(2 * length).Before(to); at = at.Add(10 * time.Second) {
			a, b := s, s
			a.From, a.To, b.From, b.To = at, at.Add(length), at.Add(length+1), at.Add(2*length)
			pairs++
			if c := run(t, a, b); !c.Comparable || len(c.Changes) > 0 || len(c.Planned) > 0 {
				t.Errorf("%s: %s from %s, %d questions: %s %v", filepath.Base(path), length, at.UTC().Format(time.TimeOnly), c.Questions, c.Conclusion, c.Planned)
			}
		}
	}
	return pairs
}
