package web

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/view"
)

// aFleet is one in which nothing is well, and whose names try to be markup.
func aFleet() *view.Fleet {
	return &view.Fleet{Name: "prod", Now: start(), Clusters: []view.Cluster{
		{
			Name: "east", Messages: 1234, Bytes: 5 << 20, MaxBytes: 1 << 30,
			Recorders: []view.Recorder{
				{Recorder: shape.Recorder{
					Name: "r1", Version: evilName, Nodes: []string{"n0@h", evilNode}, Lost: []string{evilNode}, Incidents: 1,
					Backlog: shape.Backlog{Bytes: 2048, Blocks: 3, Age: 90 * time.Second, Why: "full" + evilName},
					Open:    []shape.Incident{{Kind: evilName, Node: evilNode, Note: evilName, From: start(), To: start()}},
				}, State: view.Lives},
				{Recorder: shape.Recorder{Name: "r2"}, State: view.Silent, Silent: time.Minute},
				{Recorder: shape.Recorder{Name: "r3", Ended: "it was stopped"}, State: view.Ended},
			},
			Nodes: []view.Node{
				{Name: "n0@h", Recorders: []string{"r1"}, Offered: []string{"r4"}},
				{Name: evilNode, Recorders: []string{"r1"}, Lost: true},
				{Name: "n2@h"},
			},
		},
		{Name: "west"},
	}}
}

// TestFleet: one screen tells of each cluster who records what, what waits, what is wrong,
// and which incidents are open; the same beside a recording and alone.
func TestFleet(t *testing.T) {
	opt := Options{Name: "f", Fleet: func(context.Context) (*view.Fleet, error) { return aFleet(), nil }}
	beside := New(bundled(t, "stuck"), opt)
	alone := NewFleet(opt, "analyze serve fleet://prod@h/")
	for name, body := range map[string]string{"beside": fetch(beside, "/fleet").Body.String(), "alone": fetch(alone, "/").Body.String()} {
		for _, want := range []string{
			"Cluster east", "3 recorders, 3 nodes, 1234 messages on the engine (5 MiB of at most 1 GiB", "Cluster west",
			"1 node is recorded by nobody", "recorder r2 is silent for 60 s", "SILENT for 60 s", "ended: it was stopped", "2 KiB (full", "90 s",
			"1 node is recorded by r1, going over to r4", "1 node is recorded by r1, without an answer", "1 node is recorded BY NOBODY",
			"&lt;script&gt;alert", "Nobody has taken a node", "None was told of",
		} {
			if !strings.Contains(body, want) {
				t.Errorf("%s: it does not say %q", name, want)
			}
		}
		if strings.Contains(body, "<script>alert") || strings.Contains(body, `"onload="`) || strings.IndexFunc(body, steers) >= 0 {
			t.Errorf("%s: a name is more than text", name)
		}
		if said := "analyze serve fleet://prod@h/west"; strings.Contains(body, said) != (name == "alone") {
			t.Errorf("%s: how the recording of a cluster is served: %v", name, strings.Contains(body, said))
		}
	}
	if w := fetch(New(bundled(t, "stuck"), Options{}), "/fleet"); w.Code != 404 {
		t.Errorf("of no fleet: %d", w.Code)
	}
	opt.Fleet = func(context.Context) (*view.Fleet, error) { return nil, errors.New("the engine does not answer") }
	if w := fetch(New(bundled(t, "stuck"), opt), "/fleet"); w.Code != 500 || !strings.Contains(w.Body.String(), "the engine does not answer") {
		t.Errorf("no engine: %d %s", w.Code, w.Body)
	}
}

// TestBrowserFleet: the page fits a phone, and a key leads to it.
func TestBrowserFleet(t *testing.T) {
	rec := bundled(t, "stuck")
	b := newBrowser(t, analysed(t, rec, stuckReport(t, rec), Options{Fleet: func(context.Context) (*view.Fleet, error) { return aFleet(), nil }}))
	b.open("/")
	b.keys("ga")
	b.until(`location.pathname === "/fleet" && document.querySelector("main h2").textContent.includes("Cluster east")`)
	b.narrow(390)
	b.open("/fleet")
	if w := eval[float64](b, `document.documentElement.scrollWidth`); w > 390 {
		t.Errorf("it is %.0f px wide on a phone of 390", w)
	}
}
