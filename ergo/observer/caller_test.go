package observer_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
)

const node, creation = "a@h", 1788512345

// A fake is an Observer that answers from functions, and counts.
type fake struct {
	t     *testing.T
	tool  func(name string, args ergo.Args) (text string, refused bool)
	read  func(uri string) gate.Resource
	asked []string
}

func (f *fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	q, refused := gate.Read(r)
	if refused != nil {
		gate.Refuse(w, r, refused)
		return
	}
	s := gate.Observer()
	f.asked = append(f.asked, q.Name)
	switch {
	case q.Name == "ergo://cluster":
		gate.Reply(w, r, q.ID, s.Contents(gate.Resource{URI: q.Name, Text: fmt.Appendf(nil,
			`{"Nodes":[{"Info":{"Name":%q,"Creation":%d,"Applications":["observer_app"]},"Age":5,"Status":"reachable"}],
			"Offline":[{"Node":"b@h","Status":"unreachable","Reason":"no route"}]}`, node, creation)}))
	case q.Method == observer.MethodRead:
		gate.Reply(w, r, q.ID, s.Contents(f.read(q.Name)))
	default:
		args, err := q.Args()
		if err != nil {
			f.t.Error(err)
		}
		text, refused := f.tool(q.Name, args)
		gate.Reply(w, r, q.ID, s.Content([]byte(text), refused, nil))
	}
}

func (f *fake) caller(now func() time.Time) *observer.Caller {
	s := httptest.NewServer(f)
	f.t.Cleanup(s.Close)
	c, err := observer.New(s.URL, live.Options{Now: now})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(c.Close)
	return observer.NewCaller(c)
}

func call(t *testing.T, c *observer.Caller, tool string, args ergo.Args) (string, error) {
	t.Helper()
	a, err := c.Call(context.Background(), ergo.Call{Node: node, Tool: tool, Args: args})
	if a.Road != ergo.RoadObserver {
		t.Errorf("%s came over %q", tool, a.Road)
	}
	return string(a.Text), err
}

// TestPages: a table that one answer does not hold is read on, from the last
// number of a page, until it is whole; a field that is not known stays.
func TestPages(t *testing.T) {
	row := func(id int) string {
		return fmt.Sprintf(`{"PID":"%s:%d.%d","Name":"p%d","Parent":"%s:1.%d","MessagesMailbox":%d,"New":{"x":[%d]}}`, node, id, creation, id, node, creation, id%7, id)
	}
	f := &fake{t: t, tool: func(_ string, args ergo.Args) (string, bool) {
		from, _ := args.Int("start")
		var rows []string
		for id := max(from+from%2, 1000); id < 1025 && len(rows) < 10; id += 2 {
			rows = append(rows, row(int(id)))
		}
		if len(rows) == 0 {
			return `{"Processes":null,"Truncated":false}`, false
		}
		return fmt.Sprintf(`{"Node":%q,"Processes":[%s],"Truncated":%v}`, node, strings.Join(rows, ","), len(rows) == 10), false
	}}
	c := f.caller(time.Now)
	text, err := call(t, c, "process_list", ergo.Args{"limit": 1_000_000})
	if err != nil {
		t.Fatal(err)
	}
	var rows []struct {
		PID, Parent string
		New         json.RawMessage
	}
	if err := json.Unmarshal([]byte(text), &rows); err != nil {
		t.Fatal(err)
	}
	for i, r := range rows {
		id := 1000 + 2*i
		if r.PID != string(ergo.PIDOf(node, uint64(id))) || r.Parent != string(ergo.PIDOf(node, 1)) || string(r.New) != fmt.Sprintf(`{"x":[%d]}`, id) {
			t.Errorf("row %d: %+v", i, r)
		}
	}
	if len(rows) != 13 || len(f.asked) != 2 {
		t.Errorf("%d rows in %d pages", len(rows), len(f.asked))
	}
	if text, err = call(t, c, "process_list", ergo.Args{"sort_by": "mailbox", "limit": 1}); err != nil || !strings.Contains(text, `"MessagesMailbox":6`) {
		t.Errorf("the deepest: %s, %v", text, err)
	}
}

// TestStopsSeldom: a node's world is stopped once a minute, for both forms of
// one diagnosis together.
func TestStopsSeldom(t *testing.T) {
	now := time.Unix(1000, 0)
	f := &fake{t: t, tool: func(string, ergo.Args) (string, bool) {
		return `{"Groups":[{"Count":2,"State":"select","Stack":"goroutine 7 [select]:\nm.(*T).Wait(...)\n\t/m.go:3 +0x1","IDs":[7,9]}],"Total":5,"Filtered":2}`, false
	}}
	c := f.caller(func() time.Time { return now })
	one, err := call(t, c, "pprof_goroutines", ergo.Args{"debug": 1})
	if err != nil || !strings.Contains(one, "2 @ 0x0\n#\t0x0\tm.(*T).Wait+0x0\t/m.go:3") {
		t.Errorf("by stack: %s, %v", one, err)
	}
	two, err := call(t, c, "pprof_goroutines", ergo.Args{"debug": 2})
	if err != nil || !strings.Contains(two, "goroutine 9 [select]:\nm.(*T).Wait(...)") {
		t.Errorf("each: %s, %v", two, err)
	}
	now = now.Add(30 * time.Second)
	if _, err := call(t, c, "pprof_goroutines", nil); ergo.AsToolError(err) == nil {
		t.Errorf("half a minute later: %v", err)
	}
	now = now.Add(31 * time.Second)
	if _, err := call(t, c, "pprof_goroutines", nil); err != nil {
		t.Errorf("a minute later: %v", err)
	}
	if len(f.asked) != 2 {
		t.Errorf("the world was stopped %d times", len(f.asked))
	}
}

// TestLogLosses: what the node suppressed is counted, what may be lost between
// two readings is said, and lines keep their numbers.
func TestLogLosses(t *testing.T) {
	reads := 0
	f := &fake{t: t, read: func(uri string) gate.Resource {
		reads++
		entry := `{"Source":"process","Name":"w","PID":"a@h:1021.1788512345","Behavior":"m.W","Timestamp":1000000000,"Level":"error","Message":"x","Fields":[{"Name":"n","Value":1}]}`
		x := gate.Resource{URI: "ergo://a@h/log", Text: []byte(`[]`), Meta: map[string]any{observer.MetaSeq: 0, observer.MetaNextSeq: "1-7.0"}}
		switch reads {
		case 2:
			x.Text = []byte(`[{"Node":"a@h","Entries":[` + entry + `,` + entry + `],"Suppressed":230}]`)
			x.Meta[observer.MetaNextSeq] = "1-7.1"
			if !strings.HasSuffix(uri, "&since=1-7.0") {
				t.Errorf("read %s", uri)
			}
		case 3:
			x.Text = []byte(`[{"Node":"a@h","Entries":[` + entry + `],"Suppressed":0}]`)
			x.Meta[observer.MetaNextSeq] = "1-9.4"
		}
		return x
	}}
	c := f.caller(time.Now)
	text, err := call(t, c, "sample_listen", ergo.Args{"log_levels": []string{"error"}})
	if err != nil {
		t.Fatal(err)
	}
	var started struct {
		ID string `json:"sampler_id"`
	}
	if err := json.Unmarshal([]byte(text), &started); err != nil {
		t.Fatal(err)
	}
	var said struct {
		Sequence, Suppressed int
		Dropped              bool
		Samples              []struct {
			Sequence int
			Data     struct{ Source, Level, Type string }
		}
	}
	read := func(since int) {
		t.Helper()
		text, err := call(t, c, "sample_read", ergo.Args{"sampler_id": started.ID, "since": since})
		said.Suppressed, said.Dropped, said.Samples = 0, false, nil
		if err := json.Unmarshal([]byte(text), &said); err != nil {
			t.Fatal(err)
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	read(0)
	if said.Suppressed != 230 || said.Dropped || len(said.Samples) != 2 || said.Samples[1].Sequence != 2 || said.Sequence != 3 {
		t.Errorf("first: %+v", said)
	}
	if d := said.Samples[0].Data; d.Source != string(ergo.PIDOf(node, 1021))+" ('w') m.W" || d.Level != "error" || d.Type != "process" {
		t.Errorf("a line: %+v", d)
	}
	read(2)
	if said.Suppressed != 0 || !said.Dropped || len(said.Samples) != 1 || said.Samples[0].Sequence != 3 {
		t.Errorf("second: %+v", said)
	}
	if _, err := call(t, c, "sample_read", ergo.Args{"sampler_id": "another"}); ergo.AsToolError(err) == nil {
		t.Errorf("a sampler that is not there: %v", err)
	}
}

// TestWords: refusals are worded as an entry point of the 48 tools words them,
// and what an Observer does not have is not asked.
func TestWords(t *testing.T) {
	said := ""
	f := &fake{t: t, tool: func(string, ergo.Args) (string, bool) { return said, true }}
	c := f.caller(time.Now)
	for text, want := range map[string]string{
		"node a@h is not connected, read ergo://cluster to see what is": "no route",
		"node a@h: timed out": "timed out",
	} {
		said = text
		_, err := call(t, c, "node_info", nil)
		if te := ergo.AsToolError(err); te == nil {
			t.Errorf("%s: %v", text, err)
		} else if why, failed := te.LinkFailed(); !failed || why != want || !strings.Contains(err.Error(), text) {
			t.Errorf("%s becomes %v", text, err)
		}
	}
	said = "node a@h: timed out"
	if _, err := call(t, c, "process_inspect", ergo.Args{"pid": string(ergo.PIDOf(node, 1))}); ergo.AsToolError(err) == nil || strings.Contains(err.Error(), "failed") {
		t.Errorf("a process that is stuck: %v", err)
	}
	asked := len(f.asked)
	for _, tool := range []string{"pprof_cpu", "network_ping", "process_kill", "send_message", "no_such"} {
		if _, err := call(t, c, tool, nil); ergo.AsToolError(err) == nil || observer.Offers(tool) != ergo.Withheld {
			t.Errorf("%s: %v", tool, err)
		}
	}
	if len(f.asked) != asked {
		t.Errorf("the Observer was asked %v", f.asked[asked:])
	}
	text, err := call(t, c, "cluster_nodes", nil)
	if err != nil || text != `[{"name":"a@h","status":"self","creation":1788512345,"age_ms":5},{"name":"b@h","status":"unreachable","reason":"no route"}]` {
		t.Errorf("the cluster: %s, %v", text, err)
	}
}

// TestEventFollowed: the messages of an event come by the lens that follows it,
// each once; those that the node suppressed are counted as the growth of what it
// says.
func TestEventFollowed(t *testing.T) {
	reads := 0
	f := &fake{t: t, read: func(uri string) gate.Resource {
		reads++
		if !strings.HasPrefix(uri, "ergo://a@h/stream/prices?limit=100000") {
			t.Errorf("read %s", uri)
		}
		text := `[]`
		switch reads {
		case 2:
			text = `[{"Node":"a@h","Entries":[{"Timestamp":1795310000000000000,"Type":"shop.Price","Message":"{1 2}","Verbose":""}],"Suppressed":3}]`
		case 3:
			text = `[{"Node":"a@h","Entries":[{"Timestamp":1795310001000000000,"Type":"shop.Price","Message":"{2 3}","Verbose":""}],"Suppressed":5}]`
		}
		return gate.Resource{URI: uri, Text: []byte(text), Meta: map[string]any{observer.MetaSeq: reads, observer.MetaNextSeq: fmt.Sprintf("1-2.%d", reads)}}
	}}
	c := f.caller(time.Now)
	text, err := call(t, c, "sample_listen", ergo.Args{"event": "prices"})
	if err != nil {
		t.Fatal(err)
	}
	var begun struct {
		SamplerID string `json:"sampler_id"`
	}
	if err := json.Unmarshal([]byte(text), &begun); err != nil {
		t.Fatal(err)
	}
	read := func(since int) (said struct {
		Samples []struct {
			Sequence int
			Data     struct{ Event, Type, Message string }
		}
		Suppressed int
	},
	) {
		text, err := call(t, c, "sample_read", ergo.Args{"sampler_id": begun.SamplerID, "since": since})
		if err == nil {
			err = json.Unmarshal([]byte(text), &said)
		}
		if err != nil {
			t.Fatal(err)
		}
		return said
	}
	first, second := read(0), read(1)
	if len(first.Samples) != 1 || first.Suppressed != 3 || first.Samples[0].Data.Event != "'prices'@'a@h'" || first.Samples[0].Data.Message != "{1 2}" {
		t.Errorf("first: %+v", first)
	}
	if len(second.Samples) != 1 || second.Suppressed != 2 || second.Samples[0].Sequence != 2 || second.Samples[0].Data.Type != "shop.Price" {
		t.Errorf("second: %+v", second)
	}
}
