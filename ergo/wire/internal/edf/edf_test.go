package edf

import (
	"bytes"
	"encoding/binary"
	"errors"
	"maps"
	"reflect"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"ergorecorder/ergo/wire/internal/transcript"
)

type sample struct {
	Name  Atom
	Flags []byte
	List  []string
	Map   map[uint16]error
	Any   any
	Err   error
	Time  time.Time
	Array [2]int8
	F     float32
	Deep  struct{ Ref Ref }
}

var testTypes = Types{
	"#test/sample": reflect.TypeFor[sample](),
	"#test/empty":  reflect.TypeFor[struct{}](),
	"#test/nest":   reflect.TypeFor[struct{ Any any }](),
	"#test/many":   reflect.TypeFor[struct{ List []struct{} }](),
	"#test/bad":    reflect.TypeFor[struct{ C chan int }](),
}

func TestRoundTrip(t *testing.T) {
	for _, v := range []any{
		nil, Atom("a"), "text",
		[]byte{1, 2},
		float32(1.5), 2.5, true, false,
		int8(-1), int16(-2), int32(-3), int64(-4), -5, uint8(1), uint16(2), uint32(3), uint64(4), uint(5),
		Error("broken"),
		PID{"n", 1, 2},
		ProcessID{"n", "p"},
		Event{"n", "e"},
		Ref{"n", 1, [3]uint64{1, 2, 3}},
		Alias{"n", 1, [3]uint64{1, 2, 3}},
		time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC),
		Named{"#test/sample", sample{
			Name: "a", Flags: []byte{1}, List: []string{"x", ""}, Map: map[uint16]error{1: Error("e"), 2: nil},
			Any: uint16(7), Err: Error("e"), Time: time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC), Array: [2]int8{1, -1}, F: 2,
		}},
		Named{"#test/sample", sample{Flags: []byte{}, Any: Named{"#test/empty", struct{}{}}, List: []string{}}},
		Named{"#test/other", Raw{1, 2, 3}},
		strings.Repeat("x", MaxString),
	} {
		b, err := Append([]byte{9}, v)
		if err != nil {
			t.Fatalf("%v: %v", v, err)
		}
		got, rest, err := Decoder{Types: testTypes}.Decode(append(b[1:], 1, 2))
		if raw, ok := v.(Named); ok && raw.Type == "#test/other" {
			rest, got = []byte{1, 2}, Named{raw.Type, got.(Named).Value.(Raw)[:3]}
		}
		if diff := cmp.Diff(v, got); err != nil || diff != "" || !bytes.Equal(rest, []byte{1, 2}) {
			t.Errorf("%v: %v, rest %v\n%s", v, err, rest, diff)
		}
	}
}

func TestCannotEncode(t *testing.T) {
	for name, v := range map[string]any{
		"string":       strings.Repeat("x", MaxString+1),
		"atom":         Atom(strings.Repeat("x", 256)),
		"error":        Error(strings.Repeat("x", 32768)),
		"slice as any": []string{"a"},
		"channel":      make(chan int),
		"no body":      Named{Type: "#test/x"},
		"bad field":    Named{"#test/bad", struct{ C chan int }{}},
		"type name":    Named{strings.Repeat("x", 4096), struct{}{}},
	} {
		if b, err := Append([]byte{1}, v); err == nil || len(b) != 1 {
			t.Errorf("%s: %d bytes, %v", name, len(b), err)
		}
	}
}

// TestDescribed reads the types that only their description names.
func TestDescribed(t *testing.T) {
	d := Decoder{Types: testTypes, Caches: Caches{Types: map[uint16]string{4096: "#test/empty"}}}
	for _, c := range []struct {
		b    []byte
		want any
	}{
		{[]byte{130, 0, 2, 157, 145, 157, 0, 0, 0, 2, 1, 0}, []any{true, false}},
		{[]byte{130, 0, 2, 157, 145, 255}, []any(nil)},
		{[]byte{130, 0, 6, 158, 0, 0, 0, 2, 151, 7, 8}, []any{uint8(7), uint8(8)}},
		{[]byte{130, 0, 3, 159, 151, 145, 159, 0, 0, 0, 1, 3, 1}, Map{{uint8(3), true}}},
		{[]byte{130, 0, 3, 159, 151, 145, 255}, Map(nil)},
		{[]byte{130, 0, 3, 157, 157, 151, 157, 0, 0, 0, 1, 157, 0, 0, 0, 1, 5}, []any{[]any{uint8(5)}}},
		{[]byte{130, 0, 2, 157, 132, 157, 0, 0, 0, 2, 255, 151, 1}, []any{nil, uint8(1)}},
		{[]byte{130, 0, 4, 157, 131, 16, 0, 157, 0, 0, 0, 1}, []any{Named{"#test/empty", struct{}{}}}},
		// A map whose keys no Go map could hold.
		{[]byte{130, 0, 4, 159, 157, 151, 145, 159, 0, 0, 0, 1, 157, 0, 0, 0, 1, 5, 1}, Map{{[]any{uint8(5)}, true}}},
	} {
		got, rest, err := d.Decode(c.b)
		if diff := cmp.Diff(c.want, got); err != nil || len(rest) > 0 || diff != "" {
			t.Errorf("%v: %v, rest %v\n%s", c.b, err, rest, diff)
		}
	}
}

// TestHostile: values that would take more than they are worth.
func TestHostile(t *testing.T) {
	name := func(s string) []byte { return append([]byte{131, 0, byte(len(s))}, s...) }
	nested := bytes.Repeat(name("#test/nest"), 10000)
	described := append([]byte{130, 0x27, 0x10}, bytes.Repeat([]byte{157}, 10000)...)
	for label, b := range map[string][]byte{
		"empty":                     {},
		"unknown tag":               {7},
		"any where none may be":     {132},
		"string cut":                {141, 0, 9, 'x'},
		"binary of 4 GB":            {142, 255, 255, 255, 255},
		"slice of 4 G booleans":     {130, 0, 2, 157, 145, 157, 255, 255, 255, 255},
		"slice that ends":           {130, 0, 2, 157, 145, 157, 0, 0, 255, 255},
		"array of arrays of size 0": {130, 0, 11, 158, 255, 255, 255, 255, 158, 0, 0, 0, 0, 145, 0},
		"list of nothings":          append(name("#test/many"), 157, 255, 255, 255, 255),
		"deep any":                  nested,
		"deep description":          described,
		"description cut":           {130, 0, 200, 157},
		"description too long":      {130, 0, 3, 157, 145, 145, 157, 0, 0, 0, 0},
		"atom not announced":        {140, 1, 0},
		"type not announced":        {131, 16, 0},
		"error not announced":       {156, 128, 0},
		"unknown type inside":       append(name("#test/nest"), name("#test/what")...),
		"wrong mark":                append(name("#test/many"), 7),
		"bad time":                  {175, 2, 1, 1},
		"type without an encoding":  name("#test/bad"),
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		v, _, err := Decoder{Types: testTypes}.Decode(b)
		runtime.ReadMemStats(&after)
		if err == nil {
			t.Errorf("%s: decoded to %v", label, v)
		}
		if took := after.TotalAlloc - before.TotalAlloc; took > 16<<20 {
			t.Errorf("%s: took %d bytes", label, took)
		}
	}
	var unknown *UnknownTypeError
	_, _, err := Decoder{Types: testTypes}.Decode(append(name("#test/nest"), name("#test/what")...))
	if !errors.As(err, &unknown) || unknown.Type != "#test/what" || unknown.At != 26 {
		t.Errorf("error %v", err)
	}
}

// fuzzSeeds adds every value of the transcripts.
func fuzzSeeds(f *testing.F) {
	cases, err := transcript.All()
	if err != nil {
		f.Fatal(err)
	}
	for _, c := range cases {
		for _, l := range c.Links {
			for _, fr := range l.Frames {
				if b := l.Bytes(fr); fr.EDFOff > 0 && fr.EDFOff < len(b) {
					f.Add(b[fr.EDFOff:])
				}
			}
		}
	}
}

// FuzzDecode: no bytes make the decoder panic or take much memory, and what
// it reads it can write again, unless only a description named the type.
func FuzzDecode(f *testing.F) {
	fuzzSeeds(f)
	known := maps.Clone(testTypes)
	maps.Copy(known, Types{
		"#ergo.services/ergo/net/proto/MessageResult": reflect.TypeFor[struct {
			Error  error
			Result any
			Ref    Ref
		}](),
		"#ergo.services/application/mcp/ToolCallResponse": reflect.TypeFor[struct{ Result, Error string }](),
	})
	d := Decoder{Types: known, Caches: Caches{
		Atoms:  map[uint16]Atom{256: "delta@localhost"},
		Types:  map[uint16]string{4096: "#test/sample", 4097: "#test/nest", 4098: "#test/many", 4288: "#ergo.services/application/mcp/ToolCallResponse", 4216: "#ergo.services/ergo/net/proto/MessageResult"},
		Errors: map[uint16]error{32768: Error("timed out")},
	}}
	f.Fuzz(func(t *testing.T, b []byte) {
		v, rest, err := d.Decode(b)
		if err != nil {
			return
		}
		if len(rest) > len(b) {
			t.Fatalf("%d bytes left of %d", len(rest), len(b))
		}
		again, err := Append(nil, v)
		if err != nil {
			return
		}
		back, _, err := Decoder{Types: d.Types}.Decode(again)
		if err != nil {
			t.Fatalf("%x was written as %x, which is not readable: %v", b, again, err)
		}
		once, err := Append(nil, back)
		if err != nil || len(once) != len(again) {
			t.Fatalf("%x was written as %x, then as %x: %v", b, again, once, err)
		}
	})
}

// BenchmarkDecode reads the answer of a tool, a string of 60 KB, and a small
// message, as they come from a node.
func BenchmarkDecode(b *testing.B) {
	type response struct{ Result, Error string }
	d := Decoder{Types: Types{"#r": reflect.TypeFor[response](), "#test/sample": reflect.TypeFor[sample]()}}
	for name, v := range map[string]any{
		"answer": Named{"#r", response{Result: strings.Repeat("x", 60000)}},
		"small":  Named{"#test/sample", sample{Name: "delta@localhost", List: []string{"a", "b"}, Any: 1, Err: Error("e")}},
	} {
		text, err := Append(nil, v)
		if err != nil {
			b.Fatal(err)
		}
		b.Run(name, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.Decode(text); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("introduce", func(b *testing.B) { benchmarkIntroduce(b) })
}

// benchmarkIntroduce reads the largest message of the handshake.
func benchmarkIntroduce(b *testing.B) {
	type version struct{ Name, Release, Commit, License string }
	type introduce struct {
		Node           Atom
		Version        version
		Flags          []byte
		Creation       int64
		MaxMessageSize int
		AtomCache      map[uint16]Atom
		RegCache       map[uint16]string
		ErrCache       map[uint16]error
		Digest         string
	}
	c, err := transcript.Named("cr_handshake_pool1")
	if err != nil {
		b.Fatal(err)
	}
	text := c.Links[0].BToA[313:]
	text = text[6 : 6+binary.BigEndian.Uint32(text[2:])]
	d := Decoder{Types: Types{"#ergo.services/ergo/net/handshake/MessageIntroduce": reflect.TypeFor[introduce]()}}
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, _, err := d.Decode(text); err != nil {
			b.Fatal(err)
		}
	}
}
