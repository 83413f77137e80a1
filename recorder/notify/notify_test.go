package notify

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/recorder"
	"ergorecorder/recorder/incident"
)

var begin = time.Date(2026, 11, 22, 1, 0, 0, 0, time.UTC)

func anIncident() recorder.Incident {
	return recorder.Incident{
		Trigger: recorder.Trigger{
			Kind: "rule", Rule: "deep", Rank: incident.Minor, Advice: "Look.", Node: "a@h", PID: "<A.0.1>", Name: "p", Behavior: "x.Y",
			Onset: begin, Note: "rule deep: p\u202e on a@h",
		},
		From: begin.Add(-time.Minute), To: begin.Add(time.Minute),
	}
}

// The form is documented (docs/recorder.md): a change of it is a new schema.
func TestForm(t *testing.T) {
	got := string(Of(Recorded, anIncident(), "/x/y.erg", begin.Add(time.Minute)).JSON())
	want := `{"type":"incident.recorded","timestamp":"2026-11-22T01:01:00Z","data":{"schema":"ergo-incident/1","id":"ID",` +
		`"kind":"rule","rule":"deep","severity":"warning","node":"a@h","process":{"pid":"<A.0.1>","name":"p","behavior":"x.Y"},` +
		`"what":"rule deep: p\u202e on a@h","recommendation":"Look.","onset":"2026-11-22T01:00:00Z","from":"2026-11-22T00:59:00Z",` +
		`"to":"2026-11-22T01:01:00Z","file":"/x/y.erg"}}`
	id := Of(Opened, anIncident(), "", begin).Data.ID
	if got != strings.Replace(want, "ID", id, 1) || len(id) != 16 {
		t.Errorf("got  %s\nwant %s", got, want)
	}
	whole := Of(Opened, recorder.Incident{Trigger: recorder.Trigger{Kind: "note", Note: "x"}}, "", begin).JSON()
	for _, absent := range []string{"rule", "severity", "node", "process", "recommendation", "file"} {
		if strings.Contains(string(whole), `"`+absent+`"`) {
			t.Errorf("%s stands in %s", absent, whole)
		}
	}
}

// The vector is that of the Standard Webhooks libraries.
func TestSign(t *testing.T) {
	secret, err := base64.StdEncoding.DecodeString("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
	if err != nil {
		t.Fatal(err)
	}
	got := Sign(secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", []byte(`{"test": 2432232314}`))
	if got != "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=" {
		t.Error(got)
	}
}

func secretFile(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "secret")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestReadSecret(t *testing.T) {
	good := "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 24)) + "\n"
	if b, err := ReadSecret(secretFile(t, good)); err != nil || len(b) != 24 {
		t.Error(len(b), err)
	}
	for _, text := range []string{"", "hunter2hunter2hunter2hunter2", "whsec_hunter2", "whsec_" + base64.StdEncoding.EncodeToString(make([]byte, 65))} {
		_, err := ReadSecret(secretFile(t, text))
		if err == nil || text != "" && strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%q: %v", text, err)
		}
	}
	for _, address := range []string{"", "x", "ftp://h/x", "http://user:hunter2@h/x", "http://%zz"} {
		if _, err := NewWebhook(address, nil, Options{}); err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: %v", address, err)
		}
	}
}

// TestPost: over a loopback address, what comes bears its signature.
func TestPost(t *testing.T) {
	secret := []byte("a secret of more than 24 bytes")
	type post struct {
		body   []byte
		header http.Header
	}
	posts := make(chan post, 1)
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		posts <- post{body, r.Header}
	}))
	defer srv.Close()
	w, err := NewWebhook(srv.URL+"/hook", secret, Options{Now: func() time.Time { return begin }, After: time.After, Notice: func(s string) { t.Error(s) }})
	if err != nil {
		t.Fatal(err)
	}
	w.Tell(Of(Opened, anIncident(), "", begin))
	p := <-posts
	w.Close(t.Context())
	var m Message
	if err := json.Unmarshal(p.body, &m); err != nil || m.Type != Opened || m.Data.Rule != "deep" {
		t.Errorf("%+v, %v", m, err)
	}
	id, at := p.header.Get("Webhook-Id"), p.header.Get("Webhook-Timestamp")
	if id != "msg_"+m.Data.ID+"_opened" || at != fmt.Sprint(begin.Unix()) || p.header.Get("Webhook-Signature") != Sign(secret, id, at, p.body) {
		t.Errorf("%v", p.header)
	}
}

// answers is a server that answers as it is told, without a network.
type answers struct {
	mu    sync.Mutex
	say   func(attempt int) (status int, err error)
	at    []time.Time
	block bool
}

func (a *answers) RoundTrip(r *http.Request) (*http.Response, error) {
	if a.block {
		<-r.Context().Done()
		return nil, r.Context().Err()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.at = append(a.at, time.Now())
	status, err := a.say(len(a.at))
	if err != nil {
		return nil, err
	}
	return &http.Response{StatusCode: status, Status: fmt.Sprint(status), Body: io.NopCloser(strings.NewReader(""))}, nil
}

func hook(t *testing.T, a *answers) (*Webhook, func() []string) {
	t.Helper()
	var mu sync.Mutex
	var notices []string
	w, err := NewWebhook("http://h.example/secret-path", []byte("x"), Options{
		Now: time.Now, After: time.After, Client: &http.Client{Transport: a},
		Notice: func(s string) { mu.Lock(); defer mu.Unlock(); notices = append(notices, s) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return w, func() []string { mu.Lock(); defer mu.Unlock(); return notices }
}

// TestRetries: it is tried again, later and later, where that may help; then it
// is told that it was not delivered, without the address.
func TestRetries(t *testing.T) {
	for _, tt := range []struct {
		name     string
		say      func(int) (int, error)
		attempts int
		told     bool
	}{
		{"at once", func(int) (int, error) { return 204, nil }, 1, true},
		{"at the third time", func(n int) (int, error) {
			if n < 3 {
				return 503, nil
			}
			return 200, nil
		}, 3, true},
		{"never", func(int) (int, error) { return 0, errors.New("refused") }, 6, false},
		{"not wanted", func(int) (int, error) { return 410, nil }, 1, false},
		{"elsewhere", func(int) (int, error) { return 302, nil }, 1, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a := &answers{say: tt.say}
				w, notices := hook(t, a)
				began := time.Now()
				w.Tell(Of(Opened, anIncident(), "", began))
				time.Sleep(2 * time.Hour)
				w.Close(t.Context())
				if len(a.at) != tt.attempts || len(notices()) > 0 == tt.told {
					t.Errorf("%d attempts, %v", len(a.at), notices())
				}
				for _, n := range notices() {
					if strings.Contains(n, "secret-path") || !strings.Contains(n, "h.example") {
						t.Error(n)
					}
				}
				if tt.attempts == 6 && a.at[5].Sub(began) != 42*time.Minute+35*time.Second {
					t.Errorf("the last attempt after %v", a.at[5].Sub(began))
				}
			})
		})
	}
}

// TestNeverBlocks: an address that does not answer costs a bounded number of
// messages, and no time but at the end, which is bounded too.
func TestNeverBlocks(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, notices := hook(t, &answers{block: true})
		began := time.Now()
		for range maxWaiting + 10 {
			w.Tell(Of(Opened, anIncident(), "", began))
		}
		if time.Since(began) != 0 || len(notices()) != 10 {
			t.Errorf("%v, %d notices", time.Since(began), len(notices()))
		}
		ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
		defer cancel()
		w.Close(ctx)
		if d := time.Since(began); d != 3*time.Second || len(notices()) != maxWaiting+10 {
			t.Errorf("closed after %v, %d notices", d, len(notices()))
		}
	})
}
