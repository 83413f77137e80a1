package wire_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"math/big"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
)

// received are the messages that wait in a subscription.
func received(s *wire.Subscription) (list []wire.Message) {
	synctest.Wait()
	for {
		select {
		case m := <-s.C():
			list = append(list, m)
		default:
			return list
		}
	}
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func TestLogPush(t *testing.T) {
	inBubble(t, func(t *testing.T, x *fixture) {
		p := x.peer(&wiretest.Peer{Name: "delta@localhost", Caller: echo(), LogPush: true})
		x.peer(&wiretest.Peer{Name: "bravo@b", Caller: echo()})
		x.opts.Logs = []string{"info", "error"}
		x.open()
		s := x.cluster.Subscribe(3)
		defer s.Close()
		must(t, x.cluster.Wait(t.Context()))
		told := x.told()
		slices.Sort(told)
		want := []string{"joined bravo@b", "joined delta@localhost", "pushing delta@localhost", "silent bravo@b: the node's version does not push log lines"}
		if diff := cmp.Diff(want, told); diff != "" {
			t.Error(diff)
		}
		at := time.Date(2026, 11, 22, 1, 15, 36, 186010236, time.UTC)
		must(t, p.Log(at, "", "new connection with 'recorder@here' (2499DB8F)"))
		must(t, p.Log(at, "", "new connection with 'second@localhost' (2499DB8F)"))
		must(t, p.Log(at, "risk", "journal flushed"))
		got := received(s)
		lines := []wire.LogLine{
			{Level: "info", Message: "new connection with 'second@localhost' (2499DB8F)", Source: "delta@localhost", Time: at, Type: "node"},
			{Level: "info", Message: "journal flushed", Source: "<39041419.0.1031> ('risk')", Time: at, Type: "process"},
		}
		if len(got) != 2 {
			t.Fatalf("received %+v", got)
		}
		for i, m := range got {
			if diff := cmp.Diff(&lines[i], m.Log); diff != "" || m.Node != p.Name || m.Event != nil || m.Received != time.Now() {
				t.Errorf("%+v\n%s", m, diff)
			}
		}
		text := `{"level":"info","message":"journal flushed","source":"\u003c39041419.0.1031\u003e ('risk')","time":"2026-11-22T01:15:36.186010236Z","type":"process"}`
		if string(got[1].Log.JSON()) != text {
			t.Errorf("as JSON: %s", got[1].Log.JSON())
		}
		// Who lags behind loses the oldest, and is told how many.
		for i := range 10 {
			must(t, p.Log(at, "risk", fmt.Sprint("line ", i)))
		}
		lost := 0
		got = received(s)
		for _, m := range got {
			lost += m.Dropped
		}
		lost += s.Losses()[p.Name]
		if len(got) != 3 || got[2].Log.Message != "line 9" || lost != 7 {
			t.Errorf("received %+v, and %d are said to be lost", got, lost)
		}
		// The stream ends, and is asked for again.
		x.told()
		must(t, p.EndLog())
		synctest.Wait()
		if st := x.cluster.Status(); st[1].Pushing || st[1].Own != 1 {
			t.Errorf("status %+v", st[1])
		}
		time.Sleep(2 * time.Second)
		if diff := cmp.Diff([]string{"silent delta@localhost: the event ended: normal", "pushing delta@localhost"}, x.told()); diff != "" {
			t.Error(diff)
		}
		// So it is over a new link.
		p.Drop()
		time.Sleep(2 * time.Second)
		must(t, p.Log(at, "risk", "line 11"))
		if got := received(s); len(got) != 1 || got[0].Log == nil {
			t.Errorf("received %+v", got)
		}
	})
}

func TestEvents(t *testing.T) {
	inBubble(t, func(t *testing.T, x *fixture) {
		p := x.peer(&wiretest.Peer{Name: "alpha@a", Caller: echo(), Events: []string{"ticks"}})
		x.opts.Events = []string{"ticks", "unheard"}
		x.open()
		s := x.cluster.Subscribe(10)
		defer s.Close()
		must(t, x.cluster.Wait(t.Context()))
		synctest.Wait()
		at := time.Date(2026, 11, 22, 1, 15, 36, 1, time.UTC)
		must(t, p.Publish("ticks", at, "hello"))
		must(t, p.Publish("ticks", at, "#main/Tick"))
		if err := p.Publish("unheard", at, "hello"); !errors.Is(err, wiretest.ErrNobody) {
			t.Error(err)
		}
		must(t, p.End("ticks", "shutdown"))
		got := received(s)
		if len(got) != 3 {
			t.Fatalf("received %+v", got)
		}
		plain, unknown, end := got[0].Event, got[1].Event, got[2].Event
		if plain.Event != "ticks" || plain.Text != "hello" || !plain.Time.Equal(at) || plain.Type != "" {
			t.Errorf("plain message %+v", plain)
		}
		if unknown.Type != "#main/Tick" || unknown.Text != "" || !bytes.HasSuffix(unknown.Payload, []byte{1, 2, 3}) {
			t.Errorf("message of an unknown type %+v", unknown)
		}
		if end.Ended == nil || !strings.Contains(end.Ended.Error(), "shutdown") || !end.Time.IsZero() {
			t.Errorf("end %+v", end)
		}
		time.Sleep(2 * time.Second)
		must(t, p.Publish("ticks", at, "again"))
		if got := received(s); len(got) != 1 {
			t.Errorf("received %+v", got)
		}
	})
}

// certificate makes a self-signed one.
func certificate(t *testing.T) *tls.Config {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	must(t, err)
	return &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{der}, PrivateKey: key}}}
}

func TestTLS(t *testing.T) {
	conf, other := certificate(t), certificate(t)
	// The node's own certificate is the first; what it shows may be another's.
	impostor := &tls.Config{
		Certificates:   conf.Certificates,
		GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return &other.Certificates[0], nil },
	}
	for _, c := range []struct {
		name string
		tls  bool
		peer *tls.Config
		want string
	}{
		{"both", true, conf, ""},
		{"only we", true, nil, "wrong cookie or TLS mismatch"},
		{"only the node", false, conf, "wrong cookie or TLS mismatch"},
		{"somebody between", true, impostor, "somebody stands between"},
	} {
		t.Run(c.name, func(t *testing.T) {
			inBubble(t, func(t *testing.T, x *fixture) {
				x.peer(&wiretest.Peer{Name: "alpha@a", Caller: echo(), TLS: c.peer})
				x.opts.TLS = c.tls
				x.open()
				err := x.cluster.Wait(t.Context())
				if (err == nil) != (c.want == "") || err != nil && !strings.Contains(err.Error(), c.want) {
					t.Errorf("error %v", err)
				}
				if s := x.cluster.Status()[0]; s.TLS != c.tls {
					t.Errorf("status %+v", s)
				}
			})
		})
	}
}

// TestCookieIsNotShown: no way of printing it, or what holds it, shows it.
func TestCookieIsNotShown(t *testing.T) {
	file := t.TempDir() + "/cookie"
	must(t, os.WriteFile(file, []byte(secret+"\n"), 0o600))
	cookie, err := wire.ReadCookie(file)
	must(t, err)
	opts := wire.Options{Node: "recorder@h", Cookie: cookie}
	var out bytes.Buffer
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
		fmt.Fprintf(&out, verb, cookie)
		fmt.Fprintf(&out, verb, opts)
		fmt.Fprintf(&out, verb, &opts)
	}
	must(t, json.NewEncoder(&out).Encode(cookie))
	slog.New(slog.NewTextHandler(&out, nil)).Info("x", "cookie", cookie, "opts", opts)
	if strings.Contains(out.String(), secret) || strings.Contains(out.String(), fmt.Sprintf("%x", secret)) {
		t.Errorf("the cookie is shown in %s", out.String())
	}
	must(t, os.Chmod(file, 0o644))
	if _, err := wire.ReadCookie(file); err == nil || !strings.Contains(err.Error(), "chmod 600") {
		t.Errorf("a cookie that others can read: %v", err)
	}
	must(t, os.WriteFile(file, []byte(" \n"), 0o600))
	must(t, os.Chmod(file, 0o600))
	if _, err := wire.ReadCookie(file); err == nil || !strings.Contains(err.Error(), "empty") {
		t.Errorf("an empty file: %v", err)
	}
	if _, err := wire.ReadCookie(secret); err == nil || strings.Contains(err.Error(), secret) {
		t.Errorf("the cookie in place of its file: %v", err)
	}
}
