package edf

import (
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"reflect"
	"time"
)

// Append appends value, with its tag, to b. Of the values that any may hold
// it writes those which need no type description: all but slices, arrays and
// maps, which are written as fields of a struct only.
//
// A string that is too long, an atom of more than 255 bytes and a type
// without encoding are errors; b is then returned as it was.
func Append(b []byte, value any) ([]byte, error) {
	w := &writer{b: b}
	w.any(value)
	if w.err != nil {
		return b, fmt.Errorf("encode value: %w", w.err)
	}
	return w.b, nil
}

// A writer is one encoding under way; the first error stays.
type writer struct {
	b   []byte
	err error
}

func (w *writer) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *writer) u8(v uint8)   { w.b = append(w.b, v) }
func (w *writer) u16(v uint16) { w.b = binary.BigEndian.AppendUint16(w.b, v) }
func (w *writer) u32(v uint32) { w.b = binary.BigEndian.AppendUint32(w.b, v) }
func (w *writer) u64(v uint64) { w.b = binary.BigEndian.AppendUint64(w.b, v) }

// text writes bytes after their length, which must be below end: from there
// on lengths mean numbers of a cache.
func (w *writer) text(s string, end int) {
	if len(s) >= end {
		w.fail(fmt.Errorf("%d bytes where %d are the most", len(s), end-1))
		return
	}
	w.u16(uint16(len(s)))
	w.b = append(w.b, s...)
}

func (w *writer) atom(a Atom) { w.text(string(a), firstAtomID) }

func (w *writer) error(err error) {
	if err == nil {
		w.u16(nilError)
		return
	}
	w.text(err.Error(), firstErrorID)
}

func (w *writer) ref(r Ref) {
	w.atom(r.Node)
	w.u64(uint64(r.Creation))
	for _, id := range r.ID {
		w.u64(id)
	}
}

// any writes a value with its tag.
func (w *writer) any(value any) {
	switch v := value.(type) {
	case nil:
		w.u8(tagNil)
		return
	case Named:
		w.u8(tagRegistered)
		w.text(v.Type, firstTypeID)
		w.value(v.Value)
		return
	}
	tag := tagOf(value)
	if tag == 0 {
		w.fail(fmt.Errorf("type %T cannot stand where any value may", value))
		return
	}
	w.u8(tag)
	w.value(value)
}

func tagOf(value any) byte {
	switch value.(type) {
	case Atom:
		return tagAtom
	case string:
		return tagString
	case []byte:
		return tagBinary
	case float32:
		return tagFloat32
	case float64:
		return tagFloat64
	case bool:
		return tagBool
	case int8:
		return tagInt8
	case int16:
		return tagInt16
	case int32:
		return tagInt32
	case int64:
		return tagInt64
	case int:
		return tagInt
	case uint8:
		return tagUint8
	case uint16:
		return tagUint16
	case uint32:
		return tagUint32
	case uint64:
		return tagUint64
	case uint:
		return tagUint
	case PID:
		return tagPID
	case ProcessID:
		return tagProcessID
	case Alias:
		return tagAlias
	case Event:
		return tagEvent
	case Ref:
		return tagRef
	case time.Time:
		return tagTime
	case error:
		return tagError
	}
	return 0
}

// value writes the body of what an interface holds.
func (w *writer) value(value any) {
	v := reflect.ValueOf(value)
	if !v.IsValid() {
		w.fail(errors.New("nil has no body"))
		return
	}
	w.body(v)
}

// body writes v without a tag.
func (w *writer) body(v reflect.Value) {
	if v.Kind() == reflect.Interface {
		w.composed(v)
		return
	}
	switch x := v.Interface().(type) {
	case Raw:
		w.b = append(w.b, x...)
		return
	case Atom:
		w.atom(x)
		return
	case PID:
		w.atom(x.Node)
		w.u64(x.ID)
		w.u64(uint64(x.Creation))
		return
	case Alias:
		w.ref(Ref(x))
		return
	case Ref:
		w.ref(x)
		return
	case time.Time:
		w.time(x)
		return
	case Error:
		w.error(x)
		return
	}
	w.kind(v)
}

var errorType, anyType = reflect.TypeFor[error](), reflect.TypeFor[any]()

// kind writes v where its kind says how.
func (w *writer) kind(v reflect.Value) {
	switch v.Kind() {
	case reflect.Bool:
		if v.Bool() {
			w.u8(1)
		} else {
			w.u8(0)
		}
	case reflect.Int8:
		w.u8(uint8(v.Int()))
	case reflect.Int16:
		w.u16(uint16(v.Int()))
	case reflect.Int32:
		w.u32(uint32(v.Int()))
	case reflect.Int64, reflect.Int:
		w.u64(uint64(v.Int()))
	case reflect.Uint8:
		w.u8(uint8(v.Uint()))
	case reflect.Uint16:
		w.u16(uint16(v.Uint()))
	case reflect.Uint32:
		w.u32(uint32(v.Uint()))
	case reflect.Uint64, reflect.Uint:
		w.u64(v.Uint())
	case reflect.Float32:
		w.u32(math.Float32bits(float32(v.Float())))
	case reflect.Float64:
		w.u64(math.Float64bits(v.Float()))
	case reflect.String:
		w.text(v.String(), MaxString+1)
	default:
		w.composed(v)
	}
}

// composed writes v where it is made of other values.
func (w *writer) composed(v reflect.Value) {
	switch {
	case v.Type() == errorType:
		err, _ := v.Interface().(error)
		w.error(err)
	case v.Type() == anyType:
		w.any(v.Interface())
	case v.Kind() == reflect.Struct:
		for i := range v.NumField() {
			w.body(v.Field(i))
		}
	case v.Kind() == reflect.Array:
		w.bodies(v)
	case v.Kind() == reflect.Slice && v.Type().Elem().Kind() == reflect.Uint8:
		w.u32(uint32(v.Len()))
		w.b = append(w.b, v.Bytes()...)
	case (v.Kind() == reflect.Slice || v.Kind() == reflect.Map) && v.IsNil():
		w.u8(tagNil)
	case v.Kind() == reflect.Slice:
		w.u8(tagSlice)
		w.u32(uint32(v.Len()))
		w.bodies(v)
	case v.Kind() == reflect.Map:
		w.u8(tagMap)
		w.u32(uint32(v.Len()))
		for it := v.MapRange(); it.Next(); {
			w.body(it.Key())
			w.body(it.Value())
		}
	default:
		w.fail(fmt.Errorf("type %s has no encoding", v.Type()))
	}
}

func (w *writer) bodies(v reflect.Value) {
	for i := range v.Len() {
		w.body(v.Index(i))
	}
}

func (w *writer) time(t time.Time) {
	b, err := t.MarshalBinary()
	if err != nil {
		w.fail(err)
		return
	}
	w.u8(uint8(len(b)))
	w.b = append(w.b, b...)
}
