package web

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// A moment is the cluster at an instant, as far as it was recorded. What a
// tool could not say is collected in missing, never passed over.
type moment struct {
	caller *replay.Moment
	rec    *replay.Recording
	at     time.Time

	mu      sync.Mutex
	missing []string
}

func momentOf(rec *replay.Recording, at time.Time) *moment {
	return &moment{caller: rec.Moment(at), rec: rec, at: at}
}

// ask calls a tool and decodes its answer; ok is false where there is none.
func (m *moment) ask(ctx context.Context, node, tool string, args ergo.Args, into any) (observed time.Time, ok bool) {
	ans, err := m.caller.Ask(ctx, ergo.Call{Node: node, Tool: tool, Args: args})
	if err == nil {
		err = ergo.Decode(ans.Text, into)
	}
	switch {
	case err != nil:
		m.lack("%s on %s: %v", tool, node, err)
		return time.Time{}, false
	case ans.Seen < ans.Total:
		m.lack("%s on %s: %d of %d rows were seen", tool, node, ans.Seen, ans.Total)
	case ans.Seen > 0:
		m.lack("%s on %s: %d rows were seen, and perhaps there are more", tool, node, ans.Seen)
	}
	return ans.At, true
}

// lack notes what could not be told, once.
func (m *moment) lack(format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.missing, why) {
		m.missing = append(m.missing, why)
	}
}

// text is a tool's answer as text, "" where there is none.
func (m *moment) text(ctx context.Context, node, tool string, args ergo.Args) string {
	ans, err := m.caller.Call(ctx, ergo.Call{Node: node, Tool: tool, Args: args})
	if err != nil {
		return ""
	}
	return string(ans.Text)
}

// everything asks list tools for all their rows: they return 100 unless told.
func everything() ergo.Args { return ergo.Args{"limit": json.Number("1000000")} }

// A process is a row of process_list.
type process struct {
	Node     string    `json:"-"`
	Observed time.Time `json:"-"`

	PID             ergo.PID
	Name            string
	Behavior        string
	Application     string
	Kind            string
	Parent          ergo.PID
	Leader          ergo.PID
	State           string
	StateTime       int64
	MessagesIn      int64
	MessagesOut     int64
	MessagesMailbox int64
	MailboxLatency  int64
	RunningTime     int64
	Wakeups         int64
	InitTime        int64
	Uptime          int64
	LogLevel        string

	// Rates since an earlier sample of the same life; valid if Rated.
	Rated   bool    `json:"-"`
	InRate  float64 `json:"-"` // messages a second
	OutRate float64 `json:"-"`
	Busy    float64 `json:"-"` // percent of the time in callbacks, see ergo: RunningTime
}

// Label is the process's name, or its PID where it has none.
func (p *process) Label() string {
	if p.Name != "" {
		return p.Name
	}
	return string(p.PID)
}

// Drain is messages per wakeup: about 1 is idle, far above it a queue.
func (p *process) Drain() float64 {
	if p.Wakeups == 0 {
		return 0
	}
	return float64(p.MessagesIn) / float64(p.Wakeups)
}

func (p *process) born() int64 { return p.Observed.Unix() - p.Uptime }

// rate fills in the rates of p since an earlier row of it.
func (p *process) rate(before *process) {
	dt := p.Observed.Sub(before.Observed).Seconds()
	if dt <= 0 || p.MessagesIn < before.MessagesIn || p.RunningTime < before.RunningTime || p.Uptime < before.Uptime {
		return
	}
	p.Rated = true
	p.InRate = float64(p.MessagesIn-before.MessagesIn) / dt
	p.OutRate = float64(p.MessagesOut-before.MessagesOut) / dt
	p.Busy = float64(p.RunningTime-before.RunningTime) / dt / 1e7
}

// processes are the processes of the nodes, by node and PID.
func (m *moment) processes(ctx context.Context, nodes ...string) []process {
	var all []process
	for _, n := range nodes {
		var rows []process
		at, ok := m.ask(ctx, n, "process_list", everything(), &rows)
		if !ok {
			continue
		}
		for i := range rows {
			rows[i].Node, rows[i].Observed = n, at
		}
		all = append(all, rows...)
	}
	slices.SortFunc(all, func(a, b process) int {
		return cmp.Or(strings.Compare(a.Node, b.Node), comparePIDs(a.PID, b.PID))
	})
	return all
}

// A ratedCache keeps the processes of the last few moments that were asked
// for: sorting and filtering ask for the same ones again and again.
type ratedCache struct {
	mu   sync.Mutex
	kept []ratedProcesses // the newest last
}

type ratedProcesses struct {
	key     string
	rows    []process
	missing []string
}

// ratedKept is how many moments are kept.
const ratedKept = 4

// get are the page's processes on the nodes; the caller may change the slice.
func (c *ratedCache) get(ctx context.Context, p *page, nodes ...string) []process {
	key := strings.Join(append([]string{chart.InURL(p.At), chart.InURL(p.End)}, nodes...), "\n")
	c.mu.Lock()
	i := slices.IndexFunc(c.kept, func(k ratedProcesses) bool { return k.key == key })
	if i >= 0 {
		found := c.kept[i]
		c.mu.Unlock()
		p.now.missing = append(p.now.missing, found.missing...)
		return slices.Clone(found.rows)
	}
	c.mu.Unlock()
	fresh := momentOf(p.rec, p.At)
	rows := fresh.rated(ctx, rateWindow, nodes...)
	p.now.missing = append(p.now.missing, fresh.missing...)
	if ctx.Err() != nil {
		return rows // cut short: not to be kept
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.kept = append(c.kept[max(len(c.kept)-ratedKept+1, 0):], ratedProcesses{key, rows, fresh.missing})
	return slices.Clone(rows)
}

// rated are the processes with their rates over the given time before.
func (m *moment) rated(ctx context.Context, over time.Duration, nodes ...string) []process {
	now := m.processes(ctx, nodes...)
	before := momentOf(m.rec, m.at.Add(-over)).processes(ctx, nodes...)
	i := 0
	for j := range now {
		p := &now[j]
		for i < len(before) && orderProcesses(&before[i], p) < 0 {
			i++
		}
		if i < len(before) && orderProcesses(&before[i], p) == 0 {
			p.rate(&before[i])
		}
	}
	return now
}

func orderProcesses(a, b *process) int {
	return cmp.Or(strings.Compare(a.Node, b.Node), comparePIDs(a.PID, b.PID))
}

// comparePIDs orders PIDs by number; PIDs of a node have the same prefix.
func comparePIDs(a, b ergo.PID) int {
	return cmp.Or(cmp.Compare(len(a), len(b)), strings.Compare(string(a), string(b)))
}

// A nodeInfo is what node_info says, as far as pages show it.
type nodeInfo struct {
	Uptime                int64
	ProcessesTotal        int64
	ProcessesRunning      int64
	ProcessesWaitResponse int64
	ProcessesZombee       int64
	ProcessesSpawned      int64
	ProcessesTerminated   int64
	SendErrorsLocal       int64
	SendErrorsRemote      int64
	CallErrorsLocal       int64
	CallErrorsRemote      int64
	ApplicationsTotal     int64
	ApplicationsRunning   int64
	LogMessages           []int64 // trace, debug, info, warning, error, panic
}

// logged is the number of messages of a level and above.
func (n nodeInfo) logged(level int) int64 {
	var sum int64
	for i := level; i < len(n.LogMessages); i++ {
		sum += n.LogMessages[i]
	}
	return sum
}

// A runtimeStats is what runtime_stats says, as far as pages show it.
type runtimeStats struct {
	Goroutines   int64   `json:"goroutines"`
	HeapAlloc    int64   `json:"heap_alloc"`
	HeapInuse    int64   `json:"heap_inuse"`
	NumGC        int64   `json:"num_gc"`
	GCCPUPercent float64 `json:"gc_cpu_percent"`
}

// A node is a node at a moment.
type node struct {
	Name     string
	Known    bool // node_info answered
	Observed time.Time
	Age      time.Duration // of what is shown, at the moment
	Info     nodeInfo
	Runtime  runtimeStats
	HasStats bool
	Ping     string
}

// Errors is how many errors and panics the node has logged.
func (n node) Errors() int64 { return n.Info.logged(4) }

// SendErrors and CallErrors are the node's delivery errors, local and remote.
func (n node) SendErrors() int64 { return n.Info.SendErrorsLocal + n.Info.SendErrorsRemote }
func (n node) CallErrors() int64 { return n.Info.CallErrorsLocal + n.Info.CallErrorsRemote }

// GCPercent is the share of the CPU that went to garbage collection.
func (n node) GCPercent() float64 { return n.Runtime.GCCPUPercent * 100 }

// short is the part of the name before the @.
func short(name string) string {
	s, _, _ := strings.Cut(name, "@")
	return s
}

// nodes are all nodes at the moment; one that did not answer is not Known.
func (m *moment) nodes(ctx context.Context, names []string) []node {
	var out []node
	for _, name := range names {
		n := node{Name: name}
		n.Observed, n.Known = m.ask(ctx, name, "node_info", nil, &n.Info)
		if n.Known {
			n.Age = m.at.Sub(n.Observed)
			_, n.HasStats = m.ask(ctx, name, "runtime_stats", nil, &n.Runtime)
		}
		out = append(out, n)
	}
	return out
}

// A link is a row of network_nodes: one end of a connection.
type link struct {
	Node             string
	Uptime           int64
	ConnectionUptime int64
	PoolSize         int64
	PoolLen          int64
	PoolDSN          []string
	Reconnections    int64
	MessagesIn       int64
	MessagesOut      int64
	BytesIn          int64
	BytesOut         int64
}

// An eventRow is a row of event_list.
type eventRow struct {
	Owner              string `json:"-"`
	Event              string
	Producer           ergo.PID
	Subscribers        int64
	Notify             bool
	BufferSize         int64
	MessagesPublished  int64
	MessagesLocalSent  int64
	MessagesRemoteSent int64
	LastPublishedAt    int64
}

// Use is the event's utilisation state.
func (e eventRow) Use() string {
	switch {
	case e.Subscribers > 0 && e.MessagesPublished > 0:
		return "active"
	case e.Notify && e.Subscribers == 0:
		return "on demand"
	case e.Subscribers == 0 && e.MessagesPublished > 0:
		return "no subscribers"
	case e.Subscribers > 0:
		return "no publishing"
	}
	return "idle"
}

// Fanout is deliveries per published message.
func (e eventRow) Fanout() float64 {
	if e.MessagesPublished == 0 {
		return 0
	}
	return float64(e.MessagesLocalSent+e.MessagesRemoteSent) / float64(e.MessagesPublished)
}
