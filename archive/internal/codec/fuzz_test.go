package codec

import (
	"bytes"
	"encoding/json"
	"reflect"
	"testing"

	"ergorecorder/archive/internal/codec/body"
	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/parse"
)

// FuzzScan gives any text to the scanner, after rows that it remembers, and
// compares what comes back with encoding/json.
func FuzzScan(f *testing.F) {
	for _, s := range []string{
		`[{"PID":"a","In":1},{"PID":"b","In":-0}]`, `null`, `[]`, `[ {} , {} ]`, `[{"PID":"a","PID":"b"}]`,
		`[{"PID":"\u003cA.0.1\u003e","x":1e5,"y":1.0,"z":[1, {"k":null}],"n":9223372036854775808,"m":-9223372036854775808}]`,
		"[\n  {\n    \"PID\": \"a\",\n    \"In\": 3\n  }\n]", `{"a":"\ud83d\ude00","b":"\/"}`, `[{"PID":"a","In":"text"}]`, `[1,2]`, `[{"a":1},]`, `{"a":01}`,
	} {
		f.Add([]byte(s), uint8(2))
	}
	f.Fuzz(func(t *testing.T, text []byte, form uint8) {
		d := Desc{Form: Form(form % 3), Key: []string{"PID"}, Columns: map[string]ColumnKind{"In": Cumulative, "Age": AgeNS, "Up": AgeS}}
		e := NewEncoder(d, DefaultLimits(), &Scratch{})
		before := []byte(`[{"PID":"a","In":7,"Age":5,"Up":1},{"PID":"b","In":"x"}]`)
		if d.Form == FormObject {
			before = before[1:35]
		}
		want := []Record{{Seq: 1, At: 1e18, Text: before}, {Seq: 2, At: 1e18 + 5e9, Text: text}, {Seq: 3, At: 1e18 + 9e9, Text: before}}
		if text == nil {
			want[1].Text = []byte{}
		}
		for i := range want {
			e.Append(&want[i])
		}
		z := frame.NewZip()
		tab := decodeOne(t, z, d.Form, e)
		for i := range want {
			if ok, err := tab.Next(); !ok || err != nil {
				t.Fatal(ok, err)
			}
			got, err := tab.Text()
			if err != nil {
				t.Fatal(err)
			}
			if string(got) == string(want[i].Text) {
				continue
			}
			if !json.Valid(want[i].Text) {
				t.Fatalf("%q is no JSON and came back as %q", want[i].Text, got)
			}
			if !reflect.DeepEqual(normal(t, got), normal(t, want[i].Text)) {
				t.Fatalf("got  %s\nwant %s", got, want[i].Text)
			}
		}
	})
}

func decodeOne(t *testing.T, z *frame.Zip, form Form, e *Encoder) *Table {
	t.Helper()
	var pieces [][]byte
	for _, c := range e.Take(nil) {
		pieces = append(pieces, c.Bytes(z))
	}
	r, err := Open(z, pieces...)
	if err != nil {
		t.Fatal(err)
	}
	tab := NewText(form, nil)
	if err := tab.Load(r); err != nil {
		t.Fatal(err)
	}
	return tab
}

// FuzzBlock gives any bytes to the decoder, with and without a checksum that
// makes them pass: it must refuse or decode, and never crash.
func FuzzBlock(f *testing.F) {
	z := frame.NewZip()
	for _, form := range []Form{FormText, FormObject, FormTable} {
		e := NewEncoder(Desc{Form: form, Key: []string{"PID"}, Columns: processColumns}, DefaultLimits(), &Scratch{})
		for i := range 5 {
			r := Record{Seq: uint64(i + 1), At: int64(i) * 1e9, Text: rowsText(5, i, false), Subject: "s"}
			if form == FormObject {
				r.Text = []byte(`{"a":1,"b":"x","Uptime":3}`)
			}
			e.Append(&r)
		}
		for _, c := range e.Take(nil) {
			b := c.Bytes(z)
			f.Add(b, uint8(form))
			if whole, err := Merge(z, nil, b); err == nil {
				f.Add(whole, uint8(form))
			}
			c.Whole = true
			f.Add(body.Plain(c.Header, c.streams), uint8(form))
		}
	}
	f.Fuzz(func(t *testing.T, b []byte, form uint8) {
		b = bytes.Clone(b)
		body.Resum(b)
		r, err := Open(z, b)
		if err != nil || r.Records > 1<<16 {
			return // as many as it may be, and slow
		}
		for _, tab := range []*Table{NewText(Form(form%3), noFetch), NewTable(Form(form%3), []string{"PID", "In"}, noFetch), NewTold(Form(form%3), []string{"PID", "In", "Uptime"}, noFetch)} {
			walk(tab, r)
		}
		columns := []string{"PID", "Uptime"}
		if some := OpenColumns(z, bytes.NewReader(b), len(b), &Room{}, columns); some != nil {
			r, _ := Open(z, b)
			one, ended := walk(NewTold(Form(form%3), columns, noFetch), r)
			other, also := walk(NewTold(Form(form%3), columns, noFetch), some)
			if one != other || ended != also {
				t.Fatalf("of two columns alone comes another %d, %v than of all, %d, %v", other, also, one, ended)
			}
		}
	})
}

// walk goes through a run and adds up what is told; ended is false where it cannot be followed to its end.
func walk(tab *Table, r *Run) (sum int64, ended bool) {
	if tab.Load(r) != nil {
		return 0, false
	}
	for {
		ok, err := tab.Next()
		if err != nil || !ok {
			return sum, err == nil
		}
		if tab.literal {
			_, _ = tab.Text()
		}
		if tab.told && tab.Head.Rows() {
			sum += lookAt(tab.Told(nil))
		}
	}
}

// lookAt reads all that is told.
func lookAt(told []Told) (sum int64) {
	for i := range told {
		for j := range told[i].Columns {
			c := &told[i].Columns[j]
			for _, row := range c.Rows {
				_, num, text := c.Cell(row)
				if sum += num + int64(len(text)); c.Ints != nil {
					sum += c.Ints[row]
				}
			}
		}
	}
	return sum
}

func noFetch(int, uint64) (*Run, error) { return nil, parse.ErrShort }
