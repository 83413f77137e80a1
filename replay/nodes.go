package replay

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// Nodes returns every node that was recorded, by name.
func (r *Recording) Nodes() []Node { return slices.Clone(r.look()) }

// look is Nodes, for who changes nothing of them.
func (r *Recording) look() []Node {
	r.looking.Lock()
	defer r.looking.Unlock()
	defer r.Hold()()
	x := r.index()
	r.mu.Lock()
	known, at := r.known, r.at
	r.mu.Unlock()
	if known != nil && at == x.changes {
		return known
	}
	nodes := make([]Node, 0, len(x.nodes))
	entry := x.entry()
	for _, name := range x.nodes {
		n := r.node(x, name)
		n.Entry = name == entry
		n.Forwards = n.Forwards || n.Entry || len(x.tells[telling{name, ergo.Cluster}]) > 0 && r.saysSelf(name)
		nodes = append(nodes, n)
	}
	r.mu.Lock()
	r.known, r.at = nodes, x.changes
	r.mu.Unlock()
	return nodes
}

// node is what is known of a node. While an archive grows, what a node's newest
// life was found to be is kept until the next one begins.
func (r *Recording) node(x *index, name string) Node {
	n := Node{Name: name, Lives: r.lives(x, name)}
	r.mu.Lock()
	i := slices.IndexFunc(r.known, func(k Node) bool { return k.Name == name && len(k.Lives) == len(n.Lives) })
	if i >= 0 {
		n.Framework, n.Latency, n.Pprof, n.Forwards = r.known[i].Framework, r.known[i].Latency, r.known[i].Pprof, r.known[i].Forwards
	}
	r.mu.Unlock()
	if n.Framework == "" {
		n.Framework = r.framework(name)
	}
	if n.Latency == Unknown {
		n.Latency = r.latency(name)
	}
	if n.Pprof == Unknown {
		n.Pprof = r.pprof(name)
	}
	return n
}

// newest walks a node's records of a reading from the end back, until keep says
// that it has seen enough.
func (r *Recording) newest(node string, reading ergo.Reading, enough func(*archive.Record) bool) {
	for rec, err := range r.mergedOf(context.Background(), r.index().tells[telling{node, reading}], archive.Query{Reverse: true}) {
		if err == nil && enough(rec) {
			return
		}
	}
}

// entryPoint is the node whose cluster_nodes said "self" of itself most often:
// the one that was asked without forwarding.
func (r *Recording) entryPoint(x *index) (name string) {
	most := 0
	for _, node := range x.nodes {
		answers := 0
		for _, s := range x.tells[telling{node, ergo.Cluster}] {
			answers += s.Records - s.Failures
		}
		if answers > most && r.saysSelf(node) {
			name, most = node, answers
		}
	}
	if name == "" && len(x.nodes) > 0 {
		return x.nodes[0]
	}
	return name
}

func (r *Recording) saysSelf(node string) (self bool) {
	r.newest(node, ergo.Cluster, func(rec *archive.Record) bool {
		var list []struct{ Name, Status string }
		if rec.Failure != nil || !decode(rec.Text, &list) {
			return false
		}
		for _, n := range list {
			self = self || n.Name == node && n.Status == "self"
		}
		return true
	})
	return self
}

func (r *Recording) framework(node string) (name string) {
	r.newest(node, ergo.Node, func(rec *archive.Record) bool {
		var info struct {
			Framework struct{ Name, Release string }
		}
		if rec.Failure != nil || !decode(rec.Text, &info) {
			return false
		}
		name = strings.TrimSpace(info.Framework.Name + " " + info.Framework.Release)
		return true
	})
	return name
}

// enoughRecords bounds how far back a search for a build tag looks.
const enoughRecords = 50

// latency tells whether the node was built with -tags=latency: without it
// every MailboxLatency is -1.
func (r *Recording) latency(node string) (known Known) {
	if known = r.newestLatency(node); known != Unknown {
		return known
	}
	looked := 0
	r.newest(node, ergo.Processes, func(rec *archive.Record) bool {
		looked++
		var rows []struct{ MailboxLatency *int64 }
		if rec.Failure != nil {
			if strings.Contains(rec.Failure.Text, "-tags=latency") {
				known = No
			}
			return known != Unknown || looked >= enoughRecords
		}
		decode(rec.Text, &rows) // of what is no listing nothing is known
		for _, row := range rows {
			if l := row.MailboxLatency; l != nil && *l == -1 {
				known = No
			} else if l != nil && *l >= 0 {
				known = Yes
				break
			}
		}
		return known != Unknown || looked >= enoughRecords
	})
	return known
}

// newestLatency tells it by one column of the newest listing, where that says
// it: by its first rows if one of them has an age.
func (r *Recording) newestLatency(node string) (known Known) {
	if known = r.latencyIn(node, 1); known != Yes {
		known = r.latencyIn(node, 0)
	}
	return known
}

// latencyIn looks at so many rows, at all of them where that is 0.
func (r *Recording) latencyIn(node string, rows int) (known Known) {
	var newest *archive.Frame
	x := r.index()
	for _, s := range x.tells[telling{node, ergo.Processes}] {
		f, err := s.reader.LastFrame(s.StreamKey, x.end, []string{"MailboxLatency"}, rows)
		if err == nil && (newest == nil || f.At.After(newest.At)) {
			newest = f
		}
	}
	if newest == nil {
		return Unknown
	}
	c := newest.Columns[0]
	for _, slot := range newest.Live {
		l, ok := c.Int(slot)
		switch {
		case !ok && c.Text(slot) != "":
			return Unknown // it is no number
		case ok && l == -1 && known == Unknown:
			known = No
		case ok && l >= 0:
			known = Yes
		}
	}
	return known
}

// pprofRefusal is what a node without -tags=pprof says when it is asked for
// the goroutine of one process.
const pprofRefusal = "requires building with -tags=pprof"

// pprof tells whether the node was built with -tags=pprof, which labels the
// goroutines of processes with their PIDs.
func (r *Recording) pprof(node string) (known Known) {
	looked := 0
	r.newest(node, ergo.Goroutines, func(rec *archive.Record) bool {
		looked++
		switch {
		case rec.Failure == nil:
			if bytes.Contains(rec.Text, []byte(`labels: {"pid"`)) || bytes.Contains(rec.Text, []byte(`labels:{"pid"`)) {
				known = Yes
			}
		case strings.Contains(rec.Failure.Text, pprofRefusal):
			known = No
		case strings.Contains(rec.Failure.Text, "pprof IS enabled"):
			known = Yes
		}
		return known != Unknown || looked >= enoughRecords
	})
	return known
}

// OwnNodes are the names under which recorders joined the cluster that they
// recorded. Nothing of them is recorded, and nobody misses them.
func (r *Recording) OwnNodes(ctx context.Context) (names []string, err error) {
	marks, err := r.Marks(ctx, time.Time{}, time.Time{})
	for _, m := range marks {
		if name, ok := m.More[archive.MoreOwnNode].(string); ok && m.Kind == archive.MarkStart {
			names = append(names, name)
		}
	}
	return names, err
}
