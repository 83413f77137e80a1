package s3test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
	"github.com/versity/versitygw/backend/meta"
	"github.com/versity/versitygw/backend/posix"
	"github.com/versity/versitygw/embedgw"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/ask"
	"ergorecorder/fleet/cache"
	"ergorecorder/fleet/shelf"
	"ergorecorder/replay"
)

const (
	key, secretKey = "recorder", "not-a-secret"
	bucket         = "recordings"
	address        = "s3://" + bucket + "/east"
)

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

// serve runs the server for the length of the test, and returns its URL.
func serve(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	host := l.Addr().String()
	l.Close()
	dir, side := t.TempDir(), t.TempDir()
	store, err := meta.NewSideCar(side)
	if err != nil {
		t.Fatal(err)
	}
	be, err := posix.New(dir, store, posix.PosixOpts{SideCarDir: side})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		done <- embedgw.RunVersityGW(ctx, be, &embedgw.Config{
			RootUserAccess: key, RootUserSecret: secretKey, Region: "us-east-1", Ports: []string{host},
			Quiet: true, MaxConnections: 64, MaxRequests: 64, MultipartMaxParts: 10000,
		})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-done; err != nil && !errors.Is(err, context.Canceled) {
			t.Errorf("server: %v", err)
		}
	})
	for deadline := time.Now().Add(20 * time.Second); ; {
		resp, err := http.Get("http://" + host + "/")
		if err == nil {
			resp.Body.Close()
			return "http://" + host
		}
		select {
		case err := <-done:
			done <- err
			t.Fatalf("server: %v", err)
		case <-time.After(50 * time.Millisecond):
		}
		if time.Now().After(deadline) {
			t.Fatalf("server: %v", err)
		}
	}
}

// bucketOf makes the bucket, which a shelf expects to be there.
func bucketOf(t *testing.T, url string) {
	t.Helper()
	c, err := minio.New(strings.TrimPrefix(url, "http://"), &minio.Options{Creds: credentials.NewStaticV4(key, secretKey, ""), Region: "us-east-1"})
	if err != nil {
		t.Fatal(err)
	}
	if err := c.MakeBucket(t.Context(), bucket, minio.MakeBucketOptions{}); err != nil {
		t.Fatal(err)
	}
}

// TestShelf fills a shelf on a real server, reads an hour of it, keeps it small,
// and is refused where it should be.
func TestShelf(t *testing.T) {
	url := serve(t)
	o := shelf.Options{Endpoint: url, Key: key, Secret: secretKey, Tries: 2}
	bucketOf(t, url)
	sh, err := shelf.Open(address, o)
	if err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(t.TempDir(), "rec") + "/"
	w := archivetest.Writer(t, dir, nil)
	defer w.Close()
	for m := range 6 * 60 {
		at := began.Add(time.Duration(m) * time.Minute)
		text := fmt.Sprintf(`{"Uptime":%d,"ServerTime":%q}`, 3600+60*m, at.Format(time.RFC3339Nano))
		stream := archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "node_info"}
		if _, err := w.Append(&archive.Record{Stream: stream, Schema: archive.Schema{Form: archive.FormObject}, At: at, Text: []byte(text)}); err != nil {
			t.Fatal(err)
		}
		if m%60 == 59 {
			if err := w.Rotate(); err != nil {
				t.Fatal(err)
			}
		}
	}
	now := began
	fill := func(o shelf.FillOptions) *shelf.Filler {
		t.Helper()
		o.Now = func() time.Time { return now }
		f := shelf.NewFiller(sh, dir, o)
		if err := f.Fill(t.Context()); err != nil {
			t.Fatal(err)
		}
		return f
	}
	if f := fill(shelf.FillOptions{}); f.State().Put != 6 {
		t.Errorf("%+v", f.State())
	}
	if f := fill(shelf.FillOptions{}); f.State().Put != 0 {
		t.Errorf("once more: %+v", f.State())
	}

	// What is there is never overwritten.
	l, err := sh.List(t.Context())
	if err != nil || len(l.Items) != 6 {
		t.Fatalf("%v, %+v", err, l)
	}
	if err := sh.Put(t.Context(), l.Items[0], strings.NewReader(strings.Repeat("x", int(l.Items[0].Size)))); !errors.Is(err, shelf.ErrOther) {
		t.Errorf("over another: %v", err)
	}

	// An hour of it is read by ranges, and none of the rest.
	c, err := cache.Open(filepath.Join(t.TempDir(), "cache"), 1<<20, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	answers := func(o ask.Options) (n int, said string) {
		t.Helper()
		a, err := ask.Open(t.Context(), address, o)
		if err != nil {
			t.Fatal(err)
		}
		rec, err := replay.New(a.Readers...)
		if err != nil {
			t.Fatal(err)
		}
		defer rec.Close()
		for _, err := range rec.Table(t.Context(), "a@h", "node_info", o.From, o.To, nil) {
			if err != nil {
				t.Fatal(err)
			}
			n++
		}
		if bad := rec.NotRead(); len(bad) > 0 {
			t.Errorf("not read: %q", bad)
		}
		return n, a.Fetched()
	}
	hour := ask.Options{Shelf: o, Cache: c, From: began.Add(3 * time.Hour), To: began.Add(4*time.Hour - time.Second)}
	if n, said := answers(hour); n != 60 {
		t.Errorf("%d answers in an hour: %s", n, said)
	}
	if n, said := answers(hour); n != 60 || !strings.Contains(said, "in 0 reads") {
		t.Errorf("a second time: %d answers: %s", n, said)
	}

	// The oldest go, and are not missed.
	now = began.Add(6 * time.Hour)
	fill(shelf.FillOptions{KeepAge: 3*time.Hour + time.Minute})
	if l, err = sh.List(t.Context()); err != nil || len(l.Items) != 4 || !slices.Equal(l.Gone[l.Items[0].Archive], []int{1, 2}) {
		t.Errorf("kept: %v, %+v", err, l)
	}
	if n, _ := answers(ask.Options{Shelf: o, Cache: c}); n != 4*60 {
		t.Errorf("%d answers are kept", n)
	}

	// Who may not is told what helps.
	o.Secret = "another"
	if _, err := ask.Open(t.Context(), address, ask.Options{Shelf: o}); err == nil || !strings.Contains(err.Error(), "AWS_ACCESS_KEY_ID") || strings.Contains(err.Error(), "another") {
		t.Errorf("with a wrong secret: %v", err)
	}
}
