package native

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
)

// An Observer answers requests out of views.
type Observer struct {
	Server       gate.Server
	Instructions string
	Tools        []gate.Tool
	// View is the cluster that a request means, by its argument or query
	// parameter at.
	View func(ctx context.Context, at string) (*View, error)
	// Says is what answers add to their _meta of when they were observed; nil:
	// nothing.
	Says func(v *View, at time.Time) map[string]any
	// Text passes on what a tool or a resource says; nil: as it is.
	Text func([]byte) []byte
	// Ends is why a stream that follows resources ends at once; "" means that
	// there are none.
	Ends string
}

// An Answered request has a result or is refused.
type Answered struct {
	Result  any
	Refused *gate.Refusal
	At      time.Time // when what it says was observed, zero where nothing was
}

// Answer answers a request that has passed the gate.
func (o *Observer) Answer(ctx context.Context, q *gate.Request) Answered {
	switch q.Method {
	case observer.MethodDiscover:
		return Answered{Result: o.Server.Discovery(o.Instructions)}
	case observer.MethodTools, observer.MethodResources, observer.MethodTemplates:
		if refused := gate.CheckCursor(q); refused != nil {
			return Answered{Refused: refused}
		}
		list := map[string]any{
			observer.MethodTools: o.Server.List(o.Tools), observer.MethodResources: o.Server.Resources(), observer.MethodTemplates: o.Server.Templates(gate.Lenses()),
		}
		return Answered{Result: list[q.Method]}
	case observer.MethodCall:
		return o.tool(ctx, q)
	case observer.MethodRead:
		return o.read(ctx, q)
	}
	return Answered{Refused: gate.Invalid(q, ergo.CodeInternal, "resources are read here, not followed", nil)}
}

// Write writes what answers a request.
func (a Answered) Write(w http.ResponseWriter, r *http.Request, q *gate.Request) {
	if a.Refused != nil {
		gate.Refuse(w, r, a.Refused)
		return
	}
	gate.Reply(w, r, q.ID, a.Result)
}

// Listen answers subscriptions/listen: each resource has something to read, and
// nothing more will come.
func (o *Observer) Listen(w http.ResponseWriter, r *http.Request, q *gate.Request) {
	stream, refused := gate.Listen(w, q)
	if refused != nil {
		gate.Refuse(w, r, refused)
		return
	}
	for _, uri := range stream.URIs {
		stream.Updated(uri)
	}
	stream.End(o.Ends)
}

// tool answers tools/call.
func (o *Observer) tool(ctx context.Context, q *gate.Request) Answered {
	t, ok := gate.Find(o.Tools, q.Name)
	if !ok {
		return Answered{Refused: gate.NoTool(q)}
	}
	args, err := q.Args()
	if err == nil {
		err = t.CheckArgs(args)
	}
	var text []byte
	var at time.Time
	var v *View
	if err == nil {
		v, err = o.View(ctx, args.Text("at"))
	}
	if err == nil {
		text, at, err = v.Tool(ctx, t, args)
	}
	server := o.saying(v, at)
	if err != nil {
		return Answered{Result: server.Content(o.text([]byte(err.Error())), true, nil), At: at}
	}
	return Answered{Result: server.Content(o.text(text), false, t.LensOf(args)), At: at}
}

// read answers resources/read.
func (o *Observer) read(ctx context.Context, q *gate.Request) Answered {
	uri, err := gate.ParseURI(q.Name)
	if err == nil {
		err = uri.Check()
	}
	var v *View
	if err == nil {
		v, err = o.View(ctx, uri.Query.Get("at"))
	}
	var out gate.Resource
	var at time.Time
	if err == nil {
		out, at, err = v.Read(ctx, uri)
	}
	if err != nil {
		return Answered{Refused: gate.Invalid(q, ergo.CodeInvalidParams, string(o.text([]byte(err.Error()))), uri.Data(q.Name)), At: at}
	}
	out.Text = o.text(out.Text)
	return Answered{Result: o.saying(v, at).Contents(out), At: at}
}

func (o *Observer) text(text []byte) []byte {
	if o.Text == nil {
		return text
	}
	return o.Text(text)
}

// saying is the server that says when what it says was observed.
func (o *Observer) saying(v *View, at time.Time) gate.Server {
	if o.Says == nil || v == nil || at.IsZero() {
		return o.Server
	}
	return o.Server.Saying(o.Says(v, at))
}

// Call is tools/call of a tool by name, for who has no request.
func Call(name string, args ergo.Args) *gate.Request {
	params, err := json.Marshal(map[string]any{"name": name, "arguments": json.RawMessage(args.JSON())})
	if err != nil {
		params = nil // arguments always encode
	}
	return &gate.Request{Method: observer.MethodCall, Name: name, Params: params}
}

// Resource is resources/read of a resource, for who has no request.
func Resource(uri string) *gate.Request {
	return &gate.Request{Method: observer.MethodRead, Name: uri}
}
