package mcp

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
)

type startedText struct {
	ID       string `json:"sampler_id"`
	Mode     string
	Duration int `json:"duration_sec"`
	From, To time.Time
	Samples  int
}

type readText struct {
	Sequence  int
	Completed bool
	More      int
	Samples   []struct {
		Sequence  int
		Timestamp time.Time
		Data      map[string]any
	}
}

func decoded[T any](t *testing.T, session *sdk.ClientSession, name string, args map[string]any) (v T) {
	t.Helper()
	text, res := tool(t, session, name, args)
	if res.IsError {
		t.Fatalf("%s %v: %s", name, args, text)
	}
	if err := json.Unmarshal([]byte(text), &v); err != nil {
		t.Fatalf("%s %v: %v in %s", name, args, err, text)
	}
	return v
}

func TestPastSampler(t *testing.T) {
	rec := recording(t, "stuck")
	session := connect(t, New(Recorded(rec, "stuck"), Options{}), nil)
	at := "2026-11-22T01:14:00Z"
	from, _ := time.Parse(time.RFC3339, at)
	began := decoded[startedText](t, session, "sample_start", map[string]any{
		"tool": "runtime_stats", "node": "gamma@localhost", "at": at, "interval_ms": 2000, "duration_sec": 20,
	})
	if !began.From.Equal(from) || !began.To.Equal(from.Add(20*time.Second)) || began.Mode != "active" || began.Samples < 9 {
		t.Errorf("started: %+v", began)
	}
	read := decoded[readText](t, session, "sample_read", map[string]any{"sampler_id": began.ID, "node": "gamma@localhost"})
	if !read.Completed || len(read.Samples) != began.Samples || read.Sequence != began.Samples {
		t.Errorf("read: %d samples, sequence %d, completed %v", len(read.Samples), read.Sequence, read.Completed)
	}
	// Each is what the recording holds, at the time at which it was recorded.
	recorded := map[time.Time]string{}
	for s, err := range rec.Samples(t.Context(), "gamma@localhost", "runtime_stats", time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		recorded[s.At.UTC()] = string(s.Text)
	}
	for i, s := range read.Samples {
		content := s.Data["content"].([]any)[0].(map[string]any)["text"]
		if s.Sequence != i+1 || recorded[s.Timestamp.UTC()] != content {
			t.Errorf("sample %d at %v was not recorded so", s.Sequence, s.Timestamp)
		}
	}
	// since loses nothing.
	later := decoded[readText](t, session, "sample_read", map[string]any{"sampler_id": began.ID, "since": 3})
	if len(later.Samples) != began.Samples-3 || later.Samples[0].Sequence != 4 {
		t.Errorf("since 3: %d samples", len(later.Samples))
	}
	none := decoded[readText](t, session, "sample_read", map[string]any{"sampler_id": began.ID, "since": read.Sequence})
	if none.Samples != nil || none.Sequence != read.Sequence {
		t.Errorf("since the last: %+v", none)
	}
	// Another server of the same recording reads it too.
	other := connect(t, New(Recorded(rec, "stuck"), Options{}), nil)
	if again := decoded[readText](t, other, "sample_read", map[string]any{"sampler_id": began.ID}); len(again.Samples) != began.Samples {
		t.Errorf("another server: %d samples", len(again.Samples))
	}
	testListAndStop(t, session, began.ID)
}

func testListAndStop(t *testing.T, session *sdk.ClientSession, id string) {
	t.Helper()
	type row struct{ ID, Status, Owner, Description string }
	list := decoded[[]row](t, session, "sample_list", map[string]any{"node": "gamma@localhost"})
	if want := (row{id, "completed", "gamma@localhost", "runtime_stats every 2000ms"}); len(list) != 1 || list[0] != want {
		t.Errorf("list: %+v", list)
	}
	if text, _ := tool(t, session, "sample_stop", map[string]any{"sampler_id": id}); text != "sampler "+id+" stopping" {
		t.Errorf("stop: %s", text)
	}
	if text, res := tool(t, session, "sample_read", map[string]any{"sampler_id": id}); !res.IsError || !strings.Contains(text, "unknown process") {
		t.Errorf("read after stop: %s", text)
	}
	if text, _ := tool(t, session, "sample_list", map[string]any{"node": "gamma@localhost"}); text != "null" {
		t.Errorf("list after stop: %s", text)
	}
}

func TestPastSamplerBounds(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	start := func(more map[string]any) startedText {
		args := map[string]any{"tool": "runtime_stats", "at": "2026-11-22T01:13:40Z", "interval_ms": 2000, "duration_sec": 40}
		for k, v := range more {
			args[k] = v
		}
		return decoded[startedText](t, session, "sample_start", args)
	}
	if s := start(map[string]any{"count": 3}); s.Samples != 3 {
		t.Errorf("count 3 gives %d", s.Samples)
	}
	s := start(map[string]any{"buffer_size": 5})
	read := decoded[readText](t, session, "sample_read", map[string]any{"sampler_id": s.ID})
	if len(read.Samples) != 5 || read.Samples[4].Sequence < 10 {
		t.Errorf("a buffer of 5 holds %d, the last %+v", len(read.Samples), read.Samples[len(read.Samples)-1].Sequence)
	}
	if s := start(map[string]any{"duration_sec": 100000}); s.Duration != samplerLongest {
		t.Errorf("it lasts %d s; an hour is the longest", s.Duration)
	}
	// Without at: the last stretch of the recording, not the emptiness behind it.
	s = decoded[startedText](t, session, "sample_start", map[string]any{"tool": "node_info"})
	if s.Samples < 5 || s.To.Sub(s.From) != time.Minute {
		t.Errorf("without at: %+v", s)
	}
	// What is not recorded is refused, not empty.
	text, res := tool(t, session, "sample_start", map[string]any{"tool": "node_env", "at": "2026-11-22T01:13:40Z"})
	if !res.IsError || !strings.Contains(text, "not recorded") {
		t.Errorf("a tool that was not recorded: %s", text)
	}
}

func TestPastListener(t *testing.T) {
	session := connect(t, New(Recorded(recording(t, "stuck"), "stuck"), Options{}), nil)
	began := decoded[startedText](t, session, "sample_listen", map[string]any{
		"node": "gamma@localhost", "log_levels": []string{"warning"}, "at": "2026-11-22T01:14:00Z", "duration_sec": 60,
	})
	read := decoded[readText](t, session, "sample_read", map[string]any{"sampler_id": began.ID})
	if began.Mode != "passive" || len(read.Samples) == 0 || len(read.Samples) != began.Samples {
		t.Fatalf("started %+v, read %d", began, len(read.Samples))
	}
	for i, s := range read.Samples {
		if s.Data["level"] != "warning" || s.Sequence != i+1 || s.Timestamp.Before(began.From) || s.Timestamp.After(began.To) {
			t.Errorf("entry %+v", s)
		}
	}
	for args, want := range map[string]string{
		`{"event":"no.such.event"}`:                          "cannot monitor event 'no.such.event': unknown event",
		`{"event":"ticks.btcusdt","node":"gamma@localhost"}`: "messages of event 'ticks.btcusdt' were not recorded (none was listened to)",
		`{"node":"nobody@nowhere"}`:                          "no recorded node is called that",
	} {
		var a map[string]any
		if err := json.Unmarshal([]byte(args), &a); err != nil {
			t.Fatal(err)
		}
		if text, res := tool(t, session, "sample_listen", a); !res.IsError || !strings.Contains(text, want) {
			t.Errorf("%s: %s, want %q", args, text, want)
		}
	}
}

// TestPushedEvents: messages that a node pushed are delivered to who listens
// to their event, and to nobody else.
func TestPushedEvents(t *testing.T) {
	const node = "a@h"
	from := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	var records []*archive.Record
	for i := range 10 {
		at := from.Add(time.Duration(i) * time.Second)
		records = append(records,
			ingest.Record(ergo.Call{Node: node, Tool: "node_info"}, nil, ergo.Answer{At: at, Text: fmt.Appendf(nil, `{"Name":%q,"Uptime":%d}`, node, 100+i)}, nil, ingest.Options{}),
			ingest.Pushed(node, "ticks", at, fmt.Appendf(nil, `{"event":"'ticks'@'a@h'","message":"%d"}`, i), ingest.Options{}),
			ingest.Pushed(node, "orders", at, []byte(`{"event":"'orders'@'a@h'"}`), ingest.Options{}),
			ingest.Pushed(node, "", at, []byte(`{"level":"info","message":"a line","type":"node"}`), ingest.Options{}))
	}
	session := connect(t, New(Recorded(fixture.Recorded(t, records), "pushed"), Options{}), nil)
	listen := func(more string, want int) readText {
		t.Helper()
		var args map[string]any
		if err := json.Unmarshal([]byte(`{"node":"a@h","at":"2026-01-02T03:04:07Z","duration_sec":5`+more+`}`), &args); err != nil {
			t.Fatal(err)
		}
		began := decoded[startedText](t, session, "sample_listen", args)
		read := decoded[readText](t, session, "sample_read", map[string]any{"sampler_id": began.ID})
		if began.Samples != want || len(read.Samples) != want {
			t.Errorf("listen%s: %d announced and %d read of %d", more, began.Samples, len(read.Samples), want)
		}
		return read
	}
	for i, s := range listen(`,"event":"ticks"`, 6).Samples {
		if s.Data["message"] != fmt.Sprint(i+2) || !s.Timestamp.Equal(from.Add(time.Duration(i+2)*time.Second)) {
			t.Errorf("entry %d: %+v", i, s)
		}
	}
	for _, s := range listen("", 6).Samples {
		if s.Data["message"] != "a line" {
			t.Errorf("a message among the log lines: %+v", s)
		}
	}
}

// TestReadPages: an answer that would be too long is cut, and the rest is had
// with since.
func TestReadPages(t *testing.T) {
	p := &sampler{Tool: "node_info"}
	var list []taken
	for i := range 10 {
		list = append(list, taken{Sequence: i + 1, Data: strings.Repeat("x", readBytes/3)})
	}
	total, since := 0, 0
	for range 20 {
		r := page(p, "id", list, since)
		total += len(r.Samples)
		if since = r.Sequence; r.More == 0 {
			break
		}
		if len(r.Samples) == 0 || len(r.Samples)+r.More+r.Samples[0].Sequence-1 != len(list) {
			t.Fatalf("page %d..%d, more %d", r.Samples[0].Sequence, r.Sequence, r.More)
		}
	}
	if total != len(list) {
		t.Errorf("%d of %d entries", total, len(list))
	}
}

// An interval that overflows would never come to an end.
func TestForgedSampler(t *testing.T) {
	for _, ms := range []int{-1, 0, samplerShortest - 1, samplerSlowest + 1, 9223372036855, math.MaxInt} {
		p := sampler{Node: "a@h", Tool: "node_info", From: time.Unix(1, 0), Seconds: 60, Interval: ms, Buffer: 256}
		if _, err := parseSampler(p.id()); err == nil {
			t.Errorf("a sampler every %d ms was accepted", ms)
		}
	}
}

func FuzzSamplerID(f *testing.F) {
	f.Add((&sampler{Node: "a@h", Tool: "node_info", From: time.Unix(1, 0), Seconds: 60, Interval: 1000, Buffer: 256}).id())
	f.Add("mcp_sampler_b6cc5357")
	f.Fuzz(func(t *testing.T, id string) {
		p, err := parseSampler(id)
		if err != nil {
			return
		}
		if p.Seconds > samplerLongest || p.Buffer > samplerLargest || p.Tool != "" && (p.Interval < samplerShortest || p.Interval > samplerSlowest) {
			t.Errorf("out of bounds: %+v", p)
		}
		if q, err := parseSampler(p.id()); err != nil || fmt.Sprintf("%+v", q) != fmt.Sprintf("%+v", p) {
			t.Errorf("%+v comes back as %+v, %v", p, q, err)
		}
	})
}
