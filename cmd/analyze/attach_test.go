package main

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"

	"ergorecorder/cmd/internal/paths"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/archive/attach"
	"ergorecorder/internal/exit"
)

// A writing is an archive that is being written, and answers for itself.
type writing struct {
	t    *testing.T
	w    *archive.Writer
	s    *attach.Server
	path string
	n    int
}

func beingWritten(t *testing.T, name string) *writing {
	t.Helper()
	path := filepath.Join(t.TempDir(), name) + name[len(filepath.Clean(name)):]
	w := archivetest.Writer(t, path, &archive.Options{CommitEvery: time.Hour})
	s, err := attach.Serve(t.Context(), w, paths.Place())
	if err != nil {
		t.Fatal(err)
	}
	x := &writing{t: t, w: w, s: s, path: path}
	t.Cleanup(func() {
		s.Close()
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	return x
}

// add appends an answer of a node with so many processes as there are answers.
func (x *writing) add(n int) {
	x.t.Helper()
	for range n {
		x.n++
		for tool, text := range map[string]string{
			"node_info":    `{"Name":"a@localhost","Uptime":100,"ProcessesTotal":1}`,
			"process_list": `[{"PID":"<A.0.1>","Name":"'p` + strconv.Itoa(x.n) + `'","Behavior":"b","State":"sleep","MessagesIn":1}]`,
		} {
			form := archive.FormObject
			if tool == "process_list" {
				form = archive.FormTable
			}
			_, err := x.w.Append(&archive.Record{
				Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@localhost", Name: tool, Args: "{}"},
				Schema: archive.Schema{Form: form, Key: []string{"PID"}}, Args: []byte("{}"), Took: time.Millisecond,
				At: time.Date(2026, 1, 1, 0, 0, x.n, 0, time.UTC), Text: []byte(text),
			})
			if err != nil {
				x.t.Fatal(err)
			}
		}
	}
}

// Every command that is given the path of what is being written sees what was
// appended last, though it is not on disk yet.
func TestPathOfWhatIsBeingWritten(t *testing.T) {
	for _, name := range []string{"file.erg", "folder/"} {
		x := beingWritten(t, name)
		x.add(20)
		for want, args := range map[string][]string{
			"00:00:20.000Z":       {"info", x.path},
			"p20":                 {"ps", x.path},
			"a@localhost":         {"nodes", x.path},
			"00:00:20":            {"report", x.path},
			`'p20'`:               {"call", x.path, "process_list"},
			`p20'\"`:              {"export", x.path},
			"40 records":          {"verify", x.path},
			"recovered 40 record": {"salvage", x.path, "-o", filepath.Join(t.TempDir(), "s.erg")},
			": 40 records":        {"scrub", x.path, "-o", filepath.Join(t.TempDir(), "c.erg")},
		} {
			code, stdout, stderr := commanded(t, args...)
			if code != exit.OK && args[0] != "salvage" && args[0] != "scrub" || !strings.Contains(stdout, want) {
				t.Errorf("%v: exit %d, %q is not in\n%.3000s%s", args, code, want, stdout, stderr)
			}
		}
		if _, stdout, _ := commanded(t, "report", x.path); strings.Contains(stdout, "cannot be read yet") {
			t.Errorf("all was read, and the report says\n%.1000s", stdout)
		}
	}
}

// Where nobody answers, the headline says what was not read.
func TestNobodyAnswersForWhatIsBeingWritten(t *testing.T) {
	x := beingWritten(t, "folder/")
	x.add(20)
	if err := x.w.Rotate(); err != nil {
		t.Fatal(err)
	}
	x.add(1)
	x.s.Close()
	_, stdout, _ := commanded(t, "report", x.path)
	head, _, _ := strings.Cut(stdout, "\n\n")
	if head = strings.Join(strings.Fields(head), " "); !strings.Contains(head, "the newest segment is being written") {
		t.Errorf("the headline does not say what was not read:\n%s", stdout)
	}
}

// The page and the tools show what is appended while they are open.
func TestFacesFollow(t *testing.T) {
	x := beingWritten(t, "file.erg")
	x.add(20)
	address := serving(t, x.path, "--listen", "127.0.0.1:0")
	x.add(7)
	page := ""
	for end := time.Now().Add(20 * time.Second); !strings.Contains(page, "p27") && time.Now().Before(end); time.Sleep(100 * time.Millisecond) {
		r, err := http.Get(address + "processes?node=a@localhost")
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(r.Body)
		r.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		page = string(body)
	}
	if !strings.Contains(page, "p27") {
		t.Errorf("the page does not show what was appended:\n%.2000s", page)
	}
}

// TestControlURL: the control URL of a running recorder stands for an archive.
func TestControlURL(t *testing.T) {
	path := t.TempDir() + "/a.erg"
	w := archivetest.Writer(t, path, nil)
	for i := range 3 {
		at := time.Date(2026, 1, 2, 3, 4, i, 0, time.UTC)
		rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "network_ping"}, At: at, Text: []byte("ping")}
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/dump" || r.Header.Get("Authorization") != "Bearer right" {
			http.Error(w, "wrong token", http.StatusUnauthorized)
			return
		}
		http.ServeFile(w, r, path)
	}))
	defer s.Close()
	t.Setenv(paths.TokenEnv, "right")
	var out, errs bytes.Buffer
	if code := run(t.Context(), []string{"info", s.URL}, nil, &out, &errs); code != exit.OK || !strings.Contains(out.String(), "a@h") {
		t.Errorf("exit %d: %s%s", code, out.String(), errs.String())
	}
	t.Setenv(paths.TokenEnv, "other")
	errs.Reset()
	if code := run(t.Context(), []string{"info", s.URL}, nil, &out, &errs); code == exit.OK || !strings.Contains(errs.String(), "wrong token") {
		t.Errorf("exit %d: %s", code, errs.String())
	}
}

// What cannot be read is said beside whatever is shown of the rest.
func TestWhatIsNotReadIsSaid(t *testing.T) {
	x := beingWritten(t, "folder/")
	x.add(20)
	if err := x.w.Rotate(); err != nil {
		t.Fatal(err)
	}
	x.add(1)
	x.s.Close()
	for _, args := range [][]string{{"info"}, {"ps"}, {"nodes"}, {"timeline"}, {"call", "", "node_info"}} {
		args = append([]string{args[0], x.path}, args[min(2, len(args)):]...)
		_, stdout, stderr := commanded(t, args...)
		if !strings.Contains(stderr, "analyze: not read: the newest segment is being written: ") {
			t.Errorf("%v: %s\n%.300s", args, stderr, stdout)
		}
		if args[0] == "info" && !strings.Contains(stdout, "not read: the newest segment") {
			t.Errorf("info: %s", stdout)
		}
		if args[0] == "nodes" && (strings.Contains(stdout, "0.0 MB") || !strings.Contains(stdout, " - ")) {
			t.Errorf("what was not recorded is shown as none: %s", stdout)
		}
	}
}

// A listing that was cut says so.
func TestCutListingSaysSo(t *testing.T) {
	path := filepath.Join(t.TempDir(), "cut.erg")
	w := archivetest.Writer(t, path, nil)
	for tool, text := range map[string]string{
		"node_info":    `{"Name":"a@localhost","Uptime":100,"ProcessesTotal":9}`,
		"process_list": `[{"PID":"<A.0.1>","Name":"p","State":"sleep"}]`,
	} {
		rec := &archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@localhost", Name: tool, Args: "{}"}, Args: []byte("{}"),
			Schema: archive.Schema{Form: archive.FormText}, At: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC), Text: []byte(text),
		}
		if tool == "process_list" {
			rec.Seen, rec.Total = 1, 9
		}
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, stdout, stderr := commanded(t, "ps", path); !strings.Contains(stdout, "1 processes listed") || !strings.Contains(stdout, "not all: a@localhost: 1 of 9 processes were seen") {
		t.Errorf("%s%s", stdout, stderr)
	}
}
