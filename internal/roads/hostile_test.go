package roads

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"net/http"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/analyze"
	"ergorecorder/analyze/render"
	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/ergo/observer/native"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
	"ergorecorder/internal/pace"
	"ergorecorder/internal/sim"
	"ergorecorder/internal/twist"
	"ergorecorder/recorder"
	"ergorecorder/replay"
)

// The nodes: one whose answers are hostile, whatever road they come over, and one
// that is healthy and has an entry point of its own.
const evil, good = "evil@h", "good@g"

// An attack changes what a node says; nth counts its answers. What it returns nil for is
// never answered.
type attack func(luck *rand.Rand, nth int, said any) any

// attacks are the ways in which a peer is hostile.
func attacks() map[string]attack {
	return map[string]attack{
		"another schema in each answer": func(luck *rand.Rand, nth int, said any) any {
			return eachRow(said, func(row map[string]any) {
				for k := range 20 {
					row[fmt.Sprintf("k%d_%d_%d", nth, k, luck.IntN(1e9))] = luck.Float64()
				}
			})
		},
		"many rows": func(_ *rand.Rand, nth int, said any) any { return manyRows(said, 3000, nth) },
		"endless events": func(_ *rand.Rand, nth int, said any) any {
			if o, ok := said.(map[string]any); ok && o["Events"] != nil {
				var events []any
				for i := range 20_000 {
					events = append(events, map[string]any{"Event": fmt.Sprintf("e%d_%d", nth, i), "Name": fmt.Sprintf("e%d_%d", nth, i), "Subscribers": i})
				}
				o["Events"], o["Truncated"] = events, true
			}
			return said
		},
		"the year 9999": func(_ *rand.Rand, nth int, said any) any {
			odd := []string{"9999-12-31T23:59:59.999999999Z", "0001-01-01T00:00:00Z"}
			return each(said, func(v any) any {
				if s, ok := v.(string); ok && instant.MatchString(s) {
					return odd[nth%2]
				}
				return v
			})
		},
		"negative numbers": func(luck *rand.Rand, _ int, said any) any {
			odd := []string{"-1", "-9223372036854775808", "9223372036854775807", "18446744073709551615", "1e308"}
			return each(said, func(v any) any {
				if _, ok := v.(json.Number); ok && luck.IntN(3) == 0 {
					return json.Number(odd[luck.IntN(len(odd))])
				}
				return v
			})
		},
		"forged PIDs and creations": func(luck *rand.Rand, _ int, said any) any {
			odd := []string{"good@g:1004.1", "evil@h:-5.-7", "evil@h:99999999999999999999.1", "<FFFFFFFF.0.1>", "evil@h:1004.0"}
			said = each(said, func(v any) any {
				if s, ok := v.(string); ok && identifier.MatchString(s) && luck.IntN(4) == 0 {
					return odd[luck.IntN(len(odd))]
				}
				return v
			})
			return eachRow(said, func(row map[string]any) {
				if row["Creation"] != nil {
					row["Creation"] = luck.Int64()
				}
			})
		},
		"anything": func(luck *rand.Rand, _ int, said any) any { return twist.JSON(luck, said, 40) },
		"a stall at every third step": func(_ *rand.Rand, nth int, said any) any {
			if nth%3 == 2 {
				return nil
			}
			return said
		},
		"answers that are none": func(_ *rand.Rand, nth int, said any) any {
			return []any{"", map[string]any{}, []any{}, nil, json.Number("7"), said}[nth%6]
		},
	}
}

var (
	instant    = regexp.MustCompile(`^\d{4}-\d\d-\d\dT`)
	identifier = regexp.MustCompile(`^<[0-9A-F]+\.\d+\.\d+>$|^[^@]+@[^:]+:\d+\.\d+$`)
)

// each exchanges every value that is neither an object nor an array.
func each(v any, f func(any) any) any {
	switch v := v.(type) {
	case map[string]any:
		for k, x := range v {
			v[k] = each(x, f)
		}
		return v
	case []any:
		for i, x := range v {
			v[i] = each(x, f)
		}
		return v
	}
	return f(v)
}

// eachRow changes every object.
func eachRow(v any, f func(map[string]any)) any {
	switch x := v.(type) {
	case map[string]any:
		for _, y := range x {
			eachRow(y, f)
		}
		f(x)
	case []any:
		for _, y := range x {
			eachRow(y, f)
		}
	}
	return v
}

// manyRows makes many rows of the last of every list of objects.
func manyRows(v any, n, nth int) any {
	switch x := v.(type) {
	case map[string]any:
		for k, y := range x {
			x[k] = manyRows(y, n, nth)
		}
	case []any:
		if len(x) == 0 {
			return v
		}
		last, ok := x[len(x)-1].(map[string]any)
		if !ok {
			return v
		}
		for i := range n {
			row := make(map[string]any, len(last))
			for k, y := range last {
				row[k] = y
			}
			if row["PID"] != nil {
				row["PID"] = fmt.Sprintf("%s:%d.1", evil, 5000+nth*n+i)
			}
			x = append(x, row)
		}
		return x
	}
	return v
}

// An attacker changes answers one after the other.
type attacker struct {
	mu   sync.Mutex
	luck *rand.Rand
	nth  int
	do   attack
}

// answer is what is said in place of an answer; ok is false where it is nothing. What
// is no JSON, and what finds out which road this is, stays.
func (a *attacker) answer(text []byte) (hostile []byte, ok bool) {
	var said any
	d := json.NewDecoder(strings.NewReader(string(text)))
	d.UseNumber()
	if d.Decode(&said) != nil {
		return text, true
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.nth++
	if said = a.do(a.luck, a.nth, said); said == nil {
		return nil, false
	}
	if s, is := said.(string); is {
		return []byte(s), true
	}
	out, err := json.Marshal(said)
	if err != nil {
		panic(err)
	}
	return out, true
}

// TestHostileNodeOverEveryRoad: whatever a node says, over whichever road, the other is
// sampled as if it were not there, the recorder ends in its time, its archive is sound,
// and what is judged of it is written without a length of time that ran over.
func TestHostileNodeOverEveryRoad(t *testing.T) {
	if testing.Short() {
		t.Skip("every attack over every road")
	}
	roads := all()
	step := pace.Every(2, 7) // of 36; a step that is prime to both meets every road and every attack
	i := 0
	ways := attacks()
	for _, name := range slices.Sorted(maps.Keys(ways)) {
		do := ways[name]
		for _, road := range roads {
			if i++; i%step != 0 {
				continue
			}
			t.Run(string(road)+" "+name, func(t *testing.T) {
				path := filepath.Join(t.TempDir(), "a.erg")
				began := time.Now()
				synctest.Test(t, func(t *testing.T) { recordHostile(t, road, &attacker{luck: rand.New(rand.NewPCG(1, 9)), do: do}, path) })
				if took := time.Since(began); took > time.Minute {
					t.Errorf("a minute of recording took %v", took)
				}
				judgeHostile(t, path)
			})
		}
	}
}

// recordHostile records both nodes for a minute. It runs in a bubble.
func recordHostile(t *testing.T, road ergo.Road, a *attacker, path string) {
	c := sim.NewLive(evil, good)
	defer c.Close()
	opts := recorder.Standard()
	opts.For, opts.Jitter = time.Minute, func() float64 { return 0.5 }
	ways := []live.Way{{Name: "good", Caller: c.Endpoint(good)}, hostileWay(t, c, road, a, &opts)}
	router := live.NewRouter(ways, time.Now, nil)
	opts.Routes = router
	w := archivetest.Writer(t, path, nil)
	r, err := recorder.New(router, w, opts)
	if err != nil {
		t.Fatal(err)
	}
	began := time.Now()
	if err := r.Run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if took := time.Since(began); took > 70*time.Second {
		t.Errorf("a minute took %v", took)
	}
	// who answers nothing that can be read is asked more and more rarely
	if a.nth < 3 {
		t.Errorf("only %d hostile answers were given", a.nth)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
}

// hostileWay is a way to the hostile node.
func hostileWay(t *testing.T, c *sim.Live, road ergo.Road, a *attacker, opts *recorder.Options) live.Way {
	honest := c.Endpoint(evil)
	hostile := ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
		answer, err := honest.Call(ctx, call)
		if err != nil || call.Tool == "cluster_nodes" {
			return answer, err
		}
		text, ok := a.answer(answer.Text)
		if !ok {
			return ergo.Answer{}, late(ctx)
		}
		answer.Text = text
		return answer, nil
	})
	switch road {
	case ergo.RoadObserver:
		return observed(t, honest, a)
	case ergo.RoadLink:
		return linked(t, &wiretest.Peer{Name: evil, Caller: hostile}, opts)
	case ergo.RoadSystem:
		return linked(t, &wiretest.Peer{Name: evil, System: ergo.CallerFunc(func(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
			text, _, err := viewOf(honest).Request(ctx, evil, call.Tool, call.Args)
			if err != nil || call.Tool == "GetCapabilities" {
				return ergo.Answer{Text: text}, err
			}
			hostile, ok := a.answer(text)
			if !ok {
				return ergo.Answer{}, late(ctx)
			}
			return ergo.Answer{Text: hostile}, nil
		})}, opts)
	}
	return live.Way{Name: "evil", Caller: hostile}
}

// late is a call that is not answered in its time.
func late(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	<-ctx.Done()
	return ctx.Err()
}

// viewOf is the hostile node as it speaks from 3.3 on.
func viewOf(honest ergo.Caller) *native.View {
	return &native.View{
		At: time.Now(), Home: evil, Nodes: []string{evil},
		Of: func(string) ergo.Caller { return honest }, Life: func(string) int64 { return 946684000 },
		Absent: func(context.Context, string) bool { return false }, Seen: func(string) time.Time { return time.Time{} },
		Build: func(string) []string { return nil }, Log: func(context.Context, gate.URI, *gate.Resource) error { return nil },
	}
}

// observed is the way through an Observer on the hostile node.
func observed(t *testing.T, honest ergo.Caller, a *attacker) live.Way {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		q, refused := gate.Read(r)
		if refused != nil {
			gate.Refuse(w, r, refused)
			return
		}
		stalls := false
		says := native.Observer{
			Server: gate.Observer(), Tools: gate.ReadOnly(),
			View: func(context.Context, string) (*native.View, error) { return viewOf(honest), nil },
		}
		if q.Name != "ergo://cluster" {
			says.Text = func(text []byte) []byte {
				hostile, ok := a.answer(text)
				stalls = !ok
				return hostile
			}
		}
		answer := says.Answer(r.Context(), q)
		if stalls {
			<-r.Context().Done()
			return
		}
		answer.Write(w, r, q)
	})
	client, err := observer.New("http://evil:9911/mcp", live.Options{Transport: handlerTransport{handler}, Timeout: 10 * time.Second})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	o := observer.NewCaller(client)
	return live.Way{Name: "observer", Caller: spanning{o}}
}

// spanning is an Observer as a way that reaches its nodes by itself.
type spanning struct{ *observer.Caller }

func (spanning) Spans() bool { return true }

// linked is the way over a link to a peer, which is served until the bubble ends.
func linked(t *testing.T, p *wiretest.Peer, opts *recorder.Options) live.Way {
	const secret = "a cookie of some length"
	cookie, err := wire.NewCookie(secret)
	if err != nil {
		t.Fatal(err)
	}
	p.Cookie, p.Creation = secret, 946684000
	var network wiretest.Network
	ctx, cancel := context.WithCancel(context.Background())
	network.Serve(ctx, "h:15000", p)
	cluster, err := wire.Open(wire.Options{
		Node: "recorder@here", Cookie: cookie, Dial: network.Dial, Targets: []wire.Target{{Node: p.Name, Port: 15000}},
		Timeout: 10 * time.Second, Jitter: func() float64 { return 0.5 },
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { cluster.Close(); cancel(); network.Wait() })
	opts.OwnNode = cluster.Name()
	return live.Way{Name: "joined", Caller: cluster, Joined: true}
}

// judgeHostile looks at what was recorded, and judges it.
func judgeHostile(t *testing.T, path string) {
	t.Helper()
	a, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	rec, err := replay.New(a)
	if err != nil {
		t.Fatal(err)
	}
	defer rec.Close()
	var before time.Time
	n := 0
	for r, err := range a.Records(t.Context(), archive.Query{}) {
		if err != nil {
			t.Fatal(err)
		}
		if r.Stream.Node != good || r.Stream.Name != "process_list" {
			continue
		}
		if n++; n > 1 && r.At.Sub(before) > 5500*time.Millisecond {
			t.Errorf("%v between two listings of the other node", r.At.Sub(before))
		}
		before = r.At
	}
	if n < 11 {
		t.Errorf("the other node was listed %d times", n)
	}
	report, err := analyze.Run(t.Context(), rec, analyze.Options{})
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := render.Text(&text, report, render.Options{}); err != nil {
		t.Fatal(err)
	}
	if at := absurd.FindString(text.String()); at != "" {
		t.Errorf("the report says %q", at)
	}
}

var absurd = regexp.MustCompile(`.{0,60}(2562047 ?h|106751 ?d|\b292 ?y|NaN).{0,20}`)
