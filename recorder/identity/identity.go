// Package identity tells whether an archive is of the cluster that is about to
// be recorded into it.
package identity

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A ForeignError refuses an archive of another cluster.
type ForeignError struct{ Why string }

// Error implements error.
func (e *ForeignError) Error() string {
	return "the archive is of another cluster: " + e.Why + "; record into a new one, or go on with this one all the same with --append"
}

// A Cluster is what an archive says of the cluster that it is of.
type Cluster struct {
	recorded []string        // nodes
	known    map[string]bool // and those that they know
	lives    map[string]life
}

// A life is one answer of a node about itself.
type life struct {
	at     time.Time     // by the clock of who asked
	up     time.Duration // cut to whole seconds
	server time.Time     // by the node's own clock; zero where it does not say
}

// Of reads which cluster an archive is of. What cannot be read of it tells
// nothing.
func Of(a *archive.Reader) (*Cluster, error) {
	c := &Cluster{known: map[string]bool{}, lives: map[string]life{}}
	end := a.Info().To
	for _, s := range a.Streams() {
		if s.Kind != archive.Sample || s.Node == "" {
			continue
		}
		c.known[s.Node] = true
		if !slices.Contains(c.recorded, s.Node) {
			c.recorded = append(c.recorded, s.Node)
		}
		if s.Name != "node_info" && s.Name != "cluster_nodes" {
			continue
		}
		rec, err := a.Last(s.StreamKey, "", end)
		if errors.Is(err, archive.ErrNotFound) || errors.As(err, new(*archive.CorruptionError)) {
			continue
		}
		if err != nil {
			return nil, err
		}
		if s.Name == "node_info" {
			if l, ok := readLife(rec.Text, rec.At); ok {
				c.lives[s.Node] = l
			}
			continue
		}
		var rows []struct{ Name string }
		if json.Unmarshal(rec.Text, &rows) == nil {
			for _, r := range rows {
				c.known[r.Name] = true
			}
		}
	}
	slices.Sort(c.recorded)
	return c, nil
}

func readLife(text []byte, at time.Time) (life, bool) {
	var info struct {
		Uptime     *int64
		ServerTime time.Time
	}
	if json.Unmarshal(text, &info) != nil || info.Uptime == nil {
		return life{}, false
	}
	return life{at, ergo.Lasting(*info.Uptime), info.ServerTime}, true
}

// Empty reports whether the archive holds nothing of any cluster.
func (c *Cluster) Empty() bool { return len(c.recorded) == 0 }

// An Ask asks a node about itself (node_info).
type Ask func(node string) (text []byte, at time.Time, err error)

// Foreign says why the nodes of the given names are another cluster's; "" where
// they may be the same. They are if no name is known, or if every node of a
// known name has lived since a time at which the archive saw another in its place.
// One after the other is asked, the next when one has not answered promptly.
func (c *Cluster) Foreign(names []string, ask Ask) (why string) {
	shared := slices.DeleteFunc(slices.Clone(names), func(n string) bool { return !c.known[n] })
	if len(shared) == 0 {
		return fmt.Sprintf("it is of %s, and the cluster's nodes are %s", some(c.recorded), some(names))
	}
	shared = slices.DeleteFunc(shared, func(n string) bool { _, ok := c.lives[n]; return !ok })
	answers := make(chan string, len(shared))
	for asked, heard := 0, 0; heard < len(shared); {
		var next <-chan time.Time
		if asked < len(shared) {
			n := shared[asked]
			go func() { answers <- c.displaced(n, ask) }()
			asked++
			next = time.After(ergo.Promptly)
		}
		select {
		case said := <-answers:
			if heard++; said == same {
				return ""
			}
			why = cmp.Or(said, why)
		case <-next:
		}
	}
	return why
}

// same is said of a node that is the one of the archive.
const same = "same"

// displaced says why a node is not that of the archive; "" where it does not tell.
func (c *Cluster) displaced(node string, ask Ask) string {
	text, at, err := ask(node)
	if err != nil {
		return ""
	}
	was := c.lives[node]
	is, ok := readLife(text, at)
	switch {
	case !ok:
		return ""
	case !was.displacedBy(is):
		return same
	}
	return fmt.Sprintf("%s runs since %s, and at %s the archive saw another %s, which ran since %s",
		node, stamp(is.started()), stamp(was.at), node, stamp(was.started()))
}

// Apart says why two archives are of two clusters; "" where they may be of one.
// They are if neither names a node of the other's, or if of every node that both
// recorded one saw another in its place.
func (c *Cluster) Apart(o *Cluster) (why string) {
	if c.Empty() || o.Empty() {
		return ""
	}
	knows := func(a, b *Cluster) bool {
		return slices.ContainsFunc(b.recorded, func(n string) bool { return a.known[n] })
	}
	if !knows(c, o) && !knows(o, c) {
		return fmt.Sprintf("one is of %s, the other of %s, and neither knows a node of the other's", some(o.recorded), some(c.recorded))
	}
	for _, n := range c.recorded {
		a, mine := c.lives[n]
		b, theirs := o.lives[n]
		if !mine || !theirs {
			continue
		}
		if !a.displacedBy(b) && !b.displacedBy(a) {
			return ""
		}
		why = fmt.Sprintf("at %s one saw a %s that ran since %s, and at %s the other one that ran since %s",
			stamp(a.at), n, stamp(a.started()), stamp(b.at), stamp(b.started()))
	}
	return why
}

// How exactly two answers tell when a node began: its uptime is cut to whole
// seconds, and clocks are set now and then.
const (
	sameLife = 3 * time.Second
	overlap  = time.Minute
)

func (l life) started() time.Time { return l.at.Add(-l.up) }

// displacedBy reports whether the other answer is of a node that lived while
// this one gave its answer, and is not this one.
func (l life) displacedBy(o life) bool {
	same := l.started().Sub(o.started()).Abs() <= sameLife
	if !l.server.IsZero() && !o.server.IsZero() {
		same = same || l.server.Add(-l.up).Sub(o.server.Add(-o.up)).Abs() <= sameLife
	}
	return !same && l.at.Sub(o.started()) > overlap
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// some are the first few of many names.
func some(names []string) string {
	const most = 5
	if n := len(names) - most; n > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", n)
	}
	return strings.Join(names, ", ")
}
