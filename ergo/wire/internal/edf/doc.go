// Package edf reads and writes the Ergo Data Format, the value encoding of
// Ergo's node protocol: in messages between nodes, in the handshake before
// them, and in what a node tells its registrar.
//
// A value is typed, that is, begins with a tag, where the reader cannot know
// its type: as a whole message, and in a field or element of type any.
// Everywhere else only its body is written; fields have neither tags nor
// names. All integers are big-endian.
//
//	tag      type             body
//	140      Atom             u16 n; n < 256: n bytes follow, else n is the id of a cached atom
//	141      string           u16 length, bytes
//	142      []byte           u32 length, bytes
//	143 144  float32 float64  IEEE bits
//	145      bool             u8, 1 is true
//	146-150  int8 … int64 int 1 2 4 8 8 bytes
//	151-155  uint8 … uint     1 2 4 8 8 bytes
//	156      error            u16 n; n < 32768: n bytes follow; 65535: nil; else the id of a cached text
//	157      slice            u8 157, u32 count, bodies; or u8 255: nil
//	158      array            bodies
//	159      map              u8 159, u32 count, pairs of bodies; or u8 255: nil
//	170      PID              node, u64, i64 creation
//	171 173  ProcessID Event  node, name
//	172 174  Alias Ref        node, i64 creation, 3 u64
//	175      time.Time        u8 length, Go's binary form
//	255      nil              (only where any value may stand)
//	130      other type       u16 length of a type description, description, body
//	131      registered type  u16 n; n < 4096: n bytes of name, else a cached name's id; body
//	132      any              (only inside a type description)
//
// A registered struct is the bodies of its fields in order. Which Go type
// stands for which registered name is the caller's to say, with a [Types].
// A field of such a Go type may be any of the types above, a slice, array or
// map of them, a struct, or an error; a value of Ergo's NetworkFlags, which
// marshals itself, has the form of a []byte.
//
// Values of any type come back as their Go type, with these in addition:
// [Named] for registered types, []any for slices and arrays, [Map] for maps
// (whose keys may be anything), [Error] for errors, nil for nil.
//
// The numbers of cached atoms, type names and error texts are agreed upon in
// the handshake, one set for each direction: see [Caches]. This package reads
// them and never writes one.
//
// What comes from a peer is hostile until proven otherwise: memory is taken as
// elements are read, not as they are announced, elements are counted against
// a limit for the whole value (those of size zero cost no bytes), and values
// inside values inside values end at a fixed depth. Nothing panics. Pointers, named
// slices and maps, and types with a marshaling of their own are not known
// here; a value that contains one is refused as a whole.
package edf
