package wire_test

import (
	"context"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
	"ergorecorder/internal/twist"
)

// said is what a node's system application says of everything, more or less.
const said = `{"Node":"a@h","Creation":946684000,"Truncated":0,"Behavior":"b","PID":"a@h:1004.946684000","State":"running","Types":[],
	"Processes":[{"PID":"a@h:1004.946684000","Name":"x","Behavior":"b","Kind":"actor","Parent":"a@h:1001.946684000","State":"running","Uptime":5,"MessagesIn":7,"RunningTime":9}],
	"Applications":{"app":{"Name":"app","State":"running","Mode":"permanent","Uptime":4,"Group":["a@h:1004.946684000"]}},
	"Events":[{"Event":"e","Producer":"a@h:1004.946684000","Subscribers":1,"CreatedAt":1}],
	"Connections":[{"Node":"b@h","Uptime":3,"ConnectionUptime":3,"MessagesIn":4,"PoolSize":3}],
	"Info":{"Name":"a@h","Node":"b@h","PID":"a@h:1004.946684000","Uptime":5,"ConnectionUptime":-4,"ProcessesTotal":3,"MemoryUsed":7,"UserTime":3,"ServerTime":"2026-11-22T01:14:00Z","Env":{"A":"b"},"Nodes":["b@h"],"MessagesIn":3},
	"Tree":[{"PID":"a@h:1004.946684000","Children":[]}],"Text":"goroutine 1 [running]:"}`

// TestHostileSystem: whatever the system application of a joined node answers, of
// it comes an error or an answer in the form of the 48 tools, and others are
// still served.
func TestHostileSystem(t *testing.T) {
	var whole any
	if err := json.Unmarshal([]byte(said), &whole); err != nil {
		t.Fatal(err)
	}
	answered := 0
	for seed := range uint64(40) {
		inBubble(t, func(t *testing.T, x *fixture) {
			var asked sync.Mutex
			luck := rand.New(rand.NewPCG(seed, 7))
			x.peer(&wiretest.Peer{Name: "a@h", System: ergo.CallerFunc(func(context.Context, ergo.Call) (ergo.Answer, error) {
				asked.Lock()
				defer asked.Unlock()
				text, err := json.Marshal(twist.JSON(luck, whole, 40))
				return ergo.Answer{Text: text}, err
			})})
			x.peer(&wiretest.Peer{Name: "b@b", Caller: echo()})
			x.open()
			synctest.Wait()
			for _, tool := range tools48.Tools() {
				if tool.Kind == ergo.Action {
					continue
				}
				text, err := x.call("a@h", tool.Name, ergo.Args{"pid": string(ergo.PIDOf("a@h", 1004)), "parent": string(ergo.PIDOf("a@h", 1004)), "name": "x", "limit": 1000})
				if err != nil {
					continue
				}
				answered++
				if (strings.HasPrefix(text, "{") || strings.HasPrefix(text, "[")) && !json.Valid([]byte(text)) {
					t.Errorf("%s: no JSON: %.200s", tool.Name, text)
				}
			}
			if _, err := x.call("b@b", "node_info", nil); err != nil {
				t.Errorf("another node: %v", err)
			}
		})
	}
	if answered < 100 {
		t.Errorf("%d answers came through: nothing was tried", answered)
	}
}

// noisy is a connection on which bits flip.
type noisy struct {
	net.Conn
	luck *luck
	flip *atomic.Bool
}

// luck is that of several connections.
type luck struct {
	mu sync.Mutex
	*rand.Rand
}

// flips exchanges a bit of b, now and then.
func (l *luck) flips(b []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.IntN(3) == 0 {
		b[l.IntN(len(b))] ^= 1 << l.IntN(8)
	}
}

func (c *noisy) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if n > 0 && c.flip.Load() {
		c.luck.flips(b[:n])
	}
	return n, err
}

// TestFlippedLink: bits that flip in what a peer sends, in its handshake and in
// its answers, cost an answer or the link; when they no longer do, calls are
// answered again. A name that flipped in what a peer introduces itself with is
// another name: that lasts as long as the link.
func TestFlippedLink(t *testing.T) {
	failed, answered := 0, 0
	for seed := range uint64(30) {
		inBubble(t, func(t *testing.T, x *fixture) {
			var flip atomic.Bool
			var newest atomic.Pointer[noisy]
			luck := &luck{Rand: rand.New(rand.NewPCG(seed, 11))}
			dial := x.net.Dial
			x.opts.Dial = func(ctx context.Context, network, address string) (net.Conn, error) {
				conn, err := dial(ctx, network, address)
				if err != nil || strings.HasPrefix(network, "udp") {
					return conn, err
				}
				n := &noisy{conn, luck, &flip}
				newest.Store(n)
				return n, nil
			}
			x.peer(&wiretest.Peer{Name: "a@h", Caller: echo()})
			x.open()
			synctest.Wait()
			flip.Store(true)
			for i := range 30 {
				if _, err := x.call("a@h", "node_info", ergo.Args{"n": i, "timeout": 1}); err != nil {
					failed++
					time.Sleep(10 * time.Second)
				} else {
					answered++
				}
			}
			flip.Store(false)
			time.Sleep(5 * time.Minute)
			if _, err := x.call("a@h", "node_info", ergo.Args{"n": 0}); errors.Is(err, wire.ErrNoMCP) {
				_ = newest.Load().Close()
				time.Sleep(time.Minute)
			}
			if text, err := x.call("a@h", "node_info", ergo.Args{"n": 1}); err != nil || text != `node_info {"n":1} on a@h` {
				t.Errorf("afterwards: %q, %v", text, err)
			}
		})
	}
	if failed < 20 || answered < 20 {
		t.Errorf("%d calls failed, %d were answered: nothing was tried", failed, answered)
	}
	t.Logf("%d calls failed, %d were answered", failed, answered)
}
