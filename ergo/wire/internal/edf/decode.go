package edf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"

	"ergorecorder/internal/limit"
)

// The bounds of one value, beside the number of its bytes.
const (
	maxDepth    = limit.MostNesting  // of any values in one another, and of type descriptions
	maxElements = limit.MostElements // of slices, arrays and maps together
)

// A Decoder reads values. Its zero value knows no registered type and no
// cached number. It may be used by several goroutines.
type Decoder struct {
	Types  Types
	Caches Caches
}

// Decode reads the one value that b is. Bytes after it are returned as rest:
// newer peers may have more to say. The value keeps nothing of b, except a
// [Raw] in a [Named], which is part of b.
//
// Where a type is not known, the error is an [*UnknownTypeError], and the
// value is what had been read before it, which may be nil.
func (d Decoder) Decode(b []byte) (value any, rest []byte, err error) {
	r := &reader{d: d, b: b, elements: maxElements}
	value = r.top()
	if r.err != nil {
		return value, nil, fmt.Errorf("decode value at byte %d: %w", r.off, r.err)
	}
	return value, b[r.off:], nil
}

// A reader is one decoding under way. The first error stays, and everything
// after it reads as zero.
type reader struct {
	d        Decoder
	b        []byte
	off      int
	elements int // how many more may come
	depth    int
	err      error
}

func (r *reader) fail(err error) {
	if r.err == nil {
		r.err = err
	}
}

var errShort = errors.New("it ends too early")

// take is the next n bytes, nil after an error.
func (r *reader) take(n int) []byte {
	if r.err != nil {
		return nil
	}
	if n > len(r.b)-r.off {
		r.fail(errShort)
		return nil
	}
	r.off += n
	return r.b[r.off-n : r.off]
}

func (r *reader) u8() uint8 {
	if b := r.take(1); b != nil {
		return b[0]
	}
	return 0
}

func (r *reader) u16() uint16 {
	if b := r.take(2); b != nil {
		return binary.BigEndian.Uint16(b)
	}
	return 0
}

func (r *reader) u32() uint32 {
	if b := r.take(4); b != nil {
		return binary.BigEndian.Uint32(b)
	}
	return 0
}

func (r *reader) u64() uint64 {
	if b := r.take(8); b != nil {
		return binary.BigEndian.Uint64(b)
	}
	return 0
}

// admit is n, how many elements are to come, if so many are still allowed.
// That bytes follow for them is found when they are read.
func (r *reader) admit(n uint32) int {
	switch {
	case r.err != nil:
	case int64(n) > int64(r.elements):
		r.fail(limit.Elements.Over(0))
	default:
		r.elements -= int(n)
		return int(n)
	}
	return 0
}

// enter goes one level deeper; leave must follow.
func (r *reader) enter() bool {
	r.depth++
	if r.depth > maxDepth {
		r.fail(limit.Nesting.Over(0))
	}
	return r.err == nil
}

func (r *reader) leave() { r.depth-- }

// top reads a whole message: as any value, but the body of an unknown type
// is kept.
func (r *reader) top() any {
	if len(r.b) == 0 || r.b[0] != tagRegistered {
		return r.any()
	}
	r.u8()
	name := r.typeName()
	if r.err == nil && r.d.Types[name] == nil {
		return Named{Type: name, Value: Raw(r.take(len(r.b) - r.off))}
	}
	return r.named(name)
}

// any reads a value with its tag.
func (r *reader) any() any {
	if !r.enter() {
		return nil
	}
	defer r.leave()
	switch tag := r.u8(); tag {
	case tagNil:
		return nil
	case tagRegistered:
		return r.named(r.typeName())
	case tagDescribed:
		return r.described()
	default:
		return r.plain(tag)
	}
}

// named reads the body of a registered type.
func (r *reader) named(name string) any {
	if r.err != nil {
		return nil
	}
	t := r.d.Types[name]
	if t == nil {
		r.fail(&UnknownTypeError{Type: name, At: r.off})
		return nil
	}
	v := reflect.New(t).Elem()
	r.body(v)
	return Named{Type: name, Value: v.Interface()}
}

// plain reads the body of a type that is no more than its tag.
func (r *reader) plain(tag byte) any {
	switch tag {
	case tagAtom:
		return r.atom()
	case tagString:
		return r.string()
	case tagBinary:
		return r.binary()
	case tagFloat32:
		return math.Float32frombits(r.u32())
	case tagFloat64:
		return math.Float64frombits(r.u64())
	case tagBool:
		return r.u8() == 1
	case tagInt8:
		return int8(r.u8())
	case tagInt16:
		return int16(r.u16())
	case tagInt32:
		return int32(r.u32())
	case tagInt64:
		return int64(r.u64())
	case tagInt:
		return int(r.u64())
	case tagUint8:
		return r.u8()
	case tagUint16:
		return r.u16()
	case tagUint32:
		return r.u32()
	case tagUint64:
		return r.u64()
	case tagUint:
		return uint(r.u64())
	case tagError:
		if err := r.error(); err != nil {
			return err
		}
		return nil
	case tagPID:
		return r.pid()
	case tagProcessID:
		return ProcessID(r.pair())
	case tagAlias:
		return Alias(r.ref())
	case tagEvent:
		return r.pair()
	case tagRef:
		return r.ref()
	case tagTime:
		return r.time()
	}
	r.fail(fmt.Errorf("unknown tag %d", tag))
	return nil
}

func (r *reader) string() string { return string(r.take(int(r.u16()))) }

func (r *reader) binary() []byte {
	n := r.u32()
	if uint64(n) > uint64(len(r.b)) {
		r.fail(errShort)
		return nil
	}
	return append([]byte{}, r.take(int(n))...)
}

func (r *reader) atom() Atom {
	n := r.u16()
	if n < firstAtomID {
		return Atom(r.take(int(n)))
	}
	a, ok := r.d.Caches.Atoms[n]
	if !ok {
		r.fail(fmt.Errorf("atom number %d was not announced", n))
	}
	return a
}

func (r *reader) typeName() string {
	n := r.u16()
	if n < firstTypeID {
		return string(r.take(int(n)))
	}
	name, ok := r.d.Caches.Types[n]
	if !ok {
		r.fail(fmt.Errorf("type number %d was not announced", n))
	}
	return name
}

func (r *reader) error() error {
	n := r.u16()
	switch {
	case n < firstErrorID:
		return Error(r.take(int(n)))
	case n == nilError:
		return nil
	}
	e, ok := r.d.Caches.Errors[n]
	if !ok {
		r.fail(fmt.Errorf("error number %d was not announced", n))
	}
	return e
}

func (r *reader) pid() PID {
	return PID{Node: r.atom(), ID: r.u64(), Creation: int64(r.u64())}
}

func (r *reader) pair() Event { return Event{Node: r.atom(), Name: r.atom()} }

func (r *reader) ref() Ref {
	return Ref{Node: r.atom(), Creation: int64(r.u64()), ID: [3]uint64{r.u64(), r.u64(), r.u64()}}
}

func (r *reader) time() time.Time {
	var t time.Time
	b := r.take(int(r.u8()))
	if r.err == nil {
		if err := t.UnmarshalBinary(b); err != nil {
			r.fail(err)
		}
	}
	return t
}

// body reads a value without a tag into v, whose type says what to read.
func (r *reader) body(v reflect.Value) {
	if r.err != nil {
		return
	}
	switch p := v.Addr().Interface().(type) {
	case *string:
		*p = r.string()
	case *Atom:
		*p = r.atom()
	case *any:
		*p = r.any()
	case *error:
		*p = r.error()
	case *PID:
		*p = r.pid()
	case *ProcessID:
		*p = ProcessID(r.pair())
	case *Event:
		*p = r.pair()
	case *Alias:
		*p = Alias(r.ref())
	case *Ref:
		*p = r.ref()
	case *time.Time:
		*p = r.time()
	default:
		r.kind(v)
	}
}

// kind reads into v where its kind says what to read.
func (r *reader) kind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		v.SetBool(r.u8() == 1)
	case reflect.Int8:
		v.SetInt(int64(int8(r.u8())))
	case reflect.Int16:
		v.SetInt(int64(int16(r.u16())))
	case reflect.Int32:
		v.SetInt(int64(int32(r.u32())))
	case reflect.Int64, reflect.Int:
		v.SetInt(int64(r.u64()))
	case reflect.Uint8:
		v.SetUint(uint64(r.u8()))
	case reflect.Uint16:
		v.SetUint(uint64(r.u16()))
	case reflect.Uint32:
		v.SetUint(uint64(r.u32()))
	case reflect.Uint64, reflect.Uint:
		v.SetUint(r.u64())
	case reflect.Float32:
		v.SetFloat(float64(math.Float32frombits(r.u32())))
	case reflect.Float64:
		v.SetFloat(math.Float64frombits(r.u64()))
	case reflect.String:
		v.SetString(r.string())
	case reflect.Struct:
		for i := range v.NumField() {
			r.body(v.Field(i))
		}
	case reflect.Array:
		for i := range v.Len() {
			r.body(v.Index(i))
		}
	case reflect.Slice:
		if v.Type().Elem().Kind() == reflect.Uint8 {
			v.SetBytes(r.binary())
			return
		}
		r.slice(v)
	case reflect.Map:
		r.mapping(v)
	default:
		r.fail(fmt.Errorf("type %s has no encoding", v.Type()))
	}
}

// present reads the mark before a slice or map: false is nil.
func (r *reader) present(tag byte) bool {
	switch mark := r.u8(); mark {
	case tag:
		return r.err == nil
	case tagNil:
	default:
		r.fail(fmt.Errorf("mark %d in place of %d or nil", mark, tag))
	}
	return false
}

// grown is how many elements are made room for before any has been read.
func grown(n int) int { return min(n, 256) }

func (r *reader) slice(v reflect.Value) {
	if !r.present(tagSlice) {
		return
	}
	n := r.admit(r.u32())
	s := reflect.MakeSlice(v.Type(), 0, grown(n))
	elem := reflect.New(v.Type().Elem()).Elem()
	for ; n > 0 && r.err == nil; n-- {
		elem.SetZero()
		r.body(elem)
		s = reflect.Append(s, elem)
	}
	v.Set(s)
}

func (r *reader) mapping(v reflect.Value) {
	if !r.present(tagMap) {
		return
	}
	n := r.admit(r.u32())
	m := reflect.MakeMapWithSize(v.Type(), grown(n))
	key, elem := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
	for ; n > 0 && r.err == nil; n-- {
		key.SetZero()
		elem.SetZero()
		r.body(key)
		r.body(elem)
		if r.err == nil {
			m.SetMapIndex(key, elem)
		}
	}
	v.Set(m)
}
