package native

import (
	"context"
	"encoding/json"
	"errors"
	"iter"
	"net/url"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/observer/gate"
)

// listing is a view of a node with three events, of which the second row lacks
// what was not recorded.
func listing(lacks string) *View {
	rows := []map[string]any{
		{"Event": "Event#<B1:ticks>", "Subscribers": 3, "Notify": true, "Open": false, "BufferSize": 0, "CreatedAt": 30},
		{"Event": "Event#<B1:orders>", "Subscribers": 1, "Notify": false, "Open": true, "BufferSize": 5, "CreatedAt": 10},
		{"Event": "Event#<B1:order_book>", "Subscribers": 0, "Notify": false, "Open": false, "BufferSize": 0, "CreatedAt": 20},
	}
	delete(rows[1], lacks)
	text, _ := json.Marshal(rows)
	caller := ergo.CallerFunc(func(_ context.Context, call ergo.Call) (ergo.Answer, error) {
		switch {
		case call.Tool == "event_list":
			return ergo.Answer{Text: text, At: time.Unix(1, 0)}, nil
		case call.Tool == "event_info" && call.Args.Text("name") == "ticks":
			return ergo.Answer{Text: []byte(`{"Event":"Event#<B1:ticks>"}`), At: time.Unix(1, 0)}, nil
		}
		return ergo.Answer{}, errors.New("not recorded")
	})
	return &View{
		At: time.Unix(100, 0), Nodes: []string{"b@h"}, Of: func(string) ergo.Caller { return caller },
		Life: func(string) int64 { return 1 }, Absent: func(context.Context, string) bool { return false },
	}
}

// names are the events of an answer, in order.
func names(t *testing.T, text []byte) string {
	t.Helper()
	var said struct{ Events []struct{ Event string } }
	if err := json.Unmarshal(text, &said); err != nil {
		t.Fatalf("%v: %s", err, text)
	}
	var list []string
	for _, e := range said.Events {
		_, name, _ := strings.Cut(strings.Trim(e.Event, "<>"), ":")
		list = append(list, name)
	}
	return strings.Join(list, " ")
}

// TestEventsAreSelected: by the arguments of the tool, the query of the lens and
// the fields of the request alike.
func TestEventsAreSelected(t *testing.T) {
	own, _ := gate.Named("events")
	for _, c := range []struct {
		args  ergo.Args
		query string
		asked ergo.Args
		want  string
	}{
		{nil, "", nil, "ticks orders order_book"},
		{ergo.Args{"name": "ORDER"}, "namePattern=ORDER", ergo.Args{"Name": "ORDER"}, "orders order_book"},
		{ergo.Args{"notify": true}, "notifyMode=yes", ergo.Args{"Notify": 1}, "ticks"},
		{ergo.Args{"notify": false}, "notifyMode=no", ergo.Args{"Notify": -1}, "orders order_book"},
		{ergo.Args{"open": true}, "openMode=yes", ergo.Args{"Open": 1}, "orders"},
		{ergo.Args{"buffered": true}, "bufferedMode=yes", ergo.Args{"Buffered": 1}, "orders"},
		{ergo.Args{"minSubscribers": 1}, "minSubscribers=1", ergo.Args{"MinSubscribers": 1}, "ticks orders"},
		{ergo.Args{"limit": 2}, "limit=2", ergo.Args{"Limit": 2}, "ticks orders"},
		{ergo.Args{"newestFirst": true}, "timestamp=-1", ergo.Args{"Timestamp": -1}, "ticks order_book orders"},
		{ergo.Args{"createdFrom": 20}, "timestamp=20", ergo.Args{"Timestamp": 20}, "ticks order_book"},
	} {
		v := listing("")
		text, _, err := v.Tool(t.Context(), own, c.args.With("node", "b@h"))
		if got := names(t, text); err != nil || got != c.want {
			t.Errorf("tool %v: %s, %v", c.args, got, err)
		}
		q, _ := url.ParseQuery(c.query)
		out, _, err := v.Read(t.Context(), gate.URI{Node: "b@h", Lens: "events", Query: q})
		if got := names(t, out.Text); err != nil || got != c.want {
			t.Errorf("lens %s: %s, %v", c.query, got, err)
		}
		text, _, err = v.Request(t.Context(), "b@h", "GetEventList", c.asked)
		if got := names(t, text); err != nil || got != c.want {
			t.Errorf("request %v: %s, %v", c.asked, got, err)
		}
	}
	for lacks, args := range map[string]ergo.Args{"Open": {"open": false}, "CreatedAt": {"newestFirst": true}} {
		if text, _, err := listing(lacks).Tool(t.Context(), own, args.With("node", "b@h")); err == nil {
			t.Errorf("selected by %s, which was not recorded: %s", lacks, text)
		}
	}
}

// TestStream: the messages of one event come in batches, as the lens selects
// them; of one that nobody followed it is not said that there were none.
func TestStream(t *testing.T) {
	lines := func(yield func(Line, error) bool) {
		for i, m := range []string{
			`{"event":"'ticks'@'b@h'","type":"shop.Tick","message":"{1}","time":"1970-01-01T00:00:10Z"}`,
			`{"event":"'ticks'@'b@h'","type":"shop.Tock","message":"{2}","time":"1970-01-01T00:00:11Z"}`,
			`{"event":"'orders'@'b@h'","type":"shop.Tick","message":"{3}","time":"1970-01-01T00:00:12Z"}`,
			`{"level":"info","message":"a line","source":"b@h","type":"node","time":"1970-01-01T00:00:13Z"}`,
		} {
			if !yield(Line{At: time.Unix(int64(10+i), 0), Data: []byte(m)}, nil) {
				return
			}
		}
	}
	for query, want := range map[string]string{"": "{1}{2}", "typePattern=tock": "{2}", "messagePattern=1&messageExclude=true": "{2}"} {
		q, _ := url.ParseQuery(query)
		v := listing("")
		v.Log = func(ctx context.Context, u gate.URI, out *gate.Resource) error {
			if err := v.Followed(u, func(_, event string) bool { return event == "ticks" }); err != nil {
				return err
			}
			batches, err := v.Batches(ctx, u, iter.Seq2[Line, error](lines))
			out.Text = encode(batches)
			return err
		}
		out, _, err := v.Read(t.Context(), gate.URI{Node: "b@h", Lens: "stream", Target: "ticks", Query: q})
		var batches []struct{ Entries []struct{ Message string } }
		if err != nil || json.Unmarshal(out.Text, &batches) != nil {
			t.Fatalf("%s, %v", out.Text, err)
		}
		got := ""
		for _, b := range batches {
			for _, e := range b.Entries {
				got += e.Message
			}
		}
		if got != want {
			t.Errorf("%q: %s, want %s", query, got, want)
		}
		if _, _, err := v.Read(t.Context(), gate.URI{Node: "b@h", Lens: "stream", Target: "orders"}); err == nil {
			t.Error("a stream of an event that was not there")
		}
	}
	if err := listing("").Followed(gate.URI{Lens: "stream", Target: "x"}, func(_, _ string) bool { return false }); err == nil {
		t.Error("a stream of an event that nobody followed")
	}
}
