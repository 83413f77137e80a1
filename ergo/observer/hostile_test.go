package observer_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/limit"
	"ergorecorder/internal/twist"
)

// TestEndlessPages: a listing that says of each page that there is another ends at
// the limit, and says so.
func TestEndlessPages(t *testing.T) {
	f := &fake{t: t, tool: func(_ string, args ergo.Args) (string, bool) {
		from, _ := args.Int("start")
		return fmt.Sprintf(`{"Processes":[{"PID":"%s:%d.%d"}],"Truncated":true}`, node, from+1, creation), false
	}}
	_, err := call(t, f.caller(time.Now), "process_list", ergo.Args{"limit": 1_000_000})
	if over := (*limit.Over)(nil); !errors.As(err, &over) || over.Limit != limit.Pages {
		t.Errorf("after %d pages: %v", len(f.asked), err)
	}
}

// shapes are what an Observer says of everything, more or less.
const shapes = `{"Node":"a@h","Creation":946684800,"Truncated":false,"Processes":[{"PID":"a@h:1004.946684800","Name":"x","Behavior":"b","Parent":"a@h:1.946684800","State":"running","Uptime":5,"MessagesIn":7,"RunningTime":9}],
	"Applications":[{"Name":"app","State":"running","Uptime":4,"Group":["a@h:1004.946684800"]}],"Events":[{"Event":"e","Producer":"a@h:1004.946684800","Subscribers":1,"CreatedAt":1}],
	"Connections":[{"Node":"b@h","Uptime":3,"ConnectionUptime":3,"MessagesIn":4,"PoolSize":3}],"Info":{"Name":"a@h","Uptime":5,"ProcessesTotal":3,"MemoryUsed":7,"UserTime":3,"ServerTime":"2026-11-22T01:14:00Z","Env":{"A":"b"}},
	"Version":{"Name":"x"},"Acceptors":[{"Interface":"0.0.0.0:1"}],"Jobs":[{"Name":"j","LastRun":"2026-11-22T01:14:00Z"}],"Loggers":[{"Name":"l"}],"Types":[{"Name":"#x/y"}],"Tree":[{"PID":"a@h:1004.946684800","Children":[]}]}`

// TestHostileAnswers: whatever an Observer answers to a question, what comes of it
// is an error, or an answer in the form of the 48 tools: JSON where that is JSON.
func TestHostileAnswers(t *testing.T) {
	var whole any
	if err := json.Unmarshal([]byte(shapes), &whole); err != nil {
		t.Fatal(err)
	}
	luck := rand.New(rand.NewPCG(1, 2))
	say := func() string {
		text, err := json.Marshal(twist.JSON(luck, whole, 6))
		switch {
		case err != nil:
			t.Fatal(err)
		case luck.IntN(20) == 0:
			return string(text[:len(text)/2])
		case luck.IntN(20) == 0:
			return strings.Repeat(`{"Info":`, 100_000)
		}
		return string(text)
	}
	f := &fake{t: t, tool: func(string, ergo.Args) (string, bool) { return say(), luck.IntN(20) == 0 }, read: func(uri string) gate.Resource {
		return gate.Resource{URI: uri, Text: []byte(say())}
	}}
	c := f.caller(time.Now)
	answered := 0
	for range 12 {
		for _, tool := range tools48.Tools() {
			if tool.Kind == ergo.Action {
				continue
			}
			text, err := c.Call(context.Background(), ergo.Call{Node: node, Tool: tool.Name, Args: ergo.Args{"pid": string(ergo.PIDOf(node, 1004)), "name": "x", "limit": 1000}})
			if err == nil {
				answered++
				if s := string(text.Text); (strings.HasPrefix(s, "{") || strings.HasPrefix(s, "[")) && !json.Valid(text.Text) {
					t.Errorf("%s: no JSON: %.200s", tool.Name, s)
				}
			}
		}
	}
	if answered < 20 {
		t.Errorf("%d answers came through: nothing was tried", answered)
	}
}

// TestStalls: an Observer that stands still before, within or after its answer's
// header, or drips its body, costs one call its time-out.
func TestStalls(t *testing.T) {
	for name, stall := range map[string]func(http.ResponseWriter, <-chan struct{}){
		"before the header": func(_ http.ResponseWriter, over <-chan struct{}) { <-over },
		"behind the header": func(w http.ResponseWriter, over <-chan struct{}) { w.WriteHeader(200); flush(w); <-over },
		"within the body": func(w http.ResponseWriter, over <-chan struct{}) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"jsonrpc":"2.0","id":1,"result":{"content":[`)
			flush(w)
			<-over
		},
		"drop by drop": func(w http.ResponseWriter, over <-chan struct{}) {
			w.Header().Set("Content-Type", "application/json")
			for tick := time.NewTicker(time.Millisecond); ; {
				select {
				case <-tick.C:
					fmt.Fprint(w, " ")
					flush(w)
				case <-over:
					tick.Stop()
					return
				}
			}
		},
	} {
		s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // only then a server learns that its client has gone
			over, cancel := context.WithTimeout(r.Context(), 10*time.Second)
			defer cancel()
			stall(w, over.Done())
		}))
		c, err := observer.New(s.URL, live.Options{Timeout: 50 * time.Millisecond})
		if err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		if _, err := c.Tool(t.Context(), "nodes", nil); err == nil || time.Since(began) > 8*time.Second {
			t.Errorf("%s: %v after %v", name, err, time.Since(began))
		}
		c.Close()
		s.Close()
	}
}

func flush(w http.ResponseWriter) { _ = http.NewResponseController(w).Flush() }
