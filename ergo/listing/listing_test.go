package listing

import (
	"bytes"
	"encoding/json"
	"testing"
)

const sample = ` [ {"PID": "\u003cA.0.1\u003e", "Name":"q\"}", "N" : -12, "Deep":{"x":["]}",{"y":1}]}, "Yes":true } , {"PID":"b"}, {} ] `

func TestRows(t *testing.T) {
	rows, ok := Split([]byte(sample))
	if !ok || len(rows) != 3 {
		t.Fatalf("%d rows, %v", len(rows), ok)
	}
	r := rows[0]
	if r.Text("PID") != "<A.0.1>" || r.Text("Name") != `q"}` || r.Number("N") != -12 || !r.True("Yes") || string(r.Field("Deep")) != `{"x":["]}",{"y":1}]}` {
		t.Errorf("%s", r)
	}
	if r.Field("No") != nil || r.Text("N") != "" || r.Number("Name") != 0 || r.True("N") || Integer(r.Field("N")) != -12 {
		t.Errorf("what is not there, or of another type, is given: %s", r)
	}
	if !json.Valid(Join(rows)) || string(Join(nil)) != "null" {
		t.Errorf("joined to %s", Join(rows))
	}
	names := map[int]int{}
	n, ok := Read([]byte(sample), func(row int, _, _ []byte) { names[row]++ })
	if !ok || n != 3 || names[0] != 5 || names[1] != 1 || names[2] != 0 {
		t.Errorf("read %d rows, %v: %v", n, ok, names)
	}
	for _, bad := range []string{``, `{}`, `[1]`, `[{"a":1}`, `["a"]`, `[{"a"`} {
		if rows, ok := Split([]byte(bad)); ok {
			t.Errorf("%s is split into %d rows", bad, len(rows))
		}
		if n, ok := Read([]byte(bad), func(int, []byte, []byte) {}); ok {
			t.Errorf("%s is read as %d rows", bad, n)
		}
	}
}

// FuzzRows: both ways to read a listing agree about what is JSON.
func FuzzRows(f *testing.F) {
	f.Add([]byte(sample))
	f.Add([]byte("null"))
	f.Fuzz(func(t *testing.T, text []byte) {
		rows, ok := Split(text)
		read := make([]int, len(rows))
		n, also := Read(text, func(row int, _, _ []byte) {
			if row < len(read) {
				read[row]++
			}
		})
		if !json.Valid(text) {
			return // anything goes that does not panic
		}
		if ok != also || ok && n != len(rows) {
			t.Fatalf("split %d rows, %v; read %d, %v", len(rows), ok, n, also)
		}
		for i, r := range rows {
			fields := 0
			for range r.Fields() {
				fields++
			}
			if fields != read[i] {
				t.Errorf("row %d has %d fields, read %d", i, fields, read[i])
			}
		}
	})
}

func TestRewrite(t *testing.T) {
	upper := func(name, literal []byte) []byte {
		if string(name) != "k" {
			return nil
		}
		return bytes.ToUpper(literal)
	}
	for text, want := range map[string]string{
		` {"k": "a", "l":"b", "m":{"k":["c",{"l":"d"},"e\"]"], "n":1} } `: ` {"k": "A", "l":"b", "m":{"k":["C",{"l":"d"},"E\"]"], "n":1} } `,
		`["a"]`: `["a"]`, ``: ``, `null`: `null`, `{"k"`: `{"k"`, `{"k":"a","k":`: `{"k":"A","k":`, `[{"k":"a"`: `[{"k":"A"`, `{"k":"a`: `{"k":"a`,
	} {
		if got := string(Rewrite([]byte(text), upper)); got != want {
			t.Errorf("%s: %s, want %s", text, got, want)
		}
	}
}

func TestName(t *testing.T) {
	for written, want := range map[string]string{`a`: `a`, `a\"b`: `a"b`, `\u003c`: `<`, ``: ``} {
		if got := Name([]byte(written)); got != want {
			t.Errorf("%s reads %q, want %q", written, got, want)
		}
	}
}
