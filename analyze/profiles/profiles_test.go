package profiles_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/analyze/profiles"
)

// recorded is a file that a real node gave.
func recorded(t *testing.T, name string) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestOriginAndBehavior(t *testing.T) {
	tests := []struct {
		function string
		origin   profiles.Origin
		behavior string
	}{
		{"labapp/trading.(*OrderBook).applyDelta", profiles.Application, "trading.OrderBook"},
		{"labapp/trading.(*OrderBook).Init.func1", profiles.Application, "trading.OrderBook"},
		{"labapp/trading.holdBookLock", profiles.Application, ""},
		{"labapp/trading.Quote.String", profiles.Application, "trading.Quote"},
		{"labapp/trading.holdBookLock.func1", profiles.Application, ""},
		{"github.com/a/b.v2/core.(*Tree[go.shape.int]).Add", profiles.Application, "core.Tree"},
		{"main.main", profiles.Application, ""},
		{"main.(*T).Do", profiles.Application, "main.T"},
		{"ergo.services/ergo/node.(*process).waitResponse", profiles.Framework, "node.process"},
		{"ergo.services/application/mcp.newRingBuffer", profiles.Framework, ""},
		{"github.com/google/pprof/profile.Parse", profiles.Framework, ""},
		{"runtime.futex", profiles.Runtime, ""},
		{"internal/sync.(*HashTrieMap[go.shape.interface {},go.shape.interface {}]).Load", profiles.Runtime, "sync.HashTrieMap"},
		{"net/http.(*conn).serve", profiles.Runtime, "http.conn"},
		{"vendor/golang.org/x/net/idna.ToASCII", profiles.Runtime, ""},
		{"gosave_systemstack_switch", profiles.Runtime, ""},
		{"type:.eq.labapp/core.Key", profiles.Runtime, ""},
		{"", profiles.Runtime, ""},
		{"netbox/core.Run", profiles.Application, ""},
	}
	for _, test := range tests {
		if got := profiles.OriginOf(test.function); got != test.origin {
			t.Errorf("%s is %v, want %v", test.function, got, test.origin)
		}
		if test.origin == profiles.Runtime && test.behavior == "" {
			continue // nobody asks for the behavior of these
		}
		if got := profiles.BehaviorOf(test.function); got != test.behavior {
			t.Errorf("behavior of %s is %q, want %q", test.function, got, test.behavior)
		}
	}
}

func TestParseCPU(t *testing.T) {
	table, err := profiles.ParseCPU(recorded(t, "cpu.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if table.Seconds != 5 || table.Total != 190e6 || len(table.Rows) != 30 {
		t.Errorf("%g s, %d ns, %d rows", table.Seconds, table.Total, len(table.Rows))
	}
	if r, ok := table.Row("runtime.findRunnable"); !ok || r.Flat != 10070000 || r.Cum != 60040000 {
		t.Errorf("findRunnable is %+v", r)
	}
}

func TestParseHeap(t *testing.T) {
	inUse, allocated, err := profiles.ParseHeap(recorded(t, "heap.txt"))
	if err != nil {
		t.Fatal(err)
	}
	const store = "labapp/trading.(*CandleCache).storeCandle"
	mib := func(v float64) int64 { return int64(v*(1<<20) + 0.5) }
	if inUse.Total != mib(73.4) || inUse.Rows[0] != (profiles.Row{Function: store, Flat: mib(67.6), Cum: mib(67.6)}) {
		t.Errorf("in use: %d bytes, first %+v", inUse.Total, inUse.Rows[0])
	}
	if r, ok := allocated.Row(store); !ok || r.Flat != mib(72.1) {
		t.Errorf("allocated by %s: %+v", store, r)
	}
	before, _, err := profiles.ParseHeap(recorded(t, "heap_before.txt"))
	if err != nil {
		t.Fatal(err)
	}
	diff := profiles.Diff(before, inUse)
	if first := diff.Rows[0]; first.Function != store || first.Flat != mib(67.6) {
		t.Errorf("what grew most is %+v", first)
	}
	app := inUse.Of(profiles.Application)
	if len(app) == 0 || app[0].Function != store {
		t.Errorf("application code: %+v", app)
	}
}

func TestDiffScalesByTime(t *testing.T) {
	base := profiles.Table{Seconds: 10, Total: 100, Rows: []profiles.Row{{"a", 60, 60}, {"gone", 40, 40}}}
	later := profiles.Table{Seconds: 5, Total: 90, Rows: []profiles.Row{{"a", 30, 30}, {"new", 60, 60}}}
	want := []profiles.Row{{"new", 60, 60}, {"gone", -20, -20}}
	if got := profiles.Diff(base, later); !slices.Equal(got.Rows, want) || got.Total != 40 {
		t.Errorf("diff %+v, want rows %+v and a total of 40", got, want)
	}
}

func TestRefusesOtherText(t *testing.T) {
	for _, text := range []string{
		"", "null", "heap", "CPU profile: x seconds, 1 total", "heap profile: total inuse many, showing 3",
		"goroutine profile: total", "goroutine profile: total -", "heap profile: total inuse NaNB, showing 1",
	} {
		if _, err := profiles.ParseCPU(text); err == nil {
			t.Errorf("%q is taken for a cpu profile", text)
		}
		if _, _, err := profiles.ParseHeap(text); err == nil {
			t.Errorf("%q is taken for a heap profile", text)
		}
		if _, err := profiles.ParseGoroutines(text); err == nil {
			t.Errorf("%q is taken for goroutines", text)
		}
		if _, err := profiles.ParseRaw([]byte(text)); err == nil {
			t.Errorf("%q is taken for a raw profile", text)
		}
	}
}

func TestGroupedGoroutines(t *testing.T) {
	d, err := profiles.ParseGoroutines(recorded(t, "goroutines1.txt"))
	if err != nil {
		t.Fatal(err)
	}
	if d.Total != 23 {
		t.Errorf("total %d, want 23", d.Total)
	}
	sum := 0
	for _, g := range d.Groups() {
		sum += g.Count
	}
	if sum != d.Total {
		t.Errorf("the groups hold %d of %d goroutines", sum, d.Total)
	}
	own := d.ByPID("<11458782.0.1078>")
	if len(own) != 1 {
		t.Fatalf("%d goroutines of the stuck process, want 1", len(own))
	}
	top, ok := own[0].TopApplication()
	if !ok || top.Function != "labapp/trading.(*OrderBook).applyDelta" || top.Line != 235 {
		t.Errorf("its innermost application frame is %+v", top)
	}
	if own[0].Blocked() != profiles.WaitMutex {
		t.Errorf("it waits for %q, want a mutex", own[0].Blocked())
	}
}

func TestSingleGoroutines(t *testing.T) {
	d, err := profiles.ParseGoroutines(recorded(t, "goroutines2.txt"))
	if err != nil {
		t.Fatal(err)
	}
	own := d.ByPID("<11458782.0.1078>")
	if d.Total != 22 || len(d.Goroutines) != 2 || len(own) != 1 {
		t.Fatalf("total %d, listed %d, of the process %d", d.Total, len(d.Goroutines), len(own))
	}
	g := own[0]
	if g.State != "sync.Mutex.Lock" || g.Blocked() != profiles.WaitMutex || g.Function() != "labapp/trading.(*OrderBook).applyDelta" {
		t.Errorf("state %q, blocked on %q, in %s", g.State, g.Blocked(), g.Function())
	}
	if g.Created != "ergo.services/ergo/node.goWithLabels" || g.Stack[len(g.Stack)-1].Function != "runtime/pprof.Do" {
		t.Errorf("created by %s, outermost frame %+v", g.Created, g.Stack[len(g.Stack)-1])
	}
}

func TestSingleGoroutineHeadings(t *testing.T) {
	tests := []struct {
		head string
		want profiles.Goroutine
	}{
		{"goroutine 1 [chan receive]:", profiles.Goroutine{Count: 1, ID: 1, State: "chan receive"}},
		{"goroutine 1 [select, 12 minutes]:", profiles.Goroutine{Count: 1, ID: 1, State: "select", Waiting: 12 * time.Minute}},
		{`goroutine 7 [sync.Mutex.Lock, 3 minutes labels:{"pid": "<A.0.1>"}]:`, profiles.Goroutine{
			Count: 1, ID: 7, State: "sync.Mutex.Lock", Waiting: 3 * time.Minute, Labels: map[string]string{"pid": "<A.0.1>"},
		}},
		{`goroutine 7 [IO wait, 3 minutes, labels:{"meta": "x", "role": "reader"}]:`, profiles.Goroutine{
			Count: 1, ID: 7, State: "IO wait", Waiting: 3 * time.Minute, Labels: map[string]string{"meta": "x", "role": "reader"},
		}},
		{"goroutine 9 [syscall, 1 minutes, locked to thread]:", profiles.Goroutine{Count: 1, ID: 9, State: "syscall", Waiting: time.Minute}},
	}
	for _, test := range tests {
		text := "goroutine profile: total 1, matched 1, showing 1\n\n" + test.head + "\nmain.f({0x1, 0x2}, 0x3)\n\t/src/main.go:7 +0x1\n"
		d, err := profiles.ParseGoroutines(text)
		if err != nil || len(d.Goroutines) != 1 {
			t.Errorf("%s: %d goroutines, %v", test.head, len(d.Goroutines), err)
			continue
		}
		test.want.Stack = []profiles.Frame{{Function: "main.f", File: "/src/main.go", Line: 7}}
		if diff := cmp.Diff(test.want, d.Goroutines[0]); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.head, diff)
		}
	}
}

func TestRaw(t *testing.T) {
	heap, err := profiles.ParseRaw([]byte(recorded(t, "heap.pb.gz")))
	if err != nil {
		t.Fatal(err)
	}
	top, err := heap.Top("", "")
	if err != nil {
		t.Fatal(err)
	}
	const store = "labapp/trading.(*CandleCache).storeCandle"
	if top.Unit != "bytes" || top.Rows[0].Function != store {
		t.Errorf("most in use: %s by %+v", top.Unit, top.Rows[0])
	}
	owed, err := heap.Attributed("")
	if err != nil || owed.Total != top.Total || owed.Rows[0] != (profiles.Row{Function: store, Flat: top.Rows[0].Flat, Cum: top.Rows[0].Flat}) {
		t.Errorf("most in use is owed to %+v, of %d bytes, %v", owed.Rows[0], owed.Total, err)
	}
	if r, ok := owed.Row("labapp/core.(*Strategy).HandleEvent"); !ok || r.Flat != 524344 {
		t.Errorf("what the framework allocated for HandleEvent is %+v", r)
	}
	view, err := heap.Peek("inuse_space", store)
	if err != nil {
		t.Fatal(err)
	}
	if len(view.Callers) != 1 || view.Callers[0].Function != "labapp/trading.(*CandleCache).HandleMessage" || view.Cum != top.Rows[0].Cum {
		t.Errorf("around it: %+v", view)
	}
	if _, err := heap.Top("cpu", ""); err == nil || !strings.Contains(err.Error(), "inuse_space") {
		t.Errorf("a measure that is not there: %v, want an error that names those that are", err)
	}
	if _, err := heap.Peek("", "nobody"); err == nil {
		t.Error("peek at a function that is not there gives no error")
	}
}

func TestRawByPID(t *testing.T) {
	cpu, err := profiles.ParseRaw([]byte(recorded(t, "cpu.pb.gz")))
	if err != nil {
		t.Fatal(err)
	}
	all, err := cpu.Top("cpu", "")
	if err != nil {
		t.Fatal(err)
	}
	byPID, err := cpu.ByPID("cpu")
	if err != nil {
		t.Fatal(err)
	}
	sum := int64(0)
	for pid, v := range byPID {
		sum += v
		if own, err := cpu.Top("cpu", pid); pid != "" && (err != nil || own.Total != v) {
			t.Errorf("%s has %d ns by label and %d by its table, %v", pid, v, own.Total, err)
		}
	}
	if sum != all.Total || len(byPID) < 2 {
		t.Errorf("%d processes have %d of %d ns", len(byPID), sum, all.Total)
	}
}

func FuzzText(f *testing.F) {
	for _, name := range []string{"cpu.txt", "heap.txt", "goroutines1.txt", "goroutines2.txt"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(string(data))
	}
	f.Fuzz(func(t *testing.T, text string) {
		_, _ = profiles.ParseCPU(text)
		_, _, _ = profiles.ParseHeap(text)
		if d, err := profiles.ParseGoroutines(text); err == nil {
			d.Groups()
		}
	})
}
