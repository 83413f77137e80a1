package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/cost"
	"ergorecorder/recorder/ingest"
	"ergorecorder/recorder/ring"
	"ergorecorder/recorder/rows"
	"ergorecorder/recorder/schedule"
)

// A node is one node of the cluster and what is known of it.
type node struct {
	met      time.Time // when it was first named
	r        *Recorder
	name     string
	schedule *schedule.Schedule
	halt     chan struct{} // closed: no new calls to it

	mu        sync.Mutex
	listeners []*listener
	life      ergo.Incarnation // zero until node_info told it
	health
	total    int                   // processes, as node_info told last
	toldAt   time.Time             // the steady time when it did
	table    []byte                // the last listing of processes, until it is read
	rows     []rows.Process        // what was read of it
	rowSize  int                   // of its rows, in bytes of a forwarded answer
	walled   bool                  // a whole listing did not arrive
	pieces   map[string]rows.Piece // its rows by PID, where it came in pieces
	piecesAt time.Time             // when the newest of them did
	explored time.Time             // steady, when they were cut by all means
	busy     rows.Busy             // the bounds of the busiest of its rows
	kinds    map[string]string     // supervisor, pool or nothing, by PID, where rows do not say
	calm     rows.Calm             // supervisors
	rests    map[string]rest       // calls that timed out, by tool and subject
	spending cost.Spending
	losses   ring.Losses
	ledger   ring.Ledger
	logged   ring.Logged
	stat     NodeStatus
	road     ergo.Road   // over which it answered last
	roads    []ergo.Road // over which it ever answered
}

// probe is the tool that tells whether a node is there. A live node is heard
// whatever it answers; of a replay other answers may be older than its death.
const probe = "node_info"

// ask makes one call to the node and notes how it fared. Nothing is stored but that it could not be
// forwarded: the entry point counts that among its own calls that failed.
func (n *node) ask(ctx context.Context, r *schedule.Run, tool string, args ergo.Args) (ergo.Call, ergo.Answer, error) {
	patience := n.patience(tool)
	call := ergo.Call{Node: n.name, Tool: tool, Args: args.With("timeout", int(max(patience/time.Second, 1)))}
	began, stop := n.r.clock.Steady(), n.watch(ctx, tool)
	limited, cancel := context.WithTimeout(ctx, n.allow(patience))
	answer, err := n.r.caller.Call(limited, call)
	cancel()
	stop()
	n.r.clock.Hear(answer.Clock)
	n.r.clock.Stamp(&answer)
	if ctx.Err() != nil {
		return call, answer, ctx.Err()
	}
	if how, _ := n.away(err); err == nil || tool == probe && how == "" && ergo.AsToolError(err) != nil {
		n.onRoad(answer.Road) // which may be one that does not tell even who the node is
	}
	if tool == probe || !n.r.clock.Replayed() {
		n.heard(err, began)
	}
	late := isTimeout(err)
	r.TimedOut = r.TimedOut || late
	n.mu.Lock()
	n.stat.Calls++
	if err != nil {
		n.stat.Errors++
	}
	bill := n.spending.Charge(tool, args, answer.Took, len(answer.Text), late)
	n.mu.Unlock()
	if n.forwarded() {
		r.Passed += bill.Entry
		n.r.chargeEntries(bill.Entry)
	}
	if notForwarded(err) {
		n.store(call, answer, err)
	}
	r.Calls++
	r.Spent += bill.Node
	if !bill.Sure {
		r.Guessed += bill.Node
	}
	return call, answer, err
}

// sample makes one call and stores what came of it. The answer's text is nil
// unless the tool answered.
func (n *node) sample(ctx context.Context, r *schedule.Run, tool string, args ergo.Args) ergo.Answer {
	answer, _ := n.try(ctx, r, tool, args)
	return answer
}

// try is sample, and says why it failed.
func (n *node) try(ctx context.Context, r *schedule.Run, tool string, args ergo.Args) (ergo.Answer, error) {
	call, answer, err := n.ask(ctx, r, tool, args)
	if ctx.Err() == nil && !notForwarded(err) { // else it is stored
		n.store(call, answer, err)
	}
	return answer, err
}

// notForwarded reports whether a call did not reach the node from its entry point.
func notForwarded(err error) bool {
	t := ergo.AsToolError(err)
	if t == nil {
		return false
	}
	_, failed := t.LinkFailed()
	return failed
}

// store keeps an answer, or the tool's refusal. That nobody answered is told
// by marks, not by samples.
func (n *node) store(call ergo.Call, answer ergo.Answer, err error) {
	refused := ergo.AsToolError(err)
	if err != nil && refused == nil {
		return
	}
	n.r.store(ingest.Record(call, nil, answer, refused, n.r.opts.kept()), answer.Observed)
}

// isTimeout reports whether a call took its whole time without an answer, on
// its way or in the tool.
func isTimeout(err error) bool {
	if t := ergo.AsToolError(err); t != nil {
		return strings.HasSuffix(t.Message, "timed out")
	}
	return errors.Is(err, context.DeadlineExceeded)
}

// learn takes in what node_info tells: which life of the node this is, and how
// many processes it has.
func (n *node) learn(text []byte, at time.Time) {
	var info struct {
		Uptime         int64
		ServerTime     time.Time
		ProcessesTotal int
		LogMessages    []int64
	}
	if json.Unmarshal(text, &info) != nil {
		return
	}
	began := info.ServerTime
	if began.IsZero() {
		began = at
	}
	life := ergo.Incarnation{Node: n.name, Started: began.Add(-ergo.Lasting(info.Uptime))}
	n.mu.Lock()
	before := n.life
	n.spending.Hear(text, n.r.clock.Steady())
	storm := n.logged.Hear(info.LogMessages, n.r.clock.Steady())
	n.total, n.toldAt = info.ProcessesTotal, n.r.clock.Steady()
	if before.Started.IsZero() || !before.Same(life) {
		n.life = life
		n.kinds = map[string]string{}
		n.ledger = ring.Ledger{}
	}
	if info.LogMessages != nil {
		n.ledger.Said(ring.Levels(info.LogMessages, n.r.opts.Logs.Levels), began, n.r.clock.Now())
	}
	n.mu.Unlock()
	if storm*n.r.opts.Logs.Every.Seconds() > float64(n.r.opts.Logs.Buffer/ring.FillUpTo) {
		n.schedule.Now(func(t *schedule.Task) bool { return t.Name == "sample_read" })
	}
	// A second of rounding either way is not a restart; only a later start is.
	if !before.Started.IsZero() && !before.Same(life) && life.Started.After(before.Started) {
		n.r.mark(archive.Mark{
			Kind: "node_restarted", Node: n.name, From: at,
			Note: "a new incarnation, started " + life.String(),
			More: map[string]any{"incarnation": life.String(), "before": before.String()},
		})
	}
}

// forwarded reports whether another node forwards what the node is asked, and
// is held up by it.
func (n *node) forwarded() bool {
	if f, ok := n.r.opts.Routes.(interface{ Forwarded(node string) bool }); ok {
		return f.Forwarded(n.name)
	}
	return !n.direct()
}

// direct reports whether the node is asked without forwarding.
func (n *node) direct() bool { return n.r.opts.Routes != nil && n.r.opts.Routes.Direct(n.name) }
