package link

import (
	"bufio"
	"bytes"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/transcript"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func named(t *testing.T, name string) transcript.Case {
	t.Helper()
	c, err := transcript.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// A conversation is our side of a transcript.
type conversation struct {
	link   *Link
	events []Event
	played chan error // what the script ended with
}

// begin shakes hands as the dialer of a transcript did, with the script at
// the other end, and starts the link.
func begin(t *testing.T, c transcript.Case, s transcript.Script) *conversation {
	t.Helper()
	a, b := net.Pipe()
	v := &conversation{played: make(chan error, 1)}
	go func() {
		defer b.Close()
		err := s.Play(b)
		v.played <- err
		if err == nil {
			_, _ = io.Copy(io.Discard, b)
		}
	}()
	salt, creation := identity(t, c)
	r := bufio.NewReader(a)
	peer, err := handshake.Dial(a, r, handshake.Local{
		Node: c.Dialer, Cookie: transcript.Cookie, Creation: creation,
		Salt: bytes.NewReader(salt), Step: time.Second, Now: time.Now,
	}, c.Acceptor, nil)
	if err != nil {
		t.Fatal(err)
	}
	v.link = New(a, r, Options{
		Node: c.Dialer, Creation: creation, Peer: peer,
		Limit: frame.DefaultLimit, Patience: time.Second, Now: time.Now,
		Events: func(e Event) { v.events = append(v.events, e) },
	})
	return v
}

// identity is what the dialer of a transcript chose at random.
func identity(t *testing.T, c transcript.Case) (salt []byte, creation int64) {
	t.Helper()
	for _, f := range c.Links[0].Frames {
		fields, _ := f.EDF.([]any)
		for _, field := range fields[min(1, len(fields)):] {
			m, _ := field.(map[string]any)
			if s, ok := m["Salt"].(string); ok && f.Dir == "a2b" && salt == nil {
				salt, _ = hex.DecodeString(s)
			}
			if n, ok := m["Creation"]; ok && f.Dir == "a2b" {
				_, _ = fmt.Sscan(fmt.Sprint(n), &creation)
			}
		}
	}
	return salt, creation
}

// ask sends again what one frame of the dialer sent; the answer goes to got.
func (v *conversation) ask(ctx context.Context, t *testing.T, b []byte, got func(any, error)) {
	t.Helper()
	f, err := frame.NewReader(bytes.NewReader(b), len(b)).Next()
	if err != nil {
		t.Fatal(err)
	}
	m, err := frame.Parse(f, nil)
	if err != nil {
		t.Fatal(err)
	}
	value, _, err := edf.Decoder{Types: message.Types()}.Decode(m.Payload)
	if err != nil {
		t.Fatal(err)
	}
	request := value.(edf.Named)
	switch r := request.Value.(type) {
	case message.Relation[edf.Event]:
		v.link.id.Store(r.Ref.ID[0] - 1)
		go func() {
			past, err := v.link.Monitor(ctx, string(r.Target.Name))
			got(past, err)
		}()
	case message.Result:
		// It answers the peer, and is sent without our doing.
	default:
		v.link.id.Store(m.Ref[0] - 1)
		end := time.Unix(int64(m.Ref[2])-1, 0)
		go func() {
			ctx, cancel := context.WithDeadline(ctx, end)
			defer cancel()
			answer, err := v.link.Request(ctx, string(m.Name), request)
			got(answer, err)
		}()
	}
	synctest.Wait()
}

// TestTranscripts plays the acceptor of every conversation over one link, in
// one piece and byte by byte. The script holds our side to the very bytes of
// the plain client, its answers to the peer's requests among them.
func TestTranscripts(t *testing.T) {
	type outcome struct {
		answers int
		events  int
		fails   string // how the one request without an answer ends
	}
	want := map[string]outcome{
		"cr_20_in_flight":         {answers: 60},
		"cr_all_types":            {answers: 1},
		"cr_call":                 {answers: 1},
		"cr_compressed_gzip_5mb":  {answers: 1},
		"cr_compressed_lzw":       {answers: 1},
		"cr_compressed_zlib":      {answers: 1},
		"cr_duplicate_name":       {},
		"cr_event":                {answers: 1, events: 2},
		"cr_event_unknown":        {fails: "unknown event"},
		"cr_handshake_pool1":      {},
		"cr_late_answer":          {answers: 1}, // nobody is in a hurry here
		"cr_log_stream":           {answers: 2, events: 2},
		"cr_peer_killed":          {fails: "the peer closed the connection"},
		"cr_peer_stop":            {answers: 1, events: 3},
		"cr_requests_to_client":   {},
		"cr_response_error":       {fails: "not allowed"},
		"cr_response_error_value": {fails: "custom failure"},
		"cr_string_too_long":      {fails: "the peer closed the connection"},
		"cr_tool_error":           {answers: 1},
		"cr_unknown_process":      {fails: "unknown process"},
	}
	for name, want := range want {
		for _, piece := range []int{0, 1} {
			t.Run(fmt.Sprintf("%s/%d", name, piece), func(t *testing.T) {
				c := named(t, name)
				synctest.Test(t, func(t *testing.T) {
					v := begin(t, c, transcript.Script{Link: c.Links[0], Piece: piece})
					var mu sync.Mutex
					var got outcome
					for _, f := range c.Links[0].Frames {
						if b := c.Links[0].Bytes(f); f.Dir == "a2b" && b[0] == 78 && f.EDF != nil {
							v.ask(t.Context(), t, b, func(_ any, err error) {
								mu.Lock()
								defer mu.Unlock()
								if err == nil {
									got.answers++
									return
								}
								got.fails = err.Error()
							})
						}
					}
					if err := <-v.played; err != nil {
						t.Error(err)
					}
					synctest.Wait()
					if strings.Contains(want.fails, "closed") {
						v.link.fail(io.EOF)
					}
					synctest.Wait()
					v.link.Close()
					got.events = len(v.events)
					if got.answers != want.answers || got.events != want.events || !strings.Contains(got.fails, want.fails) || (got.fails == "") != (want.fails == "") {
						t.Errorf("outcome %+v, want %+v", got, want)
					}
					if n := v.link.Counts(); n.Unread+n.Late+n.Unsent != 0 {
						t.Errorf("counts %+v", n)
					}
				})
			})
		}
	}
}

// TestLateAnswer: an answer that comes when its caller has gone is dropped.
func TestLateAnswer(t *testing.T) {
	c := named(t, "cr_late_answer")
	l := c.Links[0]
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		last := len(l.Chunks) - 1
		pause := make(chan struct{})
		v := begin(t, c, transcript.Script{Link: l, Chunks: last})
		var got error
		for _, f := range l.Frames {
			if b := l.Bytes(f); f.Dir == "a2b" && b[0] == 78 {
				v.ask(ctx, t, b, func(_ any, err error) { got = err; close(pause) })
			}
		}
		if err := <-v.played; err != nil {
			t.Fatal(err)
		}
		cancel()
		<-pause
		if !errors.Is(got, context.Canceled) {
			t.Errorf("error %v", got)
		}
		answer := l.BToA[l.Chunks[last].Offset:]
		f, err := frame.NewReader(bytes.NewReader(answer), len(answer)).Next()
		if err != nil {
			t.Fatal(err)
		}
		m, _ := frame.Parse(f, nil)
		v.link.receive(m)
		if n := v.link.Counts(); n.Late != 1 {
			t.Errorf("counts %+v, want one late answer", n)
		}
		v.link.Close()
	})
}

// linked is a link to a function that plays the peer, without a handshake.
func linked(t *testing.T, opts Options, peer func(net.Conn)) *Link {
	t.Helper()
	a, b := net.Pipe()
	opts.Node, opts.Limit, opts.Patience, opts.Now = "recorder@localhost", 1<<20, time.Second, time.Now
	if opts.Peer.Node == "" {
		opts.Peer.Node = "delta@localhost"
	}
	go func() { defer b.Close(); peer(b) }()
	l := New(a, bufio.NewReader(a), opts)
	t.Cleanup(l.Close)
	return l
}

// TestPeerTakesNothing: our writes end the link after Options.Patience, and
// the requests with it.
func TestPeerTakesNothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		stop := make(chan struct{})
		l := linked(t, Options{}, func(net.Conn) { <-stop })
		begin := time.Now()
		_, err := l.Request(t.Context(), "mcp", edf.Named{Type: message.ToolCallRequestType, Value: message.ToolCallRequest{}})
		if !errors.Is(err, ErrStalled) || time.Since(begin) != time.Second {
			t.Errorf("after %v: %v", time.Since(begin), err)
		}
		close(stop)
	})
}

// TestFrameCut: a peer that leaves a frame that it began ends the link, after the
// time that the frame may take; one that says nothing between frames does not.
func TestFrameCut(t *testing.T) {
	for _, c := range []struct {
		sends []byte
		after time.Duration // 0: the link goes on
	}{
		{nil, 0},
		{[]byte{78, 1, 0, 0, 0, 8, 0, 208}, 0},
		{[]byte{78, 1, 0}, time.Second},
		{[]byte{78, 1, 0, 8, 0, 8, 0, 101, 1, 2, 3}, time.Second + 8*time.Second},
	} {
		synctest.Test(t, func(t *testing.T) {
			stop := make(chan struct{})
			defer close(stop)
			l := linked(t, Options{}, func(conn net.Conn) {
				_, _ = conn.Write(c.sends)
				<-stop
			})
			began := time.Now()
			select {
			case <-l.Done():
			case <-time.After(time.Hour):
			}
			switch took := time.Since(began).Round(time.Second); {
			case c.after == 0 && l.Err() != nil, c.after > 0 && (!errors.Is(l.Err(), ErrCut) || took != c.after):
				t.Errorf("%d: %v after %v", c.sends, l.Err(), took)
			}
		})
	}
}

// TestReaderNeverWaits: with a peer that asks without end and takes nothing,
// the reader goes on, and counts the courtesies that it could not pay.
func TestReaderNeverWaits(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const asked = 1000
		read := make(chan error, 1)
		l := linked(t, Options{}, func(conn net.Conn) {
			b, _ := frame.Message{Type: frame.RequestName, From: 7, Name: "someone", Payload: []byte{255}}.Append(nil)
			var err error
			for range asked {
				if _, err = conn.Write(b); err != nil {
					break
				}
			}
			read <- err
		})
		if err := <-read; err != nil {
			t.Fatal(err)
		}
		synctest.Wait()
		if n := l.Counts(); n.Frames != asked || n.Unsent < asked/2 {
			t.Errorf("counts %+v", n)
		}
	})
}

// TestNonsense: what a hostile peer may send, and what becomes of the link.
func TestNonsense(t *testing.T) {
	encode := func(m frame.Message) []byte {
		b, err := m.Append(nil)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	packed := func(b ...byte) []byte {
		return append([]byte{78, 1, 0, 0, 0, byte(8 + len(b)), 0, 200}, b...)
	}
	for _, c := range []struct {
		name   string
		sends  []byte
		ends   error // why the link ends; nil: it goes on
		unread int64
	}{
		{"not a frame", []byte("HTTP/1.1 400"), frame.ErrNotAFrame, 0},
		{"version 2", []byte{78, 2, 0, 0, 0, 8, 0, 101}, frame.ErrNotAFrame, 0},
		{"shorter than its header", []byte{78, 1, 0, 0, 0, 7, 0, 101}, frame.ErrNotAFrame, 0},
		{"longer than the limit", []byte{78, 1, 0, 16, 0, 1, 0, 101}, frame.ErrTooLong, 0},
		{"longer than anything", []byte{78, 1, 255, 255, 255, 255, 0, 101}, frame.ErrTooLong, 0},
		{"unknown type", []byte{78, 1, 0, 0, 0, 8, 0, 98}, nil, 1},
		{"extend", []byte{78, 1, 0, 0, 0, 8, 0, 99}, nil, 0},
		{"keep-alive", []byte{78, 1, 0, 0, 0, 8, 0, 208}, nil, 0},
		{"first fragment", []byte{78, 1, 0, 0, 0, 16, 0, 202, 0, 0, 0, 1, 0, 1, 0, 2}, nil, 0},
		{"fragment 3 of 2", []byte{78, 1, 0, 0, 0, 16, 0, 202, 0, 0, 0, 1, 0, 3, 0, 2}, nil, 1},
		{"cut in its parts", []byte{78, 1, 0, 0, 0, 10, 0, 122, 0, 0}, nil, 1},
		{"name by a number never announced", encode(frame.Message{Type: frame.SendCached, NameID: 300}), nil, 1},
		{"packed with an unknown method", packed(99, 0, 0, 0, 8), nil, 1},
		{"packed to more than the limit", packed(102, 255, 0, 0, 0), nil, 1},
		{"packed rubbish", packed(102, 0, 0, 0, 8, 1, 2, 3), nil, 1},
		{"relation that cannot be read", encode(frame.Message{Type: frame.Structured, Payload: []byte{131, 0}}), nil, 1},
		{"exit", encode(frame.Message{Type: frame.Exit, Payload: []byte{156, 255, 255}}), nil, 1},
		{"message", encode(frame.Message{Type: frame.SendName, Name: "x", Payload: []byte{1}}), nil, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				l := linked(t, Options{}, func(conn net.Conn) {
					_, _ = conn.Write(c.sends)
					_, _ = io.Copy(io.Discard, conn)
				})
				synctest.Wait()
				if !errors.Is(l.Err(), c.ends) {
					t.Errorf("ended with %v, want %v", l.Err(), c.ends)
				}
				if n := l.Counts().Unread; n != c.unread {
					t.Errorf("%d unread, want %d", n, c.unread)
				}
			})
		})
	}
}

// TestImportantAnswer: an answer whose sender waits is acknowledged, and used.
func TestImportantAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ack := make(chan frame.Message, 1)
		l := linked(t, Options{}, func(conn net.Conn) {
			r := frame.NewReader(conn, 1<<20)
			f, _ := r.Next()
			asked, _ := frame.Parse(f, nil)
			b, _ := frame.Message{Type: frame.Response, From: 7, To: asked.From, Ref: asked.Ref, Important: true, Payload: []byte{145, 1}}.Append(nil)
			_, _ = conn.Write(b)
			f, _ = r.Next()
			m, _ := frame.Parse(f, nil)
			ack <- m
		})
		v, err := l.Request(t.Context(), "mcp", edf.Named{Type: message.ToolCallRequestType, Value: message.ToolCallRequest{}})
		if v != true || err != nil {
			t.Errorf("answer %v, %v", v, err)
		}
		if m := <-ack; m.Type != frame.ResponseError || m.Code != frame.CodeNone || m.To != 7 || m.Ref[0] == 0 {
			t.Errorf("acknowledgement %+v", m)
		}
	})
}

// TestMonitorOfUnknownType: an event that has kept messages of a type that we
// do not know can be monitored, though the answer is out of reach behind them.
func TestMonitorOfUnknownType(t *testing.T) {
	c := named(t, "cr_event")
	synctest.Test(t, func(t *testing.T) {
		v := begin(t, c, transcript.Script{Link: c.Links[0]})
		var err error
		for _, f := range c.Links[0].Frames {
			if b := c.Links[0].Bytes(f); f.Dir == "a2b" && b[0] == 78 {
				v.ask(t.Context(), t, b, func(_ any, e error) { err = e })
			}
		}
		<-v.played
		synctest.Wait()
		v.link.Close()
		if err != nil {
			t.Fatal(err)
		}
		for _, e := range v.events {
			n, _ := e.Value.(edf.Named)
			raw, _ := n.Value.(edf.Raw)
			if e.Name != "ticks" || n.Type != "#main/Tick" || len(raw) != 14 || len(e.Payload) != 17 || e.At.IsZero() {
				t.Errorf("event %+v", e)
			}
		}
	})
}

// TestTooLongForPeer: what the peer would close the link for is not sent.
func TestTooLongForPeer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l := linked(t, Options{Peer: handshake.Peer{MaxMessage: 50}}, func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) })
		_, err := l.Request(t.Context(), "mcp", edf.Named{Type: message.ToolCallRequestType, Value: message.ToolCallRequest{Tool: "node_info"}})
		if !errors.Is(err, ErrTooLong) || l.Err() != nil {
			t.Errorf("error %v, the link: %v", err, l.Err())
		}
	})
}
