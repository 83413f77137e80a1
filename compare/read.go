package compare

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// A Side is one of the two stretches.
type Side struct {
	Recording *replay.Recording
	Name      string    // what it is called: the path
	Nodes     string    // glob over the names of its nodes; "" for all
	From, To  time.Time // zero: the recording's own
}

// A sheet is what was read of a side.
type sheet struct {
	Side
	nodes  []replay.Node
	own    *replay.Own
	tracks tracks
	apps   map[string]bool
	every  time.Duration // between listings, at the median
	lines  map[*logs.Template]*counts
	listed int
	clocks map[string]*clock // by node
	runs   map[string]bool   // the releases that ran: of the application and of the framework
}

// counts are the lines of a template.
type counts struct {
	n     float64
	parts [stretches]float64 // of equal stretches of the side
	node  string             // that wrote the first
}

// stretches is into how many parts lines are counted, to see how they vary.
const stretches = 10

// read reads a side.
func read(ctx context.Context, s Side, miner *logs.Miner) (*sheet, error) {
	first, last := s.Recording.Window()
	if s.From.IsZero() {
		s.From = first
	}
	if s.To.IsZero() {
		s.To = last
	}
	names, err := s.Recording.NodesLike(s.Nodes)
	if err != nil {
		return nil, err
	}
	sh := &sheet{Side: s, own: s.Recording.Own(), tracks: tracks{}, apps: map[string]bool{}, runs: map[string]bool{}, lines: map[*logs.Template]*counts{}, clocks: map[string]*clock{}}
	var gaps []time.Duration
	for _, n := range s.Recording.Nodes() {
		if !slices.Contains(names, n.Name) {
			continue
		}
		sh.nodes = append(sh.nodes, n)
		work, every, err := sh.processes(ctx, n.Name)
		if err != nil {
			return nil, err
		}
		gaps = append(gaps, every...)
		for _, step := range []func(context.Context, string, track) error{sh.node, sh.runtime, sh.links, sh.events} {
			if err := step(ctx, n.Name, work); err != nil {
				return nil, fmt.Errorf("read %s: %w", n.Name, err)
			}
		}
		if err := sh.logs(ctx, n.Name, miner); err != nil {
			return nil, err
		}
	}
	if len(gaps) > 0 {
		slices.Sort(gaps)
		sh.every = gaps[len(gaps)/2]
	}
	return sh, nil
}

// answers walks the answers of a reading within the side.
func (sh *sheet) answers(ctx context.Context, node string, r ergo.Reading, fields []string, step func(*archive.Frame)) error {
	q := replay.Query{Node: node, Reading: r, From: sh.From, To: sh.To, Fields: fields}
	for f, err := range sh.Recording.Answers(ctx, q) {
		if err != nil {
			return err
		}
		step(f)
	}
	return nil
}

// A process is what its last row said.
type process struct {
	pid, behavior         string
	in, mailbox, out, run int64
	latency               int64
	observed, seen        bool
}

// A sum is what the processes of a behavior did in one step.
type sum struct{ handled, out, run, rows, born, mailbox, oldest float64 }

// processes reads the listings of a node, and returns how many messages were
// handled in each step, and how long the steps were.
func (sh *sheet) processes(ctx context.Context, node string) (work track, every []time.Duration, err error) {
	var ask replay.Fields
	who, what, app := ask.Of("PID"), ask.Of("Behavior"), ask.Of("Application")
	row := rowOf{ask.Of("MessagesIn"), ask.Of("MessagesMailbox"), ask.Of("MessagesOut"), ask.Of("RunningTime"), ask.Of("MailboxLatency")}
	known := map[int32]*process{}
	met := map[string]bool{}
	var before time.Time
	err = sh.answers(ctx, node, ergo.Processes, ask, func(f *archive.Frame) {
		dt := f.At.Sub(before).Seconds()
		first := before.IsZero()
		before = f.At
		if !first && dt <= 0 {
			return
		}
		sums := map[string]*sum{}
		handled := 0.0
		if f.Reset {
			clear(known)
		}
		for _, slot := range f.Live {
			p := known[slot]
			pid := f.Columns[who].Text(slot)
			if p == nil || p.pid != pid {
				p = &process{pid: pid, behavior: f.Columns[what].Text(slot)}
				sh.apps[f.Columns[app].Text(slot)] = true
				p.observed = ergo.ObservesProcess(f.Columns[app].Text(slot), p.behavior)
				known[slot] = p
			}
			if p.observed || p.behavior == "" {
				continue
			}
			t := sums[p.behavior]
			if t == nil {
				t = &sum{}
				sums[p.behavior] = t
			}
			t.step(p, row.read(*p, f.Columns, slot))
			if !met[pid] {
				met[pid] = true
				t.born++
			}
		}
		sh.listed++
		if first {
			return
		}
		every = append(every, time.Duration(dt*float64(time.Second)))
		for behavior, t := range sums {
			s := Subject{Node: node, Behavior: behavior}
			sh.tracks.add(Rate, s, f.At, t.handled, dt*max(t.rows, 1))
			sh.tracks.add(ServiceTime, s, f.At, t.run/1e9, t.handled)
			sh.tracks.add(Sends, s, f.At, t.out, t.handled)
			sh.tracks.add(Processes, s, f.At, t.rows*dt, dt)
			sh.tracks.add(Births, s, f.At, t.born, dt)
			sh.tracks.add(Mailbox, s, f.At, t.mailbox*dt, dt*max(t.rows, 1))
			sh.tracks.add(Oldest, s, f.At, t.oldest/1e9*dt, dt)
			handled += t.handled
		}
		work = append(work, bit{f.At, handled, dt})
	})
	if err != nil {
		return nil, nil, fmt.Errorf("read the processes of %s: %w", node, err)
	}
	return work, every, nil
}

// A rowOf is where the counters of a process stand among the columns.
type rowOf struct{ in, mailbox, out, run, latency int }

// read is the process as a row has it.
func (r rowOf) read(p process, c []archive.Column, slot int32) process {
	p.in, _ = c[r.in].Int(slot)
	p.mailbox, _ = c[r.mailbox].Int(slot)
	p.out, _ = c[r.out].Int(slot)
	p.run, _ = c[r.run].Int(slot)
	p.latency, _ = c[r.latency].Int(slot)
	p.seen = true
	return p
}

// step adds what a process did since its last row.
func (t *sum) step(p *process, now process) {
	t.rows++
	t.mailbox += float64(now.mailbox)
	t.oldest = max(t.oldest, float64(now.latency))
	if p.seen && now.in >= p.in && now.run >= p.run && now.out >= p.out {
		t.handled += max(0, float64((now.in-now.mailbox)-(p.in-p.mailbox)))
		t.out += float64(now.out - p.out)
		t.run += float64(now.run - p.run)
	}
	*p = now
}

// per adds a measure that is divided by the messages handled meanwhile.
func (sh *sheet) per(m Metric, s Subject, work track, at, before time.Time, num float64) {
	handled := 0.0
	for _, b := range work {
		if b.at.After(before) && !b.at.After(at) {
			handled += b.num
		}
	}
	if handled > 0 {
		sh.tracks.add(m, s, at, num, handled)
	}
}

func (sh *sheet) node(ctx context.Context, node string, work track) error {
	numbers := []string{"UserTime", "SystemTime", "SendErrorsLocal", "SendErrorsRemote", "CallErrorsLocal", "CallErrorsRemote"}
	fields := append(numbers, "Version", "Framework", "ServerTime")
	own := &clock{}
	sh.clocks[node] = own
	var last []float64
	var before time.Time
	s := Subject{Node: node}
	ours, err := sh.own.Errors(ctx, node, sh.From, sh.To)
	if err != nil {
		return fmt.Errorf("read the recorder's own calls that failed: %w", err)
	}
	left := 0 // of the recorder's own errors, those that no counter has shown yet
	return sh.answers(ctx, node, ergo.Node, fields, func(f *archive.Frame) {
		slot, ok := f.Object()
		if !ok {
			return
		}
		for _, c := range f.Columns[len(numbers) : len(fields)-1] {
			sh.ran(c.Text(slot))
		}
		said, err := time.Parse(time.RFC3339Nano, f.Columns[len(fields)-1].Text(slot))
		if err != nil {
			said = time.Time{} // a node that does not say the time
		}
		own.hear(f, said)
		now := make([]float64, len(numbers))
		for i := range numbers {
			now[i] = f.Columns[i].Float(slot)
		}
		dt := f.At.Sub(before).Seconds()
		if last != nil && dt > 0 {
			if cpu := now[0] + now[1] - last[0] - last[1]; cpu >= 0 {
				sh.tracks.add(CPU, s, f.At, cpu/1e9, dt)
				sh.per(CPUMessage, s, work, f.At, before, cpu/1e9)
			}
			failed := 0.0
			for ; len(ours) > 0 && !ours[0].After(f.At); ours = ours[1:] {
				left++
			}
			for i := 2; i < len(now); i++ {
				grown := max(0, now[i]-last[i])
				if _, observes := ergo.Observes(ergo.TraceCounter, numbers[i]); observes && grown > 0 {
					took := min(left, int(grown))
					left -= took
					grown -= float64(took)
				}
				failed += grown
			}
			if failed == failed { // a node that does not count them has none of them
				sh.tracks.add(FailedSends, s, f.At, failed, dt)
			}
		}
		last, before = now, f.At
	})
}

// ran notes a release, as node_info writes it: an object, or a text.
func (sh *sheet) ran(said string) {
	var v struct{ Name, Release, Commit string }
	if json.Unmarshal([]byte(said), &v) == nil {
		said = strings.TrimSpace(strings.Join([]string{v.Name, v.Release, v.Commit}, " "))
	}
	if said != "" {
		sh.runs[said] = true
	}
}

func (sh *sheet) runtime(ctx context.Context, node string, work track) error {
	fields := []string{"heap_alloc", "num_gc", "total_alloc", "goroutines"}
	var last []float64
	var before time.Time
	low := bit{}
	s := Subject{Node: node}
	err := sh.answers(ctx, node, ergo.Runtime, fields, func(f *archive.Frame) {
		slot, ok := f.Object()
		if !ok {
			return
		}
		now := make([]float64, len(fields))
		for i := range fields {
			now[i] = f.Columns[i].Float(slot)
		}
		dt := f.At.Sub(before).Seconds()
		if last != nil && dt > 0 {
			sh.tracks.add(Goroutines, s, f.At, now[3]*dt, dt)
			if grown := now[2] - last[2]; grown >= 0 {
				sh.per(Allocation, s, work, f.At, before, grown)
			}
		}
		// What a collection leaves is the least until the next one.
		switch {
		case last == nil || now[1] != last[1]:
			if low.den > 0 {
				sh.tracks.add(HeapKept, s, low.at, low.num, 1)
			}
			low = bit{f.At, now[0], 1}
		case now[0] < low.num:
			low = bit{f.At, now[0], 1}
		}
		last, before = now, f.At
	})
	if low.den > 0 {
		sh.tracks.add(HeapKept, s, low.at, low.num, 1)
	}
	return err
}

// counted reads a table of counters by the name of their rows.
func (sh *sheet) counted(ctx context.Context, node string, r ergo.Reading, name, field string, add func(name string, at time.Time, grown, dt float64)) error {
	last := map[string]bit{}
	return sh.answers(ctx, node, r, []string{name, field}, func(f *archive.Frame) {
		for _, slot := range f.Live {
			who, v := f.Columns[0].Text(slot), f.Columns[1].Float(slot)
			if was, ok := last[who]; ok && v >= was.num {
				if dt := f.At.Sub(was.at).Seconds(); dt > 0 {
					add(who, f.At, v-was.num, dt)
				}
			}
			last[who] = bit{at: f.At, num: v}
		}
	})
}

func (sh *sheet) links(ctx context.Context, node string, _ track) error {
	return sh.counted(ctx, node, ergo.Links, "Node", "MessagesOut", func(peer string, at time.Time, grown, dt float64) {
		sh.tracks.add(LinkTraffic, Subject{Node: node, Peer: peer}, at, grown, dt)
	})
}

func (sh *sheet) events(ctx context.Context, node string, _ track) error {
	return sh.counted(ctx, node, ergo.Events, "Event", "MessagesPublished", func(event string, at time.Time, grown, dt float64) {
		name := ergo.EventName(event)
		if _, ours := ergo.Observes(ergo.TraceEvent, name); !ours {
			sh.tracks.add(Published, Subject{Node: node, Event: name}, at, grown, dt)
		}
	})
}

// logs counts the lines of a node by template.
func (sh *sheet) logs(ctx context.Context, node string, miner *logs.Miner) error {
	length := sh.To.Sub(sh.From)
	bad := make([]float64, stretches)
	for l, err := range replay.Readable(sh.Recording.Logs(ctx, node, sh.From, sh.To), nil) {
		if err != nil {
			return fmt.Errorf("read the log of %s: %w", node, err)
		}
		t := miner.Add(l)
		c := sh.lines[t]
		if c == nil {
			c = &counts{node: node}
			sh.lines[t] = c
		}
		c.n++
		part := min(max(int(stretches*l.At.Sub(sh.From)/max(length, 1)), 0), stretches-1)
		c.parts[part]++
		if logs.Rank(t.Level) >= logs.Rank("error") {
			bad[part]++
		}
	}
	for i, n := range bad {
		at := sh.From.Add(time.Duration(i+1) * length / stretches)
		sh.tracks.add(Errors, Subject{Node: node}, at, n, length.Seconds()/stretches)
	}
	return nil
}
