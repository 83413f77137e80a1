package handshake

import (
	"encoding/binary"
	"reflect"
	"time"

	"ergorecorder/ergo/wire/internal/edf"
)

const prefix = "#ergo.services/ergo/net/handshake/"

// The registered names of the messages.
const (
	HelloType     = prefix + "MessageHello"
	IntroduceType = prefix + "MessageIntroduce"
	AcceptType    = prefix + "MessageAccept"
	RejectType    = prefix + "MessageReject"
)

// A Hello is the first message of either side: proof, by digest, that it has
// the cookie.
type Hello struct{ Salt, Digest, DigestCert string }

// An Introduce says who a side is. The three caches are the numbers that it
// will use when it writes.
type Introduce struct {
	Node           edf.Atom
	Version        Version
	Flags          Flags
	Creation       int64
	MaxMessageSize int
	AtomCache      map[uint16]edf.Atom
	RegCache       map[uint16]string
	ErrCache       map[uint16]error
	Digest         string
}

// An Accepted ends the handshake: from the acceptor with the connection's id and
// how further links may be opened, from the dialer empty.
type Accepted struct {
	ID         string
	PoolSize   int
	PoolDSN    []string
	Digest     string
	DigestCert string
}

// A Reject is in place of an answer: the peer will not shake hands now.
type Reject struct{ Reason string }

// A Version names a program, or a protocol.
type Version struct{ Name, Release, Commit, License string }

// Flags are Ergo's NetworkFlags, which marshal themselves: 8 bytes.
type Flags []byte

// The flags that matter to our node.
const (
	FlagSet       = 1 << 0 // without it the defaults hold
	FlagFragments = 1 << 3 // long messages come in parts
	FlagImportant = 1 << 6 // important messages are acknowledged

	keepAliveShift = 8 // the period in seconds stands in bits 8 to 15
)

// KeepAlive is how often our node says that it is there, to peers that do so
// as well.
const KeepAlive = 30 * time.Second

// plainFlags are the plain protocol, with acknowledgements; modernFlags add
// fragments and signs of life, which are used only with peers that announce
// them too.
const (
	plainFlags  = FlagSet | FlagImportant
	modernFlags = plainFlags | FlagFragments | uint64(KeepAlive/time.Second)<<keepAliveShift
)

// oldNode are the flags of a node of 3.0 to 3.2, newNode those of one of 3.3,
// both by default.
const (
	oldNode = 0x67
	newNode = 0x70fef
)

func newFlags(v uint64) Flags { return binary.BigEndian.AppendUint64(nil, v) }

// Has reports whether the flags contain flag. Flags that are not set are the
// defaults, which contain FlagImportant.
func (f Flags) Has(flag uint64) bool {
	if len(f) != 8 {
		return false
	}
	v := binary.BigEndian.Uint64(f)
	return v&FlagSet == 0 || v&flag != 0
}

// KeepAlive is how often the peer says that it is there; 0 where it does not.
func (f Flags) KeepAlive() time.Duration {
	if len(f) != 8 {
		return 0
	}
	v := binary.BigEndian.Uint64(f)
	if v&FlagSet == 0 {
		return 0
	}
	return time.Duration(v>>keepAliveShift&255) * time.Second
}

// Types are the messages of the handshake.
func Types() edf.Types {
	return edf.Types{
		HelloType:                         reflect.TypeFor[Hello](),
		IntroduceType:                     reflect.TypeFor[Introduce](),
		AcceptType:                        reflect.TypeFor[Accepted](),
		RejectType:                        reflect.TypeFor[Reject](),
		"#ergo.services/ergo/gen/Version": reflect.TypeFor[Version](),
	}
}
