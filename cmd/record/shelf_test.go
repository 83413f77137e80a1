package main

import (
	"bytes"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/archive"
	"ergorecorder/fleet/shelf"
	"ergorecorder/fleet/shelf/shelftest"
	"ergorecorder/internal/exit"
	"ergorecorder/replay/serve"
)

// What was recorded is on the shelf when the recording has ended, and only there if it
// is told to be; a shelf that is away holds nothing up, and the next recording puts it there.
func TestShelf(t *testing.T) {
	rec := imported(t, capturePath(t, "restart_loop"))
	c, err := serve.New(rec, serve.Options{Speed: 60, Prompt: true})
	if err != nil {
		t.Fatal(err)
	}
	node := httptest.NewServer(entry(t, c, ""))
	t.Cleanup(node.Close)
	srv := shelftest.Plain(t)
	t.Setenv("AWS_ACCESS_KEY_ID", "key")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "secret-of-the-bucket")
	dir := filepath.Join(t.TempDir(), "rec") + "/"
	record := func() string {
		t.Helper()
		var out bytes.Buffer
		args := []string{
			"run", "--endpoint", strings.TrimPrefix(node.URL, "http://"), "-o", dir, "--for", "1s", "--append", "--socket=false",
			"--shelf", "s3://" + shelftest.Bucket + "/prod", "--shelf-endpoint", srv.URL, "--shelf-drop-local",
		}
		if code := run(t.Context(), "record", args, nil, &out, &out); code != exit.OK || strings.Contains(out.String(), "secret-of-the-bucket") {
			t.Fatalf("exit code %d: %s", code, out.String())
		}
		return out.String()
	}
	srv.Fail(shelftest.Status("PUT", 403, "AccessDenied"))
	if said := record(); !strings.Contains(said, "AWS_ACCESS_KEY_ID") || !strings.Contains(said, "1 segments are not on s3://") || len(srv.Names()) != 0 {
		t.Errorf("a shelf that refuses: %q, and it says %s", srv.Names(), said)
	}
	srv.Fail(nil)
	record()
	if left, err := archive.Segments(dir); len(left) != 1 || err != nil || len(srv.Names()) != 2 {
		t.Errorf("here are left %q (%v), on the shelf are %q", left, err, srv.Names())
	}
	sh, err := shelf.Open("s3://"+shelftest.Bucket+"/prod", srv.Options)
	if err != nil {
		t.Fatal(err)
	}
	l, err := sh.List(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var objects []archive.Object
	for _, i := range l.Items {
		objects = append(objects, archive.Object{Name: i.Name(), Src: sh.Reader(t.Context(), i), Size: i.Size})
	}
	r, err := archive.OpenObjects(objects...)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	if rep, err := r.Verify(t.Context()); err != nil || len(rep.Damage) > 0 || rep.Records == 0 {
		t.Errorf("on the shelf: %v, %+v", err, rep)
	}
	var out bytes.Buffer
	if code := run(t.Context(), "record", []string{"run", "--endpoint", "127.0.0.1:1", "-o", filepath.Join(t.TempDir(), "a.erg"), "--shelf", "s3://b"}, nil, &out, &out); code != exit.Usage || !strings.Contains(out.String(), "give a directory") {
		t.Errorf("one file: %d, %s", code, out.String())
	}
}
