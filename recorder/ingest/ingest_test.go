package ingest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
)

func TestRecord(t *testing.T) {
	at := time.Unix(100, 5).UTC()
	call := ergo.Call{Node: "a@h", Tool: "process_info", Args: ergo.Args{"pid": "<A.0.1>", "timeout": 10}}
	ans := ergo.Answer{Text: []byte(`{"PID":"<A.0.1>","Env":{"K":"v"}}`), At: at, Took: time.Millisecond}

	rec := Record(call, []byte(`{"timeout": 10, "pid": "<A.0.1>"}`), ans, nil, Options{})
	if want := (archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "process_info", Args: "{}"}); rec.Stream != want {
		t.Errorf("stream %v, want %v: subject and timeout do not make a stream", rec.Stream, want)
	}
	if rec.Subject != `{"pid":"<A.0.1>"}` {
		t.Errorf("subject %s", rec.Subject)
	}
	if string(rec.Args) != `{"timeout": 10, "pid": "<A.0.1>"}` {
		t.Errorf("args %s are not the literal ones", rec.Args)
	}
	if string(rec.Text) != `{"PID":"<A.0.1>","Env":{"K":"(not kept)"}}` {
		t.Errorf("text %s", rec.Text)
	}
	if rec.Schema.Road != "tools48" || rec.Schema.Reading != string(ergo.Process) {
		t.Errorf("road %q, reading %q", rec.Schema.Road, rec.Schema.Reading)
	}
	spelled := ergo.NewSpelling("seen", []ergo.Tool{{Name: "process_info", Says: []ergo.Said{{Reading: ergo.Process}}}})
	if rec := Record(call, nil, ans, nil, Options{Spelling: spelled}); rec.Schema.Road != "seen" || rec.Schema.Reading != string(ergo.Process) {
		t.Errorf("road %q, reading %q", rec.Schema.Road, rec.Schema.Reading)
	}
	if rec.At != at || rec.Took != time.Millisecond {
		t.Errorf("at %v took %v", rec.At, rec.Took)
	}
	if kept := Record(call, nil, ans, nil, Options{KeepEnv: true}); string(kept.Text) != string(ans.Text) {
		t.Errorf("KeepEnv: text %s", kept.Text)
	}

	failed := Record(call, nil, ergo.Answer{At: at}, ergo.RemoteError("a@h", "no route"), Options{})
	if failed.Failure == nil || failed.Failure.Code != ergo.CodeInternal || failed.Text != nil {
		t.Errorf("failure %+v", failed)
	}
	refused := Record(call, nil, ergo.Answer{At: at}, &ergo.ToolError{Message: "dial: password=S refused"}, Options{})
	if refused.Failure.Text != "dial: password=(not kept) refused" {
		t.Errorf("failure %+v", refused.Failure)
	}
	named := Record(ergo.Call{Node: "a@h", Tool: "message_types", Args: ergo.Args{"token": "S", "filter": "x"}}, nil, ans, nil, Options{})
	if strings.Contains(named.Stream.Args+named.Subject+string(named.Args), `"S"`) {
		t.Errorf("arguments %s %s %s", named.Stream.Args, named.Subject, named.Args)
	}
	if kept := Record(call, nil, ergo.Answer{Text: []byte(`{"token":"S"}`)}, nil, Options{KeepSecrets: true}); string(kept.Text) != `{"token":"S"}` {
		t.Errorf("KeepSecrets: text %s", kept.Text)
	}
	mark := Mark(archive.Mark{Note: "token=S", More: map[string]any{"token": "S", "lost": 3, "what": "password=S"}}, Options{})
	if said := fmt.Sprint(mark); strings.Contains(said, "S") {
		t.Errorf("mark %s", said)
	}
	pushed := Pushed("a@h", "", at, []byte(`{"Message":"sent Bearer S to x"}`), Options{})
	if string(pushed.Text) != `{"Message":"sent Bearer (not kept) to x"}` {
		t.Errorf("pushed %s", pushed.Text)
	}
}

func TestMono(t *testing.T) {
	now := time.Now()
	for _, tt := range []struct {
		started, at time.Time
		want        time.Duration
	}{
		{now, now.Add(time.Second), time.Second},
		{now, now.Add(time.Second).UTC(), 0}, // which takes it away
		{now, now.Add(time.Second).Round(0), 0},
		{now.Round(0), now.Add(time.Second), 0},
	} {
		if got := Mono(tt.started, tt.at); got != tt.want {
			t.Errorf("%v after %v: %v, want %v", tt.at, tt.started, got, tt.want)
		}
	}
}

func TestProfileRecord(t *testing.T) {
	pack := func(s string) []byte {
		var b bytes.Buffer
		z := gzip.NewWriter(&b)
		if _, err := z.Write([]byte(s)); err != nil {
			t.Fatal(err)
		}
		if err := z.Close(); err != nil {
			t.Fatal(err)
		}
		return b.Bytes()
	}
	whole := pack("a profile")
	flipped := bytes.Clone(whole)
	flipped[len(flipped)-8] ^= 1 // of its checksum
	tests := []struct {
		name      string
		raw, want []byte
	}{
		{"gzipped", whole, []byte("a profile")},
		{"plain", []byte("a profile"), []byte("a profile")},
		{"cut off", whole[:len(whole)-3], whole[:len(whole)-3]},
		{"damaged", flipped, flipped},
		{"behind it something else", append(bytes.Clone(whole), 'x'), append(bytes.Clone(whole), 'x')},
		{"empty", nil, nil},
	}
	for _, tt := range tests {
		rec, err := ProfileRecord(tt.raw, "a@h", "heap", time.Unix(1, 0), time.Second, Options{})
		if err != nil || !bytes.Equal(rec.Text, tt.want) {
			t.Errorf("%s: stored as %q, %v; want %q", tt.name, rec.Text, err, tt.want)
		}
	}
	if text, err := unpacked(whole, int64(len("a profile"))-1); err == nil {
		t.Errorf("%q is more than the limit, and no error", text)
	}
}

func TestProfileName(t *testing.T) {
	tests := []struct {
		file, node, kind string
		ok               bool
	}{
		{"stuck.alpha.heap.pb.gz", "alpha", "heap", true},
		{"stuck.alpha.cpu_before.pb.gz", "alpha", "cpu", true},
		{"stuck.node.with.dots.goroutine.pb.gz", "node.with.dots", "goroutine", true},
		{"other.alpha.heap.pb.gz", "", "", false},
		{"stuck.heap.pb.gz", "", "", false},
		{"stuck.alpha.heap.txt", "", "", false},
	}
	for _, tt := range tests {
		node, kind, ok := ProfileName(tt.file, "stuck")
		if node != tt.node || kind != tt.kind || ok != tt.ok {
			t.Errorf("%s: got %q %q %v", tt.file, node, kind, ok)
		}
	}
}

func TestKindOf(t *testing.T) {
	for _, kind := range []string{"heap", "cpu", "goroutine"} {
		raw, err := os.ReadFile("../../testdata/stuck.gamma." + kind + ".pb.gz")
		if err != nil {
			t.Fatal(err)
		}
		if got, err := KindOf(raw); got != kind || err != nil {
			t.Errorf("%s: %s, %v", kind, got, err)
		}
	}
	if got, err := KindOf([]byte("no profile")); err == nil {
		t.Errorf("what is no profile is %s", got)
	}
}

// TestProfileOnce: a profile comes in once, whether this import stored it or one before.
func TestProfileOnce(t *testing.T) {
	var raws [][]byte
	for _, kind := range []string{"heap", "heap_before"} {
		raw, err := os.ReadFile("../../testdata/stuck.gamma." + kind + ".pb.gz")
		if err != nil {
			t.Fatal(err)
		}
		raws = append(raws, raw)
	}
	path := filepath.Join(t.TempDir(), "a.erg")
	for _, again := range []bool{false, true} {
		w := archivetest.Writer(t, path, nil)
		sum := Imported{Once: again}
		for _, node := range []string{"a@h", "b@h", "a@h"} {
			for _, raw := range raws {
				rec, err := ImportedProfile(raw, node, "heap", Options{})
				if err != nil {
					t.Fatal(err)
				}
				if err := sum.Profile(rec, w); err != nil {
					t.Fatal(err)
				}
			}
		}
		if n := w.View().Info().Records; n != 4 {
			t.Errorf("again %v: %d profiles, want 4", again, n)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
}
