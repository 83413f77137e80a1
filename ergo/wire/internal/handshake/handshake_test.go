package handshake

import (
	"bufio"
	"bytes"
	"encoding/hex"
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/transcript"
)

// sent is the first message of a type that the dialer of a transcript sent.
func sent[T any](t *testing.T, c transcript.Case) (m T) {
	t.Helper()
	r := bytes.NewReader(c.Links[0].AToB)
	for {
		v, err := readFrame(r)
		if err != nil {
			t.Fatalf("%s: the dialer sent no %T: %v", c.Name, m, err)
		}
		if m, ok := v.Value.(T); ok {
			return m
		}
	}
}

// localOf is the dialer of a transcript: with its salt and creation our
// handshake must send its very bytes.
func localOf(t *testing.T, c transcript.Case, cookie string) Local {
	t.Helper()
	salt, err := hex.DecodeString(sent[Hello](t, c).Salt)
	if err != nil {
		t.Fatal(err)
	}
	local := Local{Node: c.Dialer, Cookie: cookie, Salt: bytes.NewReader(salt), Step: 5 * time.Second, Now: time.Now}
	if len(c.Links[0].AToB) > 189 {
		local.Creation = sent[Introduce](t, c).Creation
	}
	return local
}

func named(t *testing.T, name string) transcript.Case {
	t.Helper()
	c, err := transcript.Named(name)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// dial shakes hands with whatever peer does at the other end of a pipe; the
// pipe is closed when peer returns. It runs in a bubble of synthetic time.
func dial(t *testing.T, local Local, want string, cert []byte, peer func(net.Conn)) (Peer, error) {
	t.Helper()
	a, b := net.Pipe()
	var done sync.WaitGroup
	done.Go(func() { defer b.Close(); peer(b) })
	p, err := Dial(a, bufio.NewReader(a), local, want, cert)
	a.Close()
	done.Wait()
	return p, err
}

// TestTranscripts plays the acceptor of every conversation of the plain
// client, in one piece and byte by byte; our side must send the same bytes.
func TestTranscripts(t *testing.T) {
	cases, err := transcript.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range cases {
		if !strings.HasPrefix(c.Name, "cr_") || len(c.Links) == 0 || len(c.Links[0].BToA) < 7549 {
			continue
		}
		for _, piece := range []int{0, 1} {
			synctest.Test(t, func(t *testing.T) {
				local := localOf(t, c, transcript.Cookie)
				l := c.Links[0]
				l.Chunks = untilLinked(l)
				p, err := dial(t, local, c.Acceptor, nil, func(conn net.Conn) {
					if err := (transcript.Script{Link: l, Piece: piece}).Play(conn); err != nil {
						t.Errorf("%s: %v", c.Name, err)
					}
					_, _ = io.Copy(io.Discard, conn)
				})
				if err != nil {
					t.Fatalf("%s in pieces of %d: %v", c.Name, piece, err)
				}
				if p.Node != c.Acceptor || !p.Flags.Has(FlagImportant) || p.Creation == 0 || len(p.Caches.Types) < 100 {
					t.Errorf("%s: peer %s, flags %x, creation %d, %d types", c.Name, p.Node, p.Flags, p.Creation, len(p.Caches.Types))
				}
			})
		}
	}
}

// untilLinked are the chunks of the handshake; the last may go on with frames
// of the link, which are left out.
func untilLinked(l transcript.Link) []transcript.Chunk {
	var chunks []transcript.Chunk
	for _, c := range l.Chunks {
		end := 7549
		if c.Dir == "a2b" {
			end = 456
		}
		if c.Offset < end {
			c.Len = min(c.Len, end-c.Offset)
			chunks = append(chunks, c)
		}
	}
	return chunks
}

// TestRefusals: how the ends of a handshake without a connection are told.
func TestRefusals(t *testing.T) {
	good := named(t, "cr_handshake_pool1")
	script := func(c transcript.Case, chunks int) func(net.Conn) {
		return func(conn net.Conn) {
			if err := (transcript.Script{Link: c.Links[0], Chunks: chunks}).Play(conn); err != nil {
				t.Error(err)
			}
		}
	}
	answer := func(b []byte) func(net.Conn) {
		return func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 189)
			_, _ = conn.Write(b)
			_, _ = io.Copy(io.Discard, conn)
		}
	}
	hello := bytes.Clone(good.Links[0].BToA[:189])
	for _, c := range []struct {
		name   string
		from   transcript.Case
		cookie string
		want   string
		cert   []byte
		peer   func(net.Conn)
		is     error
	}{
		{"wrong cookie", named(t, "cr_wrong_cookie"), "wrong-cookie", "", nil, script(named(t, "cr_wrong_cookie"), 0), ErrRefused},
		{"closed within the hello", good, transcript.Cookie, "", nil, func(conn net.Conn) {
			_, _ = io.CopyN(io.Discard, conn, 189)
			_, _ = conn.Write(hello[:20])
		}, ErrRefused},
		{"the peer's own name", named(t, "cr_same_name_as_peer"), transcript.Cookie, "", nil, script(named(t, "cr_same_name_as_peer"), 0), ErrIntroduction},
		{"closed between accept and introduce", good, transcript.Cookie, "", nil, func(conn net.Conn) {
			script(good, 3)(conn)
			_, _ = conn.Write(good.Links[0].BToA[189:313])
		}, ErrIntroduction},
		{"another node", good, transcript.Cookie, "charlie@localhost", nil, script(good, len(untilLinked(good.Links[0]))-1), ErrOtherNode},
		{"version 2", good, transcript.Cookie, "", nil, answer([]byte{87, 2, 0, 0, 0, 0}), ErrVersion},
		{"HTTP", good, transcript.Cookie, "", nil, answer([]byte("HTTP/1.1 400 Bad Request\r\n\r\n")), ErrVersion},
		{"TLS", good, transcript.Cookie, "", nil, answer([]byte{21, 3, 1, 0, 2, 2, 22}), ErrRefused},
		{"too long", good, transcript.Cookie, "", nil, answer([]byte{87, 1, 0, 16, 0, 1}), ErrVersion},
		{"a digest of another cookie", named(t, "cr_handshake_pool1"), "another", "", nil, answer(hello), ErrPeerCookie},
		{"no digest of the certificate", good, transcript.Cookie, "", []byte("certificate"), answer(hello), ErrCertificate},
	} {
		t.Run(c.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				want := c.want
				if want == "" {
					want = c.from.Acceptor
				}
				_, err := dial(t, localOf(t, c.from, c.cookie), want, c.cert, c.peer)
				if !errors.Is(err, c.is) {
					t.Errorf("error %v, want %v", err, c.is)
				}
				if err != nil && strings.Contains(err.Error(), c.cookie) {
					t.Errorf("the cookie is in %q", err)
				}
			})
		})
	}
}

// TestStalls: a peer that falls silent at any step ends the handshake after
// Step, not before and not later.
func TestStalls(t *testing.T) {
	c := named(t, "cr_requests_to_client") // its accept and introduce are two chunks
	for chunks := 1; chunks <= 4; chunks++ {
		synctest.Test(t, func(t *testing.T) {
			begin, local := time.Now(), localOf(t, c, transcript.Cookie)
			_, err := dial(t, local, c.Acceptor, nil, func(conn net.Conn) {
				if err := (transcript.Script{Link: c.Links[0], Chunks: chunks}).Play(conn); err != nil {
					t.Error(err)
				}
				_, _ = io.Copy(io.Discard, conn)
			})
			if !errors.Is(err, os.ErrDeadlineExceeded) {
				t.Errorf("after %d chunks: error %v", chunks, err)
			}
			if errors.Is(err, ErrRefused) || errors.Is(err, ErrIntroduction) {
				t.Errorf("after %d chunks: silence is taken for a refusal: %v", chunks, err)
			}
			if took := time.Since(begin); took != 5*time.Second {
				t.Errorf("after %d chunks: ended after %v", chunks, took)
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		_, err := dial(t, localOf(t, c, transcript.Cookie), c.Acceptor, nil, func(net.Conn) { time.Sleep(time.Minute) })
		if !errors.Is(err, os.ErrDeadlineExceeded) {
			t.Errorf("nothing is read: error %v", err)
		}
	})
}

// TestCertificate checks the digest that ties a certificate to the cookie
// against what a real node sent.
func TestCertificate(t *testing.T) {
	read := func(name string) []byte {
		b, err := transcript.File(name)
		if err != nil {
			t.Fatal(err)
		}
		return b
	}
	hello := func(b []byte) Hello {
		v, err := readFrame(bytes.NewReader(b))
		if err != nil {
			t.Fatal(err)
		}
		return v.Value.(Hello)
	}
	a, b := hello(read("tls_hello.a2b.bin")), hello(read("tls_hello.b2a.bin"))
	cert := read("tls_hello.cert.der")
	salt, _ := hex.DecodeString(a.Salt)
	shake := func(cert []byte) error {
		var err error
		synctest.Test(t, func(t *testing.T) {
			local := Local{Node: "recorder@localhost", Cookie: transcript.Cookie, Salt: bytes.NewReader(salt), Step: time.Second, Now: time.Now}
			_, err = dial(t, local, "delta@localhost", cert, func(conn net.Conn) {
				_, _ = io.CopyN(io.Discard, conn, 189)
				_, _ = conn.Write(read("tls_hello.b2a.bin"))
			})
		})
		return err
	}
	if digest(a.Salt, transcript.Cookie) != a.Digest || digest(b.Salt, a.Digest, transcript.Cookie) != b.Digest {
		t.Error("the plain digests differ")
	}
	// The script ends after the hellos, so the right certificate comes as far
	// as the introduction.
	if err := shake(cert); err == nil || errors.Is(err, ErrCertificate) || errors.Is(err, ErrPeerCookie) {
		t.Errorf("with the node's certificate: %v", err)
	}
	other := bytes.Clone(cert)
	other[100]++
	if err := shake(other); !errors.Is(err, ErrCertificate) {
		t.Errorf("with another certificate: %v", err)
	}
}

func TestFlags(t *testing.T) {
	for _, c := range []struct {
		flags Flags
		want  bool
	}{
		{newFlags(0x67), true},
		{newFlags(0x41), true},
		{newFlags(0x01), false},
		{newFlags(0), true}, // the defaults hold
		{nil, false},
		{Flags{1}, false},
	} {
		if got := c.flags.Has(FlagImportant); got != c.want {
			t.Errorf("flags %x: important is %v, want %v", c.flags, got, c.want)
		}
	}
}

// FuzzReadFrame: no bytes before the handshake has proven anything do harm.
func FuzzReadFrame(f *testing.F) {
	cases, err := transcript.All()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		for _, l := range c.Links {
			for _, fr := range l.Frames {
				if b := l.Bytes(fr); len(b) > 0 && b[0] == magic {
					f.Add(b)
				}
			}
		}
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, err := readFrame(bytes.NewReader(b))
		if err != nil {
			return
		}
		if _, unknown := v.Value.(edf.Raw); unknown {
			return
		}
		if _, err := appendFrame(nil, v); err != nil && !strings.Contains(err.Error(), "encode") && !strings.Contains(err.Error(), "most") {
			t.Errorf("what was read cannot be written: %v", err)
		}
	})
}
