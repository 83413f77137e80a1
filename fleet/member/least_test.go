package member_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/jwt/v2"

	"ergorecorder/fleet/ask"
	"ergorecorder/fleet/engine"
	"ergorecorder/fleet/engine/enginetest"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shelf"
	"ergorecorder/fleet/view"
)

// least are the permissions that docs/fleet.md says suffice for somebody, of the fleet f and its
// cluster c.
func least(t *testing.T, who string) (p jwt.Permissions) {
	t.Helper()
	text, err := os.ReadFile("../../docs/fleet.md")
	must(t, err)
	_, rest, ok := strings.Cut(string(text), "    # "+who+"\n")
	if !ok {
		t.Fatalf("docs/fleet.md says nothing of %s", who)
	}
	for _, line := range strings.SplitAfter(rest, "\n") {
		words := regexp.MustCompile(`^    (publish|subscribe): (.+)\n$`).FindStringSubmatch(line)
		if words == nil {
			break
		}
		for subject := range strings.FieldsSeq(strings.NewReplacer("NAME_", "f_", ".NAME.", ".f.", "CLUSTER", "c").Replace(words[2])) {
			if words[1] == "publish" {
				p.Pub.Allow.Add(subject)
			} else {
				p.Sub.Allow.Add(subject)
			}
		}
	}
	if len(p.Pub.Allow) == 0 || len(p.Sub.Allow) == 0 {
		t.Fatalf("docs/fleet.md lists nothing for %s", who)
	}
	return p
}

// TestLeast: who may do no more than docs/fleet.md lists records as one of a fleet, makes what is
// missing, puts segments on the engine's shelf, and reads all of it; who may only read changes nothing.
func TestLeast(t *testing.T) {
	t.Parallel()
	auth := newAuthority(t)
	e := enginetest.Start(t, engine.Options{Change: auth.change})
	until := time.Now().Add(time.Hour)
	writes, reads := filepath.Join(t.TempDir(), "writes"), filepath.Join(t.TempDir(), "reads")
	auth.giveOnly(writes, until, least(t, "a recorder"))
	auth.giveOnly(reads, until, least(t, "a reader"))

	a := begin(t, &life{Name: "a", Hosts: []string{e.URL()}, Creds: writes})
	b := begin(t, &life{Name: "b", Hosts: []string{e.URL()}, Creds: writes})
	defer func() {
		if t.Failed() {
			t.Logf("they said %q and %q", a.told, b.told)
		}
	}()
	within(t, 15*time.Second, "the share of each", func() bool { return len(a.nodes()) == 2 && len(b.nodes()) == 2 })
	within(t, 15*time.Second, "something shipped", func() bool { return a.member.Standing().Shipped > 0 })
	within(t, 5*time.Second, "room for a segment", func() bool { return a.recorder.Status().Records > 10 })
	must(t, a.writer.Rotate())
	a.end(t)
	within(t, 10*time.Second, "the nodes of who left", func() bool { return len(b.nodes()) == 4 })
	b.end(t)
	for _, l := range []*life{a, b} {
		for _, s := range l.told {
			if strings.Contains(s, "ermissions") || strings.Contains(s, "not shipped") {
				t.Errorf("recorder %s: %s", l.Name, s)
			}
		}
	}
	dial := func(creds string) *link.Link {
		l, err := link.Dial(link.Options{Hosts: []string{e.URL()}, CredsFile: creds, Fleet: "f", Notice: func(s string) { t.Log(s) }})
		must(t, err)
		t.Cleanup(l.Close)
		must(t, l.Wait(t.Context()))
		return l
	}
	must(t, shelf.NewFiller(shelf.OnEngine(dial(writes), "f", "c"), a.Path, shelf.FillOptions{}).Fill(t.Context()))

	l := dial(reads)
	f, err := view.Read(t.Context(), l, "f")
	if err != nil || len(f.Clusters) != 1 || len(f.Clusters[0].Recorders) != 2 {
		t.Errorf("the fleet: %v, %+v", err, f)
	}
	for _, address := range []string{"fleet://f@", "shelf://f@"} {
		o, err := ask.Open(t.Context(), address+strings.TrimPrefix(e.URL(), "nats://"), ask.Options{Engine: link.Options{CredsFile: reads, Notice: func(s string) { t.Log(s) }}})
		if err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		t.Log(o.Fetched())
		must(t, o.Close())
	}
	all, err := dial(writes).JetStream().Stream(t.Context(), "ERGO_f_c")
	must(t, err)
	had := all.CachedInfo().State.Msgs
	short, cancel := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer cancel()
	text, err := json.Marshal("x")
	must(t, err)
	if _, err := l.JetStream().Publish(short, "ergo.f.c.mark.0000000000000001._.note", text); err == nil {
		t.Error("who may only read has published")
	}
	if err := l.JetStream().DeleteStream(short, "ERGO_f_c"); err == nil {
		t.Error("who may only read has deleted")
	}
	if all, err = dial(writes).JetStream().Stream(t.Context(), "ERGO_f_c"); err != nil || all.CachedInfo().State.Msgs != had {
		t.Errorf("who may only read has changed something: %v", err)
	}
}
