package wire

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"strconv"

	"ergorecorder/ergo/wire/internal/cookie"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/link"
	"ergorecorder/ergo/wire/internal/registrar"
)

// The reasons for which a node will not have us, as they are told.
var (
	ErrCookie    = handshake.ErrRefused   // wrong cookie or TLS mismatch
	ErrOtherNode = handshake.ErrOtherNode // another node has the address
	ErrNameTaken = errors.New("name already connected: the node has, or has not yet given up, a link to a node of our name")
	ErrRoute     = errors.New("the registrar names an address that was not named with --join: allow --follow-routes")
	ErrPlain     = errors.New("the registrar says that the node does not speak TLS, and --tls was given")
)

// An address is where a node accepts connections.
type address struct {
	hostPort string
	tls      bool
}

// locate finds the address of a node.
func (m *member) locate(ctx context.Context) (address, error) {
	o := &m.c.opts
	host := hostOf(m.target.Node)
	if m.target.Host != "" {
		host = m.target.Host
	}
	if m.target.Port != 0 {
		return address{net.JoinHostPort(host, strconv.Itoa(int(m.target.Port))), o.TLS}, nil
	}
	routes, err := m.resolve(ctx, host)
	if err != nil {
		return address{}, fmt.Errorf("%w; the port can be given: --join %s:11144", err, m.target.Node)
	}
	var refused error
	for _, r := range routes {
		switch {
		case r.Host != "" && r.Host != host && !o.FollowRoutes:
			refused = fmt.Errorf("%w (%s:%d)", ErrRoute, r.Host, r.Port)
		case o.TLS && !r.TLS:
			refused = ErrPlain
		default:
			if r.Host != "" {
				host = r.Host
			}
			return address{net.JoinHostPort(host, strconv.Itoa(int(r.Port))), r.TLS}, nil
		}
	}
	return address{}, refused
}

// resolve asks the registrar of the host, which may listen on addresses of
// one family only.
func (m *member) resolve(ctx context.Context, host string) ([]registrar.Route, error) {
	var errs []error
	for _, network := range []string{"udp4", "udp6"} {
		routes, err := m.resolveOver(ctx, network, host)
		if err == nil || errors.Is(err, registrar.ErrUnknownNode) {
			return routes, err
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("ask the registrar of %s: %w", host, errors.Join(errs...))
}

func (m *member) resolveOver(ctx context.Context, network, host string) ([]registrar.Route, error) {
	o := &m.c.opts
	conn, err := o.Dial(ctx, network, net.JoinHostPort(host, strconv.Itoa(registrar.Port)))
	if err != nil {
		return nil, err
	}
	defer conn.Close()
	defer closeWith(ctx, conn)()
	if err := conn.SetDeadline(o.Now().Add(resolveTime)); err != nil {
		return nil, err
	}
	return registrar.Resolve(conn, m.target.Node)
}

// closeWith closes conn when ctx ends, until the returned function is called.
func closeWith(ctx context.Context, conn net.Conn) (stop func()) {
	end := context.AfterFunc(ctx, func() { conn.Close() })
	return func() { end() }
}

// dial makes a link to the node at an address. It is up only after the first
// answer: see confirm.
func (m *member) dial(ctx context.Context, at address) (*link.Link, handshake.Peer, error) {
	o := &m.c.opts
	dialCtx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	conn, err := o.Dial(dialCtx, "tcp", at.hostPort)
	if err != nil {
		return nil, handshake.Peer{}, fmt.Errorf("dial %s: %w", m.target.Node, err)
	}
	stop := closeWith(ctx, conn)
	conn, cert, err := m.secure(ctx, conn, at.tls)
	if err != nil {
		stop()
		return nil, handshake.Peer{}, err
	}
	r := bufio.NewReader(conn)
	peer, err := handshake.Dial(conn, r, handshake.Local{
		Node: o.Node, Cookie: cookie.Reveal(o.Cookie), Creation: m.c.creation,
		Salt: o.Random, Step: o.Step, Now: o.Now, Modern: true,
	}, m.target.Node, cert)
	stop()
	if err != nil {
		conn.Close()
		return nil, handshake.Peer{}, err
	}
	return link.New(conn, r, link.Options{
		Node: o.Node, Creation: m.c.creation, Peer: peer,
		Limit: o.Limit, Patience: patience, Now: o.Now, Events: m.event,
		Types: planOf(peer).Types(), KeepAlive: peer.Flags.KeepAlive(),
	}), peer, nil
}

// secure wraps conn in TLS, if it is to be, and returns the peer's
// certificate. No authority vouches for it: the handshake does, since the
// peer sends a digest of it that only the cookie can make.
func (m *member) secure(ctx context.Context, conn net.Conn, use bool) (net.Conn, []byte, error) {
	if !use {
		return conn, nil, nil
	}
	t := tls.Client(conn, &tls.Config{
		ServerName:         hostOf(m.target.Node),
		InsecureSkipVerify: true, // see above
		MinVersion:         tls.VersionTLS12,
	})
	ctx, cancel := context.WithTimeout(ctx, m.c.opts.Step)
	defer cancel()
	if err := t.HandshakeContext(ctx); err != nil {
		conn.Close()
		return nil, nil, fmt.Errorf("%w (TLS with %s: %w)", ErrCookie, m.target.Node, err)
	}
	return t, t.ConnectionState().PeerCertificates[0].Raw, nil
}
