package handshake

import (
	"bufio"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/binary"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"time"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/internal/limit"
)

const (
	magic      = 87
	version    = 1
	headerSize = 6
	maxValue   = limit.MostGreeting // nodes of 3.3 announce several hundred types
	tlsAlert   = 21                 // begins what a TLS server says to a plain client
)

// How a handshake ends without a connection. Which of them a peer means that
// closes without a word is told by the step at which it closed.
var (
	// ErrRefused: the peer closed after our Hello.
	ErrRefused = errors.New("wrong cookie or TLS mismatch: the peer ended after our hello")
	// ErrIntroduction: the peer closed after our Introduce, as it does with a
	// node of its own name.
	ErrIntroduction = errors.New("the peer closed after our introduction: is the node name ours alone?")
	// ErrPeerCookie: the peer's digest is not made with our cookie.
	ErrPeerCookie = errors.New("the peer does not have our cookie")
	// ErrCertificate: the digest of the TLS certificate is not the peer's.
	ErrCertificate = errors.New("the TLS certificate is not the peer's own: somebody stands between")
	// ErrVersion: what answers is not this handshake.
	ErrVersion = errors.New("the peer does not speak EHS version 1")
	// ErrBusy: the peer takes no more handshakes for the moment.
	ErrBusy = errors.New("the peer is busy with other handshakes")
	// ErrOtherNode: another node has the address.
	ErrOtherNode = errors.New("another node answers at the address")
)

// A Local is our side of a handshake.
type Local struct {
	Node     string
	Cookie   string
	Creation int64     // unix seconds of our start
	Salt     io.Reader // 32 bytes are read for each handshake
	// Step is how long one message of the peer may take. Real nodes accept
	// one handshake at a time, so ours may have to wait for another's.
	Step time.Duration
	Now  func() time.Time
	// Modern announces what nodes of 3.3 add to the protocol and the link
	// understands: fragments and signs of life.
	Modern bool
}

// flags are what our side announces.
func (l Local) flags() Flags {
	if l.Modern {
		return newFlags(modernFlags)
	}
	return newFlags(plainFlags)
}

// A Peer is what the other side said about itself.
type Peer struct {
	Node     string
	Creation int64
	Version  Version
	Flags    Flags
	// MaxMessage is the longest frame that it takes; 0 is any.
	MaxMessage int
	Caches     edf.Caches
}

// Dial shakes hands over conn, from which r reads. It expects the node named
// want, and TLS with the certificate cert (DER) unless that is nil. The bytes
// that r has buffered when it returns belong to the link.
func Dial(conn net.Conn, r *bufio.Reader, local Local, want string, cert []byte) (Peer, error) {
	h := &handshake{conn: conn, r: r, local: local}
	peer, err := h.dial(want, cert)
	if err != nil {
		return Peer{}, fmt.Errorf("shake hands with %s: %w", want, err)
	}
	// Where this fails the connection has ended, which the link will find.
	_ = conn.SetDeadline(time.Time{})
	return peer, nil
}

type handshake struct {
	conn  net.Conn
	r     *bufio.Reader
	local Local
}

func (h *handshake) dial(want string, cert []byte) (Peer, error) {
	theirs, err := h.hello(cert)
	if err != nil {
		return Peer{}, err
	}
	err = h.send(IntroduceType, Introduce{
		Node:     edf.Atom(h.local.Node),
		Version:  Version{Name: "recorder", Release: "1", License: "MIT"},
		Flags:    h.local.flags(),
		Creation: h.local.Creation,
		Digest:   digest(theirs.Salt, h.local.Cookie),
	})
	if err != nil {
		return Peer{}, err
	}
	intro, err := h.introduced()
	if closed(err) {
		err = fmt.Errorf("%w (%w)", ErrIntroduction, err)
	}
	if err != nil {
		return Peer{}, err
	}
	if string(intro.Node) != want {
		return Peer{}, fmt.Errorf("%w: %q", ErrOtherNode, intro.Node)
	}
	if err := h.send(AcceptType, Accepted{}); err != nil {
		return Peer{}, err
	}
	return peerOf(intro), nil
}

// hello exchanges the first messages and checks that the peer has the cookie,
// and that the certificate is its own.
func (h *handshake) hello(cert []byte) (Hello, error) {
	salt := make([]byte, 32)
	if _, err := io.ReadFull(h.local.Salt, salt); err != nil {
		return Hello{}, fmt.Errorf("make a salt: %w", err)
	}
	ours := Hello{Salt: hex.EncodeToString(salt)}
	ours.Digest = digest(ours.Salt, h.local.Cookie)
	if err := h.send(HelloType, ours); err != nil {
		return Hello{}, err
	}
	theirs, err := expect[Hello](h, HelloType)
	if closed(err) {
		err = fmt.Errorf("%w (%w)", ErrRefused, err)
	}
	if err != nil {
		return Hello{}, err
	}
	if !same(theirs.Digest, digest(theirs.Salt, ours.Digest, h.local.Cookie)) {
		return Hello{}, ErrPeerCookie
	}
	if cert != nil && !same(theirs.DigestCert, certDigest(theirs.Salt, ours.Salt, h.local.Cookie, cert)) {
		return Hello{}, ErrCertificate
	}
	return theirs, nil
}

// introduced reads the acceptor's two last messages, in either order.
func (h *handshake) introduced() (intro Introduce, err error) {
	var accepted, named bool
	for !accepted || !named {
		v, err := h.receive()
		if err != nil {
			return intro, err
		}
		switch m := v.Value.(type) {
		case Accepted:
			accepted = true
		case Introduce:
			intro, named = m, true
		default:
			return intro, fmt.Errorf("unexpected message %s", v.Type)
		}
	}
	return intro, nil
}

func peerOf(m Introduce) Peer {
	return Peer{
		Node: string(m.Node), Creation: m.Creation, Version: m.Version, Flags: m.Flags,
		MaxMessage: m.MaxMessageSize,
		Caches:     edf.Caches{Atoms: m.AtomCache, Types: m.RegCache, Errors: m.ErrCache},
	}
}

// send writes one message in one write.
func (h *handshake) send(name string, value any) error {
	b, err := appendFrame(nil, edf.Named{Type: name, Value: value})
	if err != nil {
		return err
	}
	if err := h.conn.SetWriteDeadline(h.local.Now().Add(h.local.Step)); err != nil {
		return err
	}
	if _, err := h.conn.Write(b); err != nil {
		return fmt.Errorf("send %s: %w", strings.TrimPrefix(name, prefix), err)
	}
	return nil
}

func expect[T any](h *handshake, name string) (m T, err error) {
	v, err := h.receive()
	if err != nil {
		return m, err
	}
	if r, ok := v.Value.(Reject); ok {
		return m, fmt.Errorf("%w: it says %q", ErrBusy, r.Reason)
	}
	m, ok := v.Value.(T)
	if !ok {
		return m, fmt.Errorf("unexpected message %s in place of %s", v.Type, name)
	}
	return m, nil
}

// receive reads one message.
func (h *handshake) receive() (edf.Named, error) {
	if err := h.conn.SetReadDeadline(h.local.Now().Add(h.local.Step)); err != nil {
		return edf.Named{}, err
	}
	return readFrame(h.r)
}

func readFrame(r io.Reader) (edf.Named, error) {
	var head [headerSize]byte
	if _, err := io.ReadFull(r, head[:]); err != nil {
		return edf.Named{}, fmt.Errorf("read message: %w", err)
	}
	if head[0] == tlsAlert {
		return edf.Named{}, fmt.Errorf("%w (it speaks TLS)", ErrRefused)
	}
	if head[0] != magic || head[1] != version {
		return edf.Named{}, fmt.Errorf("%w: its message begins with bytes %d %d", ErrVersion, head[0], head[1])
	}
	n := binary.BigEndian.Uint32(head[2:])
	if n > maxValue {
		return edf.Named{}, fmt.Errorf("%w: %w", ErrVersion, limit.Greeting.Over(int64(n)))
	}
	b := make([]byte, n)
	if _, err := io.ReadFull(r, b); err != nil {
		return edf.Named{}, fmt.Errorf("read message: %w", err)
	}
	v, _, err := edf.Decoder{Types: Types()}.Decode(b)
	if err != nil {
		return edf.Named{}, fmt.Errorf("read message: %w", err)
	}
	m, ok := v.(edf.Named)
	if !ok {
		return edf.Named{}, fmt.Errorf("read message: %T is none", v)
	}
	return m, nil
}

func appendFrame(b []byte, v edf.Named) ([]byte, error) {
	start := len(b)
	b = append(b, magic, version, 0, 0, 0, 0)
	b, err := edf.Append(b, v)
	if err != nil {
		return nil, err
	}
	n := len(b) - start - headerSize
	if n > maxValue {
		return nil, limit.Greeting.Over(int64(n))
	}
	binary.BigEndian.PutUint32(b[start+2:], uint32(n))
	return b, nil
}

// closed reports whether err is the peer's end of the connection: orderly,
// or a reset, as against silence or nonsense.
func closed(err error) bool {
	var timeout net.Error
	if err == nil || errors.As(err, &timeout) && timeout.Timeout() {
		return false
	}
	var op *net.OpError
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.ErrClosedPipe) || errors.As(err, &op)
}

// digest is the lower-case hexadecimal SHA-256 of the parts joined by ":".
func digest(parts ...string) string {
	sum := sha256.Sum256([]byte(strings.Join(parts, ":")))
	return hex.EncodeToString(sum[:])
}

// certDigest ties the acceptor's certificate (DER) to the cookie.
func certDigest(theirSalt, ourSalt, cookie string, cert []byte) string {
	fingerprint := sha1.Sum(cert)
	sum := sha256.Sum256(append([]byte(theirSalt+":"+ourSalt+":"+cookie), fingerprint[:]...))
	return hex.EncodeToString(sum[:])
}

// same compares digests without telling by its time how far they agree.
func same(a, b string) bool { return subtle.ConstantTimeCompare([]byte(a), []byte(b)) == 1 }
