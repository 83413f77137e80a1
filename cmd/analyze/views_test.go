package main

import (
	"bytes"
	"compress/gzip"
	"context"
	"flag"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/fixture"
)

var update = flag.Bool("update", false, "write the golden files anew")

// stuck is the recorded incident of testdata as an archive, with its raw
// profiles.
func stuck(t *testing.T) string {
	t.Helper()
	return fixture.Archive(t, fixture.Bundled(t, "stuck"))
}

// analyzed runs the command with PATH standing for the archive.
func analyzed(t *testing.T, path, line string) (code exit.Code, stdout, stderr string) {
	t.Helper()
	args := strings.Split(line, "|")
	for i, a := range args {
		if a == "PATH" {
			args[i] = path
		}
	}
	var out, errs bytes.Buffer
	code = run(context.Background(), args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestViews(t *testing.T) {
	path := stuck(t)
	tests := []struct{ golden, args string }{
		{"logs", "logs|PATH|--lines|3"},
		{"logs_warning", "logs|PATH|--level|warning|--node|alpha@*|--lines|0|--format|json"},
		{"trend", "trend|PATH|process_list.MessagesMailbox|--row|book_eth|--node|gamma*"},
		{"trend_json", "trend|PATH|num_gc|--node|beta*|--points|3|--format|json"},
		{"profile", "profile|PATH|--node|gamma*|--kind|heap|--limit|4"},
		{"profile_pid", "profile|PATH|--node|gamma*|--kind|goroutine|--pid|<11458782.0.1078>|--limit|20"},
		{"profile_with", "profile|PATH|--node|gamma*|--kind|heap|--at|end|--with|2s|--limit|4"},
		{"profile_peek", "profile|PATH|--node|gamma*|--kind|goroutine|--peek|labapp/trading.(*OrderBook).applyDelta"},
		{"diff", "diff|PATH|--at|25s|--with|end|--over|20s|--node|gamma*|--limit|6"},
		{"top_movers", "top-movers|PATH|--node|gamma*|--limit|4|--format|json"},
	}
	for _, test := range tests {
		t.Run(test.golden, func(t *testing.T) {
			code, out, errs := analyzed(t, path, test.args)
			if code != exit.OK || errs != "" {
				t.Fatalf("exit code %d: %s", code, errs)
			}
			golden := filepath.Join("testdata", test.golden+".golden")
			if *update {
				if err := os.MkdirAll("testdata", 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(golden, []byte(out), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatalf("%v; write it with -update", err)
			}
			if diff := cmp.Diff(string(want), out); diff != "" {
				t.Errorf("%s (-want +got):\n%s", strings.ReplaceAll(test.args, "|", " "), diff)
			}
		})
	}
}

// What cannot be done is said in one line that names the way out, with exit
// code 2.
func TestViewsRefuse(t *testing.T) {
	path := stuck(t)
	tests := []struct{ args, says string }{
		{"logs|PATH|--node|nobody", "there are alpha@localhost, beta@localhost and gamma@localhost"},
		{"logs|PATH|--level|eror", "did you mean error?"},
		{"logs|PATH|--process|nobody_at_all", "nothing was written by process"},
		{"ps|PATH|--node|gamma", "did you mean gamma@localhost?"},
		{"ps|PATH|--process|book_et", "did you mean book_eth"},
		{"ps|PATH|--state|runing", "did you mean running?"},
		{"ps|PATH|--at|2030-01-01T00:00:00Z", "nearest is end"},
		{"nodes|PATH|--node|gamma", "did you mean gamma@localhost?"},
		{"nodes|PATH|--at|-3h", "nearest is start"},
		{"timeline|PATH|--node|gamma", "did you mean gamma@localhost?"},
		{"trend|PATH|heap_alloc|--node|gamma", "did you mean gamma@localhost?"},
		{"top-movers|PATH|--node|gamma", "did you mean gamma@localhost?"},
		{"profile|PATH|--node|gamma*|--kind|cpu|--pid|<1.2.3>", "no sample of it ran for process"},
		{"logs|PATH|--format|xml", "there is text or json"},
		{"trend|PATH|no_such_metric", "no_such_metric"},
		{"profile|PATH|--node|*", "name one"},
		{"profile|PATH|--node|beta*|--raw|-", "record run takes them with --pprof"},
		{"profile|PATH|--node|gamma*|--kind|mutex", "there are cpu, heap, alloc and goroutine"},
		{"profile|PATH|--node|gamma*|--kind|heap|--peek|nobody", `no function "nobody"`},
		{"profile|PATH|--node|gamma*|--kind|heap|--with|end", "the same profile"},
		{"diff|PATH", `"at" not set`},
		{"diff|PATH|--at|never", "--at"},
		{"diff|PATH|--at|2001-01-01T00:00:00Z", "--at: time"},
		{"diff|PATH|--at|25s|--with|2101-01-01T00:00:00Z", "--with: time"},
		{"report|PATH|--node|nosuch|--fail-on|warning", "no recorded node is called that"},
	}
	for _, test := range tests {
		code, _, errs := analyzed(t, path, test.args)
		if code != exit.Usage || !strings.Contains(errs, test.says) || strings.Count(errs, "\n") != 1 {
			t.Errorf("%s: exit code %d, %q; want %d and %q", test.args, code, errs, exit.Usage, test.says)
		}
	}
}

// A negative limit lists nothing.
func TestNegativeLimits(t *testing.T) {
	path := stuck(t)
	for _, args := range []string{"logs|PATH|--limit|-1|--lines|-1", "top-movers|PATH|--limit|-5", "diff|PATH|--at|25s|--limit|-2"} {
		if code, _, errs := analyzed(t, path, args); code != exit.OK {
			t.Errorf("%s: exit code %d, %q", args, code, errs)
		}
	}
}

func TestTimeline(t *testing.T) {
	code, out, errs := analyzed(t, stuck(t), "timeline|PATH")
	lines := strings.Split(strings.TrimSpace(out), "\n")
	if code != exit.OK || !slices.IsSorted(lines) { // each begins with its time
		t.Errorf("exit code %d, %s, not in order:\n%s", code, errs, out)
	}
	if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, "finding") && strings.Contains(l, "book_eth") }) {
		t.Errorf("the fault is not in it:\n%s", out)
	}
}

func TestProfileRaw(t *testing.T) {
	path := stuck(t)
	recorded, err := os.ReadFile("../../testdata/stuck.gamma.cpu.pb.gz")
	if err != nil {
		t.Fatal(err)
	}
	want := gunzip(t, recorded)
	_, out, _ := analyzed(t, path, "profile|PATH|--node|gamma*|--kind|cpu|--raw|-")
	if got := gunzip(t, []byte(out)); !bytes.Equal(got, want) {
		t.Errorf("the raw profile has %d bytes, not the %d that were recorded", len(got), len(want))
	}
	file := filepath.Join(t.TempDir(), "cpu.pb.gz")
	if code, _, errs := analyzed(t, path, "profile|PATH|--node|gamma*|--raw|"+file); code != exit.OK {
		t.Fatal(errs)
	}
	if written, err := os.ReadFile(file); err != nil || !bytes.Equal(gunzip(t, written), want) {
		t.Errorf("%s is not the gzipped profile, %v", file, err)
	}
	if code, _, errs := analyzed(t, path, "profile|PATH|--node|gamma*|--raw|"+file); code != exit.Usage || !strings.Contains(errs, "exists") {
		t.Errorf("an existing file: exit code %d, %q; want a refusal", code, errs)
	}
}

// TestProfileRecordedGzipped reads what recorders stored before they unpacked
// profiles.
func TestProfileRecordedGzipped(t *testing.T) {
	recorded, err := os.ReadFile("../../testdata/stuck.gamma.cpu.pb.gz")
	if err != nil {
		t.Fatal(err)
	}
	path := stuck(t)
	w := archivetest.Writer(t, path, nil)
	rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Profile, Node: "gamma@localhost", Name: "cpu"}, At: time.Unix(3e9, 0), Text: recorded}
	if _, err := w.Append(rec); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if _, out, errs := analyzed(t, path, "profile|PATH|--node|gamma*|--raw|-"); out != string(recorded) {
		t.Errorf("%d bytes came back, not the %d that were recorded; %s", len(out), len(recorded), errs)
	}
	if _, out, errs := analyzed(t, path, "profile|PATH|--node|gamma*"); !strings.Contains(out, "FUNCTION") {
		t.Errorf("it is not read: %s%s", out, errs)
	}
}

func gunzip(t *testing.T, packed []byte) []byte {
	t.Helper()
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	plain, err := io.ReadAll(z)
	if err != nil {
		t.Fatal(err)
	}
	return plain
}
