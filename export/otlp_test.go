package export

import (
	"bytes"
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	logs "go.opentelemetry.io/proto/slim/otlp/logs/v1"
	metrics "go.opentelemetry.io/proto/slim/otlp/metrics/v1"
	"google.golang.org/protobuf/proto"

	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

// joined is a sink that keeps the batches of each signal one behind the other.
type joined map[Signal]*bytes.Buffer

func (j joined) Take(_ context.Context, s Signal, batch []byte) error {
	if j[s] == nil {
		j[s] = &bytes.Buffer{}
	}
	j[s].Write(batch)
	return nil
}

// capture is the bundled capture of that name as a recording.
func captured(t *testing.T, name string) *replay.Recording {
	t.Helper()
	return fixture.Open(t, fixture.Bare(t, fixture.Bundled(t, name)))
}

// TestOTLP: batches one behind the other are one whole; counters are told from
// gauges, and each point has its time and whose it is.
func TestOTLP(t *testing.T) {
	to := joined{}
	if err := OTLP(t.Context(), to, recorded(t), all()); err != nil {
		t.Fatal(err)
	}
	var data metrics.MetricsData
	if err := proto.Unmarshal(to[Metrics].Bytes(), &data); err != nil {
		t.Fatal(err)
	}
	points, counters := 0, 0
	for _, r := range data.ResourceMetrics {
		node := r.Resource.Attributes[1].Value.GetStringValue()
		for _, m := range r.ScopeMetrics[0].Metrics {
			list := m.GetGauge().GetDataPoints()
			if s := m.GetSum(); s != nil {
				counters++
				list = s.DataPoints
				if !s.IsMonotonic || s.AggregationTemporality != metrics.AggregationTemporality_AGGREGATION_TEMPORALITY_CUMULATIVE {
					t.Errorf("%s: %v", m.Name, s.AggregationTemporality)
				}
			}
			points += len(list)
			if m.Name != "ergo.process_list.messages_in" || node != "b@h" {
				continue
			}
			last := list[len(list)-1]
			if last.GetAsInt() != 30 || last.TimeUnixNano != uint64(begin.UnixNano()+3e9) || last.Attributes[0].Key != "pid" {
				t.Errorf("%v", last)
			}
		}
	}
	// of each node: two rows with two numbers, and four numbers, four times
	if points != 2*4*(2*2+4) || counters != 2*2 {
		t.Errorf("%d points, %d counters", points, counters)
	}
}

// TestOTLPLogs: the log lines of a recording come out, each with its level.
func TestOTLPLogs(t *testing.T) {
	rec := captured(t, "restart_loop")
	to := joined{}
	from, until := rec.Window()
	if err := OTLP(t.Context(), to, rec, Options{From: from, To: until}); err != nil {
		t.Fatal(err)
	}
	var data logs.LogsData
	if err := proto.Unmarshal(to[Logs].Bytes(), &data); err != nil {
		t.Fatal(err)
	}
	want, errors := 0, 0
	for _, err := range rec.Logs(t.Context(), "", from, until) {
		if err != nil {
			t.Fatal(err)
		}
		want++
	}
	got := 0
	for _, r := range data.ResourceLogs {
		for _, l := range r.ScopeLogs[0].LogRecords {
			got++
			if l.SeverityNumber == logs.SeverityNumber_SEVERITY_NUMBER_UNSPECIFIED || l.TimeUnixNano == 0 || l.Body.GetStringValue() == "" {
				t.Errorf("%v", l)
			}
			if l.SeverityText == "error" || l.SeverityText == "panic" {
				errors++
			}
		}
	}
	if got != want || errors == 0 {
		t.Errorf("%d lines of %d, %d errors", got, want, errors)
	}
	var b bytes.Buffer
	if rows, err := ParquetLogs(t.Context(), &b, rec, Options{From: from, To: until}); err != nil || rows != want {
		t.Errorf("%d rows of %d lines, %v", rows, want, err)
	}
}

// TestEndpoint: what a receiver gets over HTTP is what a file would hold; one
// that is busy is asked again, one that refuses is told.
func TestEndpoint(t *testing.T) {
	got := joined{}
	busy := 2
	answer := []byte(nil)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if busy > 0 {
			busy--
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		if r.Header.Get("Authorization") != "Bearer x,y" || r.Header.Get("Content-Type") != "application/x-protobuf" {
			t.Errorf("%v", r.Header)
		}
		z, err := gzip.NewReader(r.Body)
		if err != nil {
			t.Error(err)
			return
		}
		body, err := io.ReadAll(z)
		if err != nil {
			t.Error(err)
		}
		_ = got.Take(r.Context(), Signal(strings.TrimPrefix(r.URL.Path, "/v1/")), body)
		_, _ = w.Write(answer)
	}))
	defer srv.Close()
	base, err := ParseEndpoint(srv.URL + "/")
	if err != nil {
		t.Fatal(err)
	}
	header, err := ParseHeaders("authorization=Bearer%20x%2Cy, ")
	if err != nil {
		t.Fatal(err)
	}
	soon := make(chan time.Time)
	close(soon)
	taken := 0
	e := &Endpoint{URL: base, Header: header, Client: srv.Client(), After: func(time.Duration) <-chan time.Time { return soon }, Taken: func(Signal) { taken++ }}
	if err := OTLP(t.Context(), e, recorded(t), all()); err != nil {
		t.Fatal(err)
	}
	want := joined{}
	if err := OTLP(t.Context(), want, recorded(t), all()); err != nil {
		t.Fatal(err)
	}
	if got[Metrics].Len() != want[Metrics].Len() || taken != 4 || busy != 0 {
		t.Errorf("%d bytes of %d in %d batches", got[Metrics].Len(), want[Metrics].Len(), taken)
	}
	answer = []byte("\x0a\x0a\x08\x03\x12\x06too old")[:12] // partial_success: 3 rejected, "too ol"
	if err := OTLP(t.Context(), e, recorded(t), all()); err == nil || !strings.Contains(err.Error(), `refuses 3 of them: "too ol`) {
		t.Errorf("a receiver that takes a part: %v", err)
	}
	busy = 1000
	if err := OTLP(t.Context(), e, recorded(t), all()); err == nil || !strings.Contains(err.Error(), "503") || busy != 1000-5 {
		t.Errorf("a receiver that is busy for ever: %v, %d attempts", err, 1000-busy)
	}
	for _, list := range []string{"x", "=y", "a=b,hunter2", "a=%zz"} {
		if _, err := ParseHeaders(list); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", list, err)
		}
	}
	for _, address := range []string{"localhost:4318", "http://", "http://u:hunter2@h"} {
		if _, err := ParseEndpoint(address); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestInTurns: series that are too many to be held at a time are written in
// turns, and are the same.
func TestInTurns(t *testing.T) {
	sorted := func(o Options) string {
		var b bytes.Buffer
		if err := OpenMetrics(t.Context(), &b, recorded(t), o); err != nil {
			t.Fatal(err)
		}
		return b.String()
	}
	whole := sorted(all())
	o := all()
	o.mostPoints = 3
	turns := sorted(o)
	if whole == turns {
		t.Error("there were no turns")
	}
	if a, b := sortedLines(whole), sortedLines(turns); a != b {
		t.Errorf("other lines:\n%s\n%s", a, b)
	}
	checkOrder(t, turns)
}
