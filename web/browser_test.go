package web

import (
	"context"
	"fmt"
	"net/http/httptest"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/cdproto/input"
	"github.com/chromedp/cdproto/log"
	"github.com/chromedp/cdproto/network"
	"github.com/chromedp/cdproto/runtime"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// A browser is a real one with one page open, watched: what the page says on
// its console and every request it makes are kept.
type browser struct {
	t    *testing.T
	ctx  context.Context
	base string
	file string // a page opened from disk, if any

	mu       sync.Mutex
	trouble  []string
	requests []string
}

// newBrowser starts Debian's chromium, or skips the test and says why.
func newBrowser(t *testing.T, s *Server) *browser {
	t.Helper()
	if testing.Short() {
		t.Skip("a browser takes its seconds")
	}
	path, err := exec.LookPath("chromium")
	if err != nil {
		t.Skip("no chromium here: install Debian's package chromium to run the browser tests")
	}
	srv := httptest.NewServer(s)
	t.Cleanup(srv.Close)
	alloc, stop := chromedp.NewExecAllocator(context.Background(), append(chromedp.DefaultExecAllocatorOptions[:],
		chromedp.ExecPath(path), chromedp.NoSandbox, chromedp.WindowSize(1400, 1000))...)
	t.Cleanup(stop)
	ctx, cancel := chromedp.NewContext(alloc)
	t.Cleanup(cancel)
	ctx, cancel = context.WithTimeout(ctx, 2*time.Minute)
	t.Cleanup(cancel)
	b := &browser{t: t, ctx: ctx, base: srv.URL}
	b.do() // opens the tab
	if err := chromedp.Listen(ctx, b.hear); err != nil {
		t.Fatal(err)
	}
	call(b, network.Enable, network.EnableParams{})
	call(b, log.Enable, cdp.Empty{})
	t.Cleanup(b.check)
	return b
}

// call gives the browser a command of its protocol.
func call[P, R any](b *browser, cmd cdp.Command[P, R], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, cmd, params); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// hear keeps what goes wrong and what is asked of whom.
func (b *browser) hear(event any) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch e := event.(type) {
	case *runtime.EventExceptionThrown:
		b.trouble = append(b.trouble, e.ExceptionDetails.Text)
	case *runtime.EventConsoleAPICalled:
		if e.Type.String() == "error" || e.Type.String() == "warning" {
			b.trouble = append(b.trouble, fmt.Sprint("console: ", e.Args))
		}
	case *log.EventEntryAdded:
		if e.Entry.Level.String() == "error" || e.Entry.Level.String() == "warning" {
			b.trouble = append(b.trouble, fmt.Sprint(e.Entry.Text, " ", e.Entry.URL))
		}
	case *network.EventRequestWillBeSent:
		b.requests = append(b.requests, e.Request.URL)
	}
}

// check holds that the page was quiet and asked nobody but its server.
func (b *browser) check() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.trouble {
		b.t.Errorf("the page complains: %s", s)
	}
	for _, r := range b.requests {
		if !strings.HasPrefix(r, b.base+"/") && !strings.HasPrefix(r, "data:") && r != b.file {
			b.t.Errorf("the page asks for %s", r)
		}
	}
}

func (b *browser) do(steps ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	if err := chromedp.Do(b.ctx, steps...); err != nil {
		b.t.Fatalf("browser: %v", err)
	}
}

// get is what an action finds.
func get[T any](b *browser, a chromedp.Action[T]) T {
	b.t.Helper()
	v, err := chromedp.Run(b.ctx, a)
	if err != nil {
		b.t.Fatalf("browser: %v", err)
	}
	return v
}

// eval is the value of a JavaScript expression.
func eval[T any](b *browser, js string) T {
	b.t.Helper()
	return get(b, chromedp.Evaluate[T](js, chromedp.EvalAwaitPromise))
}

// open opens a page of the server and waits until all of it is there.
func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.base+path), chromedp.WaitReady("html.complete main"))
}

// goTo opens an address that is not the server's.
func (b *browser) goTo(address string) {
	b.t.Helper()
	b.do(chromedp.Navigate(address), chromedp.WaitReady("body"))
}

// axe looks for what somebody who cannot see the page would miss.
func (b *browser) axe(script, name string) {
	b.t.Helper()
	eval[bool](b, script+"; true")
	found := eval[[]string](b, `axe.run(document, { iframes: false }).then((r) => r.violations.filter((v) => v.impact === "serious" || v.impact === "critical").map((v) => v.id + ": " + v.help + ", " + v.nodes.slice(0, 3).map((n) => n.html.slice(0, 120)).join(" | ")))`)
	for _, f := range found {
		b.t.Errorf("%s: %s", name, f)
	}
}

// narrow makes the window as wide as a phone.
func (b *browser) narrow(width int64) {
	b.t.Helper()
	call(b, emulation.SetDeviceMetricsOverride, emulation.SetDeviceMetricsOverrideParams{Width: width, Height: 844, DeviceScaleFactor: 1, Mobile: true})
}

// zone sets the reader's time zone.
func (b *browser) zone(name string) {
	b.t.Helper()
	call(b, emulation.SetTimezoneOverride, emulation.SetTimezoneOverrideParams{TimezoneID: name})
}

// keys types.
func (b *browser) keys(text string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(text))
}

func escapeKey() chromedp.Action[chromedp.Void] { return chromedp.KeyEvent(kb.Escape) }
func enterKey() chromedp.Action[chromedp.Void]  { return chromedp.KeyEvent(kb.Enter) }

// until waits, frame by frame, for a JavaScript condition to come true.
func (b *browser) until(condition string) {
	b.t.Helper()
	if !eval[bool](b, `new Promise((done) => {
		const end = performance.now() + 15000;
		const look = () => { if (`+condition+`) done(true); else if (performance.now() > end) done(false); else requestAnimationFrame(look); };
		look();
	})`) {
		b.t.Fatalf("%s never came true at %s", condition, eval[string](b, "location.href"))
	}
}

// text is the text of the first element that matches.
func (b *browser) text(selector string) string {
	b.t.Helper()
	return get(b, chromedp.Text(selector))
}

// shot saves a picture of the page in the folder WEB_SHOTS, if that is set.
func (b *browser) shot(name string, dark bool) {
	b.t.Helper()
	dir := os.Getenv("WEB_SHOTS")
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	call(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: scheme}}})
	if err := os.WriteFile(filepath.Join(dir, name+".png"), get(b, chromedp.CaptureScreenshot()), 0o644); err != nil {
		b.t.Fatal(err)
	}
}

func momentURL(path string, at time.Time, kv ...string) string {
	q := url.Values{"at": {chart.InURL(at)}}
	for i := 0; i+1 < len(kv); i += 2 {
		q.Set(kv[i], kv[i+1])
	}
	return path + "?" + q.Encode()
}

func TestBrowserViews(t *testing.T) {
	rec := bundled(t, "stuck")
	b := newBrowser(t, analysed(t, rec, stuckReport(t, rec), Options{}))
	late := stuckOnset().Add(30 * time.Second)
	for _, v := range []struct{ name, path, wants string }{
		{"overview", momentURL("/", late), "book_eth"},
		{"findings", momentURL("/findings", late), "How it came about"},
		{"finding", momentURL("/finding", late, "id", "aa01"), "applyDelta"},
		{"processes", momentURL("/processes", late), "book_eth"},
		{"process", momentURL("/process", late, "node", stuckNode, "pid", stuckPID), "trading.OrderBook"},
		{"tree", momentURL("/tree", late, "node", stuckNode), "book_eth"},
		{"links", momentURL("/links", late), "beta"},
		{"events", momentURL("/events", late), "ticks."},
		{"logs", momentURL("/logs", late, "around", "10m"), "trading"},
		{"compare", momentURL("/compare", late, "with", chart.InURL(stuckOnset().Add(-10*time.Second))), "book_eth"},
		{"profiles", momentURL("/profiles", late), "difference from"},
	} {
		b.open(v.path)
		if s := b.text("main"); !strings.Contains(s, v.wants) {
			t.Errorf("%s does not show %q but %.300q", v.name, v.wants, s)
		}
	}
}

func TestBrowserWalk(t *testing.T) {
	rec := bundled(t, "stuck")
	b := newBrowser(t, analysed(t, rec, stuckReport(t, rec), Options{}))
	b.open("/processes")
	first := `document.querySelector("main tbody tr td").textContent`

	// A click on the overview chooses the moment.
	lane := func() []float64 {
		return eval[[]float64](b, `(() => { const r = document.querySelector(".lane .plane").getBoundingClientRect(); return [r.left, r.top + 14, r.width]; })()`)
	}
	box := lane()
	b.do(chromedp.MouseClickXY(box[0]+box[2]*0.5, box[1]))
	b.until(`new URL(location.href).searchParams.get("at")?.startsWith("2026-11-22T01:14:2") && document.querySelector("#when").textContent === document.querySelector(".moment time").textContent.slice(11)`)
	b.until(first + ` === "book_eth"`)

	// The cursor says the values under it; a drag cuts the window, and a double
	// click takes that back.
	b.do(chromedp.MouseEvent(input.DispatchMouseEventTypeMouseMoved, box[0]+box[2]*0.9, box[1]))
	b.until(`document.querySelector("#strip .reading").textContent.match(/^01:1\d:\d\d: .*gamma 1,\d\d\d/)`)
	b.do(chromedp.DragAndDropXY(box[0]+box[2]*0.3, box[1], box[0]+box[2]*0.6, box[1], 20))
	b.until(`new URL(location.href).searchParams.get("from")?.startsWith("2026-11-22T01:14:0") && document.querySelector("#time").min > 1795309900000 && document.querySelector("#strip .lane .curve")`)
	box = lane()
	b.do(chromedp.MouseClickXY(box[0]+box[2]*0.5, box[1], chromedp.ClickCount(2)))
	b.until(`!new URL(location.href).searchParams.has("from") && document.querySelector("#strip .lane .curve")`)
	middle := eval[string](b, `document.querySelector("#time").value`)

	// Step with the keyboard.
	b.do(chromedp.Focus("#time"), chromedp.KeyEvent(kb.ArrowRight))
	b.until(`document.querySelector("#time").value === "` + middle + `" ? false : document.querySelector("[data-at]").dataset.at === document.querySelector("#time").value`)

	// Sort, and turn the order round.
	b.do(chromedp.Click(`//th//a[contains(., "Process")]`))
	b.until(`document.querySelector("th[aria-sort=ascending]")?.textContent === "Process"`)
	b.do(chromedp.Click(`//th//a[contains(., "Process")]`))
	b.until(`document.querySelector("th[aria-sort=descending]")?.textContent === "Process"`)
	b.until(`document.activeElement.textContent === "Process"`)

	// Filter while typing: the field keeps the focus and the text.
	b.do(chromedp.SendKeys(`input[name=q]`, "book_"))
	b.until(`[...document.querySelectorAll("main tbody tr")].every((r) => r.textContent.includes("book_")) && document.activeElement.name === "q" && document.activeElement.value === "book_"`)

	// Open a process, then a finding about it, and go back twice.
	b.do(chromedp.Click(`//tr[td = "gamma"]/td/a[. = "book_eth"]`))
	b.until(`location.pathname === "/process" && document.querySelector("main h2").textContent.includes("book_eth")`)
	b.do(chromedp.Click(`//main//a[contains(., "is blocked in a callback")]`))
	b.until(`location.pathname === "/finding" && document.querySelector("main").textContent.includes("What to do")`)
	b.do(chromedp.NavigateBack())
	b.until(`location.pathname === "/process"`)
	b.do(chromedp.NavigateBack())
	b.until(`location.pathname === "/processes" && document.querySelector("main input[name=q]")?.value === "book_"`)

	// A finding's flag leads to the moment at which it began.
	b.until(`document.querySelector(".flag.critical")`)
	b.do(chromedp.Click(`.flag.critical .tag`))
	b.until(`location.pathname === "/finding" && new URL(location.href).searchParams.get("at").startsWith("2026-11-22T01:13:55")`)
}

func TestBrowserFlameGraph(t *testing.T) {
	rec := bundled(t, "stuck")
	b := newBrowser(t, analysed(t, rec, stuckReport(t, rec), Options{}))
	b.open("/profiles")
	b.do(chromedp.Click(`//tr[contains(., "heap")]/td/a[contains(., "difference")]`))
	b.until(`location.pathname === "/profile" && document.querySelector("iframe")?.contentDocument?.querySelector("#stack-chart .boxtext")`)
	b.do(chromedp.Click(`//main//a[. = "Top"]`))
	b.until(`document.querySelector("iframe")?.contentDocument?.querySelector("#toptable, #rows tr")`)
	b.open("/profiles")
	b.do(chromedp.Click(`//td/a[. = "cpu"]`))
	b.until(`document.querySelector("iframe")?.contentDocument?.querySelector("#stack-chart .boxtext")`)
}

// Ten thousand rows: a sort and a filter each take less than a tenth of a
// second, which is what people call at once.
func TestBrowserTenThousandRows(t *testing.T) {
	rec := record(t, func(w *archive.Writer) { manyProcesses(t, w, 10_000) })
	b := newBrowser(t, analysed(t, rec, &analyze.Report{}, Options{}))
	b.open("/processes")
	took := eval[float64](b, `(async () => {
		const begun = performance.now();
		document.querySelector("thead a").click();
		while (!document.querySelector("th[aria-sort=ascending]")) await new Promise(requestAnimationFrame);
		return performance.now() - begun;
	})()`)
	t.Logf("sorted and drawn in %.0f ms", took)
	if took > 1000 {
		t.Errorf("a sort took %.0f ms", took)
	}
	b.do(chromedp.SendKeys(`input[name=q]`, "worker_777"))
	b.until(`document.querySelector(".paging").textContent.includes("11 that match")`)
}

func TestBrowserHostileNames(t *testing.T) {
	rec := record(t, func(w *archive.Writer) { hostileCluster(t, w) })
	b := newBrowser(t, analysed(t, rec, &analyze.Report{}, Options{Name: evilName}))
	for _, path := range []string{"/", "/processes", "/tree", "/events", "/logs?around=10m", "/process?" + url.Values{"node": {evilNode}, "pid": {"<A.0.1>"}}.Encode()} {
		b.open(path)
		if s := b.text("main"); !strings.Contains(s, "alert(") {
			t.Errorf("%s does not show the names: %.200q", path, s)
		}
	}
}

func TestBrowserReport(t *testing.T) {
	rec := bundled(t, "stuck")
	b := newBrowser(t, analysed(t, rec, stuckReport(t, rec), Options{}))
	file := filepath.Join(t.TempDir(), "incident.html")
	if err := os.WriteFile(file, []byte(drawReport(t, stuckReport(t, rec), rec)), 0o600); err != nil {
		t.Fatal(err)
	}
	b.file = "file://" + file
	b.do(chromedp.Navigate(b.file))
	if s := b.text("h1"); !strings.Contains(s, "book_eth on gamma") {
		t.Errorf("the verdict reads %q", s)
	}
	if ground := eval[string](b, `getComputedStyle(document.querySelector(".todo")).backgroundColor`); ground == "rgba(0, 0, 0, 0)" {
		t.Error("the style is not applied")
	}
	b.do(chromedp.Click(`//summary[contains(., "F1")]`))
	b.until(`!document.querySelector("details.finding").open`)
}

// A live recording is followed until the reader goes back in time.
func TestBrowserFollowsThePresent(t *testing.T) {
	w := archivetest.Writer(t, filepath.Join(t.TempDir(), "live.erg"), nil)
	t.Cleanup(func() { w.Close() })
	sample := func(i int) {
		at := start().Add(time.Duration(i) * 5 * time.Second)
		answer(t, w, "live@localhost", "node_info", nil, at, row{"Name": "live@localhost", "Uptime": 100 + 5*i, "ProcessesTotal": 100 + i})
		answer(t, w, "live@localhost", "process_list", ergo.Args{"limit": 1000}, at, []row{{"PID": "<A.0.1>", "Name": "one", "Uptime": 5 * i, "MessagesMailbox": i}})
	}
	for i := range 5 {
		sample(i)
	}
	rec, err := replay.New(w.View())
	if err != nil {
		t.Fatal(err)
	}
	s := New(rec, Options{
		Name: "live", Live: true,
		Analyze: func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error) {
			return &analyze.Report{}, nil
		},
	})
	if err := s.Analyse(context.Background()); err != nil {
		t.Fatal(err)
	}
	b := newBrowser(t, s)
	b.open("/")
	b.until(`document.querySelector("main").textContent.includes("104")`)
	sample(5)
	b.until(`document.querySelector("main").textContent.includes("105")`)
	b.do(chromedp.Focus("#time"), chromedp.KeyEvent(kb.Home))
	b.until(`document.querySelector("main").textContent.includes("100")`)
	b.do(chromedp.Click(`//a[. = "Follow the present"]`))
	b.until(`document.querySelector("main").textContent.includes("105")`)
}
