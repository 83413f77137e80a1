package serve

import (
	"context"
	"net/http"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/ergo/observer/native"
)

// callTime is how long an Observer waits for a node, in the cluster's time.
const callTime = 5 * time.Second

// An observed cluster is a recording served as the Observer application does
// that ran on one of its nodes.
type observed struct {
	*Cluster
	home    string
	workers *pool
	follows follows
	says    native.Observer
}

// Observer is the HTTP handler of an Observer on a node; an empty name means
// the recorded entry point.
func (c *Cluster) Observer(home string) (http.Handler, error) {
	if home == "" {
		home = c.rec.Entry()
	}
	if err := c.check(home); err != nil {
		return nil, err
	}
	o := &observed{Cluster: c, home: home, workers: newPool(observerWorkers), follows: follows{list: map[string]*held{}}}
	o.says = native.Observer{
		Server: gate.Observer(), Instructions: "A replayed recording.", Tools: gate.ReadOnly(),
		View: func(context.Context, string) (*native.View, error) { return o.sees(o.clock.Now()), nil },
	}
	return o, nil
}

func (o *observed) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.URL.Path != "/mcp" {
		http.NotFound(w, r)
		return
	}
	if o.downAt(r.Context(), o.home, o.clock.Now()) {
		panic(http.ErrAbortHandler) // a node that is down closes the connection without a word
	}
	out := &announcer{w, o.clock}
	if e := (&endpoint{Cluster: o.Cluster}); !e.allowed(r.Header.Get("Authorization")) {
		gate.Refuse(out, r, gate.Status(http.StatusUnauthorized))
		return
	}
	q, refused := gate.Read(r)
	if refused != nil {
		gate.Refuse(out, r, refused)
		return
	}
	a, err := queued(r.Context(), o.workers, func(ctx context.Context) native.Answered { return o.says.Answer(ctx, q) })
	if err != nil {
		panic(http.ErrAbortHandler) // nobody listens any more
	}
	if !a.At.IsZero() {
		out.Header().Set(HeaderObserved, a.At.UTC().Format(time.RFC3339Nano))
	}
	a.Write(out, r, q)
}

// view is the cluster at a moment, as nodes speak of it from 3.3 on, asked on one
// of them.
func (c *Cluster) view(now time.Time, home string) *native.View {
	return &native.View{
		At: now, Home: home, Nodes: c.Nodes(),
		Of:   func(node string) ergo.Caller { return c.rec.Faithful(now).Via(node) },
		Life: func(node string) int64 { return c.rec.Life(node, now).Unix() },
		Absent: func(ctx context.Context, node string) bool {
			return node != home && c.downAt(ctx, node, now)
		},
		Build: c.rec.TagsOf,
		Seen:  func(node string) time.Time { return c.rec.LastOf(node, now) },
		Wait:  func(ctx context.Context) error { return c.wait(ctx, c.clock.World(callTime)) },
	}
}

// sees is the cluster at a moment, as the Observer saw it.
func (o *observed) sees(now time.Time) *native.View {
	v := o.view(now, o.home)
	v.Log = func(ctx context.Context, u gate.URI, out *gate.Resource) error { return o.log(ctx, v, u, out) }
	return v
}
