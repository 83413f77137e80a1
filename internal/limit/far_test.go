package limit_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/door"
	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/wiretest"
	"ergorecorder/internal/fixture"
	"ergorecorder/internal/limit"
	"ergorecorder/mcp"
)

// far are attacks on limits that only a whole archive, node or server meets.
var far = map[limit.Limit]func(t *testing.T) error{
	limit.Piece: func(t *testing.T) error { // 160 MB of zeros in a piece of 5 KB, as no writer of ours packs them
		path := filepath.Join(t.TempDir(), "a.erg")
		unpack(t, "piece", path)
		return damage(t, path)
	},
	limit.Segment: func(t *testing.T) error { // as it was written, with another number in its meta
		dir := t.TempDir() + string(filepath.Separator)
		unpack(t, "segment", dir+"00000001.erg")
		return damage(t, dir)
	},
	limit.Index: func(t *testing.T) error { // a file with a hole, whose end tells of an index as long
		size := limit.Index.Most() + 1
		foot := append([]byte("ErgE"), archive.FormatVersion, 0, 0, 0)
		foot = binary.LittleEndian.AppendUint64(foot, uint64(size))
		foot = binary.LittleEndian.AppendUint64(foot, 0)
		foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(foot))
		path := file(t, 8+size+int64(len(foot)))
		f, err := os.OpenFile(path, os.O_RDWR, 0)
		if err != nil {
			t.Fatal(err)
		}
		_, err1 := f.WriteAt([]byte("ErgF"), 0)
		_, err2 := f.WriteAt(foot, 8+size)
		if err := errors.Join(err1, err2, f.Close()); err != nil {
			t.Fatal(err)
		}
		_, err = archive.OpenFlat(path)
		return err
	},
	limit.Search: func(t *testing.T) error { // a file without a tree, full of what looks like blocks
		path := filepath.Join(t.TempDir(), "a.erg")
		w := recorded(t, path, []byte("hello"))
		b, err := os.ReadFile(path)
		if err := errors.Join(err, w.Close()); err != nil {
			t.Fatal(err)
		}
		clear(b[:2*os.Getpagesize()])
		at := len(b)
		for b = append(b, make([]byte, 4<<20)...); at+32 <= len(b); at += 32 {
			copy(b[at:], "ErgB")
			b[at+4] = 2
			binary.LittleEndian.PutUint32(b[at+8:], uint32(len(b)-at))
		}
		hurt := filepath.Join(t.TempDir(), "hurt.erg")
		if err := os.WriteFile(hurt, b, 0o600); err != nil {
			t.Fatal(err)
		}
		return damage(t, hurt)
	},
	limit.Frame: func(t *testing.T) error {
		var rows strings.Builder // of a table that no compression makes short
		luck := rand.New(rand.NewPCG(1, 1))
		for i := range 20_000 {
			fmt.Fprintf(&rows, `,{"PID":"a@h:%d.946684000","Name":"%x"}`, 1000+i, luck.Uint64())
		}
		table := []byte(`{"Node":"a@h","Processes":[` + rows.String()[1:] + `]}`)
		system := ergo.CallerFunc(func(context.Context, ergo.Call) (ergo.Answer, error) { return ergo.Answer{Text: table}, nil })
		return joined(t, &wiretest.Peer{System: system}, nil)
	},
	limit.Nesting: func(t *testing.T) error {
		deep := append([]byte{130, 0, 61}, bytes.Repeat([]byte{157}, 60)...)
		deep = append(append(deep, 145), bytes.Repeat([]byte{157, 0, 0, 0, 1}, 60)...)
		return joined(t, &wiretest.Peer{Payload: append(deep, 1)}, nil)
	},
	limit.Elements: func(t *testing.T) error {
		return joined(t, &wiretest.Peer{Payload: []byte{130, 0, 2, 157, 145, 157, 255, 255, 255, 255}}, nil)
	},
	limit.Greeting: func(t *testing.T) error {
		return joined(t, nil, binary.BigEndian.AppendUint32([]byte{87, 1}, uint32(limit.Greeting.Most())+1))
	},
	limit.Pages: func(t *testing.T) error {
		s := httptest.NewServer(http.HandlerFunc(pages))
		t.Cleanup(s.Close)
		c, err := observer.New(s.URL, live.Options{})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(c.Close)
		_, err = observer.NewCaller(c).Call(t.Context(), ergo.Call{Node: "a@h", Tool: "process_list", Args: ergo.Args{"limit": 1_000_000}})
		return err
	},
	limit.Request: func(t *testing.T) error {
		rec := fixture.Recording(t, fixture.Bundled(t, "stuck"))
		token := live.NewToken("s3cret")
		s := httptest.NewServer(mcp.New(mcp.Recorded(rec, "stuck"), mcp.Options{}).Handler(door.Options{Token: token}))
		t.Cleanup(s.Close)
		return posted(t, s.URL+mcp.Path, "application/json", token, limit.Request.Most()+1)
	},
}

// unpack writes a crafted archive of testdata to a file.
func unpack(t *testing.T, name, path string) {
	t.Helper()
	packed, err := os.ReadFile(filepath.Join("testdata", name+".erg.gz"))
	if err != nil {
		t.Fatal(err)
	}
	z, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(z)
	if err := errors.Join(err, os.WriteFile(path, text, 0o600)); err != nil {
		t.Fatal(err)
	}
}

// keepsColumns: an answer of more columns than a table may have comes back as it was.
func keepsColumns(t *testing.T) {
	path := filepath.Join(t.TempDir(), "a.erg")
	var b strings.Builder
	b.WriteString(`[{"PID":"a"`)
	for i := range limit.Columns.Most() + 1 {
		fmt.Fprintf(&b, `,"c%d":%d`, i, i)
	}
	b.WriteString("}]")
	w := recorded(t, path, []byte(b.String()))
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := damage(t, path); err != nil {
		t.Error(err)
	}
	r, err := archive.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	for rec, err := range r.Records(t.Context(), archive.Query{}) {
		if err != nil || string(rec.Text) != b.String() {
			t.Errorf("it came back with %d bytes of %d, %v", len(rec.Text), b.Len(), err)
		}
	}
}

// recorded is an archive that holds one answer, and is not closed yet.
func recorded(t *testing.T, path string, text []byte) *archive.Writer {
	t.Helper()
	w := archivetest.Writer(t, path, nil)
	_, err := w.Append(&archive.Record{
		Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: "process_list"}, Schema: archive.Schema{Form: archive.FormTable, Key: []string{"PID"}}, At: time.Unix(1, 0), Text: text,
	})
	if err := errors.Join(err, w.Sync()); err != nil {
		t.Fatal(err)
	}
	return w
}

// damage is what verify says of an archive.
func damage(t *testing.T, path string) error {
	t.Helper()
	rep, err := archive.Verify(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	var all []error
	for _, d := range rep.Damage {
		all = append(all, d)
	}
	return errors.Join(all...)
}

// joined is what comes of joining a node and asking it something; with a greeting
// the node says nothing else.
func joined(t *testing.T, p *wiretest.Peer, greeting []byte) error {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	var network wiretest.Network
	t.Cleanup(network.Wait)
	t.Cleanup(cancel)
	const secret = "a-cookie-of-some-length"
	cookie, err := wire.NewCookie(secret)
	if err != nil {
		t.Fatal(err)
	}
	if p != nil {
		p.Name, p.Cookie, p.Creation = "a@h", secret, 946684000
		network.Serve(ctx, "h:15000", p)
	} else {
		go greet(network.Listen("h:15000"), greeting)
	}
	told := make(chan error, 10)
	c, err := wire.Open(wire.Options{
		Node: "recorder@here", Cookie: cookie, Dial: network.Dial, Limit: 256 << 10, Targets: []wire.Target{{Node: "a@h", Port: 15000}},
		Notify: func(n wire.Notice) {
			if n.Err != nil {
				told <- n.Err
			}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if greeting == nil {
		asked := make(chan error, 1)
		go func() {
			tool := "node_info"
			if p.System != nil {
				tool = "process_list"
			}
			_ = c.Wait(ctx)
			_, err := c.Call(ctx, ergo.Call{Node: "a@h", Tool: tool, Args: ergo.Args{"timeout": 5}})
			asked <- err
		}()
		err := <-asked
		select {
		case lost := <-told: // the link ended, and the call with it
			return errors.Join(lost, err)
		default:
			return err
		}
	}
	return <-told
}

// greet says the same to whoever comes.
func greet(l net.Listener, greeting []byte) {
	for {
		conn, err := l.Accept()
		if err != nil {
			return
		}
		go func() {
			defer conn.Close()
			go func() { _, _ = io.Copy(io.Discard, conn) }()
			_, _ = conn.Write(greeting)
		}()
	}
}

// pages is an Observer whose listing has another page behind each.
func pages(w http.ResponseWriter, r *http.Request) {
	q, refused := gate.Read(r)
	if refused != nil {
		gate.Refuse(w, r, refused)
		return
	}
	s := gate.Observer()
	if q.Name == "ergo://cluster" {
		gate.Reply(w, r, q.ID, s.Contents(gate.Resource{URI: q.Name, Text: []byte(`{"Nodes":[{"Info":{"Name":"a@h","Creation":946684800,"Applications":["observer_app"]},"Age":5,"Status":"reachable"}]}`)}))
		return
	}
	args, err := q.Args()
	if err != nil {
		gate.Reply(w, r, q.ID, s.Content([]byte(err.Error()), true, nil))
		return
	}
	from, _ := args.Int("start")
	gate.Reply(w, r, q.ID, s.Content(fmt.Appendf(nil, `{"Processes":[{"PID":"a@h:%d.946684800"}],"Truncated":true}`, from+1), false, nil))
}
