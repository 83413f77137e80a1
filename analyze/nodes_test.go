package analyze_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/sim"
)

// A world is what nodes say of themselves and of each other, apart from their
// processes. Its functions are the healthy behaviour; a scenario replaces some.
type world struct {
	c   *sim.Cluster
	rng *rand.Rand

	up      func(node string, at time.Duration) (since time.Duration, up bool)
	link    func(a, b string, at time.Duration) (since time.Duration, up bool)
	arrived func(from, to string, sent float64, at time.Duration) float64
	ping    func(a, b string, at time.Duration) any // ms, or why not
	info    func(node string, at time.Duration, info map[string]any)
	stats   func(node string, at time.Duration, stats map[string]any)
	events  func(node string, at time.Duration, list []map[string]any) []map[string]any
	accept  func(node string, at time.Duration) int
	sent    float64                                    // messages a second, over each link each way
	heap    func(node string, at time.Duration) string // further lines of pprof_heap
	dump    func(node string, at time.Duration) string // further groups of pprof_goroutines
	cpu     func(node string, at time.Duration) string // the whole of pprof_cpu
}

const fault = 90 * time.Second // when a scenario's fault begins

func newWorld(seed uint64) *world {
	w := &world{c: sim.New(seed, 4), sent: 20, rng: rand.New(rand.NewPCG(seed, 11))}
	began := -10 * time.Second
	w.up = func(string, time.Duration) (time.Duration, bool) { return began, true }
	w.link = func(string, string, time.Duration) (time.Duration, bool) { return began, true }
	w.arrived = func(_, _ string, sent float64, _ time.Duration) float64 { return sent }
	w.ping = func(string, string, time.Duration) any { return 0.3 + 0.2*w.rng.ExpFloat64() }
	w.info = func(string, time.Duration, map[string]any) {}
	w.stats = func(string, time.Duration, map[string]any) {}
	w.events = func(_ string, _ time.Duration, list []map[string]any) []map[string]any { return list }
	w.accept = func(string, time.Duration) int { return 0 }
	w.heap = func(string, time.Duration) string { return "" }
	w.dump = func(string, time.Duration) string { return "" }
	w.cpu = func(string, time.Duration) string { return cpuText(1, 10, "labapp/shop.(*Clerk).HandleMessage") }
	w.c.Also, w.c.Edit = w.also, w.edit
	return w
}

func cpuText(total, percent float64, function string) string {
	return fmt.Sprintf("CPU profile: 5 seconds, %d total samples, showing 30\n\nflat%%    cum%%     function\n%.1f %.1f %s\n20.0 30.0 runtime.mallocgc\n",
		int64(total*1e9), percent, percent, function)
}

// also is what every third sample of a node says beside its processes.
func (w *world) also(n *sim.Node, at time.Duration) []sim.Answer {
	k := int(at / w.c.Interval)
	if k%3 != 0 {
		return nil
	}
	var links []map[string]any
	var out []sim.Answer
	for _, p := range w.c.Nodes {
		if p == n {
			continue
		}
		since, up := w.link(n.Name, p.Name, at)
		if up {
			t := (at - since).Seconds()
			sent := math.Floor(w.sent * t)
			links = append(links, map[string]any{
				"Node": p.Name, "ConnectionUptime": int64(t), "MessagesOut": sent, "Reconnections": 0,
				"MessagesIn": math.Floor(w.arrived(p.Name, n.Name, sent, at)),
			})
		}
		ping := sim.Answer{Tool: "network_ping", Args: ergo.Args{"name": p.Name}}
		switch rtt := w.ping(n.Name, p.Name, at).(type) {
		case float64:
			ping.Says = fmt.Sprintf("ping %s: rtt %.2fms", p.Name, rtt)
		case string:
			ping.Says = &ergo.ToolError{Code: ergo.CodeInternal, Message: "ping " + p.Name + " failed: " + rtt}
		}
		out = append(out, ping)
	}
	t := at.Seconds() + 10
	events := w.events(n.Name, at, []map[string]any{
		{
			"Event": "Event#<A:prices>", "Producer": n.Find("clerk_01").PID, "Subscribers": 6, "MessagesPublished": int64(8 * t),
			"MessagesLocalSent": int64(48 * t), "MessagesRemoteSent": 0, "CreatedAt": w.ns(-10 * time.Second), "LastPublishedAt": w.ns(at),
		},
		{
			"Event": "Event#<A:unloved>", "Producer": n.Find("clerk_02").PID, "Subscribers": 0, "MessagesPublished": int64(5 * t),
			"MessagesLocalSent": 0, "MessagesRemoteSent": 0, "CreatedAt": w.ns(-10 * time.Second), "LastPublishedAt": w.ns(at),
		},
		{
			"Event": "Event#<A:core>", "Producer": n.Find("clerk_03").PID, "Subscribers": 0, "MessagesPublished": 0,
			"MessagesLocalSent": 0, "MessagesRemoteSent": 0, "CreatedAt": w.ns(-10 * time.Second), "LastPublishedAt": 0,
		},
	})
	out = append(out, sim.Answer{Tool: "network_nodes", Says: links},
		sim.Answer{Tool: "event_list", Args: ergo.Args{"limit": 1000}, Says: events},
		sim.Answer{Tool: "network_acceptors", Says: []map[string]any{{"Interface": "127.0.0.1:1", "HandshakeErrors": w.accept(n.Name, at)}}})
	if k%15 == 0 {
		out = append(out,
			sim.Answer{Tool: "pprof_heap", Says: "heap profile: total inuse 9.0MB, showing 30\n\ninuse        alloc        function\n4.0MB        9.0MB        labapp/shop.(*Journal).add\n" + w.heap(n.Name, at)},
			sim.Answer{Tool: "pprof_goroutines", Args: ergo.Args{"debug": 1}, Says: "goroutine profile: total 40, showing 2\n\ngoroutine profile: total 40\n30 @ 0x1\n#\t0x1\tmain.main+0x1\t\t/src/main.go:1\n" + w.dump(n.Name, at)},
			sim.Answer{Tool: "pprof_cpu", Args: ergo.Args{"duration": 5}, Says: w.cpu(n.Name, at)})
	}
	return out
}

// ns is an instant as events tell it.
func (w *world) ns(at time.Duration) int64 { return w.c.At(at).UnixNano() }

// edit makes node_info and runtime_stats those of a node with a life, some CPU
// and a heap that saws, and lets no node answer that is down.
func (w *world) edit(n *sim.Node, tool string, at time.Duration, answer any) any {
	since, up := w.up(n.Name, at)
	if !up {
		return ergo.RemoteError(n.Name, "no route")
	}
	t := (at - since).Seconds()
	switch tool {
	case "node_info":
		m := answer.(map[string]any)
		m["Uptime"] = int64(t)
		m["UserTime"], m["SystemTime"] = int64(5e7*t+1e6*w.rng.Float64()), int64(1e7*t)
		w.info(n.Name, at, m)
	case "runtime_stats":
		m := answer.(map[string]any)
		gc := math.Floor(t / 3.7)
		journal := math.Mod(t, 21) * 4e5 // what an application keeps for a while
		m["num_gc"], m["heap_alloc"] = gc, int64(5e6+journal+2e6*(t-3.7*gc)+3e5*w.rng.Float64())
		m["total_alloc"] = int64(2e6*t + 3e5*w.rng.Float64())
		m["gc_cpu_percent"] = 0.02
		w.stats(n.Name, at, m)
	}
	return answer
}

// A place is a node-level scenario, and what the report must say.
type place struct {
	name       string
	make       func(*world)
	kind       finding.Kind
	node, peer string
	names      string        // what the subject's function, event or name must be; "" for none
	loose      time.Duration // how far off; 0: 4 s
	frail      bool          // told by six heap profiles: losing some of them leaves too few
}

const north, east, south = "north@lab", "east@lab", "south@lab"

// between reports whether two names are those of a pair.
func between(a, b, x, y string) bool { return a == x && b == y || a == y && b == x }

// since is how many seconds a fault has lasted, 0 before it.
func since(at time.Duration) float64 { return max(0, (at - fault).Seconds()) }

func places() []place {
	return []place{
		{name: "healthy", make: func(*world) {}},
		{name: "a leak", kind: "memory_leak", node: east, names: "labapp/shop.(*Cache).put", make: func(w *world) { leak(w, 1e6) }},
		{name: "a slow leak", kind: "memory_leak", node: east, names: "labapp/shop.(*Cache).put", loose: 20 * time.Second, frail: true, make: func(w *world) { leak(w, 1.5e5) }},
		{name: "a heap that grows to a new level", make: func(w *world) {
			w.stats = func(node string, at time.Duration, m map[string]any) { add(m, "heap_alloc", min(3e6, 1e6*since(at))) }
		}},
		{name: "churn", kind: "heap_churn", node: south, make: func(w *world) {
			w.stats = func(node string, at time.Duration, m map[string]any) {
				if node == south {
					add(m, "total_alloc", 3e7*since(at))
					m["num_gc"] = m["num_gc"].(float64) + math.Floor(3*since(at))
				}
			}
		}},
		{name: "a hot loop", kind: "cpu_hotspot", node: east, names: "labapp/shop.(*Clerk).total", make: func(w *world) {
			w.info = func(node string, at time.Duration, m map[string]any) {
				if node == east {
					add(m, "UserTime", 8e8*since(at))
				}
			}
			w.cpu = func(node string, at time.Duration) string {
				if node == east && at-5*time.Second > fault {
					return cpuText(4.3, 88, "labapp/shop.(*Clerk).total")
				}
				return cpuText(0.3, 10, "labapp/shop.(*Clerk).HandleMessage")
			}
		}},
		{name: "goroutines that stay", kind: "goroutine_growth", node: south, names: "labapp/shop.(*Hub).wait", make: func(w *world) {
			w.stats = func(node string, at time.Duration, m map[string]any) {
				if node == south {
					m["goroutines"] = 40 + int(2*since(at))
				}
			}
			w.dump = func(node string, at time.Duration) string {
				return fmt.Sprintf("\n%d @ 0x2\n#\t0x2\tlabapp/shop.(*Hub).wait+0x1\t\t/src/hub.go:3\n", 1+int(2*since(at)))
			}
		}},
		{name: "goroutines that come and go", make: func(w *world) {
			w.stats = func(node string, at time.Duration, m map[string]any) {
				m["goroutines"] = 40 + int(30*math.Abs(math.Sin(at.Seconds()/17)))
			}
		}},
		{name: "a link that flaps", kind: "link_flap", node: east, peer: south, make: func(w *world) {
			w.link = func(a, b string, at time.Duration) (time.Duration, bool) {
				if at < fault || !between(a, b, east, south) {
					return -10 * time.Second, true
				}
				episode := (at - fault) / (16 * time.Second) * 16 * time.Second
				made := fault + episode + 7*time.Second
				return made, at >= made
			}
		}},
		{name: "a link that is down", kind: "link_down", node: east, peer: south, make: cut},
		{name: "a link that loses messages", kind: "message_loss", node: east, peer: south, make: func(w *world) {
			w.arrived = func(from, to string, sent float64, at time.Duration) float64 {
				if from == east && to == south {
					return sent - 0.3*20*since(at)
				}
				return sent
			}
		}},
		{name: "a slow link", kind: "slow_link", node: east, peer: south, make: func(w *world) {
			healthy := w.ping
			w.ping = func(a, b string, at time.Duration) any {
				rtt := healthy(a, b, at).(float64)
				if at >= fault && between(a, b, east, south) {
					rtt += 60
				}
				return rtt
			}
		}},
		{name: "a link that does not answer", kind: "slow_link", node: east, peer: south, make: func(w *world) {
			w.ping = func(a, b string, at time.Duration) any {
				if at >= fault && between(a, b, east, south) {
					return "timed out"
				}
				return 0.4
			}
		}},
		{name: "one ping that times out", make: func(w *world) {
			w.ping = func(a, b string, at time.Duration) any {
				if a == east && at >= fault && at < fault+6*time.Second {
					return "timed out"
				}
				return 0.4
			}
			w.info = func(node string, at time.Duration, m map[string]any) {
				if node == east && at >= fault {
					m["CallErrorsRemote"] = 2 // our own doing
				}
			}
		}},
		{name: "a node that dies", kind: "node_down", node: south, make: func(w *world) { dies(w, 0) }},
		{name: "a node that dies and comes back", kind: "node_down", node: south, make: func(w *world) { dies(w, 40*time.Second) }},
		{name: "a node that restarts at once", kind: "node_restarted", node: south, make: func(w *world) { dies(w, time.Millisecond) }},
		{name: "peers turned away", kind: "handshake_errors", node: north, loose: 7 * time.Second, make: func(w *world) {
			w.accept = func(node string, at time.Duration) int {
				if node == north {
					return int(since(at) / 2)
				}
				return 3
			}
		}},
		{name: "a clock that jumps", kind: "clock_skew", node: east, make: func(w *world) {
			w.info = func(node string, at time.Duration, m map[string]any) {
				if node == east && at >= fault {
					m["ServerTime"] = w.c.At(at + 8*time.Second).Format(time.RFC3339Nano)
				}
			}
		}},
		{name: "sends that fail", kind: "delivery_errors", node: east, make: func(w *world) { count(w, "SendErrorsLocal", 3) }},
		{name: "sends that fail at times", make: func(w *world) {
			w.info = func(node string, at time.Duration, m map[string]any) { m["SendErrorsLocal"] = int(at.Seconds() / 7) }
		}},
		{name: "errors that are only counted", kind: "error_burst", node: east, make: func(w *world) {
			w.info = func(node string, at time.Duration, m map[string]any) {
				if node == east {
					m["LogMessages"] = []int{0, 0, 20, 3, int(2 * since(at)), 0}
				}
			}
		}},
		{name: "an event that falls silent", kind: "event_silent", node: east, names: "Event#<A:prices>", make: func(w *world) {
			w.events = func(node string, at time.Duration, list []map[string]any) []map[string]any {
				if e := list[0]; node == east && at >= fault {
					e["MessagesPublished"], e["MessagesLocalSent"], e["LastPublishedAt"] = int64(8*100), int64(48*100), w.ns(fault)
				}
				return list
			}
		}},
		{name: "subscribers that leave", kind: "event_no_subscribers", node: east, names: "Event#<A:prices>", make: func(w *world) {
			w.events = onlyAt(east, func(at time.Duration, list []map[string]any) []map[string]any {
				list[0]["Subscribers"] = 0
				return list
			})
		}},
		{name: "a flood into the void", kind: "event_no_subscribers", node: east, names: "Event#<A:unloved>", make: func(w *world) {
			w.events = onlyAt(east, func(at time.Duration, list []map[string]any) []map[string]any {
				add(list[1], "MessagesPublished", 400*since(at))
				return list
			})
		}},
		{name: "an event nobody publishes", kind: "event_starved", node: east, names: "Event#<A:acks>", make: func(w *world) {
			w.events = onlyAt(east, func(at time.Duration, list []map[string]any) []map[string]any {
				return append(list, map[string]any{
					"Event": "Event#<A:acks>", "Producer": "<B.0.1>", "Subscribers": 3,
					"MessagesPublished": 0, "MessagesLocalSent": 0, "MessagesRemoteSent": 0, "CreatedAt": w.ns(fault), "LastPublishedAt": 0,
				})
			})
		}},
		{name: "subscribers that multiply", kind: "event_fanout", node: east, names: "Event#<A:prices>", make: func(w *world) {
			w.events = onlyAt(east, func(at time.Duration, list []map[string]any) []map[string]any {
				list[0]["Subscribers"] = 150
				add(list[0], "MessagesLocalSent", 8*144*since(at))
				return list
			})
		}},
	}
}

// Nodes that say less than ours raise no alarm, and nothing panics: each field
// that is not an identity is left out in turn, then all of them.
func TestPlacesWithoutFields(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges every place again")
	}
	fields := []string{
		"ConnectionUptime", "MessagesIn", "MessagesOut", "Reconnections", "Subscribers", "MessagesPublished",
		"MessagesLocalSent", "LastPublishedAt", "CreatedAt", "Producer", "HandshakeErrors", "Uptime", "ServerTime",
		"UserTime", "LogMessages", "CallErrorsRemote", "num_gc", "heap_alloc", "total_alloc", "goroutines",
	}
	for i := range len(fields) + 1 {
		gone := fields
		if i < len(fields) {
			gone = fields[i : i+1]
		}
		t.Run(gone[0], func(t *testing.T) {
			w := newWorld(5)
			whole := w.c.Edit
			w.c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
				answer = whole(n, tool, at, answer)
				rows, _ := answer.([]map[string]any)
				if m, ok := answer.(map[string]any); ok {
					rows = []map[string]any{m}
				}
				for _, m := range rows {
					for _, f := range gone {
						delete(m, f)
					}
				}
				return answer
			}
			place{}.check(t, w, judge(t, w.c))
		})
	}
}

// add adds to a number of an answer.
func add(m map[string]any, field string, v float64) {
	switch x := m[field].(type) {
	case int64:
		m[field] = x + int64(v)
	case float64:
		m[field] = x + v
	}
}

func onlyAt(node string, change func(time.Duration, []map[string]any) []map[string]any) func(string, time.Duration, []map[string]any) []map[string]any {
	return func(n string, at time.Duration, list []map[string]any) []map[string]any {
		if n != node || at < fault {
			return list
		}
		return change(at, list)
	}
}

// cut ends the link of east and south.
func cut(w *world) {
	w.link = func(a, b string, at time.Duration) (time.Duration, bool) {
		return -10 * time.Second, at < fault || !between(a, b, east, south)
	}
	w.ping = func(a, b string, at time.Duration) any {
		if at >= fault && between(a, b, east, south) {
			return "no route"
		}
		return 0.4
	}
}

// A link that is down is critical where somebody misses it only: it carried
// more than the recorder's own calls, or sends fail since.
func TestLinkDownByWhatItCosts(t *testing.T) {
	failing := func(field string, perSecond float64) func(string, time.Duration, map[string]any) {
		return func(node string, at time.Duration, m map[string]any) {
			if node == south {
				m[field] = int64(perSecond * since(at))
			}
		}
	}
	for _, tt := range []struct {
		name     string
		sent     float64
		info     func(node string, at time.Duration, info map[string]any)
		severity finding.Severity
	}{
		{"busy", 20, nil, finding.Critical},
		{"idle", 0.5, nil, finding.Warning},
		{"idle, sends fail", 0.5, failing("SendErrorsRemote", 2), finding.Critical},
		{"idle, calls fail", 0.5, failing("CallErrorsRemote", 2), finding.Critical},
		{"idle, what fails are our pings", 0.5, failing("CallErrorsRemote", 1.0/6), finding.Warning},
		{"idle, sends failed all the time", 0.5, func(node string, at time.Duration, m map[string]any) {
			m["SendErrorsRemote"] = int64(2 * (at.Seconds() + 10))
		}, finding.Warning},
	} {
		w := newWorld(3)
		w.c.Length = 6 * time.Minute
		w.sent = tt.sent
		if tt.info != nil {
			w.info = tt.info
		}
		cut(w)
		found := false
		for _, f := range judge(t, w.c).Findings {
			if f.Kind == "link_down" {
				found = true
				if f.Severity != tt.severity {
					t.Errorf("%s: %s, want %s: %s", tt.name, f.Severity, tt.severity, f.Summary)
				}
			}
		}
		if !found {
			t.Errorf("%s: no link_down", tt.name)
		}
	}
}

// leak keeps bytes a second more and more on east.
func leak(w *world, rate float64) {
	w.stats = func(node string, at time.Duration, m map[string]any) {
		if node == east {
			add(m, "heap_alloc", rate*since(at))
			add(m, "total_alloc", rate*since(at))
		}
	}
	w.heap = func(node string, at time.Duration) string {
		if node != east || at < fault {
			return ""
		}
		mb := rate * since(at) / (1 << 20)
		return fmt.Sprintf("%.1fMB        %.1fMB        labapp/shop.(*Cache).put\n", mb, mb)
	}
}

// count lets a counter of east grow by so many a second.
func count(w *world, field string, rate float64) {
	w.info = func(node string, at time.Duration, m map[string]any) {
		if node == east {
			m[field] = int(rate * since(at))
		}
	}
}

// dies takes south away, for good or until a new life begins.
func dies(w *world, away time.Duration) {
	w.up = func(node string, at time.Duration) (time.Duration, bool) {
		switch {
		case node != south || at < fault:
			return -10 * time.Second, true
		case away > 0 && at >= fault+away:
			return fault + away, true
		}
		return 0, false
	}
	w.link = func(a, b string, at time.Duration) (time.Duration, bool) {
		if a != south && b != south {
			return -10 * time.Second, true
		}
		return w.up(south, at)
	}
}

func (p place) check(t *testing.T, w *world, r *analyze.Report) {
	t.Helper()
	rs := roots(r)
	if p.kind == "" {
		for _, f := range rs {
			t.Errorf("false alarm: %s", line(f))
		}
		return
	}
	if len(rs) == 0 {
		t.Fatalf("nothing found, want %s on %s", p.kind, p.node)
	}
	for _, f := range rs[1:] {
		t.Errorf("beside it: %s", line(f))
	}
	f := rs[0]
	s := f.Subject
	if f.Kind != p.kind || s.Node != p.node || s.Peer != p.peer {
		t.Fatalf("found %s on %s %s, want %s on %s %s", line(f), s.Node, s.Peer, p.kind, p.node, p.peer)
	}
	if p.names != "" && p.names != s.Function && p.names != s.Event && p.names != s.Name {
		t.Errorf("subject %+v names no %s", s, p.names)
	}
	want := w.c.At(fault)
	if off := f.Onset.Sub(want).Abs(); off > max(p.loose, 4*time.Second) {
		t.Errorf("onset is %s off: %s", off, line(f))
	}
	if len(f.Evidence) == 0 || f.Recommendation == "" || len(f.Confirm) == 0 {
		t.Errorf("%s lacks evidence, a recommendation or how to confirm it", f.Kind)
	}
}

// Every fault of a node, a link or an event is found, alone, whatever the
// seed of the noise.
func TestPlaces(t *testing.T) {
	if testing.Short() {
		t.Skip("every place, twice")
	}
	for _, p := range places() {
		t.Run(p.name, func(t *testing.T) {
			for seed := range 2 {
				w := newWorld(uint64(seed) + 1)
				p.make(w)
				p.check(t, w, judge(t, w.c))
			}
		})
	}
}

// The verdict stands when answers are missing: a fifth of all, and all of ten
// seconds. The onset may then be off by what was not seen.
func TestPlacesWithDroppedSamples(t *testing.T) {
	if testing.Short() {
		t.Skip("it judges every place again")
	}
	for _, p := range places() {
		if p.frail {
			continue
		}
		t.Run(p.name, func(t *testing.T) {
			w := newWorld(7)
			p.make(w)
			p.loose = max(p.loose, 4*time.Second) + 6*time.Second
			rng := rand.New(rand.NewPCG(3, 3))
			var kept []*archive.Record
			for _, r := range w.c.Records() {
				at := r.At.Sub(w.c.From)
				if rng.IntN(5) > 0 && (at < 40*time.Second || at > 50*time.Second) {
					kept = append(kept, r)
				}
			}
			p.check(t, w, judgeRecords(t, kept))
		})
	}
}
