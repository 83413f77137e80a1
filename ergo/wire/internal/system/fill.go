package system

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"strings"

	"ergorecorder/ergo/wire/internal/edf"
)

// Fill makes a message of a plan of JSON with Go's field names, as answers are
// in JSON. Missing are the fields that the JSON does not have, Info.HeapLive or
// Processes.Kind: a layout has no way to leave one out, so they are zero in the
// message. Applications.*.Weight is a field of each value of a map.
func (p Plan) Fill(name string, text []byte) (message edf.Named, missing []string, err error) {
	i := slices.IndexFunc(p.layouts(), func(l layout) bool { return l.message == name })
	if i < 0 {
		return edf.Named{}, nil, fmt.Errorf("%s: no message of release %v", name, p)
	}
	v := reflect.New(reflect.TypeOf(p.layouts()[i].value))
	text, found, err := decodeInto(v, text)
	if err != nil {
		return edf.Named{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	if err := lacking(v.Elem().Type(), text, "", found); err != nil {
		return edf.Named{}, nil, fmt.Errorf("%s: %w", name, err)
	}
	for path := range found {
		missing = append(missing, path)
	}
	slices.Sort(missing)
	return edf.Named{Type: Name(name), Value: v.Elem().Interface()}, missing, nil
}

// mostOdd bounds how many fields of another type than ours an answer may have.
const mostOdd = 100

// decodeInto reads JSON into a message. A field of another type than the
// message's, such as a word where a number travels, is one that it does not have.
func decodeInto(v reflect.Value, text []byte) (rest []byte, odd map[string]bool, err error) {
	odd = map[string]bool{}
	for range mostOdd {
		v.Elem().SetZero()
		var other *json.UnmarshalTypeError
		err = json.Unmarshal(text, v.Interface())
		if !errors.As(err, &other) || other.Field == "" || odd[other.Field] {
			break
		}
		odd[other.Field] = true
		if text, err = Without(text, []string{other.Field}); err != nil {
			break
		}
	}
	return text, odd, err
}

// lacking finds the fields of a struct that a JSON object does not have.
func lacking(t reflect.Type, text []byte, path string, found map[string]bool) error {
	switch {
	case string(text) == "null" || reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) || reflect.PointerTo(t).Implements(textReader):
		return nil
	case t.Kind() == reflect.Slice && t.Elem().Kind() == reflect.Struct:
		var list []json.RawMessage
		if err := json.Unmarshal(text, &list); err != nil {
			return err
		}
		for _, x := range list {
			if err := lacking(t.Elem(), x, path, found); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Map && t.Elem().Kind() == reflect.Struct:
		var all map[string]json.RawMessage
		if err := json.Unmarshal(text, &all); err != nil {
			return err
		}
		for _, x := range all {
			if err := lacking(t.Elem(), x, path+".*", found); err != nil {
				return err
			}
		}
	case t.Kind() == reflect.Struct:
		return lackingFields(t, text, path, found)
	}
	return nil
}

var textReader = reflect.TypeFor[interface{ UnmarshalText([]byte) error }]()

func lackingFields(t reflect.Type, text []byte, path string, found map[string]bool) error {
	var fields map[string]json.RawMessage
	if err := json.Unmarshal(text, &fields); err != nil {
		return err
	}
	for i := range t.NumField() {
		f := t.Field(i)
		if f.Tag.Get("json") == "-" {
			continue
		}
		if f.Anonymous {
			if err := lackingFields(f.Type, text, path, found); err != nil {
				return err
			}
			continue
		}
		own := strings.TrimPrefix(path+"."+f.Name, ".")
		value, ok := fields[f.Name]
		if !ok || string(value) == "null" && !nilable(f.Type) {
			found[own] = true
			continue
		}
		if err := lacking(f.Type, value, own, found); err != nil {
			return err
		}
	}
	return nil
}

// nilable reports whether null is a value of a type.
func nilable(t reflect.Type) bool {
	return t.Kind() == reflect.Slice || t.Kind() == reflect.Map || t.Kind() == reflect.Interface
}

// Without is the JSON of an answer without fields that were not recorded, as
// [Plan.Fill] names them.
func Without(text []byte, missing []string) ([]byte, error) {
	if len(missing) == 0 {
		return text, nil
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	for _, path := range missing {
		drop(v, strings.Split(path, "."))
	}
	return json.Marshal(v)
}

// drop takes a field out of an object, or out of each object of a list or map.
func drop(v any, path []string) {
	if len(path) == 0 {
		return
	}
	switch x := v.(type) {
	case []any:
		for _, e := range x {
			drop(e, path)
		}
	case map[string]any:
		switch {
		case path[0] == "*":
			for _, e := range x {
				drop(e, path[1:])
			}
		case len(path) == 1:
			delete(x, path[0])
		default:
			drop(x[path[0]], path[1:])
		}
	}
}

// Failed is an answer of a plan that holds nothing but an error; ok is false
// for one that has no place for it.
func (p Plan) Failed(name string, cause error) (message edf.Named, ok bool) {
	i := slices.IndexFunc(p.layouts(), func(l layout) bool { return l.message == name })
	if i < 0 {
		return edf.Named{}, false
	}
	v := reflect.New(reflect.TypeOf(p.layouts()[i].value)).Elem()
	f := v.FieldByName("Error")
	if !f.IsValid() {
		return edf.Named{}, false
	}
	f.Set(reflect.ValueOf(edf.Error(cause.Error())))
	return edf.Named{Type: Name(name), Value: v.Interface()}, true
}

// Announced are the registered names of a plan's messages.
func (p Plan) Announced() []string {
	var names []string
	for _, l := range p.layouts() {
		names = append(names, Name(l.message))
	}
	return names
}

// Describe are the messages of a plan as a node describes its types: each with
// its fields in order.
func (p Plan) Describe() []Described {
	var list []Described
	for i, l := range p.layouts() {
		t := reflect.TypeOf(l.value)
		var fields []string
		for j := range t.NumField() {
			fields = append(fields, t.Field(j).Name+" "+t.Field(j).Type.String())
		}
		schema := "struct {}"
		if len(fields) > 0 {
			schema = "struct { " + strings.Join(fields, "; ") + " }"
		}
		list = append(list, Described{ID: uint64(4096 + i), Name: Name(l.message), Kind: "struct", Schema: schema})
	}
	return list
}
