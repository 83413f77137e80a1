package limit_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/capture"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/secret"
	"ergorecorder/internal/limit"
	"ergorecorder/recorder"
	"ergorecorder/recorder/control"
	"ergorecorder/recorder/ingest"
	"ergorecorder/scrub"
)

// attacks bring, for a limit, more than it allows, and return what came of it.
var attacks = map[limit.Limit]func(t *testing.T) error{
	limit.Record: func(t *testing.T) error {
		w := archivetest.Writer(t, filepath.Join(t.TempDir(), "a.erg"), nil)
		defer w.Close()
		_, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Name: "x"}, At: time.Now(), Text: make([]byte, archive.MaxText+1)})
		return err
	},
	limit.Answer: func(t *testing.T) error {
		url := endless(t, `{"jsonrpc":"2.0","id":1,"result":"`)
		e, err := live.NewEndpoint(url, live.Options{MaxAnswer: 1 << 20})
		if err != nil {
			t.Fatal(err)
		}
		_, err = e.Call(t.Context(), ergo.Call{Tool: "node_info"})
		o, oerr := observer.New(url, live.Options{MaxAnswer: 1 << 20})
		if oerr != nil {
			t.Fatal(oerr)
		}
		if _, oerr = o.Tool(t.Context(), "nodes", nil); !errors.Is(oerr, limit.ErrOver) {
			t.Errorf("of an Observer: %v", oerr)
		}
		return err
	},
	limit.Profile: func(t *testing.T) error {
		var packed bytes.Buffer
		z, _ := gzip.NewWriterLevel(&packed, gzip.BestSpeed)
		if _, err := io.CopyN(z, zeros{}, limit.Profile.Most()+1); err != nil {
			t.Fatal(err)
		}
		z.Close()
		_, err := ingest.ProfileRecord(packed.Bytes(), "a@h", "heap", time.Now(), 0, ingest.Options{})
		return err
	},
	limit.Line: func(*testing.T) error {
		for _, err := range capture.Read(zeros{}) {
			return err
		}
		return nil
	},
	limit.Note: func(t *testing.T) error {
		w := archivetest.Writer(t, filepath.Join(t.TempDir(), "a.erg"), nil)
		defer w.Close()
		none := ergo.CallerFunc(func(context.Context, ergo.Call) (ergo.Answer, error) { return ergo.Answer{}, errors.New("none") })
		rec, err := recorder.New(none, w, recorder.Standard())
		if err != nil {
			t.Fatal(err)
		}
		token := live.NewToken("s3cret")
		s := httptest.NewServer((&control.Server{Recorder: rec, Writer: w, Token: token}).Handler())
		defer s.Close()
		return posted(t, s.URL+"/mark", "text/plain", token, limit.Note.Most()+1)
	},
	limit.Secret: func(t *testing.T) error {
		_, err := secret.Read(file(t, limit.Secret.Most()+1))
		return err
	},
	limit.Settings: func(t *testing.T) error {
		_, err := limit.Settings.ReadFile(file(t, limit.Settings.Most()+1))
		return err
	},
	limit.File: func(*testing.T) error {
		_, err := scrub.ReadMap(zeros{})
		return err
	},
	limit.Status: func(t *testing.T) error {
		c := &control.Client{Address: endless(t, `{"nodes":"`)}
		_, err := c.Status(t.Context())
		return err
	},
}

// TestEachLimit walks the table: who reads more than a limit allows says which
// limit it was, and what raises it.
func TestEachLimit(t *testing.T) {
	if !inLittleMemory(t) {
		return
	}
	endlessAtOnce(t)
	for _, l := range limit.All() {
		t.Run(l.String(), func(t *testing.T) {
			attack := attacks[l]
			if l == limit.Columns { // what has more is kept, as text
				keepsColumns(t)
				return
			}
			if attack == nil {
				attack = far[l]
			}
			if attack == nil {
				t.Fatal("no test meets it")
			}
			err := attack(t)
			if err == nil {
				t.Fatal("more than the limit was taken")
			}
			for _, want := range []string{fmt.Sprintf("the limit %q", l), "raised by: " + l.Row().Raise} {
				if !strings.Contains(strings.ReplaceAll(err.Error(), `\"`, `"`), want) { // in JSON quotes are escaped
					t.Errorf("%q does not say %q", err, want)
				}
			}
		})
	}
}

// endlessAtOnce makes many calls of one source that answers each without end.
func endlessAtOnce(t *testing.T) {
	e, err := live.NewEndpoint(endless(t, `{"jsonrpc":"2.0","id":1,"result":"`), live.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	for range 12 {
		all.Go(func() {
			if _, err := e.Call(t.Context(), ergo.Call{Tool: "node_info"}); err == nil {
				t.Error("an answer without end was taken")
			}
		})
	}
	all.Wait()
}

// zeros never end.
type zeros struct{}

func (zeros) Read(b []byte) (int, error) {
	clear(b)
	return len(b), nil
}

// endless is the URL of a server whose answers begin so and never end.
func endless(t *testing.T, begin string) string {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		piece := []byte(begin)
		for {
			if _, err := w.Write(piece); err != nil {
				return
			}
			piece = bytes.Repeat([]byte("x"), 64<<10)
		}
	}))
	t.Cleanup(s.Close)
	return s.URL
}

// posted is what a server says to a body of so many bytes.
func posted(t *testing.T, url, kind string, token live.Token, size int64) error {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, io.LimitReader(zeros{}, size))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", kind)
	token.Authorize(req.Header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
	return errors.New(string(text))
}

// file is a file of so many bytes, all zero, which no one else can read.
func file(t *testing.T, size int64) string {
	path := filepath.Join(t.TempDir(), "large")
	if err := errors.Join(os.WriteFile(path, nil, 0o600), os.Truncate(path, size)); err != nil {
		t.Fatal(err)
	}
	return path
}

var update = flag.Bool("update", false, "write the table into docs/promises.md")

// TestTable: docs/promises.md shows the table as it is.
func TestTable(t *testing.T) {
	var b strings.Builder
	b.WriteString("\n| limit | of | at most | why | raised by |\n|---|---|---|---|---|\n")
	for _, l := range limit.All() {
		r := l.Row()
		fmt.Fprintf(&b, "| %s | %s | %s %s | %s | %s |\n", r.Name, r.Reads, number(r.Most), r.Unit, r.Why, r.Raise)
	}
	path := filepath.Join("..", "..", "docs", "promises.md")
	text, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	const begin, end = "-run TestTable -update -->\n", "\n<!-- end -->"
	head, rest, ok := strings.Cut(string(text), begin)
	was, tail, ok2 := strings.Cut(rest, end)
	if !ok || !ok2 {
		t.Fatal("docs/promises.md has no place for the table")
	}
	if *update {
		if err := os.WriteFile(path, []byte(head+begin+b.String()+end+tail), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	if was != b.String() {
		t.Error("docs/promises.md shows another table: go test ./internal/limit -run TestTable -update")
	}
	names := map[string]bool{}
	for _, l := range limit.All() {
		r := l.Row()
		if names[r.Name] || slices.Contains([]string{r.Name, r.Reads, r.Why, r.Raise}, "") || r.Most <= 0 {
			t.Errorf("a row is not whole, or its name is that of another: %+v", r)
		}
		names[r.Name] = true
	}
}

// number writes bytes as people do.
func number(n int64) string {
	switch {
	case n%(1<<20) == 0:
		return fmt.Sprintf("%d Mi", n>>20)
	case n%(1<<10) == 0:
		return fmt.Sprintf("%d Ki", n>>10)
	}
	return fmt.Sprint(n)
}
