package story

import (
	"fmt"
	"regexp"
	"strings"
	"time"

	"ergorecorder/internal/sim/world"
)

// A cast is who plays in a story.
type cast struct {
	world  *world.World
	groups map[string][]*world.Spec // by name, and by name@node
	events map[string]*world.Event
	node   *world.Node // that a line is about
	specs  []*world.Spec
	moment moment
	find   func(cluster string) (string, error)
}

var (
	heading = regexp.MustCompile(`^(cluster|recording|nodes?|supervisor|process|pool|event|at)\b`)
	titled  = regexp.MustCompile(`^(supervisor|process|pool|event) (\w+): (.*)$`)
)

// line does one line above the dashes.
func (c *cast) line(text string) error {
	switch heading.FindString(text) {
	case "cluster":
		return c.cluster(strings.TrimPrefix(text, "cluster "))
	case "recording":
		return c.recording(strings.TrimPrefix(text, "recording "))
	case "node", "nodes":
		return c.nodes(text)
	case "at":
		return c.at(text)
	case "supervisor", "process", "pool", "event":
		m := titled.FindStringSubmatch(text)
		if m == nil {
			return fmt.Errorf("%q: a name and a colon are missing", text)
		}
		if m[1] == "event" {
			return c.addEvent(m[2], m[3])
		}
		return c.process(m[1], m[2], m[3])
	}
	return fmt.Errorf("%q begins with none of cluster, recording, node, supervisor, process, pool, event, at", text)
}

// cluster adds one that several stories are about.
func (c *cast) cluster(name string) error {
	text, err := c.find(name)
	if err != nil {
		return err
	}
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if err := c.line(line); err != nil {
			return fmt.Errorf("cluster %s: %w", name, err)
		}
	}
	return nil
}

var recordingPhrases = compile([]phrase[*cast]{
	{form: "{d}", means: "how long it is", do: func(c *cast, a words) error { c.world.Length = a.d(0); return nil }},
	{form: "every {d}", means: "how often each node is asked (2s)", do: func(c *cast, a words) error { c.world.Interval = a.d(0); return nil }},
	{form: "seed {n}", means: "other chances", do: func(c *cast, a words) error { c.world.Reseed(uint64(a.n(0))); return nil }},
	{form: "without latency", means: "nodes are built without -tags=latency", do: func(c *cast, _ words) error { c.world.Latency = false; return nil }},
	{form: "without pprof", means: "nodes are built without -tags=pprof", do: func(c *cast, _ words) error { c.world.Pprof = false; return nil }},
	{form: "of 3.3", means: "nodes are of Ergo 3.3: supervisors say what they restarted and why, and of whom they go on without", do: func(c *cast, _ words) error { c.world.Modern = true; return nil }},
	{form: "without logs", means: "no log is recorded", do: func(c *cast, _ words) error { c.world.Silent = true; return nil }},
	{form: "without a steady clock", means: "the recorder stores no monotonic time, as before format 3", do: func(c *cast, _ words) error { c.world.Unsteady = true; return nil }},
	{form: "without ages", means: "nodes do not say how long a state lasts", do: func(c *cast, _ words) error { c.world.Ages = false; return nil }},
})

func (c *cast) recording(text string) error {
	for _, clause := range clauses(text) {
		if err := say(recordingPhrases, c, clause); err != nil {
			return err
		}
	}
	return nil
}

// full is a node's whole name.
func full(name string) string {
	if strings.Contains(name, "@") {
		return name
	}
	return name + "@lab"
}

var nodePhrases = compile([]phrase[*cast]{
	{form: "{n} cores", means: "how many (2)", do: func(c *cast, a words) error { c.node.Cores = a.n(0); return nil }},
	{form: "up {d}", means: "for how long when the recording begins (10s)", do: func(c *cast, a words) error { c.node.Up = a.d(0); return nil }},
	{form: "release {w}", means: "what it says it is (1.0.0)", do: func(c *cast, a words) error { c.node.Release = a[0]; return nil }},
	{form: "clock {d} ahead", means: "its clock is wrong", do: func(c *cast, a words) error { c.node.Clock.Offset = a.d(0); return nil }},
	{form: "clock {d} behind", means: "its clock is wrong", do: func(c *cast, a words) error { c.node.Clock.Offset = -a.d(0); return nil }},
	{form: "clock gains {n} ppm", means: "its clock drifts", do: func(c *cast, a words) error { c.node.Clock.Drift = a.n(0) / 1e6; return nil }},
	{form: "clock loses {n} ppm", means: "its clock drifts", do: func(c *cast, a words) error { c.node.Clock.Drift = -a.n(0) / 1e6; return nil }},
	{form: "memory limit {b}", means: "that its runtime may take", do: func(c *cast, a words) error { c.node.Limit = a.b(0); return nil }},
	{form: "job {w}", means: "of its scheduler, once a minute", do: func(c *cast, a words) error {
		c.node.Jobs = append(c.node.Jobs, &world.Job{Name: a[0]})
		return nil
	}},
	{form: "not started", means: "it starts when told", do: func(c *cast, _ words) error { c.node.Late = true; return nil }},
})

func (c *cast) nodes(text string) error {
	if names, ok := strings.CutPrefix(text, "nodes "); ok {
		for _, name := range list(names) {
			c.world.AddNode(full(name))
		}
		return nil
	}
	parts := clauses(strings.TrimPrefix(text, "node "))
	c.node = c.world.AddNode(full(parts[0]))
	for _, clause := range parts[1:] {
		if err := say(nodePhrases, c, clause); err != nil {
			return err
		}
	}
	return nil
}

// each does something to every process that the line is about.
func each(do func(s *world.Spec, a words)) func(c *cast, a words) error {
	return func(c *cast, a words) error {
		for _, s := range c.specs {
			do(s, a)
		}
		return nil
	}
}

// whom does the same with those whom a place of the form names.
func whom(i int, do func(s *world.Spec, a words, who []*world.Spec)) func(c *cast, a words) error {
	return func(c *cast, a words) error {
		who, err := c.who(a[i])
		if err != nil {
			return err
		}
		for _, s := range c.specs {
			do(s, a, who)
		}
		return nil
	}
}

// setting phrases are what a process is like; they may also stand after "at".
var settingPhrases = compile([]phrase[*cast]{
	{form: "{r}", means: "messages that come from outside, at chance", do: each(func(s *world.Spec, a words) { s.SetRate(a.n(0)) })},
	{form: "gets {r}", means: "the same, as a sentence", do: each(func(s *world.Spec, a words) { s.SetRate(a.n(0)) })},
	{form: "{d}", means: "CPU for each message", do: each(func(s *world.Spec, a words) { s.Service, s.Outside = a.d(0), "" })},
	{form: "takes {d}", means: "the same, as a sentence", do: each(func(s *world.Spec, a words) { s.Service, s.Outside = a.d(0), "" })},
	{form: "waits {d} in {fn}", means: "the time goes to something outside the actors, in a function", do: each(func(s *world.Spec, a words) { s.Service, s.Outside = a.d(0), a[1] })},
	{form: "{r} urgent", means: "messages from outside that go before others", do: each(func(s *world.Spec, a words) { s.SetUrgent(a.n(0)) })},
	{form: "gets {r} urgent", means: "the same, as a sentence", do: each(func(s *world.Spec, a words) { s.SetUrgent(a.n(0)) })},
	{form: "a router", means: "which says how many messages it had no route for", do: each(func(s *world.Spec, _ words) { s.Kind = "router" })},
	{form: "steady", means: "messages come evenly and take equally long", do: each(func(s *world.Spec, _ words) { s.Steady = true })},
	{form: "calls {who}[ for {d}][, one in {n}]", means: "each message calls, and waits so long at most (5s)", do: whom(0, func(s *world.Spec, a words, who []*world.Spec) {
		c := world.Call{To: who, Timeout: 5 * time.Second}
		if a[1] != "" {
			c.Timeout = a.d(1)
		}
		if a[2] != "" {
			c.Share = 1 / a.n(2)
		}
		s.Calls = append(s.Calls, c)
	})},
	{form: "calls nobody", means: "no more", do: each(func(s *world.Spec, _ words) { s.Calls = nil })},
	{form: "sends to {who}", means: "each message sends one", do: whom(0, func(s *world.Spec, _ words, who []*world.Spec) {
		s.Sends = append(s.Sends, world.Send{To: who, Count: 1})
	})},
	{form: "sends {n} to {who}", means: "each message sends so many", do: whom(1, func(s *world.Spec, a words, who []*world.Spec) {
		s.Sends = append(s.Sends, world.Send{To: who, Count: a.n(0)})
	})},
	{form: "answers nobody", means: "who calls it waits until the call is over", do: each(func(s *world.Spec, _ words) { s.Mute = true })},
	{form: "answers after {d}", means: "each call so much later, and takes others meanwhile", do: each(func(s *world.Spec, a words) { s.Later = a.d(0) })},
	{form: "dies of calls that time out", means: "and says whom it called", do: each(func(s *world.Spec, _ words) { s.Fragile = true })},
	{form: "all for one", means: "a supervisor's children end and are restarted together", do: each(func(s *world.Spec, _ words) { s.Together = true })},
	{form: "sends nothing", means: "no more", do: each(func(s *world.Spec, _ words) { s.Sends = nil })},
	{form: "sends {n} to a process that does not exist", means: "each message sends so many dead letters", do: each(func(s *world.Spec, a words) {
		s.Sends = append(s.Sends, world.Send{Count: a.n(0)})
	})},
	{form: "allocates {b}", means: "for each message, given back", do: each(func(s *world.Spec, a words) { s.Alloc = a.b(0) })},
	{form: "keeps {b}[ up to {b}]", means: "of each message, for good; a cache keeps up to a size", do: each(func(s *world.Spec, a words) {
		s.Keep, s.KeepMax = a.b(0), a.b(1)
		s.Alloc = max(s.Alloc, s.Keep)
	})},
	{form: "spawns {w}[ for {d}][, one in {n} stays][, one in {n} messages]", means: "each message starts a process of a behavior, for a while or for good", do: each(func(s *world.Spec, a words) {
		sp := &world.Spawn{Child: world.Spec{Behavior: a[0], Kind: "actor", Rate: 0.2, Service: time.Millisecond}, Share: 1, Life: a.d(1), Stay: int(a.n(2))}
		if a[3] != "" {
			sp.Share = 1 / a.n(3)
		}
		s.Spawn = sp
	})},
	{form: "spawns nothing", means: "no more", do: each(func(s *world.Spec, _ words) { s.Spawn = nil })},
	{form: "mailbox {n}", means: "how many messages it holds; a pool's: each worker", do: each(func(s *world.Spec, a words) {
		if s.Kind == "pool" {
			for _, worker := range s.Crew {
				worker.Limit = int(a.n(0))
			}
			return
		}
		s.Limit = int(a.n(0))
	})},
	{form: "panics[, one in {n}]", means: "at each message, or at so many", do: each(func(s *world.Spec, a words) {
		n := max(1, a.n(0))
		s.Panics = func() bool { return s.Node().Roll() < 1/n }
	})},
	{form: "panics no more", means: "it is well again", do: each(func(s *world.Spec, _ words) { s.Panics = nil })},
	{form: "lives {d}", means: "each life ends after that", do: each(func(s *world.Spec, a words) { s.SetDoom(a.d(0)) })},
	{form: "lives on", means: "no more", do: each(func(s *world.Spec, _ words) { s.Doom = 0 })},
	{form: "ends with {q}", means: "what it says when it ends abnormally", do: each(func(s *world.Spec, a words) { s.Reason = a[0] })},
	{form: "warms up over {d}", means: "after its start messages are up to five times as dear", do: each(func(s *world.Spec, a words) { s.WarmUp = a.d(0) })},
	{form: "grumbles {q}", means: "logs an error for each call that fails", do: each(func(s *world.Spec, a words) { s.Grumbles = a[0] })},
	{form: "has {n} chances", means: "after so many restarts of its own its supervisor goes on without it, and says nothing", do: each(func(s *world.Spec, a words) { s.Chances = int(a.n(0)) })},
	{form: "on demand", means: "a supervisor's children are made when they are asked for", do: each(func(s *world.Spec, _ words) { s.OnDemand = true })},
	{form: "fresh names", means: "after a restart it has another name", do: each(func(s *world.Spec, _ words) { s.Fresh = true })},
	{form: "{n} in {d}", means: "how many restarts a supervisor allows, in how long", do: each(func(s *world.Spec, a words) { s.Intensity, s.Period = int(a.n(0)), a.d(1) })},
	{form: "transient", means: "children that end normally are not restarted", do: each(func(s *world.Spec, _ words) { s.Transient = true })},
	{form: "under {w}", means: "its supervisor", do: func(c *cast, a words) error { return c.under(a[0]) }},
	{form: "of {w}", means: "its application (shop)", do: each(func(s *world.Spec, a words) { s.App = a[0] })},
	{form: "{n} workers {w}", means: "of a pool, and their behavior", do: each(func(s *world.Spec, a words) {
		for range int(a.n(0)) {
			s.Crew = append(s.Crew, &world.Spec{Behavior: a[1], Kind: "actor", App: s.App, Parent: s, Service: s.Service})
		}
	})},
	{form: "publishes nothing", means: "no more", do: each(func(s *world.Spec, _ words) { s.Publish = nil })},
})

// under puts the processes of the line below a supervisor of their node.
func (c *cast) under(name string) error {
	for _, s := range c.specs {
		found := false
		for _, p := range c.groups[name+"@"+s.Node().Name] {
			s.Parent, s.App, found = p, p.App, true
		}
		if !found {
			return fmt.Errorf("no %s on %s", name, s.Node().Name)
		}
	}
	return nil
}

var placed = regexp.MustCompile(`^([\w.]+)(?: x ?(\d+))?(?: on ([\w@-]+(?:(?:, | and )[\w@-]+)*))?$`)

// process adds processes: "shop.Clerk x 4 on north and east, 5/s, 1ms".
func (c *cast) process(kind, name, text string) error {
	parts := clauses(text)
	m := placed.FindStringSubmatch(parts[0])
	if m == nil {
		return fmt.Errorf("%q is no behavior with a number and nodes", parts[0])
	}
	if kind == "process" {
		kind = "actor"
	}
	nodes := c.world.Nodes
	if m[3] != "" {
		nodes = nil
		for _, n := range list(m[3]) {
			node := c.world.Node(full(n))
			if node == nil {
				return fmt.Errorf("no node %s", n)
			}
			nodes = append(nodes, node)
		}
	}
	c.specs = nil
	for _, n := range nodes {
		for i := range max(1, number(m[2])) {
			s := &world.Spec{Name: name, Behavior: m[1], Kind: kind, App: "shop", Count: i, Service: 500 * time.Microsecond}
			if m[2] != "" {
				s.Name = fmt.Sprintf("%s_%d", name, i)
			}
			if kind == "supervisor" {
				s.Service = 20 * time.Microsecond
			}
			n.Add(s)
			c.specs = append(c.specs, s)
			for _, k := range []string{name, name + "@" + n.Name, s.Name, s.Name + "@" + n.Name} {
				if g := c.groups[k]; len(g) == 0 || g[len(g)-1] != s {
					c.groups[k] = append(g, s)
				}
			}
		}
	}
	for _, clause := range join(parts[1:]) {
		if err := say(settingPhrases, c, clause); err != nil {
			return err
		}
	}
	for _, s := range c.specs {
		for _, worker := range s.Crew {
			worker.Service, worker.App, worker.Alloc = s.Service, s.App, s.Alloc
			c.groups[name+"_workers"] = append(c.groups[name+"_workers"], worker)
			c.groups[name+"_workers@"+s.Node().Name] = append(c.groups[name+"_workers@"+s.Node().Name], worker)
			worker.Place(s.Node())
		}
	}
	return nil
}

// join puts "one in 5" back to the clause that it belongs to.
func join(parts []string) []string {
	var out []string
	for _, p := range parts {
		if strings.HasPrefix(p, "one in ") && len(out) > 0 {
			out[len(out)-1] += ", " + p
			continue
		}
		out = append(out, p)
	}
	return out
}

func number(text string) int {
	n := 0
	fmt.Sscan(text, &n)
	return n
}

var eventForm = regexp.MustCompile(`^of (\w+)(?: on ([\w@-]+))?(?:, to (.*))?$`)

// addEvent adds one that each message of its producer publishes: "of feed on
// north, to clerk and desk". Without a node there is one on each node that has
// the producer, for the subscribers of that node.
func (c *cast) addEvent(name, text string) error {
	m := eventForm.FindStringSubmatch(text)
	if m == nil {
		return fmt.Errorf("%q does not say of whom and on which node", text)
	}
	key := m[1]
	if m[2] != "" {
		key += "@" + full(m[2])
	}
	producers := c.groups[key]
	if len(producers) == 0 {
		return fmt.Errorf("no process %s", key)
	}
	var who []*world.Spec
	if m[3] != "" {
		var err error
		if who, err = c.who(m[3]); err != nil {
			return err
		}
	}
	for _, p := range producers {
		e := &world.Event{Name: name, Producer: p}
		for _, s := range who {
			if m[2] != "" || s.Node() == p.Node() {
				e.Subscribe(s)
			}
		}
		p.Publish = c.world.AddEvent(e)
		c.events[name+"@"+p.Node().Name] = e
	}
	return nil
}

// who are the processes of a list of names, each with or without its node.
func (c *cast) who(text string) ([]*world.Spec, error) {
	var out []*world.Spec
	for _, name := range list(text) {
		if n, node, ok := strings.Cut(name, "@"); ok {
			name = n + "@" + full(node)
		}
		g := c.groups[name]
		if len(g) == 0 {
			return nil, fmt.Errorf("no process %s", name)
		}
		out = append(out, g...)
	}
	return out, nil
}
