package web

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"flag"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ergorecorder/web/past"

	"github.com/google/pprof/driver"
	"github.com/google/pprof/profile"

	"ergorecorder/analyze/finding"
	"ergorecorder/escape"
	"ergorecorder/replay"

	"ergorecorder/web/chart"
)

// A profileRef names a recorded profile in an address.
type profileRef struct {
	Node, Kind string
	At         time.Time
}

// String is the reference as part of a path: time~kind~node.
func (r profileRef) String() string {
	return strconv.FormatInt(r.At.UnixNano(), 10) + "~" + r.Kind + "~" + r.Node
}

func parseRef(s string) (profileRef, error) {
	at, rest, _ := strings.Cut(s, "~")
	kind, node, ok := strings.Cut(rest, "~")
	ns, err := strconv.ParseInt(at, 10, 64)
	if !ok || err != nil {
		return profileRef{}, notFound("no profile is called " + s)
	}
	return profileRef{node, kind, time.Unix(0, ns).UTC()}, nil
}

// Same reports whether both are profiles of one kind; a kind may say when it
// was taken, as heap_before does.
func (r profileRef) comparable(o profileRef) bool { return baseKind(r.Kind) == baseKind(o.Kind) }

func baseKind(kind string) string {
	k, _, _ := strings.Cut(kind, "_")
	return k
}

// profilesView lists what profiles were recorded.
type profilesView struct {
	Rows []profileRow
}

type profileRow struct {
	profileRef
	Size  int
	URL   string
	Diffs []quickLink
}

func (s *Server) profiles(ctx context.Context, p *page) (any, error) {
	var v profilesView
	for pr, err := range replay.Readable(p.rec.Profiles(ctx, "", "", time.Time{}, time.Time{}), nil) {
		if err != nil {
			return v, fmt.Errorf("read profiles: %w", err)
		}
		v.Rows = append(v.Rows, profileRow{profileRef: profileRef{pr.Node, pr.Kind, pr.At}, Size: len(pr.Raw)})
	}
	slices.SortStableFunc(v.Rows, func(a, b profileRow) int {
		if c := strings.Compare(a.Node+baseKind(a.Kind), b.Node+baseKind(b.Kind)); c != 0 {
			return c
		}
		return a.At.Compare(b.At)
	})
	for i := range v.Rows {
		r := &v.Rows[i]
		r.URL = p.Link("/profile", "id", r.String())
		if i > 0 && v.Rows[i-1].Node == r.Node && v.Rows[i-1].comparable(r.profileRef) {
			b := v.Rows[i-1]
			r.Diffs = append(r.Diffs, quickLink{"difference from " + chart.Clock(b.At), p.Link("/profile", "id", r.String(), "base", b.String())})
		}
	}
	return v, nil
}

// profileView frames the pprof pages of a profile or of a difference.
type profileView struct {
	Ref    profileRef
	Base   *profileRef
	Frame  string // the address of the page in the frame
	Views  []choice
	Others []quickLink
}

func (s *Server) profile(ctx context.Context, p *page) (any, error) {
	ref, err := parseRef(p.query.Get("id"))
	if err != nil {
		return nil, err
	}
	v := profileView{Ref: ref}
	path := ref.String()
	if b := p.query.Get("base"); b != "" {
		base, err := parseRef(b)
		if err != nil {
			return nil, err
		}
		v.Base = &base
		path += "," + base.String()
	}
	p.Title = "Profile " + ref.Kind + " of " + past.Short(ref.Node)
	shown := p.query.Get("view")
	if !slices.Contains(pprofViews(), shown) {
		shown = "flamegraph"
	}
	for _, name := range pprofViews() {
		v.Views = append(v.Views, choice{p.Same("view", name), map[string]string{"flamegraph": "Flame graph", "top": "Top", "peek": "Peek"}[name], name == shown})
	}
	v.Frame = "/pprof/" + url.PathEscape(path) + "/" + shown
	all, err := s.profiles(ctx, p)
	if err != nil {
		return nil, err
	}
	for _, r := range all.(profilesView).Rows {
		if r.comparable(ref) && r.profileRef != ref {
			v.Others = append(v.Others, quickLink{r.Kind + " of " + past.Short(r.Node) + " at " + chart.Clock(r.At), p.Same("base", r.String())})
		}
	}
	return v, nil
}

// pprofViews are the pages of pprof's web UI that are reachable. Its others
// read files, run programs or write settings.
func pprofViews() []string { return []string{"flamegraph", "top", "peek"} }

// flames makes pprof's web UI for recorded profiles. The driver keeps global
// state, so one at a time uses it.
type flames struct {
	mu   sync.Mutex
	made map[string]map[string]http.Handler
}

func (s *Server) servePprof(w http.ResponseWriter, r *http.Request) {
	name := r.PathValue("view")
	if !slices.Contains(pprofViews(), name) {
		http.NotFound(w, r)
		return
	}
	answer, err := s.pprof.serve(r, s.rec, r.PathValue("profiles"), name)
	if err != nil {
		s.fail(w, err)
		return
	}
	if answer.Code != http.StatusOK {
		// pprof repeats what it was given: plain text, which nothing may run.
		http.Error(w, escape.Block(strings.TrimSpace(answer.Body.String())), answer.Code)
		return
	}
	nonce := rand.Text()
	h := w.Header()
	h.Set("Content-Security-Policy", "default-src 'none'; script-src 'nonce-"+nonce+"'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'self'")
	h.Set("Content-Type", "text/html; charset=utf-8")
	_, _ = io.WriteString(w, escape.Block(string(withNonce(answer.Body.Bytes(), nonce)))) // a reader that went away
}

// withNonce lets the page's own scripts run. Names within it are escaped by
// pprof's templates, so none can pass for a tag. What is not reachable here
// is taken out of the menus.
func withNonce(page []byte, nonce string) []byte {
	page = bytes.ReplaceAll(page, []byte("<script"), []byte(`<script nonce="`+nonce+`"`))
	return bytes.Replace(page, []byte("</head>"), []byte(`<style>
#graphbtn, #list, #disasm, #config, #download, #action-source, #action-source-tab, .help, .header .title { display: none !important; }
</style></head>`), 1)
}

// serve answers one request from the UI of the named profiles.
func (f *flames) serve(r *http.Request, rec *replay.Recording, profiles, name string) (*httptest.ResponseRecorder, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	ui := f.made[profiles]
	if ui == nil {
		var err error
		if ui, err = pprofUI(r.Context(), rec, profiles); err != nil {
			return nil, err
		}
		if f.made == nil || len(f.made) >= 8 {
			f.made = map[string]map[string]http.Handler{}
		}
		f.made[profiles] = ui
	}
	answer := httptest.NewRecorder()
	ui["/"+name].ServeHTTP(answer, r)
	return answer, nil
}

// pprofUI starts pprof on one profile, or on its difference from another,
// with every flag that it would otherwise keep from the time before, and
// takes its handlers.
func pprofUI(ctx context.Context, rec *replay.Recording, profiles string) (map[string]http.Handler, error) {
	id, base, isDiff := strings.Cut(profiles, ",")
	for _, named := range strings.Split(profiles, ",") {
		if _, err := parseRef(named); err != nil {
			return nil, err
		}
	}
	args := []string{"-http=localhost:0", "-no_browser", "-symbolize=none", "-sample_index=", "-divide_by=1", "-trim_path=", "-source_path=", "-output=", "-normalize=false", "-mean=false", id}
	if isDiff {
		args = slices.Insert(args, 0, "-diff_base="+base)
	}
	var handlers map[string]http.Handler
	err := driver.PProf(&driver.Options{
		Flagset: &pprofFlags{flag.NewFlagSet("pprof", flag.ContinueOnError), args},
		Fetch:   recordedProfiles{ctx, rec},
		Sym:     noSymbols{},
		Obj:     noObjects{},
		UI:      silentUI{},
		HTTPServer: func(a *driver.HTTPServerArgs) error {
			handlers = a.Handlers
			return nil
		},
	})
	if err != nil {
		return nil, fmt.Errorf("open profile %s: %w", profiles, err)
	}
	return handlers, nil
}

// recordedProfiles fetches profiles from the recording and nowhere else. The
// empty source tells pprof that there is nothing to keep a copy of.
type recordedProfiles struct {
	ctx context.Context
	rec *replay.Recording
}

func (f recordedProfiles) Fetch(src string, _, _ time.Duration) (*profile.Profile, string, error) {
	ref, err := parseRef(src)
	if err != nil {
		return nil, "", err
	}
	for p, err := range f.rec.Profiles(f.ctx, ref.Node, ref.Kind, ref.At, ref.At) {
		if err != nil {
			return nil, "", err
		}
		parsed, err := profile.ParseData(p.Raw)
		return parsed, "", err
	}
	return nil, "", notFound("no such profile is recorded: " + src)
}

// pprofFlags hands the driver its command line.
type pprofFlags struct {
	*flag.FlagSet
	args []string
}

func (f *pprofFlags) StringList(name, def, usage string) *[]*string {
	return &[]*string{f.String(name, def, usage)}
}
func (f *pprofFlags) ExtraUsage() string   { return "" }
func (f *pprofFlags) AddExtraUsage(string) {}
func (f *pprofFlags) Parse(usage func()) []string {
	f.Usage = usage
	f.SetOutput(io.Discard)
	if f.FlagSet.Parse(f.args) != nil {
		return nil
	}
	return f.Args()
}

// noSymbols leaves profiles as they are: nothing is looked up anywhere.
type noSymbols struct{}

func (noSymbols) Symbolize(string, driver.MappingSources, *profile.Profile) error { return nil }

// noObjects has no binaries.
type noObjects struct{}

func (noObjects) Open(string, uint64, uint64, uint64, string) (driver.ObjFile, error) {
	return nil, errors.New("binaries are not read")
}

func (noObjects) Disasm(string, uint64, uint64, bool) ([]driver.Inst, error) {
	return nil, errors.New("binaries are not read")
}

// silentUI says nothing and asks nothing.
type silentUI struct{}

func (silentUI) ReadLine(string) (string, error)     { return "", io.EOF }
func (silentUI) Print(...any)                        {}
func (silentUI) PrintErr(...any)                     {}
func (silentUI) IsTerminal() bool                    { return false }
func (silentUI) WantBrowser() bool                   { return false }
func (silentUI) SetAutoComplete(func(string) string) {}

// nearestProfiles are, of each kind of profile of the finding's node, the first
// that was taken after its onset, or else the last before.
func nearestProfiles(ctx context.Context, p *page, f *finding.Finding) ([]quickLink, error) {
	nearest := map[string]profileRef{}
	for pr, err := range replay.Readable(p.rec.Profiles(ctx, f.Subject.Node, "", time.Time{}, time.Time{}), nil) {
		if err != nil {
			return nil, fmt.Errorf("read profiles: %w", err)
		}
		kind := baseKind(pr.Kind)
		if have, there := nearest[kind]; !there || have.At.Before(f.Onset) {
			nearest[kind] = profileRef{pr.Node, pr.Kind, pr.At}
		}
	}
	var out []quickLink
	for _, kind := range slices.Sorted(maps.Keys(nearest)) {
		r := nearest[kind]
		when := "after its onset"
		if r.At.Before(f.Onset) {
			when = "before its onset"
		}
		out = append(out, quickLink{"Flame graph: " + kind + " at " + chart.Clock(r.At) + " UTC, " + when, p.Link("/profile", "id", r.String())})
	}
	return out, nil
}
