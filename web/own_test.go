package web

import (
	"bytes"
	"context"
	"strings"
	"testing"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// ownErrors is an entry point whose counter of calls that failed went up by calls of the recorder's own alone.
func ownErrors(t testing.TB, w *archive.Writer) {
	t.Helper()
	for i := range 20 {
		at := start().Add(time.Duration(i) * 5 * time.Second)
		if i >= 10 {
			refused := ergo.RemoteError("b@h", "no route")
			if _, err := w.Append(ingest.Record(ergo.Call{Node: "b@h", Tool: "node_info"}, nil, ergo.Answer{At: at}, refused, ingest.Options{})); err != nil {
				t.Fatal(err)
			}
		}
		answer(t, w, "a@h", "cluster_nodes", nil, at, []row{{"name": "a@h", "status": "self"}})
		answer(t, w, "a@h", "node_info", nil, at, row{"Name": "a@h", "Uptime": 100 + 5*i, "CallErrorsRemote": 40 + max(0, i-9)})
	}
}

// TestOwnErrorsAreInNoCell: pages count errors without those of the recorder's own calls, and say so once.
func TestOwnErrorsAreInNoCell(t *testing.T) {
	rec := record(t, func(w *archive.Writer) { ownErrors(t, w) })
	report, err := analyze.Run(context.Background(), rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var file bytes.Buffer
	if err := Report(context.Background(), &file, report, rec); err != nil {
		t.Fatal(err)
	}
	s, end := New(rec, Options{}), start().Add(95*time.Second)
	for name, page := range map[string]string{
		"overview": fetch(s, momentURL("/", end)).Body.String(),
		"report":   file.String(),
	} {
		if !strings.Contains(page, `<td class="num">40</td>`) || strings.Contains(page, `<td class="num">50</td>`) {
			t.Errorf("%s: it does not show 40 call errors, or it shows 50", name)
		}
		if n := strings.Count(page, "Call errors are without the 10 of the recorder"); n != 1 {
			t.Errorf("%s: it is said %d times what is left out", name, n)
		}
	}
	page := fetch(s, momentURL("/compare", end)+"&with="+start().Format("2006-01-02T15:04:05.000Z")).Body.String()
	if !strings.Contains(page, "call errors are without the 10 of the recorder") || strings.Contains(page, ">50<") {
		t.Error("the comparison of moments counts the recorder's own")
	}
}
