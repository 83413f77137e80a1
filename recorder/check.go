package recorder

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/recorder/entries"
	"ergorecorder/recorder/names"
	"ergorecorder/recorder/rows"
)

// A Checkup says what a recording of a cluster would be like.
type Checkup struct {
	Nodes       []NodeCheckup `json:"nodes"`
	BytesPerDay int64         `json:"bytes_per_day"` // about
	Blind       bool          `json:"blind"`         // a node would not be recorded at all, or none would
}

// A NodeCheckup is what was found out about one node.
type NodeCheckup struct {
	Node        string        `json:"node"`
	Direct      bool          `json:"direct"`          // asked without forwarding
	Blind       string        `json:"blind,omitempty"` // why it would not be recorded
	Framework   string        `json:"framework,omitempty"`
	Processes   int           `json:"processes"`
	Answers     time.Duration `json:"answers_ns"` // time of a short call, the median of three
	Skew        time.Duration `json:"skew_ns"`    // by which its clock is ahead of ours; 0 where Timeless
	Timeless    bool          `json:"timeless"`   // it does not say what time it is
	Pushed      bool          `json:"pushed"`     // it tells of itself every second unasked: Answers is no time of the node
	Missing     []string      `json:"missing"`    // tools that it does not have
	Road        ergo.Road     `json:"road,omitempty"`
	Suspicion   []string      `json:"on_suspicion,omitempty"` // tools that stop it for a moment: not asked by schedule
	Tags        []string      `json:"tags,omitempty"`         // that it was built with, where it tells them
	Share       float64       `json:"share"`                  // of the time in which it would be answering the samplers, by how long each call took; calls beside each other count twice
	BytesPerDay int64         `json:"bytes_per_day"`
	Remarks     []string      `json:"remarks"` // what will be hidden, and what helps
}

// Bytes that an archive takes, about: for a row of a listing of processes, and
// for any other answer. They are the order of magnitude of recordings of real
// clusters; how much a cluster changes decides.
const (
	bytesPerRow    = 2
	bytesPerAnswer = 100
)

// Check asks every node for everything once that opts would sample, and judges
// what a recording would see and cost. It fails where no cluster answers.
func Check(ctx context.Context, caller ergo.Caller, opts Options) (*Checkup, error) {
	r, err := New(caller, nil, opts)
	if err != nil {
		return nil, err
	}
	if r.opts.Routes != nil {
		if err := r.opts.Routes.Refresh(ctx, nil); err != nil {
			return nil, err
		}
	}
	var names []string
	if err := r.desk.Ask(ctx, r.desk.Nodes(), func(s entries.Said) { names = append(names, r.wanted(s.Names)...) }); err != nil {
		return nil, err
	}
	slices.Sort(names)
	names = slices.Compact(names)
	c := &Checkup{Blind: len(names) == 0}
	for _, name := range names {
		n := r.checkNode(ctx, name)
		c.Nodes = append(c.Nodes, n)
		c.BytesPerDay += n.BytesPerDay
		c.Blind = c.Blind || n.Blind != ""
	}
	return c, nil
}

// A patient is a node that is being checked.
type patient struct {
	*Recorder
	ctx context.Context
	NodeCheckup
	replayed bool // it is a recording that is replayed
	rowSize  int  // bytes of a row of its listing of processes, as a text in a text
}

func (r *Recorder) checkNode(ctx context.Context, name string) NodeCheckup {
	p := patient{Recorder: r, ctx: ctx, NodeCheckup: NodeCheckup{Node: name, Direct: r.opts.Routes != nil && r.opts.Routes.Direct(name)}}
	if err := p.pulse(); err != nil {
		p.Blind = err.Error()
		return p.NodeCheckup
	}
	p.samplers()
	p.tags()
	if size := p.Processes * p.rowSize * 21 / 20; !p.Direct && size >= wall {
		p.remark("its %d processes are listed in about %d pieces, half as often, for answers that another node forwards or a link carries end at 64 KB: give its own --endpoint", p.Processes, 3*size/2/wall+1)
	}
	if s := p.Skew.Abs(); s > time.Second {
		p.remark("its clock is off by %v", p.Skew.Round(time.Millisecond))
	}
	if b := r.opts.Budget; b > 0 && p.Share > b {
		p.remark("as often as is configured, it would be answering for %.1f s of every 100 s, by how long each call took now: what of that is no waiting and more than the budget of %.1f %% will lengthen intervals", p.Share*100, b*100)
	}
	return p.NodeCheckup
}

func (p *patient) remark(format string, args ...any) {
	p.Remarks = append(p.Remarks, fmt.Sprintf(format, args...))
}

func (p *patient) call(tool string, args ergo.Args) (ergo.Answer, error) {
	return p.caller.Call(p.ctx, ergo.Call{Node: p.Node, Tool: tool, Args: args.With("timeout", int(max(p.opts.Timeout/time.Second, 1)))})
}

// pulse asks who the node is, three times.
func (p *patient) pulse() error {
	var took []time.Duration
	for range 3 {
		answer, err := p.call(probe, nil)
		if err != nil {
			return err
		}
		var info struct {
			ProcessesTotal int
			ServerTime     time.Time
			Framework      struct{ Release string }
		}
		if err := json.Unmarshal(answer.Text, &info); err != nil {
			return fmt.Errorf("%s: %w", probe, err)
		}
		p.replayed = answer.Clock != nil
		took, p.Road = append(took, answer.Took), answer.Road
		p.Processes, p.Framework = info.ProcessesTotal, info.Framework.Release
		p.Timeless = info.ServerTime.IsZero()
		if !info.ServerTime.IsZero() {
			p.Skew = info.ServerTime.Sub(answer.At.Add(-answer.Took / 2))
		}
	}
	slices.Sort(took)
	p.Answers = took[1]
	if p.Pushed = p.Road == ergo.RoadSystem && p.Timeless; p.Pushed { // a release before 3.3
		p.remark("its inspectors tell of it every second for as long as it is recorded; what that costs it is not measured")
	}
	return nil
}

// samplers calls each sampled tool once, but for those that take long or are
// about somebody.
func (p *patient) samplers() {
	var failed []string
	var why error
	for _, s := range p.opts.Samplers {
		switch p.offers(s.Tool) {
		case ergo.Withheld:
			p.Missing = append(p.Missing, s.Tool)
			continue
		case ergo.Suspicion:
			p.Suspicion = append(p.Suspicion, s.Tool)
			continue
		}
		if s.Tool == "pprof_cpu" || len(s.Targets) > 0 || !names.Match(s.Nodes, p.Node) {
			continue
		}
		args := s.Args
		whole := s.Tool != "process_list" || p.Direct || p.Processes < firstFit
		if !whole {
			args = args.With("limit", firstFit)
		}
		answer, err := p.call(s.Tool, args)
		if t := ergo.AsToolError(err); t != nil && strings.HasPrefix(t.Message, "unknown tool") {
			p.Missing = append(p.Missing, s.Tool)
		} else if err != nil {
			failed, why = append(failed, s.Tool), err
		}
		if err != nil && s.Tool == "process_list" {
			p.Blind = "its processes cannot be listed: " + err.Error()
		}
		count := bytes.Count(answer.Text, []byte(`"PID"`))
		if s.Tool == "process_list" && count > 0 {
			p.rowSize = rows.EscapedSize(answer.Text) / count
		}
		cost := answer.Took.Seconds()
		if !whole && count > 0 {
			cost *= float64(p.Processes) / float64(count)
			count = p.Processes
		}
		perDay := float64(24*time.Hour) / float64(s.Every)
		p.Share += cost / s.Every.Seconds()
		p.BytesPerDay += int64(perDay * float64(bytesPerAnswer+bytesPerRow*count))
	}
	switch {
	case len(failed) == 0:
	case p.replayed:
		p.remark("it is replayed, and the recording has none of %s up to the moment at which it stands", strings.Join(failed, ", "))
	default:
		p.remark("no answer from %s: %.150s", strings.Join(failed, ", "), why)
	}
}

// tags finds out which build tags the node lacks, and says what that hides.
func (p *patient) tags() {
	if p.offers(capabilities) == ergo.Offered {
		if answer, err := p.call(capabilities, nil); err == nil {
			p.tagsTold(answer.Text)
			return
		}
	}
	answer, err := p.call("process_list", ergo.Args{"limit": 1})
	if err == nil && bytes.Contains(bytes.ReplaceAll(answer.Text, []byte(" "), nil), []byte(`"MailboxLatency":-1`)) {
		p.remark("built without -tags=latency: how long messages wait is not known, so blocked callbacks are harder to tell")
	}
	if p.offers("pprof_goroutines") != ergo.Offered {
		return
	}
	_, err = p.call("pprof_goroutines", ergo.Args{"pid": "<0.0.1>"})
	switch t := ergo.AsToolError(err); {
	case t == nil:
	case strings.HasPrefix(t.Message, "unknown tool"):
		p.Missing = append(p.Missing, "pprof_goroutines")
	case strings.Contains(t.Message, "-tags=pprof"):
		p.remark("built without -tags=pprof: goroutines do not say whose they are, and there are no raw profiles")
	}
	slices.Sort(p.Missing)
	p.Missing = slices.Compact(p.Missing)
}

// offers says whether a tool can be asked of the node.
func (p *patient) offers(tool string) ergo.Offer {
	return (&node{r: p.Recorder, name: p.Node}).offers(tool)
}

// tagsTold takes the build tags out of what the node says of itself.
func (p *patient) tagsTold(text []byte) {
	var said struct{ Build []string }
	if json.Unmarshal(text, &said) != nil {
		return
	}
	p.Tags = append([]string{}, said.Build...)
	if !slices.Contains(p.Tags, "latency") {
		p.remark("built without -tags=latency: how long messages wait is not known, so blocked callbacks are harder to tell")
	}
}
