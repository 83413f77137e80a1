package main

import (
	"bytes"
	"encoding/json"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/shelf"
	"ergorecorder/fleet/shelf/shelftest"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/fixture"
)

// copyTo appends the records of an archive to another, and does something after each so many.
func copyTo(t *testing.T, w *archive.Writer, path string, each int, do func() error) {
	t.Helper()
	from, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer from.Close()
	schemas := map[archive.StreamKey]archive.Schema{}
	for _, s := range from.Streams() {
		schemas[s.StreamKey] = s.Schema
	}
	n := 0
	for rec, err := range from.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		rec.Schema = schemas[rec.Stream]
		if _, err := w.Append(rec); err != nil {
			t.Fatal(err)
		}
		if n++; n%each == 0 {
			if err := do(); err != nil {
				t.Fatal(err)
			}
		}
	}
}

// shelved puts a recording on a shelf, as segments of a directory are put.
func shelved(t *testing.T, srv *shelftest.Server, path string) (address string) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "rec")
	w := archivetest.Writer(t, dir+"/", nil)
	copyTo(t, w, path, 200, w.Rotate)
	if err := w.Rotate(); err != nil {
		t.Fatal(err)
	}
	address = "s3://" + shelftest.Bucket + "/prod"
	sh, err := shelf.Open(address, srv.Options)
	if err == nil {
		err = shelf.NewFiller(sh, dir, shelf.FillOptions{}).Fill(t.Context())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return address
}

// saysTheSame fails the test where a command, which has PATH in its arguments, says another thing of an
// address than of the file; it returns what it said of the address to stderr.
func saysTheSame(t *testing.T, do func(args ...string) (exit.Code, string, string), args []string, path, address string) (errs string) {
	t.Helper()
	with := func(p string) []string {
		return strings.Split(strings.ReplaceAll(strings.Join(args, "\n"), "PATH", p), "\n")
	}
	c1, want, _ := do(with(path)...)
	c2, got, errs := do(with(address)...)
	var a, b struct{ Findings json.RawMessage }
	if args[0] == "report" && json.Unmarshal([]byte(want), &a) == nil && json.Unmarshal([]byte(got), &b) == nil {
		want, got = string(a.Findings), string(b.Findings)
	}
	want, got = strings.ReplaceAll(want, path, "PATH"), strings.ReplaceAll(got, address, "PATH")
	if c1 != c2 || got != want {
		t.Errorf("%q: exit code %d, %d of the file; it says %.300q, %.300q of the file; %s", args, c2, c1, got, want, errs)
	}
	return errs
}

// Every command takes the address of a shelf where it takes a path, and says the
// same; what cannot be reached is told, and in the verdict.
func TestShelf(t *testing.T) {
	if testing.Short() {
		t.Skip("every command over a shelf")
	}
	srv := shelftest.Plain(t)
	path := fixture.Archive(t, fixture.Bundled(t, "restart_loop"))
	address := shelved(t, srv, path)
	t.Setenv("AWS_ENDPOINT_URL", srv.URL)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-bucket")
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	do := func(args ...string) (exit.Code, string, string) {
		t.Helper()
		var o, e bytes.Buffer
		code := run(t.Context(), args, nil, &o, &e)
		if strings.Contains(o.String()+e.String(), "secret-of-the-bucket") {
			t.Errorf("%q tells the secret", args)
		}
		return code, o.String(), e.String()
	}
	const at = "2026-11-22T01:20:30Z"
	for _, args := range [][]string{
		{"report", "PATH", "--format", "json"},
		{"report", "PATH", "--format", "json", "--from=2026-11-22T01:20:00Z", "--to=" + at},
		{"diff", "PATH", "--at", "2026-11-22T01:19:55Z", "--with", at},
		{"diff", "PATH", "--at", "2026-11-22T01:19:55Z"},
		{"compare", "PATH", "--at", "2026-11-22T01:20:22Z"},
		{"compare", "PATH", "--from=2026-11-22T01:19:51Z", "--to=2026-11-22T01:20:21Z", "--with-from=2026-11-22T01:20:22Z", "--with-to=2026-11-22T01:20:52Z"},
		{"top-movers", "PATH"},
		{"nodes", "PATH"},
		{"ps", "PATH", "--at", "2026-11-22T01:20:30Z"},
		{"logs", "PATH"},
		{"timeline", "PATH"},
		{"trend", "PATH", "MessagesIn"},
		{"export", "PATH", "--format", "csv"},
		{"call", "PATH", "process_list"},
	} {
		errs := saysTheSame(t, do, args, path, address)
		if !strings.Contains(errs, "fetched of s3://recordings/prod: ") {
			t.Errorf("%q does not say what was fetched: %s", args, errs)
		}
	}
	mcpSays(t, address)
	if body := get(t, serving(t, address, "--listen", "127.0.0.1:0")); !strings.Contains(body, "beta@localhost") || strings.Contains(body, `href="/fleet"`) {
		t.Errorf("serve: %.600s", body)
	}
	if code, out, errs := do("info", address); code != exit.OK || !strings.Contains(out, "beta") {
		t.Errorf("info: %d, %s, %s", code, out, errs)
	}
	if code, out, _ := do("verify", address); code != exit.OK || !strings.Contains(out, "sound") {
		t.Errorf("verify: %d, %s", code, out)
	}
	if code, _, errs := do("salvage", address, "-o", filepath.Join(t.TempDir(), "s.erg")); code != exit.Usage || !strings.Contains(errs, "analyze merge") {
		t.Errorf("salvage: %d, %s", code, errs)
	}
	copied := filepath.Join(t.TempDir(), "copy.erg")
	if code, _, errs := do("merge", address, "-o", copied); code != exit.OK {
		t.Errorf("merge: %d, %s", code, errs)
	}

	name := srv.Names()[1]
	srv.Change(name, nil)
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	if code, out, errs := do("report", address, "--format", "json"); code != exit.OK || !strings.Contains(errs, "00000002") || !strings.Contains(out, "00000002") {
		t.Errorf("a segment is missing: exit code %d, errors %s, and the report does not say so", code, errs)
	}
	if code, _, _ := do("verify", address); code != exit.No {
		t.Errorf("verify of what lacks a segment: %d", code)
	}
	srv.Fail(shelftest.Status("GET", 403, "SignatureDoesNotMatch"))
	if code, _, errs := do("info", address); code != exit.Usage || !strings.Contains(errs, "AWS_ACCESS_KEY_ID") {
		t.Errorf("refused: %d, %s", code, errs)
	}
}
