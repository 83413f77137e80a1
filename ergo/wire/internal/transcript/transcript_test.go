package transcript_test

import (
	"bytes"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/handshake"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/registrar"
	"ergorecorder/ergo/wire/internal/transcript"
)

// The types of the nodes that were recorded.
type (
	testRequest struct {
		Kind string
		N    int
	}
	tick struct {
		N int
		T string
	}
	testAll struct {
		A  edf.Atom
		S  string
		I  int
		I8 int8
		U6 uint16
		B  bool
		F  float64
		P  edf.PID
		PN edf.ProcessID
		R  edf.Ref
		AL edf.Alias
		E  edf.Event
		ER error
		T  time.Time
		L  []string
		NL []string
		M  map[string]int
		AN any
		BN []byte
		AR [3]uint16
		LA []any
		V  handshake.Version
		LP []edf.PID
		LV int
	}
)

// What our node never says nor hears.
type (
	join struct {
		Node                       edf.Atom
		ConnectionID, Salt, Digest string
	}
	registerRoutes struct {
		Node   edf.Atom
		Routes []registrar.Route
	}
	registerReply struct{ Error error }
)

func types() edf.Types {
	all := edf.Types{
		"#ergo.services/ergo/net/handshake/MessageJoin":           reflect.TypeFor[join](),
		"#ergo.services/ergo/net/registrar/MessageRegisterRoutes": reflect.TypeFor[registerRoutes](),
		"#ergo.services/ergo/net/registrar/MessageRegisterReply":  reflect.TypeFor[registerReply](),
		"#ergo.services/ergo/gen/LogLevel":                        reflect.TypeFor[int](),
		"#main/TestRequest":                                       reflect.TypeFor[testRequest](),
		"#main/TestAll":                                           reflect.TypeFor[testAll](),
		"#main/Tick":                                              reflect.TypeFor[tick](),
	}
	for _, t := range []edf.Types{message.Types(), handshake.Types(), registrar.Types()} {
		maps.Copy(all, t)
	}
	return all
}

// TestDecode compares every frame of every transcript with its annotation:
// header, parts and value.
func TestDecode(t *testing.T) {
	for _, c := range all(t) {
		t.Run(c.Name, func(t *testing.T) {
			caches := map[string]edf.Caches{}
			for _, l := range c.Links {
				for _, f := range l.Frames {
					checkFrame(t, l, f, caches)
				}
			}
		})
	}
}

// checkFrame decodes one frame. The caches that a direction announces are in
// its Introduce, and hold for all links of the conversation.
func checkFrame(t *testing.T, l transcript.Link, f transcript.Frame, caches map[string]edf.Caches) {
	b := l.Bytes(f)
	where := fmt.Sprintf("%s at %d (%s)", f.Dir, f.Offset, f.Meaning)
	if len(b) == 0 || len(f.Header) == 0 {
		return // two bytes that are no frame
	}
	if b[0] == 78 {
		checkMessage(t, where, b, f, caches[f.Dir])
		return
	}
	if f.EDF == nil {
		return
	}
	value, rest, err := edf.Decoder{Types: types()}.Decode(b[f.EDFOff:])
	if err != nil || len(rest) > 0 {
		t.Fatalf("%s: %v, %d bytes left", where, err, len(rest))
	}
	if diff := cmp.Diff(f.EDF, render(value)); diff != "" {
		t.Errorf("%s:\n%s", where, diff)
	}
	if in, ok := value.(edf.Named).Value.(handshake.Introduce); ok {
		caches[f.Dir] = edf.Caches{Atoms: in.AtomCache, Types: in.RegCache, Errors: in.ErrCache}
	}
}

// checkMessage takes a frame of the link apart and puts it together again.
func checkMessage(t *testing.T, where string, b []byte, f transcript.Frame, caches edf.Caches) {
	fr, err := frame.NewReader(bytes.NewReader(b), frame.DefaultLimit).Next()
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	note := f
	if f.Inner != nil {
		note = *f.Inner
		if fr, err = frame.Unpack(fr, frame.DefaultLimit); err != nil {
			t.Fatalf("%s: %v", where, err)
		}
		if len(fr.Body)+8 != note.Length {
			t.Errorf("%s: unpacked to %d bytes, not %d", where, len(fr.Body)+8, note.Length)
		}
	}
	m, err := frame.Parse(fr, caches.Atoms)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	for _, h := range note.Header {
		if got, known := headerField(m, h.Name); known && got != fmt.Sprint(h.Value) {
			t.Errorf("%s: %s is %s, not %v", where, h.Name, got, h.Value)
		}
	}
	again, err := m.Append(nil)
	if err != nil {
		t.Fatalf("%s: %v", where, err)
	}
	if f.Inner == nil && !bytes.Equal(again, b) {
		t.Errorf("%s: put together again as %x, not %x", where, again, b)
	}
	if note.EDF == nil {
		return
	}
	value, rest, err := edf.Decoder{Types: types(), Caches: caches}.Decode(m.Payload)
	if err != nil || len(rest) > 0 {
		t.Fatalf("%s: %v, %d bytes left", where, err, len(rest))
	}
	compareValue(t, where, note.EDF, render(value))
}

// compareValue compares with an annotation, in which long binaries are cut.
func compareValue(t *testing.T, where string, want, got any) {
	w, _ := want.(string)
	g, _ := got.(string)
	if n := 0; strings.HasPrefix(g, "binary ") {
		if _, err := fmt.Sscanf(w, "binary %d bytes", &n); err == nil && n == hex.DecodedLen(len(g)-len("binary ")) {
			return
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s:\n%s", where, diff)
	}
}

// headerField is the part of m that an annotation calls name.
func headerField(m frame.Message, name string) (string, bool) {
	switch name {
	case "order":
		return fmt.Sprint(m.Order), true
	case "type":
		return fmt.Sprint(m.Type), true
	case "from pid id":
		return fmt.Sprint(m.From), true
	case "to pid id":
		return fmt.Sprint(m.To), true
	case "ref id[0]":
		return fmt.Sprint(m.Ref[0]), true
	case "ref id[1]":
		return fmt.Sprint(m.Ref[1]), true
	case "ref id[2]":
		return fmt.Sprint(m.Ref[2]), true
	case "name":
		return string(m.Name), true
	case "atom cache id":
		return fmt.Sprintf("%d (%s)", m.NameID, m.Name), true
	case "timestamp, unix ns":
		return fmt.Sprint(m.At), true
	case "message id (important)":
		return fmt.Sprint(m.ID), true
	case "priority (bit 7: important)":
		p := int(m.Priority)
		if m.Important {
			p |= 128
		}
		return fmt.Sprint(p), true
	}
	if strings.HasPrefix(name, "code ") {
		return fmt.Sprint(m.Code), true
	}
	return "", false
}

// TestEncode writes again what the plain client wrote: its bytes are
// determined, as it announced no caches.
func TestEncode(t *testing.T) {
	written := 0
	for _, c := range all(t) {
		if !strings.HasPrefix(c.Name, "cr_") {
			continue
		}
		for _, l := range c.Links {
			for _, f := range l.Frames {
				if f.Dir != "a2b" || f.EDF == nil {
					continue
				}
				b := l.Bytes(f)[f.EDFOff:]
				value, _, err := edf.Decoder{Types: types()}.Decode(b)
				if err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				again, err := edf.Append(nil, value)
				if err != nil {
					t.Fatalf("%s: %v", c.Name, err)
				}
				if !bytes.Equal(again, b) {
					t.Errorf("%s at %d:\n got %x\nwant %x", c.Name, f.Offset, again, b)
				}
				written++
			}
		}
	}
	if written < 150 {
		t.Errorf("only %d values were compared", written)
	}
}

// TestStream reads both directions of every link as streams.
func TestStream(t *testing.T) {
	for _, c := range all(t) {
		for _, l := range c.Links {
			for dir, b := range map[string][]byte{"a2b": l.AToB, "b2a": l.BToA} {
				var want, got []int
				start := len(b)
				for _, f := range l.Frames {
					if f.Dir == dir && len(b) > f.Offset && b[f.Offset] == 78 {
						start = min(start, f.Offset)
						want = append(want, f.Length)
					}
				}
				r := frame.NewReader(bytes.NewReader(b[start:]), frame.DefaultLimit)
				for {
					f, err := r.Next()
					if err != nil {
						break
					}
					got = append(got, len(f.Body)+8)
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s %s:\n%s", c.Name, dir, diff)
				}
			}
		}
	}
}

func all(t *testing.T) []transcript.Case {
	t.Helper()
	cases, err := transcript.All()
	if err != nil {
		t.Fatal(err)
	}
	return cases
}

// render says a value in the words of the annotations.
func render(v any) any {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		return x
	case bool:
		return x
	case edf.Named:
		if reflect.TypeOf(x.Value).Kind() != reflect.Struct {
			return render(x.Value)
		}
		return renderStruct(x.Type, reflect.ValueOf(x.Value))
	case edf.Atom:
		return "atom:" + string(x)
	case handshake.Flags:
		return "raw " + hex.EncodeToString(x)
	case []byte:
		return "binary " + hex.EncodeToString(x)
	case edf.PID:
		return fmt.Sprintf("edf.PID%+v", x)
	case edf.ProcessID:
		return fmt.Sprintf("edf.ProcID%+v", x)
	case edf.Event:
		return fmt.Sprintf("edf.Event%+v", x)
	case edf.Ref:
		return fmt.Sprintf("edf.Ref%+v", x)
	case edf.Alias:
		return fmt.Sprintf("edf.Alias%+v", x)
	case time.Time:
		return x.Format(time.RFC3339Nano)
	case error:
		return "error:" + x.Error()
	case float64:
		return json.Number(strconv.FormatFloat(x, 'g', -1, 64))
	}
	return renderKind(reflect.ValueOf(v))
}

func renderKind(v reflect.Value) any {
	switch v.Kind() {
	case reflect.Slice, reflect.Array:
		if v.Kind() == reflect.Slice && v.IsNil() {
			return nil
		}
		list := []any{}
		for i := range v.Len() {
			list = append(list, render(v.Index(i).Interface()))
		}
		return list
	case reflect.Map:
		if v.IsNil() {
			return nil
		}
		m := map[string]any{}
		for it := v.MapRange(); it.Next(); {
			m[fmt.Sprint(it.Key().Interface())] = render(it.Value().Interface())
		}
		return m
	case reflect.Struct:
		for name, t := range types() {
			if t == v.Type() {
				return renderStruct(name, v)
			}
		}
	}
	return json.Number(fmt.Sprint(v.Interface()))
}

func renderStruct(name string, v reflect.Value) any {
	return append([]any{name}, renderFields(v)...)
}

func renderFields(v reflect.Value) (fields []any) {
	for i := range v.NumField() {
		f := v.Type().Field(i)
		if f.Anonymous {
			fields = append(fields, renderFields(v.Field(i))...)
			continue
		}
		fields = append(fields, map[string]any{f.Name: render(v.Field(i).Interface())})
	}
	return fields
}

func TestResolveTranscript(t *testing.T) {
	ask, err := transcript.File("registrar_resolve_udp.a2b.bin")
	if err != nil {
		t.Fatal(err)
	}
	reply, err := transcript.File("registrar_resolve_udp.b2a.bin")
	if err != nil {
		t.Fatal(err)
	}
	first := 4 + int(binary.BigEndian.Uint16(ask[2:]))
	for node, want := range map[string][]byte{"delta@localhost": ask[:first], "nobody@localhost": ask[first:]} {
		got, err := registrar.Request(node)
		if err != nil || !bytes.Equal(got, want) {
			t.Errorf("request for %s: %x, %v; want %x", node, got, err, want)
		}
	}
	routes, err := registrar.ParseReply(reply[:104])
	want := registrar.Route{
		Port: 15151, TLS: true,
		HandshakeVersion: handshake.Version{Name: "EHS", Release: "R1", License: "MIT"},
		ProtoVersion:     handshake.Version{Name: "ENP", Release: "R1", License: "MIT"},
	}
	if diff := cmp.Diff([]registrar.Route{want}, routes); err != nil || diff != "" {
		t.Errorf("reply: %v\n%s", err, diff)
	}
	if _, err := registrar.ParseReply(reply[104:]); err == nil || !strings.Contains(err.Error(), `"unknown"`) {
		t.Errorf("reply about nobody: %v", err)
	}
}
