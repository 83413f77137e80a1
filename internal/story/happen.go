package story

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"ergorecorder/internal/sim/world"
)

// A moment is when something happens, how often and for how long.
type moment struct {
	at, lasts, every time.Duration
	times            int
	undo             func() // what ends it, where it can end
	growing          time.Duration
}

var when = regexp.MustCompile(`^at (-?[0-9.hms]+)(?: for ([0-9.hms]+))?(?: every ([0-9.hms]+)(?: (\d+) times)?)?(?: growing by ([0-9.hms]+))?: (.*)$`)

// at plans what a line says: "at 1m for 40s: clerk_2 blocks".
func (c *cast) at(text string) error {
	m := when.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf(`%q has not the form "at 1m [for 40s] [every 45s [6 times]]: what happens"`, text)
	}
	a := words(m[1:])
	mo := moment{at: a.d(0), lasts: a.d(1), every: a.d(2), times: number(a[3]), growing: a.d(4)}
	if mo.every > 0 && mo.times == 0 {
		mo.times = 1 << 20
	}
	what := a[5]
	if err := c.check(what); err != nil {
		return err
	}
	for i := 0; i < max(1, mo.times); i++ {
		at := mo.at + time.Duration(i)*mo.every
		if at >= c.world.Length {
			break
		}
		lasts := mo.lasts + time.Duration(i)*mo.growing
		c.world.At(at, func() {
			c.moment = moment{at: at, lasts: lasts}
			if err := c.happens(what, true); err != nil {
				panic(err) // it was understood when it was read
			}
			if undo := c.moment.undo; undo != nil && lasts > 0 {
				c.world.After(lasts, undo)
			}
		})
	}
	return nil
}

// check reads what happens without doing it.
func (c *cast) check(what string) error { return c.happens(what, false) }

// undoable plans the end of what has begun.
func undoable(c *cast, undo func()) { c.moment.undo = undo }

// A happening phrase is done when its time comes.
type happening struct {
	*cast
	node  *world.Node
	other *world.Node
	doing bool // else it is only read
}

var happenings = compile([]phrase[*happening]{
	{form: "node {w} freezes", means: "stands still and goes on (needs for)", do: onNode(func(h *happening, _ words) { h.node.Freeze(h.moment.lasts) })},
	{form: "tools of {w} are busy", means: "it works, and answers only then (needs for)", do: onNode(func(h *happening, _ words) { h.node.Tie(h.moment.lasts) })},
	{form: "node {w} is throttled to {n}%", means: "gets so much of its CPU", do: onNode(func(h *happening, a words) {
		h.node.Throttle(a.n(1) / 100)
		undoable(h.cast, func() { h.node.Throttle(0) })
	})},
	{form: "node {w} crashes", means: "is gone; with for it comes back", do: onNode(func(h *happening, _ words) {
		h.node.Crash()
		undoable(h.cast, h.node.Start)
	})},
	{form: "node {w} stops", means: "is stopped by an operator; with for it comes back", do: onNode(func(h *happening, _ words) {
		h.node.Stop()
		undoable(h.cast, h.node.Start)
	})},
	{form: "node {w} shuts down", means: "says so, and is gone five seconds later", do: onNode(func(h *happening, _ words) { h.node.ShutDown() })},
	{form: "node {w} is redeployed as {w}", means: "is stopped, and with for comes back as that release", do: onNode(func(h *happening, a words) {
		h.node.Stop()
		h.node.Release = a[1]
		undoable(h.cast, h.node.Start)
	})},
	{form: "node {w} starts", means: "for one that was not started, or stopped", do: onNode(func(h *happening, _ words) { h.node.Start() })},
	{form: "clock of {w} steps {w}[ over {d}]", means: "by +60s or -60s, at once or bit by bit", do: func(h *happening, a words) error {
		by, err := time.ParseDuration(a[1])
		if err != nil {
			return err
		}
		clock := &h.world.Recorder.Clock
		if a[0] != "recorder" {
			n := h.world.Node(full(a[0]))
			if n == nil {
				return fmt.Errorf("no node %s", a[0])
			}
			clock = &n.Clock
		}
		if h.doing {
			clock.Steps = append(clock.Steps, world.Step{At: h.moment.at, By: by, Over: a.d(2)})
		}
		return nil
	}},
	{form: "load x ?{n}[ on {w}]", means: "so many times the messages from outside", do: func(h *happening, a words) error {
		nodes := h.world.Nodes
		if a[1] != "" {
			n := h.world.Node(full(a[1]))
			if n == nil {
				return fmt.Errorf("no node %s", a[1])
			}
			nodes = []*world.Node{n}
		}
		if h.doing {
			for _, n := range nodes {
				n.Load(a.n(0))
			}
			undoable(h.cast, func() {
				for _, n := range nodes {
					n.Load(1)
				}
			})
		}
		return nil
	}},
	{form: "link {w} - {w} goes down", means: "the connection is lost; with for it comes back", do: onLink(func(h *happening, l *world.Link, _ words) {
		l.Cut()
		undoable(h.cast, l.Mend)
	})},
	{form: "link {w} - {w} loses {n}%", means: "what the first sends does not all arrive", do: onLink(func(h *happening, l *world.Link, a words) {
		l.LoseFrom(h.node, a.n(2)/100)
		undoable(h.cast, func() { l.Loss = [2]float64{} })
	})},
	{form: "link {w} - {w} tears large messages, {r}", means: "to the second, a piece of which does not come", do: onLink(func(h *happening, l *world.Link, a words) {
		h.repeat(a.n(2), func(n int) { l.Tear(h.other, n) })
	})},
	{form: "link {w} - {w} hangs", means: "it takes messages and brings none", do: onLink(func(h *happening, l *world.Link, _ words) {
		l.Stuck = true
		undoable(h.cast, func() { l.Stuck = false })
	})},
	{form: "link {w} - {w} takes {d}", means: "for every message", do: onLink(func(h *happening, l *world.Link, a words) {
		before := l.Delay
		l.Delay = a.d(2)
		undoable(h.cast, func() { l.Delay = before })
	})},
	{form: "partition {who} from {who}", means: "no link between the two groups", do: func(h *happening, a words) error {
		var ls []*world.Link
		for _, x := range list(a[0]) {
			for _, y := range list(a[1]) {
				p, q := h.world.Node(full(x)), h.world.Node(full(y))
				if p == nil || q == nil {
					return fmt.Errorf("no node %s or %s", x, y)
				}
				ls = append(ls, h.world.Link(p, q))
			}
		}
		if h.doing {
			for _, l := range ls {
				l.Cut()
			}
			undoable(h.cast, func() {
				for _, l := range ls {
					l.Mend()
				}
			})
		}
		return nil
	}},
	{form: "application {w} on {w} stops", means: "by an operator; with for it starts again", do: func(h *happening, a words) error {
		return named(h, a[1], func() {
			h.node.StopApp(a[0])
			undoable(h.cast, func() { h.node.StartApp(a[0]) })
		})
	}},
	{form: "handshakes fail on {w}, {r}", means: "an acceptor turns peers away", do: onNode(func(h *happening, a words) {
		h.repeat(a.n(1), func(n int) { h.node.FailHandshakes(int64(n)) })
	})},
	{form: "job {w} of {w} fails with {q}", means: "its runs end with an error", do: func(h *happening, a words) error {
		return named(h, a[1], func() {
			h.node.Fail(a[0], a[2])
			n := h.node
			undoable(h.cast, func() { n.Fail(a[0], "") })
		})
	}},
	{form: "{who} discards messages, {r}", means: "a router that has no route for them", do: onWho(func(h *happening, s *world.Spec, a words) {
		h.repeat(a.n(1), s.Discard)
	})},
	{form: "spawns fail on {w}, {r}", means: "processes do not start", do: onNode(func(h *happening, a words) {
		h.repeat(a.n(1), func(n int) { h.node.FailSpawns(int64(n)) })
	})},
	{form: "{fn} keeps goroutines on {w}, {r}", means: "goroutines of a function never end", do: func(h *happening, a words) error {
		return named(h, a[1], func() { h.repeat(a.n(2), func(n int) { h.node.Stay(a[0], n) }) })
	}},
	{form: "node {w} registers {n} aliases a second", means: "and never gives one back", do: onNode(func(h *happening, a words) {
		h.repeat(a.n(1), func(n int) { h.node.Register(int64(n), 0) })
	})},
	{form: "node {w} registers {n} names a second", means: "and never gives one back", do: onNode(func(h *happening, a words) {
		h.repeat(a.n(1), func(n int) { h.node.Register(0, int64(n)) })
	})},
	{form: "{who} registers {n} events a second", means: "and never gives one back", do: onWho(func(h *happening, s *world.Spec, a words) {
		k := 0
		h.repeat(a.n(1), func(n int) {
			for range n {
				k++
				e := &world.Event{Name: fmt.Sprintf("session_%d", k), Producer: s}
				e.Register()
			}
		})
	})},
	{form: "recorder loses {n}%", means: "of its answers", do: func(h *happening, a words) error {
		if h.doing {
			h.world.Recorder.Loss = a.n(0) / 100
			undoable(h.cast, func() { h.world.Recorder.Loss = 0 })
		}
		return nil
	}},
	{form: "recorder misses {w}[ {w}]", means: "a node (or all), or one tool of it (needs for)", do: func(h *happening, a words) error {
		node := full(a[0])
		if a[0] == "all" {
			node = ""
		} else if h.world.Node(node) == nil {
			return fmt.Errorf("no node %s", a[0])
		}
		if h.doing {
			r := &h.world.Recorder
			r.Gaps = append(r.Gaps, world.Gap{Node: node, Tool: a[1], From: h.moment.at, To: h.moment.at + h.moment.lasts})
		}
		return nil
	}},
	{form: "recorder lists {n} rows", means: "at most, others each time", do: func(h *happening, a words) error {
		if h.doing {
			h.world.Recorder.Rows = int(a.n(0))
		}
		return nil
	}},
	{form: "recorder lists seldom", means: "every twelfth time; in between, those for whom messages wait", do: func(h *happening, _ words) error {
		if h.doing {
			h.world.Recorder.Rest = 12
		}
		return nil
	}},
	{form: "{who} blocks[ on {w}][ in {fn}]", means: "its callback does not return: on lock, file, network, channel, sleep or loop", do: onAll(func(h *happening, who []*world.Spec, a words) {
		var undo []func()
		for _, s := range who {
			undo = append(undo, s.Block(a[1], a[2]))
		}
		undoable(h.cast, func() {
			for _, u := range undo {
				u()
			}
		})
	})},
	{form: "{who} is killed", means: "if it hangs in a callback it becomes a zombee", do: onWho(func(_ *happening, s *world.Spec, _ words) { s.Kill() })},
	{form: "{who} dies", means: "once, by a panic", do: onWho(func(_ *happening, s *world.Spec, _ words) { s.End("panic") })},
	{form: "{who} ends", means: "once, normally", do: onWho(func(_ *happening, s *world.Spec, _ words) { s.End("normal") })},
	{form: "{who} starts {n} more", means: "processes like it", do: onAll(func(h *happening, who []*world.Spec, a words) {
		for i := range int(a.n(1)) {
			s := *who[i%len(who)]
			s.Name = fmt.Sprintf("%s_more_%d", s.Name, i)
			s.Renew()
			s.Node().Join(&s)
		}
	})},
	{form: "{who} talks to {who} without end", means: "the two answer each other", do: func(h *happening, a words) error {
		p, err := h.who(a[0])
		if err != nil {
			return err
		}
		q, err := h.who(a[1])
		if err == nil && h.doing {
			p[0].Talk(q[0])
		}
		return err
	}},
	{form: "{who} sets {n} timers of {d}", means: "each sends it a message that often", do: onWho(func(h *happening, s *world.Spec, a words) {
		s.SetTimers(a.n(1) / a.d(2).Seconds())
		undoable(h.cast, func() { s.SetTimers(0) })
	})},
	{form: "{who} logs {w} {q}[, {r}]", means: "a line, once or so often", do: onWho(func(h *happening, s *world.Spec, a words) {
		if a[3] == "" {
			s.Say(a[1], a[2])
			return
		}
		h.repeat(a.n(3), func(n int) {
			for range n {
				s.Say(a[1], a[2])
			}
		})
	})},
	{form: "{who} subscribes to {w} of {w}", means: "an event of a node", do: onEvent(func(e *world.Event, who []*world.Spec) { e.Subscribe(who...) })},
	{form: "{who} unsubscribes from {w} of {w}", means: "an event of a node", do: onEvent(func(e *world.Event, who []*world.Spec) { e.Unsubscribe(who...) })},
})

func named(h *happening, name string, do func()) error {
	if h.node = h.world.Node(full(name)); h.node == nil {
		return fmt.Errorf("no node %s", name)
	}
	if h.doing {
		do()
	}
	return nil
}

func onNode(do func(h *happening, a words)) func(h *happening, a words) error {
	return func(h *happening, a words) error { return named(h, a[0], func() { do(h, a) }) }
}

func onLink(do func(h *happening, l *world.Link, a words)) func(h *happening, a words) error {
	return func(h *happening, a words) error {
		if h.other = h.world.Node(full(a[1])); h.other == nil {
			return fmt.Errorf("no node %s", a[1])
		}
		return named(h, a[0], func() { do(h, h.world.Link(h.node, h.other), a) })
	}
}

func onAll(do func(h *happening, who []*world.Spec, a words)) func(h *happening, a words) error {
	return func(h *happening, a words) error {
		who, err := h.who(a[0])
		if err == nil && h.doing {
			do(h, who, a)
		}
		return err
	}
}

func onWho(do func(h *happening, s *world.Spec, a words)) func(h *happening, a words) error {
	return onAll(func(h *happening, who []*world.Spec, a words) {
		for _, s := range who {
			do(h, s, a)
		}
	})
}

func onEvent(do func(e *world.Event, who []*world.Spec)) func(h *happening, a words) error {
	return func(h *happening, a words) error {
		who, err := h.who(a[0])
		if err != nil {
			return err
		}
		e := h.events[a[1]+"@"+full(a[2])]
		if e == nil {
			return fmt.Errorf("no event %s of %s", a[1], a[2])
		}
		if h.doing {
			do(e, who)
		}
		return nil
	}
}

// repeat does something so often a second, until the moment is over.
func (h *happening) repeat(perSecond float64, do func(n int)) {
	stop := h.world.Every(h.moment.at, perSecond, do)
	undoable(h.cast, stop)
}

// happens does, or only reads, what a line says: one of the happenings, or
// processes and a setting that they have from now on.
func (c *cast) happens(what string, doing bool) error {
	h := &happening{cast: c, doing: doing}
	first := say(happenings, h, what)
	if first == nil || !strings.Contains(first.Error(), "is not understood") {
		return first
	}
	name, setting, _ := strings.Cut(what, " ")
	who, err := c.who(name)
	if err != nil {
		return fmt.Errorf("%w, and %w", first, err)
	}
	if !doing {
		for _, p := range settingPhrases {
			if p.re.MatchString(setting) {
				return nil
			}
		}
		return first
	}
	before := make([]world.Spec, len(who))
	for i, s := range who {
		before[i] = *s
	}
	c.specs = who
	if err := say(settingPhrases, c, setting); err != nil {
		return err
	}
	undoable(c, func() {
		for i, s := range who {
			s.Restore(before[i])
		}
	})
	return nil
}
