package control

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"
	"unicode"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
)

// TestHostileNamesInMetrics: names that steer a terminal are spelled in labels, and
// one that is spelled like another takes no series away.
func TestHostileNamesInMetrics(t *testing.T) {
	names := []string{"a\u202eb@h", `a\u202eb@h`, "c\"} 1\n#@h", "d\\@h"}
	hostile := func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		if call.Tool != "cluster_nodes" {
			return one(ctx, call)
		}
		var list []map[string]string
		for i, n := range names {
			list = append(list, map[string]string{"name": n, "status": []string{"connected", "self"}[min(1, i/3)]})
		}
		text, err := json.Marshal(list)
		return ergo.Answer{Text: text, At: time.Now(), Took: time.Millisecond}, err
	}
	s := runningWith(t, t.TempDir()+"/a.erg", nil, hostile)
	c := &Client{Address: s.URL, Token: live.NewToken("right")}
	until(t, "the nodes", func() bool {
		st, err := c.Status(t.Context())
		return err == nil && len(st.Nodes) >= 3
	})
	text := metricsOf(t, s.URL)
	for _, want := range []string{`{node="a\\u202eb@h"}`, `{node="a\\u202eb@h (2)"}`, `{node="d\\@h"}`} {
		if !strings.Contains(text, "ergo_recorder_node_calls_total"+want) {
			t.Errorf("metrics lack %s:\n%.2000s", want, text)
		}
	}
	if at := strings.IndexFunc(text, func(r rune) bool {
		return r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r))
	}); at >= 0 {
		t.Errorf("metrics let through what steers who reads them: …%.60q", text[max(0, at-20):])
	}
}

// metricsOf is what is answered at /metrics.
func metricsOf(t *testing.T, url string) string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	live.NewToken("right").Authorize(req.Header)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("%d, %v: %s", resp.StatusCode, err, text)
	}
	return string(text)
}
