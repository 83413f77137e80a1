// Package registrar asks the registrar that runs on every host of an Ergo
// cluster where a node listens: protocol "ESRD R1", one datagram each way.
//
//	offset  size  meaning
//	0       1     1, the version
//	1       1     46 resolve, 47 the answer (44 and 45 register, over TCP)
//	2       2     length of the value
//	4       n     EDF value
//
// Our node only dials, so it registers nowhere. Anyone on the path can forge
// an answer: it is a proposal, and the handshake decides. Central registrars
// (etcd, Saturn) are other protocols; give addresses there.
package registrar

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"reflect"
	"slices"
	"strings"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/handshake"
)

// Port is where a registrar listens.
const Port = 4499

const (
	version    = 1
	headerSize = 4
	prefix     = "#ergo.services/ergo/net/registrar/"

	kindResolve      = 46
	kindResolveReply = 47
)

// MaxReply is the longest answer.
const MaxReply = 4096

// ErrUnknownNode is the answer about a node that did not register.
var ErrUnknownNode = errors.New("the registrar does not know the node")

// A ResolveRoutes asks for the addresses of a node.
type ResolveRoutes struct{ Node edf.Atom }

// A ResolveReply answers with them.
type ResolveReply struct {
	Routes []Route
	Error  error
}

// A Route is where a node listens, and for what.
type Route struct {
	Host             string // "" is the host of the node's name
	Port             uint16
	TLS              bool
	HandshakeVersion handshake.Version
	ProtoVersion     handshake.Version
}

// ours reports whether our node can speak to what listens there.
func (r Route) ours() bool {
	is := func(v handshake.Version, name string) bool { return v.Name == name && v.Release == "R1" }
	return is(r.HandshakeVersion, "EHS") && is(r.ProtoVersion, "ENP")
}

// Types are the messages of the registrar.
func Types() edf.Types {
	return edf.Types{
		prefix + "MessageResolveRoutes":   reflect.TypeFor[ResolveRoutes](),
		prefix + "MessageResolveReply":    reflect.TypeFor[ResolveReply](),
		"#ergo.services/ergo/gen/Route":   reflect.TypeFor[Route](),
		"#ergo.services/ergo/gen/Version": reflect.TypeFor[handshake.Version](),
	}
}

// Request is the datagram that asks where node listens.
func Request(node string) ([]byte, error) {
	return datagram(kindResolve, prefix+"MessageResolveRoutes", ResolveRoutes{edf.Atom(node)})
}

// Reply is the datagram that answers, for the registrars of tests.
func Reply(r ResolveReply) ([]byte, error) {
	return datagram(kindResolveReply, prefix+"MessageResolveReply", r)
}

func datagram(kind byte, name string, value any) ([]byte, error) {
	b, err := edf.Append([]byte{version, kind, 0, 0}, edf.Named{Type: name, Value: value})
	if err != nil {
		return nil, err
	}
	binary.BigEndian.PutUint16(b[2:], uint16(len(b)-headerSize))
	return b, nil
}

// ParseReply reads the answering datagram. Routes of other protocols than
// ours are left out.
func ParseReply(b []byte) ([]Route, error) {
	if len(b) < headerSize || b[0] != version || b[1] != kindResolveReply {
		return nil, errors.New("not the answer of a registrar")
	}
	if n := int(binary.BigEndian.Uint16(b[2:])); n != len(b)-headerSize {
		return nil, fmt.Errorf("answer of %d bytes announces %d", len(b)-headerSize, n)
	}
	v, _, err := edf.Decoder{Types: Types()}.Decode(b[headerSize:])
	if err != nil {
		return nil, err
	}
	named, _ := v.(edf.Named)
	reply, ok := named.Value.(ResolveReply)
	if !ok {
		return nil, errors.New("not the answer of a registrar")
	}
	if reply.Error != nil {
		return nil, fmt.Errorf("%w (it says %q)", ErrUnknownNode, reply.Error)
	}
	routes := slices.DeleteFunc(reply.Routes, func(r Route) bool { return !r.ours() })
	if len(routes) == 0 {
		return nil, fmt.Errorf("%w by a protocol that we speak", ErrUnknownNode)
	}
	return routes, nil
}

// Resolve asks over conn, a datagram connection to the registrar. The caller
// sets its deadline.
func Resolve(conn io.ReadWriter, node string) ([]Route, error) {
	routes, err := exchange(conn, node)
	if err != nil {
		return nil, fmt.Errorf("resolve %s: %w", strings.ToValidUTF8(node, "?"), err)
	}
	return routes, nil
}

func exchange(conn io.ReadWriter, node string) ([]Route, error) {
	ask, err := Request(node)
	if err != nil {
		return nil, err
	}
	if _, err := conn.Write(ask); err != nil {
		return nil, err
	}
	b := make([]byte, MaxReply)
	n, err := conn.Read(b)
	if err != nil {
		return nil, err
	}
	return ParseReply(b[:n])
}
