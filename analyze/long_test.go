package analyze_test

import (
	"testing"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/internal/sim"
)

// day is one node, recorded for a day every 30 s, built without any tag.
func day() *sim.Cluster {
	c := sim.New(1, 3)
	c.Length, c.Interval, c.Latency, c.Ages, c.Nodes = 24*time.Hour, 30*time.Second, false, false, c.Nodes[:1]
	for _, a := range c.Nodes[0].Actors {
		a.Rate /= 100
	}
	return c
}

// Restarts hours apart are what supervisors are for.
func TestRestartsFarApart(t *testing.T) {
	c := day()
	restarts(c.Nodes[0], "clerk_02", 4*time.Hour, 8*time.Hour, 3, true)
	for _, f := range roots(judge(t, c)) {
		t.Errorf("false alarm: %s", line(f))
	}
}

// A loop begins with the first restart of it, not with one hours before, and
// goes on for as long as there are restarts, however many.
func TestLongRestartLoop(t *testing.T) {
	c := day()
	n := c.Nodes[0]
	restarts(n, "clerk_02", 10*time.Minute, 2*time.Minute, 715, false)
	restarts(n, "clerk_01", 2*time.Hour, time.Second, 1, false)
	again := n.Actors[len(n.Actors)-1]
	var at []time.Duration
	for d := 20*time.Hour + minute; d < 24*time.Hour; d += 2 * time.Minute {
		at = append(at, d)
	}
	n.Restart(again, at...)
	want := map[string]time.Duration{"clerk_01": 20 * time.Hour, "clerk_02": 10 * time.Minute}
	for _, f := range judge(t, c).Findings {
		from, ok := want[f.Subject.Name]
		if f.Kind != "restart_loop" || !ok {
			continue
		}
		delete(want, f.Subject.Name)
		if f.Severity != finding.Critical || f.End != nil {
			t.Errorf("it goes on: %s, end %v", line(f), f.End)
		}
		if seen := f.Evidence[0].Values["restarts_seen"]; f.Subject.Name == "clerk_02" && seen != 715 {
			t.Errorf("%v restarts, want 715", seen)
		}
		if f.Onset.Sub(c.At(from)).Abs() > minute {
			t.Errorf("onset, want %s: %s", c.At(from), line(f))
		}
	}
	if len(want) > 0 {
		t.Errorf("not found: %v", want)
	}
}

// A day's load is no hotspot: CPU and messages rise alike. CPU that rises by
// itself is one, also when there are more of the messages that cost little.
func TestDayLoad(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges a day")
	}
	cores := func(at time.Duration) float64 { // from 0.17 at night to 0.63 by day, over two hours
		const night, day, slope = 0.17, 0.63, 7200.0
		t := at.Seconds() - 11*3600
		rise := min(max(t, 0), slope)
		return night*at.Seconds() + (day-night)*(rise*rise/2/slope+max(0, t-slope))
	}
	busier := func(at time.Duration) float64 { return max(0, (at - 12*time.Hour).Seconds()) }
	for _, tt := range []struct {
		name  string
		used  func(time.Duration) float64
		twist func(*sim.Cluster)
		found bool
	}{
		{"day", cores, func(*sim.Cluster) {}, false},
		{"three times the load at once", func(at time.Duration) float64 { return 0.21*at.Seconds() + 0.42*busier(at) }, func(c *sim.Cluster) {
			for _, a := range c.Nodes[0].Actors {
				a.Change = []sim.Change{{At: 12 * time.Hour, Rate: 3 * a.Rate, Service: a.Service}}
			}
		}, false},
		{"hot", func(at time.Duration) float64 { return 0.2*at.Seconds() + 0.7*busier(at) }, func(*sim.Cluster) {}, true},
		{"hot, and more of what is cheap", func(at time.Duration) float64 { return 0.2*at.Seconds() + 0.7*busier(at) }, func(c *sim.Cluster) {
			a := c.Nodes[0].Find("clerk_00")
			a.Behavior, a.Service = "shop.Bell", time.Microsecond
			a.Change = []sim.Change{{At: 12 * time.Hour, Rate: 20 * a.Rate, Service: time.Microsecond}}
		}, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := day()
			tt.twist(c)
			c.Edit = func(_ *sim.Node, tool string, at time.Duration, answer any) any {
				if tool == "node_info" {
					m := answer.(map[string]any)
					m["UserTime"], m["SystemTime"] = int64(1e9*tt.used(at)), int64(0)
				}
				return answer
			}
			found := false
			for _, f := range roots(judge(t, c)) {
				if f.Kind != "cpu_hotspot" || !tt.found {
					t.Errorf("false alarm: %s", line(f))
				}
				found = found || f.Kind == "cpu_hotspot"
			}
			if found != tt.found {
				t.Errorf("found %v, want %v", found, tt.found)
			}
		})
	}
}

// CPU that rises over hours is told, with who spends it, if messages cost more
// and more; not if there are more of them, nor if it is not spent on messages.
func TestCPUCreeps(t *testing.T) {
	if testing.Short() {
		t.Skip("half days")
	}
	const rate, service = 1.0, 100 * time.Millisecond
	factor := func(at time.Duration) float64 { return 1 + 6*float64(at/time.Hour)/11 } // 1 to 7, a step an hour
	hourly := func(each func(at time.Duration) sim.Change) (all []sim.Change) {
		for at := time.Duration(0); at < 12*time.Hour; at += time.Hour {
			all = append(all, each(at))
		}
		return all
	}
	for _, tt := range []struct {
		name   string
		change func(at time.Duration) sim.Change
		cpu    func(at time.Duration) float64
		found  bool
	}{
		{"steady", func(at time.Duration) sim.Change { return sim.Change{At: at, Rate: rate, Service: service} }, func(time.Duration) float64 { return 1 }, false},
		{"dearer messages", func(at time.Duration) sim.Change {
			return sim.Change{At: at, Rate: rate, Service: time.Duration(float64(service) * factor(at))}
		}, factor, true},
		{"more messages", func(at time.Duration) sim.Change {
			return sim.Change{At: at, Rate: rate * factor(at), Service: service}
		}, factor, false},
		{"not on messages", func(at time.Duration) sim.Change { return sim.Change{At: at, Rate: rate, Service: service} }, factor, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			c := day()
			c.Length = 12 * time.Hour
			a := c.Nodes[0].Find("clerk_01")
			a.Behavior, a.Rate, a.Service, a.Change = "shop.Audit", rate, service, hourly(tt.change)
			used, until := 0.0, time.Duration(0)
			c.Edit = func(_ *sim.Node, tool string, at time.Duration, answer any) any {
				if tool == "node_info" {
					used += (0.05 + 0.1*tt.cpu(at)) * (at - until).Seconds()
					until = at
					m := answer.(map[string]any)
					m["UserTime"], m["SystemTime"] = int64(1e9*used), int64(0)
				}
				return answer
			}
			found := false
			for _, f := range judge(t, c).Findings {
				if f.Kind != "cpu_hotspot" {
					continue
				}
				found = true
				if f.Subject.Name != "clerk_01" || f.Onset.Sub(c.From) > 4*time.Hour {
					t.Errorf("%s of %q, want clerk_01 within the first hours", line(f), f.Subject.Name)
				}
			}
			if found != tt.found {
				t.Errorf("found %v, want %v", found, tt.found)
			}
		})
	}
}
