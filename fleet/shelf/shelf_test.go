package shelf_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/shelf"
	"ergorecorder/fleet/shelf/shelftest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

const address = "s3://" + shelftest.Bucket + "/east/prod"

func open(t *testing.T, s *shelftest.Server) *shelf.Shelf {
	t.Helper()
	sh, err := shelf.Open(address, s.Options)
	if err != nil {
		t.Fatal(err)
	}
	return sh
}

// recorded writes segments of a record each, an hour apart, and the newest, which stays open.
func recorded(t *testing.T, segments int) (w *archive.Writer, dir string) {
	t.Helper()
	w, dir = archivetest.CreateDir(t, nil)
	for i := range segments {
		tell(t, w, i)
	}
	return w, dir
}

func tell(t *testing.T, w *archive.Writer, i int) {
	t.Helper()
	at := began.Add(time.Duration(i) * time.Hour)
	rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Log, Node: "a@h", Name: "log"}, At: at, Text: fmt.Appendf(nil, "line %d", i)}
	if _, err := w.Append(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
}

func newFiller(s *shelf.Shelf, dir string, o shelf.FillOptions) *shelf.Filler {
	if o.Now == nil {
		o.Now = func() time.Time { return began.Add(100 * time.Hour) }
	}
	return shelf.NewFiller(s, dir, o)
}

// lines are what the shelf says was recorded.
func lines(t *testing.T, s *shelf.Shelf) (out []string, damage int) {
	t.Helper()
	l, err := s.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var objects []archive.Object
	for _, i := range l.Items {
		objects = append(objects, archive.Object{Name: i.Name(), Src: s.Reader(t.Context(), i), Size: i.Size, Gone: l.Gone[i.Archive]})
	}
	r, err := archive.OpenObjects(objects...)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for rec, err := range r.Records(t.Context(), archive.Query{}) {
		if err != nil {
			damage++
			continue
		}
		if rec.Stream.Kind == archive.Log {
			out = append(out, strings.TrimPrefix(string(rec.Text), "line "))
		}
	}
	return out, damage
}

// Closed segments are put once, in order; another filler knows what is there, and
// the archive may then lose them.
func TestFill(t *testing.T) {
	srv := shelftest.New(t)
	sh := open(t, srv)
	w, dir := recorded(t, 3)
	f := newFiller(sh, dir, shelf.FillOptions{})
	if err := f.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if got, damage := lines(t, sh); !slices.Equal(got, []string{"0", "1", "2"}) || damage != 0 {
		t.Errorf("on the shelf: %q, %d damaged", got, damage)
	}
	if s := f.State(); s.Put != 3 || s.Waiting != 0 || s.Failing != "" {
		t.Errorf("%+v", s)
	}
	tell(t, w, 3)
	again := newFiller(sh, dir, shelf.FillOptions{Forget: w.Forget})
	if err := again.Fill(t.Context()); err != nil || again.State().Put != 1 {
		t.Errorf("again: %v, %+v", err, again.State())
	}
	if left, _ := archive.Segments(dir); len(left) != 1 {
		t.Errorf("here are left %q", left)
	}
	if got, _ := lines(t, sh); len(got) != 4 {
		t.Errorf("on the shelf: %q", got)
	}
	if temp, _ := filepath.Glob(filepath.Join(dir, "*.tmp")); len(temp) > 0 {
		t.Errorf("left behind: %q", temp)
	}
}

// What cannot be put waits, is counted, said once, and put when it can be.
func TestFaults(t *testing.T) {
	srv := shelftest.New(t)
	sh := open(t, srv)
	w, dir := recorded(t, 2)
	var said []string
	f := newFiller(sh, dir, shelf.FillOptions{Notice: func(s string) { said = append(said, s) }})
	for _, c := range []struct {
		name  string
		fault shelftest.Fault
		want  string
	}{
		{"refused", shelftest.Status(http.MethodGet, http.StatusForbidden, "AccessDenied"), "AWS_ACCESS_KEY_ID"},
		{"expired", shelftest.Status(http.MethodPut, http.StatusForbidden, "ExpiredToken"), "ExpiredToken"},
		{"busy", shelftest.Status(http.MethodPut, http.StatusServiceUnavailable, "SlowDown"), "SlowDown"},
		{"full", shelftest.Status(http.MethodPut, http.StatusInsufficientStorage, "QuotaExceeded"), "QuotaExceeded"},
	} {
		srv.Fail(c.fault)
		if err := f.Fill(t.Context()); err == nil || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: %v", c.name, err)
		}
		if s := f.State(); s.Waiting != 2 || s.Bytes == 0 || !s.Since.Equal(began) || s.Failing == "" {
			t.Errorf("%s: %+v", c.name, s)
		}
	}
	srv.Fail(nil)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := f.Fill(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("told to stop: %v", err)
	}
	if err := w.Forget(1); err != nil {
		t.Fatal(err)
	}
	if err := f.Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	if s := f.State(); s.Waiting != 0 || s.Lost != 1 || s.Put != 1 || s.Failing != "" {
		t.Errorf("in the end: %+v", s)
	}
	if len(said) != 2 {
		t.Errorf("said %q", said)
	}
}

// An object is never overwritten: the same is as good, another one an error that
// stays.
func TestCreateOnly(t *testing.T) {
	srv := shelftest.New(t)
	sh := open(t, srv)
	_, dir := recorded(t, 1)
	answered := false
	srv.Fail(func(r *http.Request) http.HandlerFunc { // it is put, and the answer is lost
		if r.Method != http.MethodPut || answered {
			return nil
		}
		answered = true
		return func(w http.ResponseWriter, _ *http.Request) { panic(http.ErrAbortHandler) }
	})
	f := newFiller(sh, dir, shelf.FillOptions{})
	if err := f.Fill(t.Context()); err == nil {
		t.Fatal("an answer that did not come passes for one")
	}
	for range 2 {
		if err := f.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	name := srv.Names()[0]
	whole := srv.Body(name)
	l, err := sh.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := sh.Put(t.Context(), l.Items[0], bytes.NewReader(whole)); err != nil {
		t.Errorf("the same once more: %v", err)
	}
	srv.Change(name, bytes.Repeat([]byte("x"), len(whole)))
	if err := sh.Put(t.Context(), l.Items[0], bytes.NewReader(whole)); !errors.Is(err, shelf.ErrOther) {
		t.Errorf("over another: %v", err)
	}
}

// A range that is cut off, of another object, or does not come is an error of that
// read, and names what.
func TestRanges(t *testing.T) {
	srv := shelftest.New(t)
	sh := open(t, srv)
	_, dir := recorded(t, 1)
	if err := newFiller(sh, dir, shelf.FillOptions{}).Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	l, err := sh.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	src, name := sh.Reader(t.Context(), l.Items[0]), srv.Names()[0]
	whole := srv.Body(name)
	b := make([]byte, 20)
	if n, err := src.ReadAt(b, 8); n != 20 || err != nil || !bytes.Equal(b, whole[8:28]) {
		t.Errorf("a range: %d, %v", n, err)
	}
	for _, c := range []struct {
		name  string
		fault shelftest.Fault
		want  error
	}{
		{"cut off", func(r *http.Request) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("ETag", `"`+l.Items[0].ETag+`"`)
				w.Header().Set("Last-Modified", began.Format(http.TimeFormat))
				w.Header().Set("Content-Length", "20")
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(whole[8:15])
			}
		}, io.ErrUnexpectedEOF},
		{"another ETag", func(r *http.Request) http.HandlerFunc {
			return func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("ETag", `"0123456789abcdef0123456789abcdef"`)
				w.Header().Set("Last-Modified", began.Format(http.TimeFormat))
				w.WriteHeader(http.StatusPartialContent)
				_, _ = w.Write(whole[8:28])
			}
		}, nil},
		{"refused", shelftest.Status(http.MethodGet, http.StatusForbidden, "AccessDenied"), nil},
		{"busy", shelftest.Status(http.MethodGet, http.StatusServiceUnavailable, "SlowDown"), nil},
	} {
		srv.Fail(c.fault)
		if n, err := src.ReadAt(b, 8); err == nil || !strings.Contains(err.Error(), name) || c.want != nil && !errors.Is(err, c.want) {
			t.Errorf("%s: %d, %v", c.name, n, err)
		}
	}
	srv.Fail(nil)
	srv.Change(name, append(bytes.Clone(whole), 0))
	if _, err := src.ReadAt(b, 8); err == nil || !strings.Contains(err.Error(), "changed") {
		t.Errorf("an object that changed: %v", err)
	}
}

// The oldest are removed by age and by bytes; pinned windows stay, but for half of
// the bytes; what was removed is not missed, what is lost is.
func TestKeep(t *testing.T) {
	srv := shelftest.New(t)
	sh := open(t, srv)
	w, dir := recorded(t, 3)
	pin := archive.Mark{Kind: archive.MarkIncident, From: began.Add(59 * time.Minute), To: began.Add(61 * time.Minute), At: began.Add(3 * time.Hour)}
	if _, err := w.Mark(pin); err != nil {
		t.Fatal(err)
	}
	for i := 3; i < 10; i++ {
		tell(t, w, i)
	}
	now := began
	o := shelf.FillOptions{KeepAge: 4*time.Hour + time.Minute, Now: func() time.Time { return now }}
	if err := newFiller(sh, dir, o).Fill(t.Context()); err != nil {
		t.Fatal(err)
	}
	now = began.Add(10 * time.Hour)
	if err := newFiller(sh, dir, o).Fill(t.Context()); err != nil { // it reads the marks on the shelf
		t.Fatal(err)
	}
	if got, damage := lines(t, sh); !slices.Equal(got, []string{"1", "3", "6", "7", "8", "9"}) || damage != 0 {
		t.Errorf("kept by age: %q, %d damaged", got, damage)
	}
	total := int64(0)
	l, err := sh.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range l.Items {
		total += i.Size
	}
	for _, c := range []struct {
		bytes int64
		want  []string
	}{{total - 1, []string{"1", "3", "7", "8", "9"}}, {total / 3, []string{"8", "9"}}} {
		if err := newFiller(sh, dir, shelf.FillOptions{KeepBytes: c.bytes, Now: o.Now}).Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got, damage := lines(t, sh); !slices.Equal(got, c.want) || damage != 0 {
			t.Errorf("kept by %d of %d bytes: %q, %d damaged", c.bytes, total, got, damage)
		}
		if len(c.want) < 3 {
			continue
		}
		for _, n := range srv.Names() {
			if strings.HasSuffix(n, "gone/00000007") {
				kept := srv.Body(n)
				srv.Change(n, nil)
				if _, damage := lines(t, sh); damage == 0 {
					t.Error("a segment is missed, and nothing says so")
				}
				srv.Change(n, kept)
			}
		}
	}
}

func TestAddress(t *testing.T) {
	for text, want := range map[string]string{
		"s3://b": "s3://b", "s3://b/": "s3://b", "s3://b/p/q/": "s3://b/p/q",
		"s3://": "", "s3:///p": "", "http://b": "", "s3://b/../p": "", "s3://b/a//b": "", "s3://b/p?x": "",
	} {
		a, err := shelf.ParseAddress(text)
		if got := a.String(); (err == nil) != (want != "") || err == nil && got != want {
			t.Errorf("%q: %q, %v", text, got, err)
		}
	}
	if _, err := shelf.Open("s3://b", shelf.Options{Endpoint: "https://user:secret@host"}); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a password in the endpoint: %v", err)
	}
}

// Credentials are those of the environment, else of the file.
func TestEnvironment(t *testing.T) {
	env := map[string]string{"AWS_ENDPOINT_URL": "https://x", "AWS_REGION": "eu", "AWS_ACCESS_KEY_ID": "k", "AWS_SECRET_ACCESS_KEY": "s"}
	o := shelf.Environment(func(n string) string { return env[n] }, "/home/u")
	if o.Endpoint != "https://x" || o.Region != "eu" || o.Key != "k" || o.Secret != "s" || o.File != "/home/u/.aws/credentials" {
		t.Errorf("%+v", o)
	}
	srv := shelftest.New(t)
	file := filepath.Join(t.TempDir(), "credentials")
	if err := os.WriteFile(file, []byte("[default]\naws_access_key_id = k\naws_secret_access_key = s\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := srv.Options
	p.Key, p.Secret, p.File = "", "", file
	sh, err := shelf.Open(address, p)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := sh.List(t.Context()); err != nil {
		t.Errorf("with a file: %v", err)
	}
}
