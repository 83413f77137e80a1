package recorder

import (
	"context"
	"encoding/json"
	"errors"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// A node is one node of the cluster and what is known of it.
type node struct {
	r        *Recorder
	name     string
	schedule *schedule
	halt     chan struct{} // closed: no new calls to it

	mu        sync.Mutex
	listeners []*listener
	life      ergo.Incarnation  // zero until node_info told it
	heardAt   time.Time         // when it last answered
	lostAt    time.Time         // zero while it is there
	fails     int               // calls in a row without an answer
	total     int               // processes, as node_info told last
	table     []byte            // the last listing of processes
	rowSize   int               // of its rows, in bytes of a forwarded answer
	pieces    map[string]piece  // its rows by PID, where it came in pieces
	kinds     map[string]string // supervisor, pool or nothing, by PID, where rows do not say
	rests     map[string]rest   // calls that timed out, by tool and subject
	spending  spending
	stat      NodeStatus
	road      ergo.Road   // over which it answered last
	roads     []ergo.Road // over which it ever answered
}

// probe is the tool that tells whether a node is there. A live node is heard
// whatever it answers; of a replay other answers may be older than its death.
const probe = "node_info"

// ask makes one call to the node and notes how it fared. Nothing is stored.
func (n *node) ask(ctx context.Context, r *run, tool string, args ergo.Args) (ergo.Call, ergo.Answer, error) {
	call := ergo.Call{Node: n.name, Tool: tool, Args: args.With("timeout", int(max(n.r.opts.Timeout/time.Second, 1)))}
	answer, err := n.r.caller.Call(ctx, call)
	n.r.clock.hear(answer.Clock)
	if ctx.Err() != nil {
		return call, answer, ctx.Err()
	}
	if err == nil {
		n.onRoad(answer.Road)
	}
	if tool == probe || !n.r.clock.replayed() {
		n.heard(err)
	}
	late := isTimeout(err)
	r.timedOut = r.timedOut || late
	n.mu.Lock()
	n.stat.Calls++
	if err != nil {
		n.stat.Errors++
	}
	spent := n.spending.charge(tool, args, answer.Took, late)
	n.mu.Unlock()
	r.spent += spent
	return call, answer, err
}

// sample makes one call and stores what came of it. The answer's text is nil
// unless the tool answered.
func (n *node) sample(ctx context.Context, r *run, tool string, args ergo.Args) ergo.Answer {
	call, answer, err := n.ask(ctx, r, tool, args)
	if ctx.Err() == nil {
		n.store(call, answer, err)
	}
	return answer
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
		return hasSuffix(t.Message, "timed out")
	}
	return errors.Is(err, context.DeadlineExceeded)
}

func hasSuffix(s, suffix string) bool {
	return len(s) >= len(suffix) && s[len(s)-len(suffix):] == suffix
}

// silent is after how many calls in a row without an answer a node counts as
// lost. That there is no route to it is enough by itself.
const silent = 3

// heard notes whether the node answered, and marks when it is lost or back.
func (n *node) heard(err error) {
	why, answered := "", true
	if t := ergo.AsToolError(err); t != nil {
		why, answered = t.LinkFailed()
		answered = !answered
	} else if err != nil {
		why, answered = err.Error(), false
	}
	now := n.r.clock.Now()
	n.mu.Lock()
	var mark *archive.Mark
	switch {
	case answered:
		if !n.lostAt.IsZero() {
			mark = &archive.Mark{Kind: "node_back", Node: n.name, From: n.lostAt, To: now}
		}
		n.heardAt, n.lostAt, n.fails = now, time.Time{}, 0
	default:
		n.fails++
		if n.lostAt.IsZero() && (n.fails >= silent || why == "no route") {
			n.lostAt = now
			from := n.heardAt
			if from.IsZero() {
				from = now
			}
			mark = &archive.Mark{Kind: "node_lost", Node: n.name, From: from, To: now, Note: why}
		}
	}
	lost := !n.lostAt.IsZero()
	n.mu.Unlock()
	if mark == nil {
		return
	}
	n.schedule.setLost(lost && !n.r.clock.replayed())
	n.r.mark(*mark)
	if !lost {
		n.r.mark(archive.Mark{Kind: archive.MarkGap, Node: n.name, From: mark.From, To: mark.To, Note: "the node did not answer"})
	}
}

// learn takes in what node_info tells: which life of the node this is, and how
// many processes it has.
func (n *node) learn(text []byte, at time.Time) {
	var info struct {
		Uptime         int64
		ServerTime     time.Time
		ProcessesTotal int
	}
	if json.Unmarshal(text, &info) != nil {
		return
	}
	began := info.ServerTime
	if began.IsZero() {
		began = at
	}
	life := ergo.Incarnation{Node: n.name, Started: began.Add(-time.Duration(info.Uptime) * time.Second)}
	n.mu.Lock()
	before := n.life
	n.total = info.ProcessesTotal
	if before.Started.IsZero() || !before.Same(life) {
		n.life = life
		n.kinds = map[string]string{}
	}
	n.mu.Unlock()
	// A second of rounding either way is not a restart; only a later start is.
	if !before.Started.IsZero() && !before.Same(life) && life.Started.After(before.Started) {
		n.r.mark(archive.Mark{
			Kind: "node_restarted", Node: n.name, From: at,
			Note: "a new incarnation, started " + life.String(),
			More: map[string]any{"incarnation": life.String(), "before": before.String()},
		})
	}
}

// direct reports whether the node is asked without forwarding.
func (n *node) direct() bool { return n.r.opts.Routes != nil && n.r.opts.Routes.Direct(n.name) }

func (n *node) isLost() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	return !n.lostAt.IsZero()
}
