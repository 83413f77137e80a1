package handshake

import (
	"bufio"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"

	"ergorecorder/ergo/wire/internal/edf"
)

// Accept plays the acceptor's side of a handshake, for the peers of tests: the
// product only dials. types are the registered names that the peer announces;
// cert, if not nil, is its own TLS certificate (DER).
func Accept(conn net.Conn, r *bufio.Reader, local Local, types []string, cert []byte) (Peer, error) {
	h := &handshake{conn: conn, r: r, local: local}
	theirs, err := expect[Hello](h, HelloType)
	if err != nil {
		return Peer{}, err
	}
	if !same(theirs.Digest, digest(theirs.Salt, local.Cookie)) {
		return Peer{}, errors.New("accept: wrong cookie")
	}
	salt := make([]byte, 32)
	if _, err := io.ReadFull(local.Salt, salt); err != nil {
		return Peer{}, fmt.Errorf("make a salt: %w", err)
	}
	ours := Hello{Salt: hex.EncodeToString(salt)}
	ours.Digest = digest(ours.Salt, theirs.Digest, local.Cookie)
	if cert != nil {
		ours.DigestCert = certDigest(ours.Salt, theirs.Salt, local.Cookie, cert)
	}
	if err := h.send(HelloType, ours); err != nil {
		return Peer{}, err
	}
	intro, err := expect[Introduce](h, IntroduceType)
	if err != nil {
		return Peer{}, err
	}
	if !same(intro.Digest, digest(ours.Salt, local.Cookie)) || string(intro.Node) == local.Node {
		return Peer{}, errors.New("accept: introduction refused")
	}
	if err := h.introduce(types); err != nil {
		return Peer{}, err
	}
	if _, err := expect[Accepted](h, AcceptType); err != nil {
		return Peer{}, err
	}
	return peerOf(intro), nil
}

// introduce sends the acceptor's two last messages.
func (h *handshake) introduce(types []string) error {
	if err := h.send(AcceptType, Accepted{ID: "1", PoolSize: 1}); err != nil {
		return err
	}
	cache := map[uint16]string{}
	for i, name := range types {
		cache[4096+uint16(i)] = name
	}
	return h.send(IntroduceType, Introduce{
		Node: edf.Atom(h.local.Node), Flags: newFlags(0x67), Creation: h.local.Creation, RegCache: cache,
	})
}
