package web

import (
	"context"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
)

// What each view answers to at a moment of a real fault.
func TestViewsSay(t *testing.T) {
	rec := bundled(t, "stuck")
	s := analysed(t, rec, stuckReport(t, rec), Options{})
	late := stuckOnset().Add(time.Minute)
	for path, wants := range map[string][]string{
		momentURL("/waits", late):                                                           {`class="critical"><title>` + "&lt;", "book_eth on gamma", "supervises"},
		momentURL("/search", late, "q", "book_eth"):                                         {"tagged\">finding", "tagged\">process", "book_eth on gamma"},
		momentURL("/search", late, "q", "heap_alloc"):                                       {"runtime_stats.heap_alloc"},
		momentURL("/search", late, "q", "no such thing"):                                    {"Nothing is called so"},
		momentURL("/processes", late, "by", "behavior"):                                     {"trading.OrderBook", "One by one"},
		momentURL("/trend", late):                                                           {"runtime_stats.heap_alloc", "process_list.MessagesMailbox"},
		momentURL("/trend", late, "metric", "process_list.MessagesMailbox", "log", "1"):     {"data-chart", "gamma", "Linear"},
		momentURL("/trend", late, "metric", "runtime_stats.heap_aloc"):                      {"it is no metric that was recorded"},
		momentURL("/links", late):                                                           {"Messages, alpha and beta", "Round trip, beta and gamma"},
		momentURL("/tree", late, "node", stuckNode):                                         {"One For One, Permanent, 0 restarts"},
		momentURL("/compare", late, "with", chart.InURL(stuckOnset().Add(-10*time.Second))): {"All of them", "book_eth"},
		momentURL("/", late, "strip", "cpu"):                                                {"CPU, percent of one core"},
	} {
		w := fetch(s, path)
		for _, want := range wants {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: %d, it does not say %q", path, w.Code, want)
			}
		}
	}
	if w := fetch(s, momentURL("/compare", late, "with", chart.InURL(stuckOnset().Add(-10*time.Second)))); strings.Contains(w.Body.String(), "OrderWorker") {
		t.Error("what did not change is shown among what did")
	}
}

// What an address says that is not so is an error that names the right form.
func TestWrongAddresses(t *testing.T) {
	rec := bundled(t, "stuck")
	s := analysed(t, rec, stuckReport(t, rec), Options{})
	for query, want := range map[string]string{
		"/?at=yesterday":         "write 2006-01-02T15:04:05Z",
		"/?strip=memory":         "there are mailbox, cpu, heap and errors",
		"/?tz=Europe/Paris":      "there is local",
		"/processes?by=node":     "there is behavior",
		"/logs?around=soon":      "write 30s, 10m or 1h",
		"/logs?level=bad":        "there are info, warning, error and panic",
		"/processes?sort=colour": "there are",
		"/trend?as=png":          "there are csv and svg",
		"/trend?with=noon":       "write 2006-01-02T15:04:05Z",
		"/links?pair=a|b":        "there are",
		"/finding?id=F99":        "no finding has the id",
		"/profile?id=x":          "no profile is called",
		"/?from=2026-11-22T01:15:00Z&to=2026-11-22T01:14:00Z": "ends before it begins",
	} {
		if w := fetch(s, query); w.Code != 404 || !strings.Contains(w.Body.String(), want) {
			t.Errorf("%s: %d, %.300s; want %q", query, w.Code, w.Body, want)
		}
	}
}

// The drawing and the table of a trend leave the page as they are.
func TestTrendLeaves(t *testing.T) {
	rec := bundled(t, "stuck")
	s := analysed(t, rec, stuckReport(t, rec), Options{})
	q := url.Values{"metric": {"process_list.MessagesMailbox"}, "node": {stuckNode}}
	q.Set("as", "csv")
	w := fetch(s, "/trend?"+q.Encode())
	lines := strings.Split(strings.TrimSpace(w.Body.String()), "\n")
	if lines[0] != "metric,time,curve,value" || len(lines) < 20 || !strings.HasPrefix(lines[len(lines)-1], "process_list.MessagesMailbox,2026-11-22T01:1") || w.Header().Get("Content-Type") != "text/csv; charset=utf-8" {
		t.Errorf("%d lines of %s: %q … %q", len(lines), w.Header().Get("Content-Type"), lines[0], lines[len(lines)-1])
	}
	q.Set("as", "svg")
	w = fetch(s, "/trend?"+q.Encode())
	if b := w.Body.String(); !strings.HasPrefix(b, "<svg xmlns=") || !strings.Contains(b, "<path d=\"M") || !strings.Contains(b, "UTC") {
		t.Errorf("%.300s", b)
	}
}

// A recording that grows is judged every minute, and at once after a trigger.
func TestTriggersAreJudgedAtOnce(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "live.erg"), nil)
	defer w.Close()
	answer(t, w, "live@localhost", "node_info", nil, start(), row{"Name": "live@localhost", "Uptime": 100})
	rec, err := replay.New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, stop := context.WithCancel(t.Context())
		var judged atomic.Int32
		s := New(rec, Options{Live: true, Analyze: func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error) {
			judged.Add(1)
			return &analyze.Report{}, nil
		}})
		done := make(chan struct{})
		go func() {
			defer close(done)
			s.AnalyseAgain(ctx, time.Minute, func(text string) { t.Error(text) })
		}()
		time.Sleep(59 * time.Second)
		if n := judged.Load(); n != 0 {
			t.Errorf("judged %d times before the first minute was over", n)
		}
		time.Sleep(2 * time.Second)
		if n := judged.Load(); n != 1 {
			t.Errorf("judged %d times in the first minute", n)
		}
		if _, err := w.Mark(archive.Mark{Kind: "trigger", Node: "live@localhost", From: start(), To: start(), Note: "blocked_callback"}); err != nil {
			t.Error(err)
		}
		time.Sleep(lookEvery + time.Millisecond)
		if n := judged.Load(); n != 2 {
			t.Errorf("judged %d times after a trigger, want 2", n)
		}
		stop()
		<-done
	})
}

// No page may be unreadable for somebody who cannot see it.
func TestBrowserAxe(t *testing.T) {
	file := os.Getenv("ERGO_AXE")
	if file == "" {
		t.Skip("ERGO_AXE is not set: it names axe-core's axe.min.js, from npm")
	}
	script, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	rec := bundled(t, "stuck")
	s := analysed(t, rec, stuckReport(t, rec), Options{})
	b := newBrowser(t, s)
	late := stuckOnset().Add(time.Minute)
	for _, path := range []string{
		momentURL("/", late), momentURL("/findings", late), "/finding?id=F1", momentURL("/processes", late), momentURL("/process", late, "node", stuckNode, "pid", stuckPID),
		momentURL("/tree", late, "node", stuckNode), momentURL("/waits", late), momentURL("/links", late), momentURL("/events", late), momentURL("/logs", late, "around", "10m"),
		momentURL("/trend", late, "metric", "process_list.MessagesMailbox"), momentURL("/compare", late), momentURL("/profiles", late), momentURL("/search", late, "q", "book"),
	} {
		b.open(path)
		b.axe(string(script), path)
	}
	file = t.TempDir() + "/incident.html"
	if err := os.WriteFile(file, []byte(drawReport(t, stuckReport(t, rec), rec)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.file = "file://" + file
	b.goTo(b.file)
	b.axe(string(script), "the report")
}

// No page scrolls sideways on a phone.
func TestBrowserPhone(t *testing.T) {
	rec := bundled(t, "stuck")
	s := analysed(t, rec, stuckReport(t, rec), Options{})
	b := newBrowser(t, s)
	b.narrow(390)
	late := stuckOnset().Add(time.Minute)
	for _, path := range []string{
		momentURL("/", late), momentURL("/findings", late), "/finding?id=F1", momentURL("/processes", late), momentURL("/process", late, "node", stuckNode, "pid", stuckPID),
		momentURL("/tree", late, "node", stuckNode), momentURL("/waits", late), momentURL("/links", late), momentURL("/events", late), momentURL("/logs", late, "around", "10m"),
		momentURL("/trend", late, "metric", "process_list.MessagesMailbox"), momentURL("/compare", late, "with", chart.InURL(stuckOnset())), momentURL("/profiles", late), momentURL("/search", late, "q", "book"),
	} {
		b.open(path)
		if w := eval[float64](b, `document.documentElement.scrollWidth`); w > 390 {
			t.Errorf("%s is %.0f px wide on a phone of 390: %s", path, w, eval[string](b, `[...document.querySelectorAll("body *")].filter((e) => e.getBoundingClientRect().right > 391 && !e.closest(".scroll, svg, .plane, pre")).map((e) => e.tagName + "." + e.className).slice(0, 5).join(" ")`))
		}
	}
}

// Keys lead where the help says.
func TestBrowserKeys(t *testing.T) {
	rec := bundled(t, "stuck")
	s := analysed(t, rec, stuckReport(t, rec), Options{})
	b := newBrowser(t, s)
	b.open(momentURL("/", stuckOnset().Add(-10*time.Second)))
	b.keys("n")
	b.until(`location.pathname === "/finding" && new URL(location.href).searchParams.get("at").startsWith("2026-11-22T01:13:55")`)
	b.keys("gp")
	b.until(`location.pathname === "/processes" && document.querySelector("main tbody tr")`)
	before := eval[string](b, `document.querySelector("#time").value`)
	b.keys("]")
	b.until(`Number(document.querySelector("#time").value) > ` + before)
	b.keys("?")
	b.until(`document.querySelector("#keys").open`)
	b.do(escapeKey())
	b.until(`document.dispatchEvent(new KeyboardEvent("keydown", { key: "/" })) || true`) // a driver's key would be typed into the field too
	b.until(`document.querySelector("#search").open`)
	b.keys("book_eth")
	b.until(`document.querySelector("#search .found a")?.textContent.includes("book_eth")`)
	b.do(enterKey())
	b.until(`location.pathname === "/finding" || location.pathname === "/process"`)
}

// The reader's zone is in the address, and times that are sentences stay UTC.
func TestBrowserLocalTime(t *testing.T) {
	rec := bundled(t, "stuck")
	s := analysed(t, rec, stuckReport(t, rec), Options{})
	b := newBrowser(t, s)
	b.zone("America/New_York")
	b.open("/finding?id=F1&tz=local")
	b.until(`document.querySelector(".facts time").textContent.startsWith("2026-11-21 20:13:55") && document.querySelector(".facts .zone").textContent === "UTC−05:00"`)
	b.open("/finding?id=F1")
	b.until(`document.querySelector(".facts time").textContent.startsWith("2026-11-22 01:13:55") && document.querySelector(".facts .zone").textContent === "UTC"`)
}

// The pictures of the README and the documents, light and dark: make screenshots.
func TestScreenshots(t *testing.T) {
	dir := os.Getenv("WEB_SHOTS")
	if dir == "" {
		t.Skip("WEB_SHOTS is not set: it names the directory for the pictures")
	}
	rec := bundled(t, "stuck")
	report, err := analyze.Run(t.Context(), rec, analyze.Options{Path: "stuck.erg"})
	if err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, analysed(t, rec, report, Options{Name: "stuck.erg"}))
	late := stuckOnset().Add(time.Minute)
	for name, path := range map[string]string{
		"serve":   momentURL("/", late),
		"process": momentURL("/process", late, "node", stuckNode, "pid", stuckPID),
		"waits":   momentURL("/waits", late),
	} {
		b.open(path)
		b.shot(name, false)
		b.shot(name+"-dark", true)
	}
	file := filepath.Join(t.TempDir(), "incident.html")
	if err := os.WriteFile(file, []byte(drawReport(t, report, rec)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.file = "file://" + file
	b.goTo(b.file)
	b.shot("report", false)
	b.shot("report-dark", true)
}
