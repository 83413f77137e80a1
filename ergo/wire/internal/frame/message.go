package frame

import (
	"encoding/binary"
	"errors"
	"fmt"

	"ergorecorder/ergo/wire/internal/edf"
)

// A Type says what a message is.
type Type uint8

// The types of messages. "Cached" ones give the name by the sender's number.
const (
	Extend           Type = 99 // "now open the further links": we have one
	SendPID          Type = 101
	SendName         Type = 102
	SendCached       Type = 103
	SendAlias        Type = 104
	PublishEvent     Type = 105
	PublishCached    Type = 106
	Exit             Type = 107
	RequestPID       Type = 121
	RequestName      Type = 122
	RequestCached    Type = 123
	RequestAlias     Type = 124
	Response         Type = 129
	ResponseError    Type = 130
	PIDTerminated    Type = 181
	NameTerminated   Type = 182
	CachedTerminated Type = 183
	AliasTerminated  Type = 184
	EventTerminated  Type = 185
	CachedEventEnded Type = 186
	Structured       Type = 199
	Compressed       Type = 200
	Fragment         Type = 202
	KeepAlive        Type = 208
)

// The codes of a [ResponseError].
const (
	CodeNone           = 0 // there is no error: an acknowledgement
	CodeUnknownProcess = 1
	CodeMailboxFull    = 2
	CodeTerminated     = 3
	CodeError          = 255 // the payload is an EDF error
)

// A Message is a frame taken apart. Which fields mean something depends on
// its type: see [Layout]. Process ids are those of the link's two nodes.
type Message struct {
	Type      Type
	Order     uint8
	From, To  uint64 // process ids
	Priority  uint8  // 0 normal, 1 high, 2 maximal
	Important bool   // the sender waits for an acknowledgement
	ID        uint64 // of a message: 0 unless it is important
	Ref       [3]uint64
	Alias     [3]uint64
	Name      edf.Atom
	NameID    uint16 // the number of a cached name
	At        int64  // unix ns, of an event
	Code      uint8
	Payload   []byte // EDF; part of the frame's bytes
}

// A Part is one field of a message's fixed beginning.
type Part uint8

const (
	PartFrom     Part = iota + 1 // u64
	PartTo                       // u64
	PartPriority                 // u8: bits 0-1 priority, bit 7 important
	PartID                       // u64
	PartRef                      // 3 u64
	PartAlias                    // 3 u64
	PartName                     // u8 length, bytes
	PartNameID                   // u16
	PartAt                       // i64
	PartCode                     // u8
)

// Layout is the order of the parts of a message before its payload; ok is
// false for a type that this package does not take apart.
func Layout(t Type) (parts []Part, ok bool) {
	switch t {
	case SendPID:
		return []Part{PartFrom, PartPriority, PartID, PartTo}, true
	case SendName:
		return []Part{PartFrom, PartPriority, PartID, PartName}, true
	case SendCached:
		return []Part{PartFrom, PartPriority, PartID, PartNameID}, true
	case SendAlias:
		return []Part{PartFrom, PartPriority, PartID, PartAlias}, true
	case PublishEvent:
		return []Part{PartFrom, PartPriority, PartAt, PartName}, true
	case PublishCached:
		return []Part{PartFrom, PartPriority, PartAt, PartNameID}, true
	case Exit:
		return []Part{PartFrom, PartPriority, PartTo}, true
	case RequestPID:
		return []Part{PartFrom, PartPriority, PartRef, PartTo}, true
	case RequestName:
		return []Part{PartFrom, PartPriority, PartRef, PartName}, true
	case RequestCached:
		return []Part{PartFrom, PartPriority, PartRef, PartNameID}, true
	case RequestAlias:
		return []Part{PartFrom, PartPriority, PartRef, PartAlias}, true
	case Response:
		return []Part{PartFrom, PartPriority, PartTo, PartRef}, true
	case ResponseError:
		return []Part{PartFrom, PartPriority, PartTo, PartRef, PartCode}, true
	case PIDTerminated:
		return []Part{PartPriority, PartTo}, true
	case NameTerminated, EventTerminated:
		return []Part{PartPriority, PartName}, true
	case CachedTerminated, CachedEventEnded:
		return []Part{PartPriority, PartNameID}, true
	case AliasTerminated:
		return []Part{PartPriority, PartAlias}, true
	case Structured:
		return nil, true
	}
	return nil, false
}

// ErrUnknownType is a frame of a type that no part of this package reads:
// drop it, the link goes on.
var ErrUnknownType = errors.New("unknown message type")

const important = 1 << 7

// Parse takes a frame apart. Names that the peer gives by number are looked
// up in atoms, its own.
func Parse(f Frame, atoms map[uint16]edf.Atom) (Message, error) {
	parts, ok := Layout(f.Type)
	if !ok {
		return Message{}, fmt.Errorf("%w %d", ErrUnknownType, f.Type)
	}
	m := Message{Type: f.Type, Order: f.Order}
	b := f.Body
	for _, p := range parts {
		n, err := m.read(p, b, atoms)
		if err != nil {
			return Message{}, fmt.Errorf("message of type %d: %w", f.Type, err)
		}
		b = b[n:]
	}
	m.Payload = b
	return m, nil
}

// size is how many bytes a part takes at least.
func (p Part) size() int {
	switch p {
	case PartFrom, PartTo, PartID, PartAt:
		return 8
	case PartRef, PartAlias:
		return 24
	case PartNameID:
		return 2
	}
	return 1
}

// read takes one part from the beginning of b and says how long it was.
func (m *Message) read(p Part, b []byte, atoms map[uint16]edf.Atom) (int, error) {
	n := p.size()
	if len(b) < n {
		return 0, errors.New("it ends too early")
	}
	switch p {
	case PartFrom:
		m.From = binary.BigEndian.Uint64(b)
	case PartTo:
		m.To = binary.BigEndian.Uint64(b)
	case PartPriority:
		m.Priority, m.Important = b[0]&^important, b[0]&important != 0
	case PartID:
		m.ID = binary.BigEndian.Uint64(b)
	case PartAt:
		m.At = int64(binary.BigEndian.Uint64(b))
	case PartRef:
		m.Ref = threeUint64(b)
	case PartAlias:
		m.Alias = threeUint64(b)
	case PartCode:
		m.Code = b[0]
	case PartName:
		n += int(b[0])
		if len(b) < n {
			return 0, errors.New("it ends within a name")
		}
		m.Name = edf.Atom(b[1:n])
	case PartNameID:
		m.NameID = binary.BigEndian.Uint16(b)
		name, ok := atoms[m.NameID]
		if !ok {
			return 0, fmt.Errorf("atom number %d was not announced", m.NameID)
		}
		m.Name = name
	}
	return n, nil
}

func threeUint64(b []byte) (v [3]uint64) {
	for i := range v {
		v[i] = binary.BigEndian.Uint64(b[8*i:])
	}
	return v
}

// Append appends the message's frame to b. A name longer than 255 bytes, or a
// type without layout, is an error, and b is returned as it was.
func (m Message) Append(b []byte) ([]byte, error) {
	parts, ok := Layout(m.Type)
	if !ok {
		return b, fmt.Errorf("%w %d", ErrUnknownType, m.Type)
	}
	if len(m.Name) > 255 {
		return b, fmt.Errorf("name of %d bytes: 255 are the most", len(m.Name))
	}
	start := len(b)
	b = append(b, magic, version, 0, 0, 0, 0, m.Order, byte(m.Type))
	for _, p := range parts {
		b = m.write(p, b)
	}
	b = append(b, m.Payload...)
	binary.BigEndian.PutUint32(b[start+2:], uint32(len(b)-start))
	return b, nil
}

func (m Message) write(p Part, b []byte) []byte {
	switch p {
	case PartFrom:
		b = binary.BigEndian.AppendUint64(b, m.From)
	case PartTo:
		b = binary.BigEndian.AppendUint64(b, m.To)
	case PartPriority:
		v := m.Priority
		if m.Important {
			v |= important
		}
		b = append(b, v)
	case PartID:
		b = binary.BigEndian.AppendUint64(b, m.ID)
	case PartAt:
		b = binary.BigEndian.AppendUint64(b, uint64(m.At))
	case PartRef:
		b = appendThree(b, m.Ref)
	case PartAlias:
		b = appendThree(b, m.Alias)
	case PartCode:
		b = append(b, m.Code)
	case PartName:
		b = append(b, uint8(len(m.Name)))
		b = append(b, m.Name...)
	case PartNameID:
		b = binary.BigEndian.AppendUint16(b, m.NameID)
	}
	return b
}

func appendThree(b []byte, v [3]uint64) []byte {
	for _, x := range v {
		b = binary.BigEndian.AppendUint64(b, x)
	}
	return b
}
