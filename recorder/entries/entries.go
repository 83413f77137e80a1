// Package entries asks the entry points of a cluster whose they are and which nodes
// there are, all beside each other: who is slow costs the others nothing. It begins no
// recording.
package entries

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"sync"

	"ergorecorder/ergo"
)

// Routes is what is to be known of the ways into a cluster;
// [ergorecorder/ergo/live.Router] is one.
type Routes interface {
	// Refresh finds out whose entry points there are, and fails where none is left.
	// Some, if not nil, is called when the first is known and others take longer.
	Refresh(ctx context.Context, some func()) error
	// Entries are the nodes that have an entry point of their own.
	Entries() []string
	// Direct reports whether a node is asked without forwarding.
	Direct(node string) bool
}

// Desk asks entry points.
type Desk struct {
	Caller  ergo.Caller
	Routes  Routes            // nil: whoever answers is asked
	Hear    func(*ergo.Clock) // hears what clock answers announce
	Live    func()            // hears that there is an answer which announces none
	Timeout int               // of a question, in seconds
	Look    chan<- struct{}   // filled when nodes are to be looked for before it is time
	Beside  func(func())      // runs what is waited for at the end
	Looking context.Context   // of what runs beside; it ends with End
	End     context.CancelFunc
}

// FindWays has the ways asked whose they are. It returns when the first is known: who
// is slow is waited for beside, and nodes are looked for again when that made more of
// them known.
func (d *Desk) FindWays(ctx context.Context) error {
	if d.Routes == nil {
		return nil
	}
	return d.First(ctx, func(looking context.Context, some func()) error {
		had := -1
		err := d.Routes.Refresh(looking, func() {
			had = len(d.Routes.Entries())
			some()
		})
		if had >= 0 && len(d.Routes.Entries()) > had {
			d.LookSoon()
		}
		return err
	})
}

// First begins a search, and returns when it has come to something, or to its end. When
// ctx ends before, so does all searching, and what it came to until then is the result.
func (d *Desk) First(ctx context.Context, search func(looking context.Context, some func()) error) error {
	result := make(chan error, 2)
	some := sync.OnceFunc(func() { result <- nil })
	d.Beside(func() { result <- search(d.Looking, some) })
	select {
	case err := <-result:
		return err
	case <-ctx.Done():
		d.End()
		if err := <-result; err != nil {
			return err
		}
		return ctx.Err()
	}
}

// LookSoon has the nodes looked for before it is time.
func (d *Desk) LookSoon() {
	select {
	case d.Look <- struct{}{}:
	default:
	}
}

// Nodes are the nodes that are asked which nodes there are; "" is whoever answers.
func (d *Desk) Nodes() []string {
	if d.Routes == nil {
		return []string{""}
	}
	nodes := d.Routes.Entries()
	if len(nodes) == 0 {
		return []string{""}
	}
	slices.Sort(nodes)
	return slices.Compact(nodes)
}

// Said is what an entry point said of the cluster.
type Said struct {
	Call   ergo.Call // names the node that answered, where it says so
	Answer ergo.Answer
	Names  []string
	err    error
}

// Ask asks nodes beside each other which nodes there are, and hands on what each said
// as it comes; where it announces the clock of a replay, when all have answered: whether
// it is one must be known before. It returns when all have answered, and fails where
// none did.
func (d *Desk) Ask(ctx context.Context, nodes []string, heard func(Said)) error {
	answers := make(chan Said, len(nodes))
	for _, node := range nodes {
		go func() { answers <- d.ask(ctx, node) }()
	}
	answered := false
	var err error
	var replayed []Said
	for range nodes {
		switch s := <-answers; {
		case s.err != nil:
			err = s.err
		case s.Answer.Clock != nil:
			replayed = append(replayed, s)
		default:
			answered = true
			d.Live()
			heard(s)
		}
	}
	for _, s := range replayed {
		answered = true
		d.Hear(s.Answer.Clock)
		heard(s)
	}
	if !answered {
		return fmt.Errorf("ask for the cluster's nodes: %w", err)
	}
	return nil
}

func (d *Desk) ask(ctx context.Context, node string) (s Said) {
	s.Call = ergo.Call{Node: node, Tool: "cluster_nodes", Args: ergo.Args{"timeout": d.Timeout}}
	s.Answer, s.err = d.Caller.Call(ctx, s.Call)
	if s.err != nil {
		return s
	}
	var rows []struct{ Name, Status string }
	if err := json.Unmarshal(s.Answer.Text, &rows); err != nil {
		s.err = fmt.Errorf("cluster_nodes: %w", err)
		return s
	}
	for _, row := range rows {
		if row.Name == "" {
			continue
		}
		s.Names = append(s.Names, row.Name)
		if row.Status == "self" {
			s.Call.Node = row.Name
		}
	}
	return s
}

// InTurns are the nodes of all lists, once, the first of each before the second of
// any: who makes up many nodes does not hide those of another.
func InTurns(lists [][]string) []string {
	var all []string
	had := map[string]bool{}
	for i, more := 0, true; more; i++ {
		more = false
		for _, list := range lists {
			if i >= len(list) {
				continue
			}
			more = true
			if !had[list[i]] {
				had[list[i]] = true
				all = append(all, list[i])
			}
		}
	}
	return all
}
