package live

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"ergorecorder/ergo"
)

// A fakeWay is an entry point whose fate the test decides. Its log holds what
// it was asked, the asking for names aside.
type fakeWay struct {
	mu   sync.Mutex
	self string
	err  error
	log  []string
}

func (f *fakeWay) Call(_ context.Context, call ergo.Call) (ergo.Answer, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.err != nil {
		return ergo.Answer{}, f.err
	}
	if call.Tool == "cluster_nodes" {
		return ergo.Answer{Text: fmt.Appendf(nil, `[{"name":"other@h","status":"connected"},{"name":%q,"status":"self"}]`, f.self)}, nil
	}
	f.log = append(f.log, call.String())
	if call.Node == "dead@h" {
		return ergo.Answer{}, ergo.RemoteError("dead@h", "no route")
	}
	if call.Node == "half@h" {
		return ergo.Answer{}, ergo.RemoteError("half@h", "timed out")
	}
	return ergo.Answer{Text: []byte(f.self)}, nil
}

func (f *fakeWay) set(self string, err error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.self, f.err = self, err
}

func (f *fakeWay) took() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	l := f.log
	f.log = nil
	return l
}

type routerTest struct {
	t       *testing.T
	a, b, j *fakeWay
	r       *Router
	now     time.Time
	mu      sync.Mutex
	notices []string
}

func newRouterTest(t *testing.T, joined bool) *routerTest {
	rt := &routerTest{t: t, a: &fakeWay{self: "a@h"}, b: &fakeWay{self: "b@h"}, j: &fakeWay{self: "joined"}, now: time.Unix(1e9, 0)}
	ways := []Way{{Name: "A", Caller: rt.a}, {Name: "B", Caller: rt.b}}
	if joined {
		ways = append(ways, Way{Name: "J", Caller: rt.j, Joined: true})
	}
	rt.r = NewRouter(ways, func() time.Time { return rt.now }, func(n Notice) {
		rt.mu.Lock()
		defer rt.mu.Unlock()
		rt.notices = append(rt.notices, n.What+" "+n.Way+" "+n.Node)
	})
	if err := rt.r.Refresh(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	rt.told("entry_found A a@h", "entry_found B b@h")
	return rt
}

func (rt *routerTest) told(want ...string) {
	rt.t.Helper()
	slices.Sort(rt.notices)
	if !slices.Equal(rt.notices, want) {
		rt.t.Errorf("notices %q, want %q", rt.notices, want)
	}
	rt.notices = nil
}

func (rt *routerTest) call(node string) error {
	_, err := rt.r.Call(context.Background(), ergo.Call{Node: node, Tool: "t"})
	return err
}

func (rt *routerTest) asked(a, b, j []string) {
	rt.t.Helper()
	for _, c := range []struct {
		way  *fakeWay
		want []string
	}{{rt.a, a}, {rt.b, b}, {rt.j, j}} {
		if got := c.way.took(); !slices.Equal(got, c.want) {
			rt.t.Errorf("%s was asked %q, want %q", c.way.self, got, c.want)
		}
	}
}

func TestRouterAsksNodesDirectly(t *testing.T) {
	rt := newRouterTest(t, false)
	for _, n := range []string{"b@h", "a@h", "c@h", ""} {
		if err := rt.call(n); err != nil {
			t.Fatal(err)
		}
	}
	rt.asked([]string{"t", "t on c@h", "t"}, []string{"t"}, nil)
	if !rt.r.Direct("b@h") || rt.r.Direct("c@h") || rt.r.Direct("") {
		t.Error("direct nodes are not those with an entry point")
	}
}

func TestRouterPrefersJoinedOverForwarding(t *testing.T) {
	rt := newRouterTest(t, true)
	for _, n := range []string{"b@h", "c@h", ""} {
		if err := rt.call(n); err != nil {
			t.Fatal(err)
		}
	}
	rt.asked([]string{"t"}, []string{"t"}, []string{"t on c@h"})
}

func TestRouterFallsOver(t *testing.T) {
	rt := newRouterTest(t, false)
	rt.a.set("a@h", errors.New("connection refused"))
	for _, n := range []string{"c@h", "a@h"} {
		if err := rt.call(n); err != nil {
			t.Fatal(err)
		}
	}
	rt.asked(nil, []string{"t on c@h", "t on a@h"}, nil)
	rt.told("entry_lost A a@h")
	if rt.r.Direct("a@h") {
		t.Error("a node whose entry point is lost is not direct")
	}
	// It is back under another name; the next refresh after its rest finds out.
	rt.a.set("new@h", nil)
	rt.now = rt.now.Add(time.Minute)
	if err := rt.r.Refresh(context.Background(), nil); err != nil {
		t.Fatal(err)
	}
	rt.told("entry_back A a@h", "entry_renamed A new@h")
	_ = rt.call("a@h")
	rt.asked(nil, []string{"t on a@h"}, nil) // whose turn it is
}

// TestRouterTakesTurns: entry points forward in turn; one that could not reach a
// node in time is passed over for that node, and for no other.
func TestRouterTakesTurns(t *testing.T) {
	rt := newRouterTest(t, false)
	for range 4 {
		if err := rt.call("c@h"); err != nil {
			t.Fatal(err)
		}
	}
	rt.asked([]string{"t on c@h", "t on c@h"}, []string{"t on c@h", "t on c@h"}, nil)
	for range 3 {
		_ = rt.call("half@h")
	}
	if a, b := rt.a.took(), rt.b.took(); len(a)+len(b) != 3 || len(a) == 0 || len(b) == 0 {
		t.Errorf("asked %q and %q for a node behind a link that hangs", a, b)
	}
}

func TestRouterNoWayLeft(t *testing.T) {
	rt := newRouterTest(t, false)
	rt.a.set("", errors.New("cause one"))
	rt.b.set("", errors.New("cause two"))
	err := rt.call("c@h")
	if !errors.Is(err, ErrNoWay) || !strings.Contains(err.Error(), "cause one") || !strings.Contains(err.Error(), "cause two") {
		t.Errorf("error %v", err)
	}
	if err := rt.r.Refresh(context.Background(), nil); !errors.Is(err, ErrNoWay) {
		t.Errorf("refresh: %v", err)
	}
	// Ways at rest are still tried when nothing else is left.
	rt.a.set("a@h", nil)
	if err := rt.call("c@h"); err != nil {
		t.Error(err)
	}
}

// TestRouterDoesNotRepeat: a call that timed out is not made a second time,
// one that met no route is tried from elsewhere.
func TestRouterDoesNotRepeat(t *testing.T) {
	rt := newRouterTest(t, false)
	for node, want := range map[string]string{"half@h": "timed out", "dead@h": "no route"} {
		err := rt.call(node)
		why, failed := ergo.AsToolError(err).LinkFailed()
		if !failed || why != want {
			t.Errorf("%s: %v", node, err)
		}
	}
	if n := len(rt.a.took()) + len(rt.b.took()); n != 3 {
		t.Errorf("%d calls, want one to half@h and two to dead@h", n)
	}
	rt.told()
	rt.a.set("a@h", fmt.Errorf("post: %w", context.DeadlineExceeded))
	for range timeouts { // one that waits behind a worker that is held up says nothing yet
		rt.told()
		if err := rt.call("a@h"); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
	}
	rt.asked(nil, nil, nil)
	rt.told("entry_lost A a@h")
	if err := rt.call("c@h"); err != nil {
		t.Error(err)
	}
	rt.asked(nil, []string{"t on c@h"}, nil)
}

// TestRouterFollowsASource: ways come as a source names them, and go when it
// does not and they do not answer; a source that fails changes nothing.
func TestRouterFollowsASource(t *testing.T) {
	down := map[string]bool{}
	wayOf := func(name string) Way {
		return Way{Name: name, Caller: ergo.CallerFunc(func(_ context.Context, c ergo.Call) (ergo.Answer, error) {
			if down[name] {
				return ergo.Answer{}, errors.New("refused")
			}
			return ergo.Answer{Text: fmt.Appendf(nil, `[{"name":%q,"status":"self"}]`, name)}, nil
		})}
	}
	named := []string{"a", "b"}
	var failure error
	var mu sync.Mutex // ways are asked beside each other, and so told of
	var said []string
	now := time.Unix(0, 0)
	r := NewRouter(nil, func() time.Time { return now }, func(n Notice) {
		mu.Lock()
		defer mu.Unlock()
		said = append(said, n.What+" "+n.Way)
	})
	r.Follow(func(context.Context) ([]Way, error) {
		var ways []Way
		for _, n := range named {
			ways = append(ways, wayOf(n))
		}
		return ways, failure
	})
	entries := func() string {
		t.Helper()
		said = nil
		for range 2 { // source and ways are asked beside each other: what is lost and not named is given up in this one or the next
			now = now.Add(time.Minute)
			_ = r.Refresh(t.Context(), nil) // that none is left is told by the entries
		}
		list := r.Entries()
		slices.Sort(list)
		slices.Sort(said)
		return strings.Join(list, " ") + "; " + strings.Join(said, ", ")
	}
	for _, step := range []struct {
		do   func()
		want string
	}{
		{func() {}, "a b; entry_found a, entry_found b, entry_new a, entry_new b"},
		{func() { named = []string{"b", "c"} }, "a b c; entry_found c, entry_new c"},
		{func() { down["a"] = true }, "b c; entry_gone a, entry_lost a"},
		{func() { failure = errors.New("no name server") }, "b c; entries_unsure entry points"},
		{func() {}, "b c; "},
		{func() { failure, named = nil, nil; down["b"], down["c"] = true, true }, "; entry_gone b, entry_gone c, entry_lost b, entry_lost c"},
	} {
		step.do()
		if got := entries(); got != step.want {
			t.Errorf("%q, want %q", got, step.want)
		}
	}
	if err := r.Refresh(t.Context(), nil); !errors.Is(err, ErrNoWay) || !strings.Contains(err.Error(), "nobody is named") {
		t.Errorf("with no way: %v", err)
	}
	if _, err := r.Call(t.Context(), ergo.Call{Node: "x", Tool: "node_info"}); !errors.Is(err, ErrNoWay) || !r.Forwarded("x") {
		t.Errorf("a call with no way: %v", err)
	}
}
