package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"embed"
	"errors"
	"fmt"
	"html/template"
	"io"
	"io/fs"
	"maps"
	"net"
	"net/http"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/door"
	"ergorecorder/ergo/live"
	"ergorecorder/escape"
	"ergorecorder/fleet/view"
	"ergorecorder/internal/words"
	"ergorecorder/replay"
	"ergorecorder/web/chart"
	"ergorecorder/web/lanes"
	"ergorecorder/web/past"
	"ergorecorder/web/shared"
)

//go:embed assets
var assets embed.FS

//go:embed templates
var templates embed.FS

// Options say how a recording is served. The zero value serves a closed
// recording to this machine alone.
type Options struct {
	Name  string     // what pages call the recording
	Live  bool       // it is still being written: pages may follow the present
	Token live.Token // asked of everybody; needed unless only loopback listens
	Hosts []string   // further names under which the page may be reached
	// CertFile and KeyFile, both or none, serve TLS.
	CertFile, KeyFile string
	// Recent is how much of a recording's end is judged; zero is all of it.
	Recent time.Duration
	// Analyze judges the recording; nil is analyze.Run.
	Analyze func(context.Context, *replay.Recording, analyze.Options) (*analyze.Report, error)
	// Fleet says how the fleet is whose recording this is; nil: it is of none.
	Fleet func(context.Context) (*view.Fleet, error)
}

// A Server serves a recording. It is an http.Handler, safe for concurrent use.
type Server struct {
	rec     *replay.Recording
	opt     Options
	pages   *template.Template
	door    *door.Door
	handler http.Handler
	verdict verdict
	desk    *shared.Desk[*reply]
	strips  stripCache
	rated   ratedCache
	pprof   flames
	session string // what the cookie of an admitted reader says
	once    sync.Once
	asked   atomic.Bool
	shown   chan struct{} // closed once a page was answered
}

// New makes a server of the recording. Findings appear once [Server.Analyse]
// has run.
func New(rec *replay.Recording, opt Options) *Server {
	if opt.Analyze == nil {
		opt.Analyze = analyze.Run
	}
	s, mux := newServer(rec, opt)
	for path, v := range s.views() {
		mux.HandleFunc("GET "+path, s.serve(v))
	}
	if opt.Fleet != nil {
		mux.HandleFunc("GET /fleet", s.serve(screen{"fleet", "fleet", s.fleet}))
	}
	mux.HandleFunc("GET /strip", s.serveStrip)
	mux.HandleFunc("GET /report.html", s.serveReport)
	mux.HandleFunc("GET /compare.html", s.serveComparison)
	mux.HandleFunc("GET /pprof/{profiles}/{view}", s.servePprof)
	s.handler = s.guard(s.together(mux))
	return s
}

// newServer makes a server that knows its door and what pages are made of.
func newServer(rec *replay.Recording, opt Options) (*Server, *http.ServeMux) {
	s := &Server{rec: rec, opt: opt, pages: pageTemplates(), session: rand.Text(), shown: make(chan struct{}), desk: shared.New[*reply](runtime.GOMAXPROCS(0))}
	s.door = door.New(door.Options{Token: opt.Token, Hosts: opt.Hosts, CertFile: opt.CertFile, KeyFile: opt.KeyFile, Admit: s.admit})
	static, err := fs.Sub(assets, "assets")
	if err != nil {
		panic(err) // the folder is embedded under this very name
	}
	mux := http.NewServeMux()
	mux.Handle("GET /assets/", http.StripPrefix("/assets/", http.FileServerFS(static)))
	return s, mux
}

// Listen opens the address on which the page is to be served, and refuses one
// on which it may not be.
func (s *Server) Listen(ctx context.Context, addr string) (net.Listener, error) {
	return s.door.Listen(ctx, addr)
}

// Serve answers on the listener until ctx ends, and then lets requests under
// way finish. A listener that others than this machine reach is refused
// without a token.
func (s *Server) Serve(ctx context.Context, l net.Listener) error { return s.door.Serve(ctx, l, s) }

// Scheme is http, or https where TLS is served.
func (s *Server) Scheme() string { return s.door.Scheme() }

// Receive returns once a page was answered, or after a while in which none was asked for: who has
// much to reckon, as [Server.Analyse], lets the first reader go before. Who asked within that is waited
// for, but not for ever.
func (s *Server) Receive(ctx context.Context, atMost time.Duration) {
	s.receive(ctx, atMost)
	if s.asked.Load() {
		s.receive(ctx, longestPage)
	}
}

// longestPage is how long the first page may take before it is waited for no more: it
// failed, or its reader went away.
const longestPage = 10 * time.Second

func (s *Server) receive(ctx context.Context, atMost time.Duration) {
	late := time.NewTimer(atMost)
	defer late.Stop()
	select {
	case <-s.shown:
	case <-late.C:
	case <-ctx.Done():
	}
}

func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// A screen is one page: a tab, a template and what the template is filled with.
type screen struct {
	tab, template string
	body          func(context.Context, *page) (any, error)
}

// views are the pages by their patterns.
func (s *Server) views() map[string]screen {
	return map[string]screen{
		"/{$}":       {"", "overview", s.overview},
		"/findings":  {"findings", "findings", s.findings},
		"/finding":   {"findings", "finding", s.finding},
		"/processes": {"processes", "processes", s.processes},
		"/process":   {"processes", "process", s.process},
		"/tree":      {"tree", "tree", s.tree},
		"/waits":     {"waits", "waits", s.waits},
		"/links":     {"links", "links", s.links},
		"/trend":     {"trend", "trend", s.trend},
		"/search":    {"search", "search", s.search},
		"/events":    {"events", "events", s.events},
		"/logs":      {"logs", "logs", s.logs},
		"/compare":   {"compare", "compare", s.compare},
		"/profiles":  {"profiles", "profiles", s.profiles},
		"/profile":   {"profiles", "profile", s.profile},
	}
}

// A tab leads to a view; g and its key do too.
type tab struct{ Tab, Path, Key, Label string }

// Tabs are the views that a page offers.
func (p *page) Tabs() []tab {
	tabs := []tab{
		{"", "/", "o", "Overview"},
		{"findings", "/findings", "f", "Findings"},
		{"processes", "/processes", "p", "Processes"},
		{"tree", "/tree", "t", "Tree"},
		{"waits", "/waits", "w", "Who waits"},
		{"links", "/links", "l", "Links"},
		{"events", "/events", "e", "Events"},
		{"logs", "/logs", "d", "Logs"},
		{"trend", "/trend", "m", "Metrics"},
		{"compare", "/compare", "c", "Compare"},
		{"profiles", "/profiles", "r", "Profiles"},
	}
	if p.InFleet {
		tabs = append(tabs, tab{"fleet", "/fleet", "a", "Fleet"})
	}
	return tabs
}

// A page is one request's view of the recording.
type page struct {
	rec   *replay.Recording
	query url.Values
	path  string
	now   *past.Moment

	Title      string
	Name       string
	Tab        string
	Live       bool
	InFleet    bool      // the recording is of a fleet
	At         time.Time // the chosen moment
	Present    bool      // no moment was chosen: the end of the recording
	Start, End time.Time // of the recording
	From, To   time.Time // of the overview strip
	Strip      *lanes.Strip
	Metric     past.Metric // of the strip
	Local      bool        // times are shown in the reader's zone
	Report     *analyze.Report
	Progress   string // a sentence about the analysis, "" when it has ended
	Failure    string // why there are no findings, "" if there are
	Body       template.HTML

	wrong error // what the address says that is not so
}

// newPage reads what every view has in common from the address.
func (s *Server) newPage(r *http.Request) *page {
	p := &page{rec: s.rec, query: r.URL.Query(), path: r.URL.Path, Name: s.opt.Name, Live: s.opt.Live, InFleet: s.opt.Fleet != nil}
	p.Start, p.End = s.rec.Window()
	p.From, p.To = p.time("from", p.Start), p.time("to", p.End)
	if p.Live && !p.query.Has("from") {
		p.From = latest(p.Start, p.End.Add(-liveWindow))
	}
	if !p.From.Before(p.To) {
		if p.query.Has("from") && p.query.Has("to") {
			p.refuse("from=%s&to=%s: the window ends before it begins", p.query.Get("from"), p.query.Get("to"))
		}
		p.From, p.To = p.Start, p.End
	}
	known := false
	if p.Metric, known = past.ChosenMetric(p.query.Get("strip")); !known {
		p.refuse("strip=%s: there are mailbox, cpu, heap and errors", p.query.Get("strip"))
	}
	if tz := p.query.Get("tz"); tz != "" && tz != "local" {
		p.refuse("tz=%s: there is local; without it times are UTC", tz)
	}
	p.Local = p.query.Get("tz") == "local"
	p.Present = p.query.Get("at") == ""
	p.At = p.time("at", p.End)
	if out := (p.At.Before(p.Start.Add(-time.Second)) || p.At.After(p.End.Add(time.Second))) && !p.Live; out && p.wrong == nil {
		p.wrong = &replay.OutsideError{Text: p.query.Get("at"), At: p.At, From: p.Start, To: p.End}
	}
	if err := s.rec.HasNode(p.query.Get("node")); err != nil {
		p.wrong = err
	}
	p.now = past.MomentOf(s.rec, p.At)
	p.Report, p.Progress, p.Failure = s.verdict.get()
	return p
}

// liveWindow is how much of a live recording's end the overview shows unless
// it is told otherwise: it is drawn again and again.
const liveWindow = time.Hour

// time reads a time from the address; what is missing is the default.
func (p *page) time(key string, def time.Time) time.Time {
	text := p.query.Get(key)
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		if text != "" {
			p.refuse("%s=%s: it is no time; write 2006-01-02T15:04:05Z", key, text)
		}
		return def
	}
	return t.UTC()
}

// refuse keeps what the address says that is not so; the first counts.
func (p *page) refuse(format string, args ...any) {
	if p.wrong == nil {
		p.wrong = fmt.Errorf(format, args...)
	}
}

// carried are the parameters that every link keeps.
func carried() []string { return []string{"at", "from", "to", "strip", "tz"} }

// Link is the address of a view at this page's moment, with parameters given
// as key, value, …; an empty value leaves a parameter out.
func (p *page) Link(path string, kv ...string) string {
	q := url.Values{}
	for _, k := range carried() {
		if p.query.Has(k) {
			q.Set(k, p.query.Get(k))
		}
	}
	return address(path, q, kv)
}

// Same is the address of this view with some parameters changed.
func (p *page) Same(kv ...string) string {
	q := url.Values{}
	for k, v := range p.query {
		q[k] = slices.Clone(v)
	}
	return address(p.path, q, kv)
}

func address(path string, q url.Values, kv []string) string {
	for i := 0; i+1 < len(kv); i += 2 {
		q.Del(kv[i])
		if kv[i+1] != "" {
			q.Set(kv[i], kv[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// Moment is the address of this view at another moment.
func (p *page) Moment(t time.Time) string { return p.Same("at", chart.InURL(t)) }

// Following reports whether the page moves on with the recording.
func (p *page) Following() bool { return p.Live && p.Present }

// Whole is the address of this view with the overview of all that is recorded.
func (p *page) Whole() string {
	if p.Live {
		return p.Same("from", chart.InURL(p.Start), "to", "")
	}
	return p.Same("from", "", "to", "")
}

// Zoom is the address of this view with the overview cut to a share of its
// window around the moment.
func (p *page) Zoom(share float64) string {
	half := time.Duration(float64(p.To.Sub(p.From)) * share / 2)
	half = max(half, 5*time.Second)
	from, to := latest(p.At.Add(-half), p.Start), earliest(p.At.Add(half), p.End)
	if from.Equal(p.Start) && to.Equal(p.End) {
		return p.Whole()
	}
	return p.Same("from", chart.InURL(from), "to", chart.InURL(to), "at", chart.InURL(p.At))
}

// Step is how far an arrow key moves the slider, in milliseconds: a second, or
// about a 2,000th of the window.
func (p *page) Step() int64 { return max(1000, p.To.Sub(p.From).Milliseconds()/2000/1000*1000) }

// Kept are the parameters that a form has to carry along as hidden fields.
func (p *page) Kept(but ...string) []param {
	var out []param
	for _, k := range slices.Sorted(maps.Keys(p.query)) {
		if slices.Contains(but, k) {
			continue
		}
		for _, v := range p.query[k] {
			out = append(out, param{k, v})
		}
	}
	return out
}

// A param is one parameter of an address.
type param struct{ Key, Value string }

// Nodes are the names of all recorded nodes.
func (p *page) Nodes() []string {
	var names []string
	for _, n := range p.rec.Nodes() {
		names = append(names, n.Name)
	}
	return names
}

// chosen are the nodes that the address asks for: one, or all.
func (p *page) chosen() []string {
	if n := p.query.Get("node"); n != "" {
		return []string{n}
	}
	return p.Nodes()
}

// serve answers with a view: the whole page, or only what changes when the
// script asks for that.
func (s *Server) serve(v screen) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		s.asked.Store(true)
		p := s.newPage(r)
		p.Tab = v.tab
		if p.wrong != nil {
			s.fail(w, notFound(p.wrong.Error()))
			return
		}
		body, err := v.body(r.Context(), p)
		if err == nil && p.wrong != nil {
			err = notFound(p.wrong.Error())
		}
		if err != nil {
			s.fail(w, err)
			return
		}
		if s.raw(w, p, body) {
			return
		}
		var b bytes.Buffer
		if err := s.pages.ExecuteTemplate(&b, v.template, struct {
			*page
			View    any
			Missing []string
		}{p, body, p.now.Missing}); err != nil {
			s.fail(w, err)
			return
		}
		p.Body = template.HTML(b.String()) // made by our own templates just now
		part := "page"
		if r.Header.Get("X-Part") == "view" {
			part = "view"
		} else {
			p.Strip = s.strips.get(r.Context(), p, false)
		}
		s.render(w, part, p)
		s.once.Do(func() { close(s.shown) })
	}
}

// render executes a template and sends it whole, or an error and no half page.
func (s *Server) render(w http.ResponseWriter, name string, data any) {
	var b bytes.Buffer
	if err := s.pages.ExecuteTemplate(&b, name, data); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.Header().Set("Vary", "X-Part")
	_, _ = io.WriteString(w, escape.Block(b.String())) // a reader that went away
}

func (s *Server) fail(w http.ResponseWriter, err error) {
	code := http.StatusInternalServerError
	if errors.As(err, new(notFound)) {
		code = http.StatusNotFound
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(code)
	_ = s.pages.ExecuteTemplate(w, "problem", escape.Line(err.Error())) // a reader that went away
}

// notFound is the error of an address that names nothing recorded.
type notFound string

func (e notFound) Error() string { return string(e) }

func (s *Server) serveStrip(w http.ResponseWriter, r *http.Request) {
	p := s.newPage(r)
	p.Strip = s.strips.get(r.Context(), p, true)
	s.render(w, "strip", p)
}

func (s *Server) serveReport(w http.ResponseWriter, r *http.Request) {
	p := s.newPage(r)
	if p.Report == nil {
		s.fail(w, p.notJudged())
		return
	}
	var b bytes.Buffer
	if err := Report(r.Context(), &b, p.Report, p.rec); err != nil {
		s.fail(w, err)
		return
	}
	w.Header().Set("Content-Security-Policy", "sandbox; default-src 'none'; style-src 'unsafe-inline'")
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, escape.Block(b.String())) // a reader that went away
}

// notJudged says why there is no report.
func (p *page) notJudged() error {
	if p.Failure != "" {
		return notFound("the analysis did not end well: " + p.Failure)
	}
	return notFound("There is no report yet. " + p.Progress + ".")
}

// A stripCache keeps the strips that took a scan, for a recording that is as it was
// when they were made; a few windows are enough.
type stripCache struct {
	mu   sync.Mutex
	made map[string]*lanes.Strip
}

// get is the strip of the page's window; with read unset, only what takes no
// scan unless an earlier request did it.
func (c *stripCache) get(ctx context.Context, p *page, read bool) *lanes.Strip {
	key := asOf(p.rec) + " " + chart.InURL(p.From) + chart.InURL(p.To) + p.Metric.ID
	c.mu.Lock()
	base := c.made[key]
	c.mu.Unlock()
	if base == nil {
		base = lanes.New(p.rec, p.From, p.To, p.Metric)
		if read {
			base.Profile = func(node, kind string, at time.Time) string {
				return "/profile?id=" + url.QueryEscape(profileRef{node, kind, at}.String())
			}
			base.Fill(ctx, p.rec)
			c.keep(ctx, key, base)
		}
	}
	st := *base
	for _, m := range past.Metrics() {
		st.Metrics = append(st.Metrics, lanes.Choice{Value: m.ID, Label: m.Label, On: m.ID == p.Metric.ID})
	}
	marks, err := p.rec.Marks(ctx, p.From, p.To)
	if err != nil {
		st.Trouble = lanes.InShort([]error{err})
	}
	st.Whole = st.Whole && p.Progress == ""
	st.Mark(p.Report, marks, func(f *finding.Finding) string {
		return p.Link("/finding", "id", f.ID, "at", chart.InURL(f.Onset))
	})
	return &st
}

// keep keeps a strip, unless it was cut short.
func (c *stripCache) keep(ctx context.Context, key string, st *lanes.Strip) {
	if ctx.Err() != nil {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.made == nil || len(c.made) > 20 {
		c.made = map[string]*lanes.Strip{}
	}
	c.made[key] = st
}

// timeElement is a moment as text that the page's script can write anew in the
// reader's zone; layout is clock, exact or day.
func timeElement(t time.Time, layout string) (template.HTML, error) {
	form, known := map[string]string{"clock": chart.LayoutClock, "exact": chart.LayoutExact, "day": chart.LayoutDay}[layout]
	if !known {
		return "", fmt.Errorf("no layout of times is called %q", layout)
	}
	return template.HTML(fmt.Sprintf(`<time datetime="%s" data-layout="%s">%s</time>`, chart.InURL(t), form, t.UTC().Format(form))), nil // digits and our own words
}

// pageTemplates parses what is embedded; a mistake in it shows in any test.
func pageTemplates() *template.Template {
	t := template.New("").Funcs(template.FuncMap{
		"clock": chart.Clock, "exact": chart.Exact, "day": chart.Day, "urltime": chart.InURL, "span": words.Length, "short": past.Short,
		"count":   func(n int64) string { return chart.Whole(float64(n)) },
		"bytes":   func(n int64) string { return chart.Bytes.Format(float64(n)) },
		"seconds": chart.OfSeconds,
		"nanos":   func(n int64) string { return words.Length(time.Duration(n)) },
		"waited":  chart.Seconds.Format,
		"mul":     func(a, b int) int { return a * b },
		"colour":  func(class string) string { return lightColours()[class] },
		"float":   chart.Significant,
		"millis":  func(t time.Time) int64 { return t.UnixMilli() },
		"when":    timeElement,
		"chart":   func(c chart.Chart) chart.Drawn { return c.Draw() },
		"values":  values,
		"says":    func(title string, at time.Time) bool { return strings.Contains(title, chart.Clock(at)) },
		"plural": func(n int, one, many string) string {
			if n == 1 {
				return fmt.Sprintf("%d %s", n, one)
			}
			return fmt.Sprintf("%d %s", n, many)
		},
	})
	return template.Must(t.ParseFS(templates, "templates/*.html"))
}
