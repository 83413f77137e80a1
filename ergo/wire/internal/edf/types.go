package edf

import (
	"fmt"
	"reflect"
)

// An Atom is a name: of a node, a process, an event. At most 255 bytes.
type Atom string

// A PID identifies a process in one life of its node.
type PID struct {
	Node     Atom
	ID       uint64
	Creation int64
}

// A ProcessID is a process by its registered name.
type ProcessID struct{ Node, Name Atom }

// An Event is an event by its name.
type Event struct{ Node, Name Atom }

// A Ref identifies a request.
type Ref struct {
	Node     Atom
	Creation int64
	ID       [3]uint64
}

// An Alias identifies a meta process, or is a process's temporary name.
type Alias Ref

// An Error is an error that came over the wire: its text is all there is.
type Error string

func (e Error) Error() string { return string(e) }

// A Named is a value of a registered type, where any type may stand.
//
// Decoding gives a Value of the Go type that [Types] has for the name. The
// body of a type that it does not have can only be kept where it is the whole
// message: Value is then [Raw].
type Named struct {
	Type  string // such as "#ergo.services/ergo/gen/Version"
	Value any
}

// Raw is the body of a value whose type is not known.
type Raw []byte

// A Map is a map whose types only the wire knew. Keys may repeat.
type Map []Entry

// An Entry is a key of a [Map] and its value.
type Entry struct{ Key, Value any }

// Types says which Go type stands for which registered name.
type Types map[string]reflect.Type

// Caches are the numbers that a peer announced for what it writes often.
// Decode what it sends with the caches that it announced.
type Caches struct {
	Atoms  map[uint16]Atom   // ids from 256
	Types  map[uint16]string // ids from 4096
	Errors map[uint16]error  // ids from 32768
}

// An UnknownTypeError is a registered type that [Types] does not have, in a
// place where the rest of the value cannot be read without knowing it.
type UnknownTypeError struct {
	Type string
	// At is the offset of the body of that type.
	At int
}

func (e *UnknownTypeError) Error() string { return fmt.Sprintf("unknown type %s", e.Type) }

// The tags.
const (
	tagDescribed  = 130
	tagRegistered = 131
	tagAny        = 132
	tagAtom       = 140
	tagString     = 141
	tagBinary     = 142
	tagFloat32    = 143
	tagFloat64    = 144
	tagBool       = 145
	tagInt8       = 146
	tagInt16      = 147
	tagInt32      = 148
	tagInt64      = 149
	tagInt        = 150
	tagUint8      = 151
	tagUint16     = 152
	tagUint32     = 153
	tagUint64     = 154
	tagUint       = 155
	tagError      = 156
	tagSlice      = 157
	tagArray      = 158
	tagMap        = 159
	tagPID        = 170
	tagProcessID  = 171
	tagAlias      = 172
	tagEvent      = 173
	tagRef        = 174
	tagTime       = 175
	tagNil        = 255
)

// Where literal lengths end and numbers of caches begin.
const (
	firstAtomID  = 256
	firstTypeID  = 4096
	firstErrorID = 32768
	nilError     = 65535
)

// MaxString is the longest string that can be written.
const MaxString = 65535
