package handshake

import (
	"bufio"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"slices"

	"ergorecorder/ergo/wire/internal/edf"
)

// Announced is what an acceptor says about itself.
type Announced struct {
	Types   []string // the registered names that it knows
	Version Version
	// Modern is a node of 3.3 with its default flags, else it is one before.
	Modern bool
	Cert   []byte // its TLS certificate (DER); nil without TLS
	// Busy is a node that shakes as many hands as it will: who comes is told so.
	Busy bool
}

// Accept plays the acceptor's side of a handshake, for nodes that are played:
// the recorder itself only dials.
func Accept(conn net.Conn, r *bufio.Reader, local Local, own Announced) (Peer, error) {
	h := &handshake{conn: conn, r: r, local: local}
	theirs, err := expect[Hello](h, HelloType)
	if err != nil {
		return Peer{}, err
	}
	if own.Busy {
		return Peer{}, errors.Join(h.send(RejectType, Reject{Reason: "busy"}), errors.New("accept: busy"))
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
	if own.Cert != nil {
		ours.DigestCert = certDigest(ours.Salt, theirs.Salt, local.Cookie, own.Cert)
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
	if err := h.introduce(intro, own); err != nil {
		return Peer{}, err
	}
	if _, err := expect[Accepted](h, AcceptType); err != nil {
		return Peer{}, err
	}
	return peerOf(intro), nil
}

// introduce sends the acceptor's two last messages.
func (h *handshake) introduce(to Introduce, own Announced) error {
	flags := newFlags(oldNode)
	if own.Modern {
		flags = newFlags(newNode)
	}
	if err := h.send(AcceptType, Accepted{ID: connectionID(h.local, to), PoolSize: 1}); err != nil {
		return err
	}
	cache := map[uint16]string{}
	for i, name := range own.Types {
		cache[4096+uint16(i)] = name
	}
	return h.send(IntroduceType, Introduce{
		Node: edf.Atom(h.local.Node), Version: own.Version, Flags: flags, Creation: h.local.Creation, RegCache: cache,
	})
}

// connectionID is the name of a connection between two nodes, the same whoever
// of them dialled.
func connectionID(local Local, to Introduce) string {
	sides := []string{
		fmt.Sprintf("%s:%d", local.Node, local.Creation),
		fmt.Sprintf("%s:%d", to.Node, to.Creation),
	}
	slices.Sort(sides)
	sum := hmac.New(sha256.New, []byte(local.Cookie))
	sum.Write([]byte(sides[0] + ":" + sides[1]))
	return hex.EncodeToString(sum.Sum(nil))
}
