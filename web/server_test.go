package web

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"
	"unicode"

	"ergorecorder/web/past"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

const (
	evilName = `<script>alert("x")</script>` + "\x1b]0;owned\x07\u009b31m\u202e"
	evilNode = `evil"onload="alert(1)@localhost`
)

// start is when made-up clusters begin.
func start() time.Time { return time.Date(2026, 1, 2, 3, 0, 0, 0, time.UTC) }

// answer appends a tool's answer, as the recorder would.
func answer(t testing.TB, w *archive.Writer, node, tool string, args ergo.Args, at time.Time, v any) {
	t.Helper()
	text, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := w.Append(ingest.Record(ergo.Call{Node: node, Tool: tool, Args: args}, args.JSON(), ergo.Answer{Text: text, At: at, Took: time.Millisecond}, nil, ingest.Options{})); err != nil {
		t.Fatal(err)
	}
}

type row = map[string]any

// hostileCluster is a node whose every name tries to be markup.
func hostileCluster(t testing.TB, w *archive.Writer) {
	for i := range 20 {
		at := start().Add(time.Duration(i) * 2 * time.Second)
		answer(t, w, evilNode, "node_info", nil, at, row{"Name": evilNode, "Uptime": 100 + 2*i, "ProcessesTotal": 1, "LogMessages": []int{0, 0, 0, 0, 9 * i, 0}})
		answer(t, w, evilNode, "process_list", ergo.Args{"limit": 1000}, at, []row{{
			"PID": "<A.0.1>", "Name": evilName, "Behavior": evilName, "Application": `"><img src=x onerror=alert(2)>`, "State": "running",
			"Parent": "javascript:alert(3)", "Leader": "<A.0.1>", "MessagesMailbox": 10 * i, "MailboxLatency": -1, "MessagesIn": 10 * i, "RunningTime": 5, "Wakeups": 1, "Uptime": 90 + 2*i,
		}})
		answer(t, w, evilNode, "event_list", ergo.Args{"limit": 1000}, at, []row{{"Event": "Event#<A:" + evilName + ">", "Producer": "<A.0.1>"}})
		answer(t, w, evilNode, "sample_read", ergo.Args{"sampler_id": "s"}, at, row{"sampler_id": "s", "sequence": i, "samples": []row{{
			"sequence": i, "data": row{"level": "error", "message": evilName + "</td></table>", "source": evilName, "type": "process", "time": at},
		}}})
	}
	if _, err := w.Mark(archive.Mark{Kind: evilName, From: start().Add(time.Second), Note: evilName, At: start()}); err != nil {
		t.Fatal(err)
	}
}

func TestHostileNamesAreShownNotRun(t *testing.T) {
	rec := record(t, func(w *archive.Writer) { hostileCluster(t, w) })
	s := New(rec, Options{Name: evilName})
	paths := []string{
		"/processes?q=" + url.QueryEscape(evilName) + "&app=%22%3E%3Cscript%3E", "/logs?around=10m", "/strip", "/report.html",
		"/compare?with=" + chart.InURL(start().Add(5*time.Second)), "/compare.html?at=" + chart.InURL(start().Add(5*time.Second)), "/compare.html?nodes=" + url.QueryEscape(evilName),
		"/pprof/" + url.PathEscape(evilName) + "/top", "/processes?at=" + url.QueryEscape(evilName) + "&skip=-5&sort=%3Cscript%3E&col=%3Cscript%3E",
	}
	for path := range s.views() { // every page: as it is, of the hostile node and process, and with what is hostile in its address
		path = strings.TrimSuffix(path, "{$}")
		for _, q := range []url.Values{
			{},
			{"node": {evilNode}, "pid": {"<A.0.1>"}},
			{"node": {evilNode}, "name": {evilName}},
			{"id": {evilName}, "q": {evilName}, "metric": {evilName}, "event": {evilName}, "by": {evilName}, "lane": {evilName}, "tz": {evilName}},
			{"at": {evilName}},
			{"from": {evilName}, "to": {evilName}},
		} {
			paths = append(paths, path+"?"+q.Encode())
		}
	}
	for _, path := range paths {
		body := fetch(s, path).Body.String()
		for _, bad := range []string{"<script>alert", "<img src=x", `"onload="`, "href=\"javascript:"} {
			if strings.Contains(body, bad) {
				t.Errorf("%s holds %s", path, bad)
			}
		}
		if at := strings.IndexFunc(body, steers); at >= 0 {
			t.Errorf("%s lets through what steers who reads it: …%.60q", path, body[max(0, at-20):])
		}
	}
	shown := map[string]bool{}
	for path := range s.views() {
		path = strings.TrimSuffix(path, "{$}")
		q := url.Values{"node": {evilNode}, "pid": {"<A.0.1>"}, "q": {evilName}}
		body := fetch(s, path+"?"+q.Encode()).Body.String()
		shown[path] = strings.Contains(body, "&lt;script&gt;alert") || strings.Contains(body, "&lt;img src=x")
	}
	for _, path := range []string{"/processes", "/process", "/tree", "/logs", "/events", "/search"} {
		if !shown[path] {
			t.Errorf("%s does not show what was planted: the test looks at nothing", path)
		}
	}
}

// steers reports whether a rune does something to what shows it.
func steers(r rune) bool {
	return r != '\n' && r != '\t' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
}

// TestComparison: what was recorded before a moment against what came after it.
func TestComparison(t *testing.T) {
	s := New(bundled(t, "stuck"), Options{Name: "stuck"})
	w := fetch(s, "/compare.html?at=2026-11-22T01:14:10.000Z")
	if body := w.Body.String(); w.Code != http.StatusOK || !strings.Contains(body, "questions were asked") || !strings.Contains(w.Header().Get("Content-Security-Policy"), "sandbox") {
		t.Errorf("%d %.300s", w.Code, body)
	}
	if w := fetch(s, "/compare.html?nodes=nobody"); w.Code == http.StatusOK {
		t.Errorf("nodes that there are not: %d", w.Code)
	}
}

// What pprof repeats of the address when it refuses is text, and no script of
// ours.
func TestPprofRefusalsAreText(t *testing.T) {
	s := New(bundled(t, "stuck"), Options{})
	var ref string
	for p, err := range s.rec.Profiles(t.Context(), "", "", time.Time{}, time.Time{}) {
		if err != nil {
			t.Fatal(err)
		}
		ref = profileRef{p.Node, p.Kind, p.At}.String()
		break
	}
	if ref == "" {
		t.Fatal("the capture holds no profile")
	}
	base := "/pprof/" + url.PathEscape(ref)
	for _, path := range []string{"/top?f=(%3Cscript%3Ealert(1)%3C/script%3E", "/top?si=%3Cscript%3Ealert(1)%3C/script%3E", "/flamegraph?i=(%3Cscript%3Ealert(1)%3C/script%3E"} {
		w := fetch(s, base+path)
		if w.Code == http.StatusOK || strings.Contains(w.Body.String(), "nonce") || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") || strings.Contains(w.Header().Get("Content-Security-Policy"), "nonce") {
			t.Errorf("%s: %d %v %.300s", path, w.Code, w.Header(), w.Body)
		}
	}
	if w := fetch(s, base+"/top?f=main"); w.Code != http.StatusOK || !strings.Contains(w.Body.String(), "<script nonce=") {
		t.Errorf("a page of pprof: %d %.300s", w.Code, w.Body)
	}
}

// Whatever the address says, an answer comes: a page, or a refusal in words.
func TestBrokenAddresses(t *testing.T) {
	s := New(bundled(t, "restart_loop"), Options{})
	for _, path := range []string{"/", "/findings", "/finding", "/processes", "/process", "/tree", "/links", "/events", "/logs", "/compare", "/profiles", "/profile", "/strip"} {
		for _, query := range []string{
			"", "at=yesterday", "at=0001-01-01T00:00:00Z", "at=9999-12-31T23:59:59Z", "from=2027-01-01T00:00:00Z&to=2020-01-01T00:00:00Z", "node=nobody&pid=<1>", "pid=()[&node=alpha@localhost",
			"sort=nothing", "skip=99999999999999999999", "around=-5h", "with=x", "id=1~heap~x", "id=~~,", "col=pid&col=pid",
		} {
			w := httptest.NewRecorder()
			u := &url.URL{Scheme: "http", Host: "localhost", Path: path, RawQuery: query}
			s.ServeHTTP(w, httptest.NewRequest(http.MethodGet, u.String(), nil))
			if w.Code != 200 && w.Code != 404 {
				t.Errorf("%s?%s: %d %.300s", path, query, w.Code, w.Body)
			}
			if !strings.Contains(w.Body.String(), "<") {
				t.Errorf("%s?%s: nothing is said", path, query)
			}
		}
	}
}

// The script asks for the view alone.
func TestViewAlone(t *testing.T) {
	s := New(bundled(t, "stuck"), Options{})
	r := httptest.NewRequest(http.MethodGet, "http://localhost/processes", nil)
	r.Header.Set("X-Part", "view")
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	if body := w.Body.String(); strings.Contains(body, "<html") || !strings.Contains(body, "<main>") {
		t.Errorf("%.200s", body)
	}
}

// An end of a link that was not recorded is not called disconnected.
func TestLinksNotRecorded(t *testing.T) {
	rec := record(t, func(w *archive.Writer) {
		for _, n := range []string{"a@h", "b@h", "c@h"} {
			answer(t, w, n, "node_info", nil, start(), map[string]any{"Name": n, "Uptime": 100})
		}
		answer(t, w, "a@h", "network_nodes", nil, start(), []map[string]any{{"Node": "b@h", "ConnectionUptime": 50}})
		answer(t, w, "c@h", "network_nodes", nil, start(), []map[string]any{})
	})
	page := fetch(New(rec, Options{}), momentURL("/links", start())).Body.String()
	for _, want := range []string{"not recorded", "c@h has no link at this moment"} {
		if !strings.Contains(page, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	if strings.Contains(page, "not connected") {
		t.Error("an end that was not recorded is called not connected")
	}
}

func TestProcessTable(t *testing.T) {
	rec := record(t, func(w *archive.Writer) { manyProcesses(t, w, 10_000) })
	s := New(rec, Options{})
	for _, c := range []struct{ query, first, says string }{
		{"sort=-mailbox", "worker_9999", "1 to 200 of 10000"},
		{"sort=mailbox", "worker_0", "1 to 200 of 10000"},
		{"sort=-mailbox&skip=200", "worker_9799", "201 to 400 of 10000"},
		{"q=WORKER_77&sort=name", "worker_77", "1 to 111 of 111 that match, 10000 in all"},
		{"q=nobody", "Nothing to show", "0 to 0 of 0 that match"},
		{"app=even&sort=-mailbox", "worker_9998", "1 to 200 of 5000"},
	} {
		body := fetch(s, "/processes?"+c.query).Body.String()
		_, rows, _ := strings.Cut(body, "<tbody>")
		if !strings.Contains(rows[:min(len(rows), 400)], c.first) || !strings.Contains(body, c.says) {
			t.Errorf("%s: want %s first and %q", c.query, c.first, c.says)
		}
	}
}

// manyProcesses is a node of n processes, sampled a few times.
func manyProcesses(t testing.TB, w *archive.Writer, n int) {
	for i := range 6 {
		at := start().Add(time.Duration(i) * 5 * time.Second)
		answer(t, w, "big@localhost", "node_info", nil, at, row{"Name": "big@localhost", "Uptime": 1000 + 5*i, "ProcessesTotal": n})
		rows := make([]row, n)
		for j := range rows {
			rows[j] = row{
				"PID": fmt.Sprintf("<A.0.%d>", 1000+j), "Name": fmt.Sprintf("worker_%d", j), "Behavior": "shop.Worker", "Application": []string{"even", "odd"}[j%2],
				"State": "sleep", "Parent": "<A.0.1>", "Leader": "<A.0.1>", "MessagesIn": 100*i + j, "MessagesOut": i, "MessagesMailbox": j,
				"MailboxLatency": 0, "RunningTime": 1000 * i, "Wakeups": 10 * i, "InitTime": 1, "Uptime": 900 + 5*i, "StateTime": 1_000_000 * j, "LogLevel": "info",
			}
		}
		answer(t, w, "big@localhost", "process_list", ergo.Args{"limit": 1000000}, at, rows)
	}
}

func TestFailedAnalysisIsSaid(t *testing.T) {
	s := New(bundled(t, "stuck"), Options{Analyze: func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error) {
		return nil, errors.New("read logs: disk on fire")
	}})
	if err := s.Analyse(context.Background()); err == nil {
		t.Error("no error")
	}
	for _, path := range []string{"/", "/findings", "/strip", "/report.html"} {
		if body := fetch(s, path).Body.String(); !strings.Contains(body, "disk on fire") || strings.Contains(body, "being worked out") {
			t.Errorf("%s does not say why there are no findings", path)
		}
	}
}

// TestJudgingIsSaid: pages say that findings are being worked out while they are, and not
// before that has begun.
func TestJudgingIsSaid(t *testing.T) {
	var s *Server
	says := func(want, not string) {
		t.Helper()
		for _, path := range []string{"/", "/findings", "/strip", "/report.html"} {
			if body := fetch(s, path).Body.String(); !strings.Contains(body, want) || strings.Contains(body, not) {
				t.Errorf("%s does not say %q, or says %q", path, want, not)
			}
		}
	}
	s = New(bundled(t, "stuck"), Options{Analyze: func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error) {
		says("Findings are being worked out: reading.", "not begun")
		return nil, errors.New("enough")
	}})
	says("Findings: judging has not begun.", "being worked out")
	if s.Analyse(t.Context()) == nil {
		t.Error("no error")
	}
}

// A recording that was judged over its last hour only.
func TestRecentIsJudged(t *testing.T) {
	rec := bundled(t, "stuck")
	var asked analyze.Options
	s := New(rec, Options{Recent: 30 * time.Second, Analyze: func(_ context.Context, _ *replay.Recording, o analyze.Options) (*analyze.Report, error) {
		asked = o
		return &analyze.Report{}, nil
	}})
	if err := s.Analyse(context.Background()); err != nil {
		t.Fatal(err)
	}
	if _, to := rec.Window(); !asked.To.Equal(to) || asked.To.Sub(asked.From) != 30*time.Second {
		t.Errorf("%v to %v was judged", asked.From, asked.To)
	}
}

func TestServeRefusesWithoutAToken(t *testing.T) {
	s := New(record(t, func(w *archive.Writer) { hostileCluster(t, w) }), Options{})
	if err := s.Serve(context.Background(), elsewhere{}); err == nil || !strings.Contains(err.Error(), "token") {
		t.Errorf("%v", err)
	}
}

// elsewhere is a listener that all the world reaches, if it were opened.
type elsewhere struct{ net.Listener }

func (elsewhere) Addr() net.Addr { return &net.TCPAddr{IP: net.IPv4zero, Port: 8090} }

// What a listing lacks is said above it.
func TestCutListingsAreSaid(t *testing.T) {
	rec := record(t, func(w *archive.Writer) {
		answer(t, w, "a@localhost", "node_info", nil, start(), row{"Name": "a@localhost", "ProcessesTotal": 330})
		answer(t, w, "a@localhost", "process_list", ergo.Args{"limit": 5}, start(), []row{{"PID": "<A.0.1>", "Name": "one"}})
	})
	if body := fetch(New(rec, Options{}), "/processes").Body.String(); !strings.Contains(body, "1 of 330 processes are listed") {
		t.Error("it does not say that processes are missing")
	}
}

// Every process is in the tree once, whatever its parents say.
func TestTree(t *testing.T) {
	rows := []past.Process{{PID: "1", Parent: "0"}, {PID: "2", Parent: "1"}, {PID: "3", Parent: "2"}, {PID: "4", Parent: "4"}, {PID: "5", Parent: "6"}, {PID: "6", Parent: "5"}, {PID: "7", Parent: "6"}, {PID: "8"}}
	for i := range 40 {
		rows = append(rows, past.Process{PID: ergo.PID(fmt.Sprint(100 + i)), Parent: "2", Behavior: "leaf", MessagesMailbox: int64(i)})
	}
	var drawn []string
	var walk func(b *branch, depth int)
	walk = func(b *branch, depth int) {
		drawn = append(drawn, fmt.Sprintf("%s@%d", b.PID, depth))
		for _, k := range b.Kids {
			walk(k, depth+1)
		}
		for _, f := range b.Folded {
			drawn = append(drawn, fmt.Sprintf("%d more@%d", f.Count, depth+1))
		}
	}
	total := 0
	for _, r := range newTree(&page{}, rows) {
		walk(r, 0)
		total += r.Size
	}
	if want := "1@0 2@1 3@2 135@2 136@2 137@2 138@2 139@2 35 more@2 8@0 4@0 5@0 6@1 7@2"; strings.Join(drawn, " ") != want {
		t.Errorf("drawn\n%s, want\n%s", strings.Join(drawn, " "), want)
	}
	if total != len(rows) {
		t.Errorf("%d processes are counted of %d", total, len(rows))
	}
}

// What an address names and is not there is refused, with what is nearest: a
// page of nothing would look like a node at rest.
func TestUnknownAddresses(t *testing.T) {
	s := New(bundled(t, "restart_loop"), Options{})
	for query, want := range map[string]string{
		"node=beta":               "did you mean beta@localhost?",
		"at=yesterday":            "it is no time",
		"at=2030-01-01T00:00:00Z": "is outside of the recording",
		"from=monday":             "it is no time",
	} {
		if w := fetch(s, "/processes?"+query); w.Code != http.StatusNotFound || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d %.400s", query, w.Code, w.Body)
		}
	}
}

// TestShown: who waits for the first page before it reckons hears of it once it was
// answered, and not of what belongs to a page.
func TestShown(t *testing.T) {
	s := New(bundled(t, "stuck"), Options{})
	shown := func() bool {
		select {
		case <-s.shown:
			return true
		default:
			return false
		}
	}
	get := func(path string) {
		s.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, "http://localhost"+path, nil))
	}
	if get("/assets/style.css"); shown() {
		t.Error("a style sheet is no page")
	}
	if get("/"); !shown() {
		t.Error("the first page was answered, and nobody hears of it")
	}
	get("/logs")
}
