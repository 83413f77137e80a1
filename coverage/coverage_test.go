package coverage_test

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/coverage"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/sim"
	"ergorecorder/replay"
)

// standard is a healthy cluster of which all is recorded that detectors need.
func standard(actors int) *sim.Cluster {
	c := sim.New(7, actors)
	c.Edit = complete
	c.Also = func(n *sim.Node, at time.Duration) []sim.Answer {
		var peers, cluster []map[string]any
		for _, p := range c.Nodes {
			status := "self"
			if p != n {
				status = "connected"
				peers = append(peers, map[string]any{"Node": p.Name, "ConnectionUptime": int64(at / time.Second), "MessagesIn": 0, "MessagesOut": 0})
			}
			cluster = append(cluster, map[string]any{"name": p.Name, "status": status})
		}
		return []sim.Answer{
			{Tool: "network_nodes", Says: peers},
			{Tool: "cluster_nodes", Says: cluster},
			{Tool: "network_acceptors", Says: []map[string]any{{"Port": 11144, "HandshakeErrors": 0}}},
			{Tool: "event_list", Args: ergo.Args{"limit": 1000}, Says: []map[string]any{}},
		}
	}
	return c
}

func complete(_ *sim.Node, tool string, at time.Duration, answer any) any {
	if m, ok := answer.(map[string]any); ok && tool == "node_info" {
		m["UserTime"], m["SystemTime"] = int64(at/20), int64(at/50)
	}
	return answer
}

// written is an archive of the records that keep lets pass.
func written(t *testing.T, c *sim.Cluster, keep func(*archive.Record) bool) string {
	t.Helper()
	return fixture.Written(t, nil, slices.DeleteFunc(c.Records(), func(r *archive.Record) bool { return keep != nil && !keep(r) }))
}

// only are the needs of some detectors.
func only(detectors ...string) []coverage.Need {
	return slices.DeleteFunc(analyze.Needs(), func(n coverage.Need) bool { return !slices.Contains(detectors, n.Detector) })
}

func of(t *testing.T, path string, opt coverage.Options) *coverage.Coverage {
	t.Helper()
	rec, err := replay.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	if opt.Needs == nil {
		opt.Needs = analyze.Needs()
	}
	c, err := coverage.Of(context.Background(), rec, opt)
	if err != nil {
		t.Fatal(err)
	}
	if c.Sufficient != (len(c.Shortfalls) == 0) {
		t.Errorf("sufficient %v with %d shortfalls", c.Sufficient, len(c.Shortfalls))
	}
	return c
}

func whys(c *coverage.Coverage) string {
	var all []string
	for _, s := range c.Shortfalls {
		all = append(all, s.Why+" | "+s.Settle)
	}
	return strings.Join(all, "\n")
}

// A lack is something that a recording does not show, and what is said of it.
type lack struct {
	name string
	edit func(*sim.Cluster)
	keep func(*archive.Record) bool
	opt  coverage.Options
	want string // in a shortfall; "" for none
}

func lacks() []lack {
	on := func(r *archive.Record, node, tool string) bool { return r.Stream.Node == node && r.Stream.Name == tool }
	without := func(tool, column string) func(*sim.Cluster) {
		return func(c *sim.Cluster) {
			c.Edit = func(n *sim.Node, of string, at time.Duration, answer any) any {
				if rows, ok := answer.([]map[string]any); ok && of == tool && n.Name == "east@lab" {
					for _, r := range rows {
						delete(r, column)
					}
				}
				return complete(n, of, at, answer)
			}
		}
	}
	thinned := func(every int) func(*archive.Record) bool {
		i := 0
		return func(r *archive.Record) bool {
			if !on(r, "east@lab", "process_list") {
				return true
			}
			i++
			return i%every == 0
		}
	}
	until := func(d time.Duration, node, tool string) func(*archive.Record) bool {
		end := sim.New(7, 1).At(d)
		return func(r *archive.Record) bool { return !on(r, node, tool) || r.At.Before(end) }
	}
	return []lack{
		{name: "nothing"},
		{
			name: "a node", want: "east@lab was not seen: north@lab and south@lab know it",
			keep: func(r *archive.Record) bool { return r.Stream.Node != "east@lab" },
		},
		{
			name: "a node that was not asked about", opt: coverage.Options{Node: "[ns]*"},
			keep: func(r *archive.Record) bool { return r.Stream.Node != "east@lab" },
		},
		{
			name: "a listing", want: "east@lab: process_list: not recorded | record run --endpoint lab",
			keep: func(r *archive.Record) bool { return !on(r, "east@lab", "process_list") },
		},
		{
			name: "events of all", want: "east@lab: event_list: not recorded",
			keep: func(r *archive.Record) bool { return r.Stream.Name != "event_list" },
		},
		{
			name: "events, which are not asked about", opt: coverage.Options{Needs: only("bottleneck", "zombies")},
			keep: func(r *archive.Record) bool { return r.Stream.Name != "event_list" },
		},
		{name: "most listings", keep: thinned(11)}, // eight are enough, and the interval is said
		{name: "nearly all listings", keep: thinned(45), want: "east@lab: process_list: 2 answers, 8 are needed"},
		{name: "the last minute of a listing", keep: until(2*time.Minute, "east@lab", "process_list"), want: "east@lab: process_list: nothing after 10:01:5"},
		{
			name: "a column", edit: without("process_list", "MessagesMailbox"),
			want: "east@lab: process_list: without MessagesMailbox",
		},
		{name: "the middle", want: "north@lab: process_list: 59 % of the window covered", keep: func(r *archive.Record) bool {
			d := r.At.Sub(sim.New(7, 1).From)
			return !on(r, "north@lab", "process_list") || d < time.Minute || d > 130*time.Second
		}},
		{name: "all but some seconds", edit: func(c *sim.Cluster) { c.Length = 7 * time.Second }, want: "east@lab: process_list and runtime_stats: 3 answers, 8 are needed"},
		{name: "events behind the limit", want: "east@lab: event_list: 90 of 90 answers show 1000 rows, which is all that was asked for: there may be more", edit: func(c *sim.Cluster) {
			also := c.Also
			c.Also = func(n *sim.Node, at time.Duration) []sim.Answer {
				all := also(n, at)
				if n.Name == "east@lab" {
					events := make([]map[string]any, 1000)
					for i := range events {
						events[i] = map[string]any{"Event": fmt.Sprintf("e%d", i)}
					}
					all[len(all)-1].Says = events
				}
				return all
			}
		}},
		{name: "rows", want: "east@lab: process_list: 5 of 9 processes were seen at a time, in 90 of 90 answers | record run --join east@lab", edit: func(c *sim.Cluster) {
			c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
				if rows, ok := answer.([]map[string]any); ok && tool == "process_list" && n.Name == "east@lab" {
					return rows[:5]
				}
				return complete(n, tool, at, answer)
			}
		}},
		{name: "answers of a listing", want: "east@lab: process_list: no answer, 90 calls failed: remote call to 'east@lab' failed: timed out | record run --join east@lab", edit: func(c *sim.Cluster) {
			c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
				if tool == "process_list" && n.Name == "east@lab" {
					return ergo.RemoteError("east@lab", "timed out")
				}
				return complete(n, tool, at, answer)
			}
		}},
		{name: "answers of a listing that are refused", want: "east@lab: process_list: no answer, 90 calls failed: process_list: said in another form | record run --endpoint", edit: func(c *sim.Cluster) {
			c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
				if tool == "process_list" && n.Name == "east@lab" {
					return &ergo.ToolError{Code: ergo.CodeInternal, Message: "process_list: said in another form"}
				}
				return complete(n, tool, at, answer)
			}
		}},
	}
}

// What a recording lacks is said, and only that.
func TestLacks(t *testing.T) {
	for _, l := range lacks() {
		t.Run(l.name, func(t *testing.T) {
			c := standard(8)
			if l.edit != nil {
				l.edit(c)
			}
			got := of(t, written(t, c, l.keep), l.opt)
			if l.want == "" != got.Sufficient || !strings.Contains(whys(got), l.want) {
				t.Errorf("want %q, got:\n%s", l.want, whys(got))
			}
		})
	}
}

// An entry point that does not answer may be that of a node of which nothing was recorded.
func TestStrangers(t *testing.T) {
	c := standard(8)
	w, path := archivetest.Create(t, nil)
	for _, r := range c.Records() {
		if _, err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	for _, m := range []archive.Mark{
		{Kind: "entry_lost", From: c.From.Add(-2 * time.Minute), Note: "http://old:9922/mcp: connection refused"},
		{Kind: "stop", From: c.From.Add(-time.Minute)}, // an earlier run's
		{Kind: archive.MarkStart, From: c.From},
		{Kind: "entry_lost", From: c.From, Note: "http://lab:9922/mcp: connection refused"},
		{Kind: "entry_lost", From: c.From, Note: "http://west:9922/mcp: connection refused"},
		{Kind: "entry_back", From: c.From.Add(time.Second), Node: "west@lab", Note: "http://west:9922/mcp"},
	} {
		if _, err := w.Mark(m); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	got := of(t, path, coverage.Options{})
	if said := whys(got); !strings.Contains(said, "the entry point http://lab:9922/mcp does not answer") || strings.Contains(said, "west:9922") || strings.Contains(said, "old:9922") {
		t.Error(said)
	}
}

func TestReading(t *testing.T) {
	c := of(t, written(t, standard(8), nil), coverage.Options{})
	r := c.Reading("east@lab", "process_list")
	if r.Answers != 90 || r.IntervalS != 2 || r.Rows != 9 || r.RowsOf != 9 || r.Cut != 0 || r.Covered != 1 {
		t.Errorf("process_list of east@lab: %+v", r)
	}
	if sees := c.SeenBy("bottleneck"); !sees["east@lab"] || sees["west@lab"] || len(c.SeenBy("magic")) > 0 {
		t.Errorf("detectors: %+v", c.Detectors)
	}
	if want := "3 nodes over 2 min 58 s, 100 % of it covered, 270 process listings, every 2 s, with 27 of 27 processes"; c.Said() != want {
		t.Errorf("said %q", c.Said())
	}
	text, err := json.Marshal(c)
	for _, list := range []string{"nodes", "not_seen", "strangers", "damage", "unread", "detectors", "shortfalls", "caveats", "holes", "lacking"} {
		if err != nil || strings.Contains(string(text), `"`+list+`":null`) {
			t.Errorf("as JSON, %s is null or %v", list, err)
		}
	}
}

// times is an archive in which each record stands so many times.
func times(t *testing.T, n int, c *sim.Cluster) string {
	t.Helper()
	var all []*archive.Record
	for _, r := range c.Records() {
		all = append(all, slices.Repeat([]*archive.Record{r}, n)...)
	}
	return fixture.Written(t, nil, all)
}

// Answers that came twice at the same instant are one, and no hole.
func TestEqualTimes(t *testing.T) {
	c := of(t, times(t, 3, standard(5)), coverage.Options{})
	if r := c.Reading("north@lab", "node_info"); r.Answers != 90 || r.IntervalS != 2 || !c.Sufficient {
		t.Errorf("%+v\n%s", r, whys(c))
	}
}

// A file that was cut off anywhere is damaged, and says how much is missing.
func TestCut(t *testing.T) {
	path := written(t, standard(8), nil)
	whole, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	read := 0
	for _, share := range []int{30, 50, 75, 95} {
		cut := filepath.Join(t.TempDir(), "cut.erg")
		if err := os.WriteFile(cut, whole[:len(whole)*share/100], 0o600); err != nil {
			t.Fatal(err)
		}
		rec, err := replay.Open(cut)
		if err != nil {
			continue // nothing of it can be read
		}
		read++
		rec.Close()
		if c := of(t, cut, coverage.Options{Path: "cut.erg"}); c.Sufficient || !strings.Contains(whys(c), "bytes of") || !strings.Contains(whys(c), "analyze verify cut.erg") {
			t.Errorf("at %d %%: sufficient %v\n%s", share, c.Sufficient, whys(c))
		}
	}
	if read == 0 {
		t.Error("no cut file could be read at all")
	}
}

// Two incidents of nodes of the same names in one archive are noticed, and a
// single one with a restart, or with a node's clock that is set back, is not.
func TestMixed(t *testing.T) {
	mixedOf := func(path string) []string {
		rec, err := replay.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Close()
		m, err := coverage.Mixed(t.Context(), rec)
		if err != nil {
			t.Fatal(err)
		}
		return m
	}
	two := func(edit func(*sim.Cluster)) string {
		var all []*archive.Record
		for i := range 2 {
			c := standard(2)
			c.Length = 20 * time.Second
			if i == 1 {
				edit(c)
			}
			all = append(all, c.Records()...)
		}
		return fixture.Written(t, nil, all)
	}
	if m := mixedOf(two(func(c *sim.Cluster) { c.From = c.From.Add(500 * time.Millisecond) })); len(m) != 0 {
		t.Errorf("half a second apart in one life: %v", m)
	}
	if m := mixedOf(two(func(c *sim.Cluster) {
		for _, n := range c.Nodes {
			n.Up = time.Hour
		}
	})); len(m) != 3 || !strings.Contains(m[0], "back in the life") {
		t.Errorf("another life at the same time: %v", m)
	}
	if m := mixedOf(two(func(c *sim.Cluster) {
		c.Edit = func(n *sim.Node, tool string, at time.Duration, answer any) any {
			a := complete(n, tool, at, answer)
			if m, ok := a.(map[string]any); ok && tool == "node_info" {
				m["UserTime"] = int64(time.Hour + at/20)
			}
			return a
		}
	})); len(m) != 3 || !strings.Contains(m[0], "CPU time falls") {
		t.Errorf("another incident of the same life: %v", m)
	}
	if m := mixedOf(fixture.Bare(t, fixture.Bundled(t, "restart_loop"))); len(m) != 0 {
		t.Errorf("one recording: %v", m)
	}
}

// What a recorder is still writing is not seen, and that is said.
func TestBeingWritten(t *testing.T) {
	w, dir := archivetest.CreateDir(t, nil)
	for _, r := range standard(5).Records() {
		if _, err := w.Append(r); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	c := of(t, dir, coverage.Options{})
	if len(c.Unread) != 1 || !strings.Contains(whys(c), "not all of it can be read yet") {
		t.Errorf("unread %v\n%s", c.Unread, whys(c))
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// The captures of a real cluster show all that is needed.
func TestCaptures(t *testing.T) {
	for _, name := range []string{"stuck", "restart_loop"} {
		path := fixture.Bare(t, fixture.Bundled(t, name))
		c := of(t, path, coverage.Options{})
		r := c.Reading("alpha@localhost", "process_list")
		if !c.Sufficient || r.Rows < 100 || r.Rows > 105 || r.IntervalS < 7.9 || r.IntervalS > 8.1 {
			t.Errorf("%s: %+v\n%s", name, r, whys(c))
		}
		i := slices.IndexFunc(c.Nodes, func(n coverage.Node) bool { return n.Name == "gamma@localhost" })
		if i < 0 || c.Nodes[i].Latency != "yes" {
			t.Errorf("%s: nodes %+v", name, c.Nodes)
		}
	}
}

// A recorder that joined the cluster is known by its nodes, under whatever name,
// and nobody misses it.
func TestOwnNodeIsNotMissed(t *testing.T) {
	for _, own := range []string{"", "eye@lab"} {
		c := standard(4)
		also := c.Also
		c.Also = func(n *sim.Node, at time.Duration) []sim.Answer {
			all := also(n, at)
			for i := range all {
				if rows, ok := all[i].Says.([]map[string]any); ok && all[i].Tool == "cluster_nodes" {
					all[i].Says = append(rows, map[string]any{"name": "eye@lab", "status": "connected"}, map[string]any{"name": "recorder@lab", "status": "connected"})
				}
			}
			return all
		}
		w, path := archivetest.Create(t, nil)
		if own != "" {
			if _, err := w.Mark(archive.Mark{Kind: archive.MarkStart, From: c.From, At: c.From, More: map[string]any{archive.MoreOwnNode: own}}); err != nil {
				t.Fatal(err)
			}
		}
		for _, r := range c.Records() {
			if _, err := w.Append(r); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if got := of(t, path, coverage.Options{}); len(got.NotSeen) > 0 != (own == "") {
			t.Errorf("own node %q: not seen: %+v", own, got.NotSeen)
		}
	}
}

// The road is what the recording says, and "tools48" where it says nothing.
func TestRoad(t *testing.T) {
	all := standard(2).Records()
	for _, r := range all {
		if r.Stream.Node == "east@lab" {
			r.Schema.Road = "system"
		}
	}
	c := of(t, fixture.Written(t, nil, all), coverage.Options{})
	for node, want := range map[string]string{"east@lab": "system", "north@lab": "tools48"} {
		if got := c.Reading(node, "process_list").Road; got != want {
			t.Errorf("%s: road %q, want %q", node, got, want)
		}
	}
}

// An answer that stands three times at one time, as a merged capture leaves it,
// is one: nothing of the recording is a gap, and nothing of it is covered better.
func TestEqualTimesAreOneAnswer(t *testing.T) {
	said := map[int]*coverage.Coverage{}
	for _, n := range []int{1, 3} {
		path := times(t, n, standard(4))
		said[n] = of(t, path, coverage.Options{})
		if gaps, err := fixture.Open(t, path).Gaps(t.Context()); err != nil || len(gaps) > 0 {
			t.Errorf("%d times: gaps %v, %v", n, gaps, err)
		}
	}
	for _, node := range []string{"east@lab", "north@lab"} {
		for _, tool := range []string{"node_info", "process_list", "runtime_stats"} {
			one, three := said[1].Reading(node, tool), said[3].Reading(node, tool)
			if one.Answers != three.Answers || one.IntervalS != three.IntervalS || one.Covered != three.Covered || one.Cut != three.Cut {
				t.Errorf("%s of %s: once %+v, three times %+v", tool, node, one, three)
			}
		}
	}
	if !said[1].Sufficient || !said[3].Sufficient {
		t.Errorf("once %s\nthree times %s", whys(said[1]), whys(said[3]))
	}
}

// What would settle a doubt goes over the road that the recording came by; what
// that road does not give, no new recording over it settles.
func TestSettledByItsRoad(t *testing.T) {
	path := written(t, standard(2), func(r *archive.Record) bool {
		r.Schema.Road = "system"
		return r.Stream.Name != "event_list"
	})
	found := false
	for _, s := range of(t, path, coverage.Options{}).Shortfalls {
		if strings.Contains(s.Settle, "--endpoint") && !strings.Contains(s.Settle, "record check") {
			t.Errorf("%s: settled by an endpoint, though it was joined: %s", s.Why, s.Settle)
		}
		if strings.Contains(s.Why, "event_list") {
			found = found || strings.HasPrefix(s.Settle, "record check --endpoint lab --join "+s.Node)
		}
	}
	if !found {
		t.Errorf("nothing says which road gives event_list: %+v", of(t, path, coverage.Options{}).Shortfalls)
	}
}
