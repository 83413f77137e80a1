// Package past reads of a recording what pages show: the cluster at a moment, and
// the lives of processes, links and nodes as curves.
package past

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
)

// A Moment is the cluster at an instant, as far as it was recorded. What a
// tool could not say is collected in missing, never passed over.
type Moment struct {
	caller *replay.Moment
	rec    *replay.Recording
	at     time.Time

	mu      sync.Mutex
	Missing []string
}

func MomentOf(rec *replay.Recording, at time.Time) *Moment {
	return &Moment{caller: rec.Moment(at), rec: rec, at: at}
}

// Ask calls a tool and decodes its answer; ok is false where there is none.
func (m *Moment) Ask(ctx context.Context, node, tool string, args ergo.Args, into any) (observed time.Time, ok bool) {
	ans, err := m.caller.Ask(ctx, ergo.Call{Node: node, Tool: tool, Args: args})
	if err == nil {
		err = ergo.Decode(ans.Text, into)
	}
	if err != nil {
		m.lack("%s on %s: %v", tool, node, err)
		return time.Time{}, false
	}
	m.cut(node, tool, ans)
	return ans.At, true
}

// cut notes that an answer lacks rows.
func (m *Moment) cut(node, tool string, ans replay.Reply) {
	switch {
	case ans.Seen < ans.Total:
		m.lack("%s on %s: %d of %d rows were seen", tool, node, ans.Seen, ans.Total)
	case ans.Seen > 0:
		m.lack("%s on %s: %d rows were seen, and perhaps there are more", tool, node, ans.Seen)
	}
}

// lack notes what could not be told, once.
func (m *Moment) lack(format string, args ...any) {
	why := fmt.Sprintf(format, args...)
	m.mu.Lock()
	defer m.mu.Unlock()
	if !slices.Contains(m.Missing, why) {
		m.Missing = append(m.Missing, why)
	}
}

// Text is a tool's answer as text, "" where there is none.
func (m *Moment) Text(ctx context.Context, node, tool string, args ergo.Args) string {
	ans, err := m.caller.Call(ctx, ergo.Call{Node: node, Tool: tool, Args: args})
	if err != nil {
		return ""
	}
	return string(ans.Text)
}

// Everything asks list tools for all their rows: they return 100 unless told.
func Everything() ergo.Args { return ergo.Args{"limit": json.Number("1000000")} }

// A Process is a row of process_list.
type Process struct {
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
func (p *Process) Label() string {
	if p.Name != "" {
		return p.Name
	}
	return string(p.PID)
}

// Drain is messages per wakeup: about 1 is idle, far above it a queue.
func (p *Process) Drain() float64 {
	if p.Wakeups == 0 {
		return 0
	}
	return float64(p.MessagesIn) / float64(p.Wakeups)
}

func (p *Process) Born() int64 { return p.Observed.Unix() - p.Uptime }

// rate fills in the rates of p since an earlier row of it.
func (p *Process) rate(before *Process) {
	dt := p.Observed.Sub(before.Observed).Seconds()
	if dt <= 0 || p.MessagesIn < before.MessagesIn || p.RunningTime < before.RunningTime || p.Uptime < before.Uptime {
		return
	}
	p.Rated = true
	p.InRate = float64(p.MessagesIn-before.MessagesIn) / dt
	p.OutRate = float64(p.MessagesOut-before.MessagesOut) / dt
	p.Busy = float64(p.RunningTime-before.RunningTime) / dt / 1e7
}

func OrderProcesses(a, b *Process) int {
	return cmp.Or(strings.Compare(a.Node, b.Node), ComparePIDs(a.PID, b.PID))
}

// ComparePIDs orders PIDs by number; PIDs of a node have the same prefix.
func ComparePIDs(a, b ergo.PID) int {
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

// Logged is the number of messages of a level and above.
func (n nodeInfo) Logged(level int) int64 {
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

// A Node is a node at a moment.
type Node struct {
	Name     string
	Known    bool // node_info answered
	Observed time.Time
	Age      time.Duration // of what is shown, at the moment
	Info     nodeInfo
	Runtime  runtimeStats
	HasStats bool
	Ping     string
	Own      int64 // errors that calls of the recorder's own added to its call errors
}

// Errors is how many errors and panics the node has logged.
func (n Node) Errors() int64 { return n.Info.Logged(4) }

// SendErrors and CallErrors are the node's delivery errors, local and remote, without those of the recorder's own calls.
func (n Node) SendErrors() int64 { return n.Info.SendErrorsLocal + n.Info.SendErrorsRemote }
func (n Node) CallErrors() int64 { return n.Info.CallErrorsLocal + n.Info.CallErrorsRemote - n.Own }

// GCPercent is the share of the CPU that went to garbage collection.
func (n Node) GCPercent() float64 { return n.Runtime.GCCPUPercent * 100 }

// Short is the part of the name before the @.
func Short(name string) string {
	s, _, _ := strings.Cut(name, "@")
	return s
}

// Nodes are all nodes at the moment; one that did not answer is not Known.
func (m *Moment) Nodes(ctx context.Context, names []string) []Node {
	defer m.rec.Hold()()
	var out []Node
	own := m.rec.Own()
	for _, name := range names {
		n := Node{Name: name}
		n.Observed, n.Known = m.Ask(ctx, name, "node_info", nil, &n.Info)
		if n.Known {
			n.Age = m.at.Sub(n.Observed)
			_, n.HasStats = m.Ask(ctx, name, "runtime_stats", nil, &n.Runtime)
			n.Own = m.ownErrors(ctx, own, &n)
		}
		out = append(out, n)
	}
	return out
}

// ownErrors is how many of a node's call errors in this life calls of the recorder's own added.
func (m *Moment) ownErrors(ctx context.Context, own *replay.Own, n *Node) int64 {
	if n.Info.CallErrorsRemote == 0 {
		return 0
	}
	at, err := own.Errors(ctx, n.Name, m.rec.Life(n.Name, n.Observed), n.Observed)
	if err != nil {
		m.lack("the recorder's own failed calls on %s: %v", n.Name, err)
	}
	return min(int64(len(at)), n.Info.CallErrorsRemote)
}

// A Link is a row of network_nodes: one end of a connection.
type Link struct {
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

// An EventRow is a row of event_list.
type EventRow struct {
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
func (e EventRow) Use() string {
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
func (e EventRow) Fanout() float64 {
	if e.MessagesPublished == 0 {
		return 0
	}
	return float64(e.MessagesLocalSent+e.MessagesRemoteSent) / float64(e.MessagesPublished)
}
