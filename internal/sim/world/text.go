package world

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"
)

// The texts of the tools, written by hand: a listing is most of the work of a
// story.

func quote(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < 0x20 || c > 0x7e || c == '"' || c == '\\' {
			q, _ := json.Marshal(s)
			return append(b, q...)
		}
	}
	b = append(b, '"')
	b = append(b, s...)
	return append(b, '"')
}

// An object is written field by field.
type object struct{ b []byte }

func (o *object) open() { o.b = append(o.b, '{') }

func (o *object) key(k string) {
	if o.b[len(o.b)-1] != '{' {
		o.b = append(o.b, ',')
	}
	o.b = append(o.b, '"')
	o.b = append(o.b, k...)
	o.b = append(o.b, '"', ':')
}

func (o *object) str(k, v string) { o.key(k); o.b = quote(o.b, v) }

func (o *object) num(k string, v int64) { o.key(k); o.b = strconv.AppendInt(o.b, v, 10) }

func (o *object) raw(k, v string) { o.key(k); o.b = append(o.b, v...) }

func (o *object) close() { o.b = append(o.b, '}') }

func (p *Process) state() string {
	switch {
	case p.zombee:
		return "zombee"
	case p.waiting != 0:
		return "wait response"
	case p.working:
		return "running"
	}
	return "sleep"
}

func (p *Process) row(o *object) {
	w := p.node.world
	o.open()
	o.str("PID", p.text())
	o.str("Name", p.name)
	o.str("Application", p.spec.App)
	o.str("Behavior", p.spec.Behavior)
	o.str("Kind", p.kind())
	o.num("MessagesIn", p.in)
	o.num("MessagesOut", p.out)
	o.num("MessagesMailbox", int64(p.depth))
	latency := int64(-1)
	if w.Latency {
		latency = 0
		if len(p.mailbox) > 0 {
			_, urgent, main := p.queues()
			latency = int64(max(urgent, main))
		}
	}
	o.num("MailboxLatency", latency)
	o.num("RunningTime", int64(p.running))
	o.num("InitTime", 5000)
	o.num("Wakeups", p.wakeups)
	o.num("Uptime", int64((p.node.wall(p.born)+p.old)/time.Second))
	o.str("State", p.state())
	if w.Ages {
		o.num("StateTime", int64(w.now-p.since))
	}
	parent := p.node.pidText(1)
	if p.parent != nil {
		parent = p.parent.text()
	}
	o.str("Parent", parent)
	o.str("Leader", p.node.pidText(1))
	o.str("LogLevel", "info")
	o.close()
}

func (p *Process) kind() string {
	if p.spec.Kind == "" {
		return "actor"
	}
	return p.spec.Kind
}

// waitedFor are the processes for whom messages wait.
func (n *Node) waitedFor() []*Process {
	return slices.DeleteFunc(slices.Clone(n.procs), func(p *Process) bool { return p.depth == 0 })
}

func (n *Node) listText(procs []*Process, most int) []byte {
	if most > 0 && len(procs) > most {
		procs = slices.Clone(procs)
		n.world.rng.Shuffle(len(procs), func(i, k int) { procs[i], procs[k] = procs[k], procs[i] })
		procs = procs[:most]
	}
	o := &object{b: make([]byte, 0, 440*len(procs)+16)}
	o.b = append(o.b, '[')
	for i, p := range procs {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		p.row(o)
	}
	o.b = append(o.b, ']')
	return o.b
}

func (n *Node) infoText() []byte {
	o := &object{}
	states := map[string]int64{}
	names := n.names
	for _, p := range n.procs {
		states[p.state()]++
		if p.name != "" {
			names++
		}
	}
	running := int64(0)
	for _, a := range n.apps {
		if a.Running {
			running++
		}
	}
	var published, local, remote int64
	for _, e := range n.events {
		published, local, remote = published+e.published, local+e.local, remote+e.remote
	}
	o.open()
	o.str("Name", n.Name)
	o.num("Uptime", int64(n.wall(n.born)/time.Second))
	o.raw("Version", fmt.Sprintf(`{"Name":"shopd","Release":%q,"Commit":"","License":""}`, n.Release))
	release := "3.2.0-development"
	if n.world.Modern {
		release = "3.3.0"
	}
	o.raw("Framework", fmt.Sprintf(`{"Name":"Ergo Framework","Release":%q,"Commit":"","License":"MIT"}`, release))
	o.num("ProcessesTotal", int64(len(n.procs)))
	o.num("ProcessesRunning", states["running"])
	o.num("ProcessesWaitResponse", states["wait response"])
	o.num("ProcessesZombee", states["zombee"])
	o.num("ProcessesSpawned", n.spawned)
	o.num("ProcessesSpawnFailed", n.spawnFailed)
	o.num("ProcessesTerminated", n.terminated)
	o.num("SendErrorsLocal", n.sendErrorsLocal)
	o.num("SendErrorsRemote", n.sendErrorsRemote)
	o.num("CallErrorsLocal", n.callErrorsLocal)
	o.num("CallErrorsRemote", n.callErrorsRemote)
	o.num("RegisteredAliases", n.aliases)
	o.num("RegisteredNames", names)
	o.num("RegisteredEvents", int64(len(n.events)))
	o.num("EventsPublished", published)
	o.num("EventsLocalSent", local)
	o.num("EventsRemoteSent", remote)
	counts, _ := json.Marshal(n.counts)
	o.raw("LogMessages", string(counts))
	o.num("ApplicationsTotal", int64(len(n.apps)))
	o.num("ApplicationsRunning", running)
	o.num("MemoryUsed", int64(2*n.live+8e6))
	o.num("MemoryAlloc", int64(n.live+n.since))
	o.num("UserTime", int64(n.used)*9/10)
	o.num("SystemTime", int64(n.used)/10)
	o.str("ServerTime", n.stamp(n.world.now))
	o.close()
	return o.b
}

// stamp is an instant as the node's clock said it.
func (n *Node) stamp(at time.Duration) string {
	return n.world.From.Add(n.Clock.shows(at)).Format(time.RFC3339Nano)
}

func (n *Node) nanos(at time.Duration) int64 {
	return n.world.From.Add(n.Clock.shows(at)).UnixNano()
}

func (n *Node) goroutines() int64 {
	count := int64(25)
	for _, p := range n.procs {
		if p.working {
			count++
		}
	}
	for _, k := range n.stuckIn {
		count += int64(k)
	}
	return count
}

func (n *Node) statsText() []byte {
	o := &object{}
	o.open()
	o.num("goroutines", n.goroutines())
	o.num("cpus", int64(n.Cores))
	o.num("heap_alloc", int64(n.live+n.since))
	o.num("heap_sys", int64(2*n.live+6e6))
	o.num("heap_inuse", int64(n.live+n.since+1e6))
	o.num("heap_objects", int64((n.live+n.since)/200))
	o.num("stack_inuse", 600_000)
	o.num("total_alloc", int64(n.total))
	o.num("sys", int64(2*n.live+12e6))
	o.num("num_gc", int64(n.collections))
	o.num("last_gc_pause_ns", int64(n.lastPause))
	if n.Limit > 0 {
		o.num("memory_limit", int64(n.Limit))
	}
	age := max(1, (n.world.now - n.born).Seconds())
	o.raw("gc_cpu_percent", strconv.FormatFloat(100*n.gcCPU.Seconds()/age/n.Cores, 'g', 5, 64))
	o.close()
	return o.b
}

func (n *Node) linesText() []byte {
	o := &object{}
	o.open()
	o.str("sampler_id", "s1")
	o.str("mode", "passive")
	o.num("sequence", int64(n.spoken+len(n.lines)+1))
	o.key("samples")
	o.b = append(o.b, '[')
	for i, l := range n.lines {
		if i > 0 {
			o.b = append(o.b, ',')
		}
		at := n.stamp(l.at)
		o.open()
		o.num("sequence", int64(n.spoken+i+1))
		o.str("timestamp", at)
		o.key("data")
		o.open()
		o.str("level", l.level)
		o.str("message", l.message)
		o.str("source", l.source)
		o.str("time", at)
		o.str("type", l.kind)
		o.close()
		o.close()
	}
	o.b = append(o.b, ']')
	o.close()
	n.spoken += len(n.lines)
	n.lines = nil
	return o.b
}

func (n *Node) peersText() []byte {
	o := &object{}
	o.b = append(o.b, '[')
	for _, m := range n.world.Nodes {
		l := n.world.Link(n, m)
		if m == n || !l.Up {
			continue
		}
		if len(o.b) > 1 {
			o.b = append(o.b, ',')
		}
		i := l.side(n)
		o.open()
		o.str("Node", m.Name)
		o.num("Uptime", int64(m.wall(m.born)/time.Second))
		o.num("ConnectionUptime", int64(n.wall(l.made)/time.Second))
		o.num("PoolSize", 3)
		o.num("PoolLen", 3)
		if i == 0 {
			o.raw("PoolDSN", `["127.0.0.1:11145"]`)
		}
		o.num("Reconnections", 0)
		o.num("MessagesIn", int64(l.in[i]))
		o.num("MessagesOut", int64(l.out[i]))
		o.num("BytesIn", int64(120*l.in[i]))
		o.num("BytesOut", int64(120*l.out[i]))
		o.num("FragmentTimeouts", l.unwhole[i])
		o.close()
	}
	o.b = append(o.b, ']')
	return o.b
}

// cronText is what the scheduler says of its jobs, each of which runs once a minute.
func (n *Node) cronText() []byte {
	var b []byte
	for i, j := range n.Jobs {
		if i > 0 {
			b = append(b, ',')
		}
		ran, failed := "0001-01-01T00:00:00Z", ""
		if at := n.world.now.Truncate(time.Minute); at >= n.born {
			ran = n.stamp(at)
			if j.Fails != "" && at >= j.since {
				failed = j.Fails
			}
		}
		b = fmt.Appendf(b, `{"Disabled":false,"Name":%q,"Spec":"* * * * *","Location":"UTC","ActionInfo":"send message to '%s' with normal priority","LastRun":%q,"LastErr":%q}`, j.Name, j.Name, ran, failed)
	}
	return fmt.Appendf(nil, `{"Next":"0001-01-01T00:00:00Z","Spool":[],"Jobs":[%s]}`, b)
}

func (n *Node) acceptorsText() []byte {
	return fmt.Appendf(nil, `[{"Interface":"127.0.0.1:11144","MaxMessageSize":0,"TLS":false,"HandshakeErrors":%d}]`, n.handshakes)
}

func (n *Node) clusterText() []byte {
	o := &object{b: []byte{'['}}
	for _, m := range n.world.Nodes {
		status := "connected"
		switch {
		case m == n:
			status = "self"
		case !n.world.Link(n, m).Up:
			continue
		}
		if len(o.b) > 1 {
			o.b = append(o.b, ',')
		}
		o.open()
		o.str("name", m.Name)
		o.str("status", status)
		o.close()
	}
	o.b = append(o.b, ']')
	return o.b
}

func (n *Node) eventsText() []byte {
	o := &object{b: []byte{'['}}
	for _, e := range n.events {
		p := e.Producer.alive()
		if p == nil {
			continue
		}
		if len(o.b) > 1 {
			o.b = append(o.b, ',')
		}
		subscribers := int64(0)
		far := map[*Node]bool{}
		for _, s := range e.Subscribers {
			switch q := s.alive(); {
			case q == nil:
			case q.node == n:
				subscribers++
			case !far[q.node]: // another node is one subscriber, however many there are
				far[q.node] = true
				subscribers++
			}
		}
		o.open()
		o.str("Event", fmt.Sprintf("Event#<%08X:%s>", n.crc(), e.Name))
		o.str("Producer", p.text())
		o.num("Subscribers", subscribers)
		o.raw("Notify", "false")
		o.num("CreatedAt", n.nanos(e.created))
		o.num("MessagesPublished", e.published)
		o.num("MessagesLocalSent", e.local)
		o.num("MessagesRemoteSent", e.remote)
		last := int64(0)
		if e.published > 0 {
			last = n.nanos(e.last)
		}
		o.num("LastPublishedAt", last)
		o.close()
	}
	o.b = append(o.b, ']')
	return o.b
}

func (n *Node) appsText() []byte {
	o := &object{b: []byte{'['}}
	for _, a := range n.apps {
		if a.Name == "" {
			continue
		}
		if len(o.b) > 1 {
			o.b = append(o.b, ',')
		}
		state, up := "running", int64(n.wall(a.since)/time.Second)
		if !a.Running {
			state, up = "loaded", 0
		}
		o.open()
		o.str("name", a.Name)
		o.str("state", state)
		o.str("mode", a.Mode)
		o.num("uptime", up)
		o.num("processes", 1)
		o.close()
	}
	o.b = append(o.b, ']')
	return o.b
}

func (p *Process) inspectText() []byte {
	m := map[string]string{}
	if p.spec.Kind == "router" {
		m["type"], m["routes_total"], m["routes_active"], m["routes_disabled"], m["routes_pending"] = "Router", "3", "2", "1", "0"
		m["forwarded"], m["discarded"] = strconv.FormatInt(p.in-p.discarded, 10), strconv.FormatInt(p.discarded, 10)
	} else if p.spec.Kind == "pool" {
		m["pool_size"] = strconv.Itoa(len(p.children))
		limit := 0
		if len(p.children) > 0 {
			m["worker_behavior"], limit = p.children[0].spec.Behavior, p.children[0].spec.Limit
		}
		m["worker_mailbox_size"] = strconv.Itoa(limit)
		m["worker_restarts"] = strconv.Itoa(p.workerRestarts)
		m["messages_forwarded"], m["messages_unhandled"] = strconv.FormatInt(p.forwarded, 10), strconv.FormatInt(p.dropped, 10)
	} else {
		p.prune()
		m["strategy"], m["type"] = "Permanent", "One For One"
		if p.spec.Transient {
			m["strategy"] = "Transient"
		}
		m["intensity"], m["period"] = strconv.Itoa(p.spec.intensity()), strconv.Itoa(int(p.spec.period()/time.Second))
		m["restarts_count"], m["children"] = strconv.Itoa(len(p.restarts)), strconv.Itoa(len(p.children))
		for _, c := range p.children {
			if c.name != "" {
				m["child:"+c.name] = c.text() + " enabled"
			}
		}
		if p.node.world.Modern {
			p.inspectHistory(m)
		}
	}
	if p.node.world.Modern {
		own := map[string]string{}
		for key, v := range m {
			own["ergo:"+key] = v
		}
		m = own
	}
	text, _ := json.Marshal(m)
	return text
}

// disabledAs is how a supervisor calls the children that it goes on without: of one whose
// children are made when they are asked for it is their specs that are disabled.
func (p *Process) disabledAs() string {
	if p.spec.OnDemand {
		return "specs_disabled"
	}
	return "children_disabled"
}

// inspectHistory adds what supervisors of 3.3 say of their children.
func (p *Process) inspectHistory(m map[string]string) {
	m["children_total"] = strconv.Itoa(len(p.children) + p.disabled)
	m["children_running"], m[p.disabledAs()] = strconv.Itoa(len(p.children)), strconv.Itoa(p.disabled)
	kept := p.history[max(0, len(p.history)-50):]
	m["history:count"] = strconv.Itoa(len(kept))
	for i, h := range kept {
		key := "history:" + strconv.Itoa(i) + ":"
		m[key+"time"], m[key+"child"], m[key+"reason"] = p.node.stamp(h.at), h.child, h.reason
	}
}

func (p *Process) infoText() []byte {
	o := &object{}
	p.row(o)
	o.b = o.b[:len(o.b)-1]
	urgent, oldestUrgent, oldestMain := p.queues()
	if !p.node.world.Latency {
		oldestUrgent, oldestMain = -1, -1
	}
	limit := -1
	if p.spec.Limit > 0 {
		limit = p.spec.Limit
	}
	o.num("MailboxSize", int64(limit))
	o.raw("MailboxQueues", fmt.Sprintf(`{"Main":%d,"System":0,"Urgent":%d,"Log":0,"LatencyMain":%d,"LatencySystem":0,"LatencyUrgent":%d,"LatencyLog":0}`, p.depth-urgent, urgent, oldestMain, oldestUrgent))
	o.raw("Env", "{}")
	o.close()
	return o.b
}

func pingText(name string, rtt time.Duration) string {
	return fmt.Sprintf("ping %s: rtt %.2fms", name, float64(rtt)/1e6)
}

func bytesText(b float64) string {
	switch {
	case b >= 1<<30:
		return fmt.Sprintf("%.1fGB", b/(1<<30))
	case b >= 1<<20:
		return fmt.Sprintf("%.1fMB", b/(1<<20))
	case b >= 1<<10:
		return fmt.Sprintf("%.1fKB", b/(1<<10))
	}
	return fmt.Sprintf("%.0fB", b)
}

// heapText is what is in use as of now, by the function that allocated it.
func (n *Node) heapText() []byte {
	use := map[string]float64{"labapp/core.(*Journal).HandleMessage": 560e3, "runtime.mallocgc": 512e3, "runtime.allocm": 1e6}
	for _, p := range n.procs {
		if p.kept > 0 {
			use[p.spec.function("keep")] += p.kept
		}
		if p.depth > 1000 {
			use["ergo.services/ergo/lib.(*queueMPSC).Push"] += 200 * float64(p.depth)
		}
	}
	all := maps.Clone(n.allocated)
	for _, p := range n.procs {
		all[p.spec.function("keep")] += p.allocated
	}
	for f := range all {
		if _, ok := use[f]; !ok {
			use[f] = 0
		}
	}
	type entry struct {
		fn         string
		inuse, all float64
	}
	var rows []entry
	total := 0.0
	for f, b := range use {
		rows = append(rows, entry{f, b, max(b, all[f])})
		total += b
	}
	slices.SortFunc(rows, func(a, b entry) int {
		return cmp.Or(cmp.Compare(b.inuse, a.inuse), cmp.Compare(b.all, a.all), cmp.Compare(a.fn, b.fn))
	})
	rows = rows[:min(len(rows), 30)]
	b := fmt.Appendf(nil, "heap profile: total inuse %s, showing %d\n\ninuse        alloc        function\n", bytesText(total), len(rows))
	for _, r := range rows {
		b = fmt.Appendf(b, "%-12s %-12s %s\n", bytesText(r.inuse), bytesText(r.all), r.fn)
	}
	return b
}

func (n *Node) burnedBy() map[string]time.Duration {
	out := map[string]time.Duration{}
	for f, d := range n.burned {
		out[f] = d
	}
	for _, p := range n.procs {
		out[p.spec.function("HandleMessage")] += p.cpu
	}
	return out
}

// cpuText is a CPU profile of the time since the earlier count.
func (n *Node) cpuText(before map[string]time.Duration, length time.Duration) []byte {
	type entry struct {
		fn string
		d  time.Duration
	}
	var rows []entry
	total := time.Duration(0)
	for f, d := range n.burnedBy() {
		if d -= before[f]; d >= 10*time.Millisecond {
			rows = append(rows, entry{f, d})
		}
		if d > 0 {
			total += d
		}
	}
	slices.SortFunc(rows, func(a, b entry) int { return cmp.Or(cmp.Compare(b.d, a.d), cmp.Compare(a.fn, b.fn)) })
	total = max(total/(10*time.Millisecond), 1) * 10 * time.Millisecond
	b := fmt.Appendf(nil, "CPU profile: %d seconds, %d total samples, showing 30\n\nflat%%    cum%%     function\n", int(length.Seconds()+0.5), int64(total))
	for _, r := range rows {
		share := 100 * float64(r.d) / float64(total)
		b = fmt.Appendf(b, "%-8.1f %-8.1f %s\n", share, share, r.fn)
	}
	return b
}

// blockedOn are the frames of what a callback hangs in, innermost first.
var blockedOn = map[string][]string{
	"lock":    {"internal/sync.runtime_SemacquireMutex", "internal/sync.(*Mutex).lockSlow", "internal/sync.(*Mutex).Lock", "sync.(*Mutex).Lock"},
	"file":    {"syscall.Syscall", "syscall.write", "internal/poll.(*FD).Write", "os.(*File).Write"},
	"network": {"internal/poll.runtime_pollWait", "internal/poll.(*pollDesc).waitRead", "internal/poll.(*FD).Read", "net.(*conn).Read"},
	"channel": {"runtime.chanrecv1"},
	"sleep":   {"time.Sleep"},
	"loop":    nil,
}

// goroutinesText has a goroutine for each process that is in a callback, apart
// from those that the node has of its own.
func (n *Node) goroutinesText() []byte {
	type group struct {
		count int
		pid   string
		stack []string
	}
	groups := []group{{25, "", []string{"internal/poll.runtime_pollWait", "internal/poll.(*FD).Read", "net.(*conn).Read", "ergo.services/ergo/net/proto.(*connection).read"}}}
	for _, p := range n.procs {
		if p.working {
			groups = append(groups, group{1, p.text(), p.stack()})
		}
	}
	for f, k := range n.stuckIn {
		groups = append(groups, group{k, "", []string{"runtime.chanrecv1", f}})
	}
	slices.SortStableFunc(groups, func(a, b group) int {
		return cmp.Or(b.count-a.count, cmp.Compare(a.pid, b.pid), slices.Compare(a.stack, b.stack))
	})
	total := n.goroutines()
	b := fmt.Appendf(nil, "goroutine profile: total %d, showing %d\n\ngoroutine profile: total %d\n", total, len(groups), total)
	for i, g := range groups {
		b = fmt.Appendf(b, "%d @ 0x%x\n", g.count, 0x48a72e+i)
		if g.pid != "" && n.world.Pprof {
			b = fmt.Appendf(b, "# labels: {\"pid\":%q}\n", g.pid)
		}
		for k, f := range g.stack {
			b = fmt.Appendf(b, "#\t0x%x\t%s+0x%x\t\t/src/%s.go:%d\n", 0x489904+k, f, 0x10+k, strings.ToLower(f[strings.LastIndexByte(f, '.')+1:]), 40+k)
		}
		b = append(b, '\n')
	}
	return b
}

func (p *Process) stack() []string {
	var s []string
	switch {
	case p.block != nil && p.held:
		s = append(s, blockedOn[p.block.on]...)
		s = append(s, p.block.fn)
	case p.waiting != 0:
		s = append(s, "ergo.services/ergo/node.(*process).waitResponse", "ergo.services/ergo/node.(*process).CallWithTimeout")
	case p.spec.Outside != "":
		s = append(s, blockedOn["network"]...)
		s = append(s, p.spec.Outside)
	}
	if h := p.spec.function("HandleMessage"); len(s) == 0 || s[len(s)-1] != h {
		s = append(s, h)
	}
	return append(s, "ergo.services/ergo/act.(*Actor).ProcessRun", "ergo.services/ergo/node.(*process).run.func1")
}
