package recorder

import (
	"encoding/json"
	"slices"
	"testing"
	"time"

	"ergorecorder/recorder/rows"
)

func TestProcessRows(t *testing.T) {
	for text, want := range map[string][]rows.Process{
		`[]`:             {},
		`[ ]`:            {},
		`null`:           nil,
		`[{}]`:           {{}},
		`[{"PID":"a"`:    nil,
		`[{"PID"}]`:      nil,
		`[1]`:            nil,
		`[{"PID":"a"}{}`: nil,
		`[{"PID":"a"},{"PID":"b","Deep":{"x":["]}",{"y":1}]},"MessagesMailbox": -12 }]`:          {{PID: "a"}, {PID: "b", Mailbox: -12}},
		`[{"PID": "\u003cA.0.1\u003e", "Name":"q\"}", "Parent" : null, "Kind":"pool", "x":1e5}]`: {{PID: "<A.0.1>", Name: `q"}`, Kind: "pool"}},
	} {
		if got := rows.Read([]byte(text), 1); !slices.Equal(got, want) {
			t.Errorf("%s: %+v, want %+v", text, got, want)
		}
	}
}

// FuzzProcessRows: of a real listing that was damaged anywhere, nothing worse
// comes than no rows.
func FuzzProcessRows(f *testing.F) {
	f.Add(newTable(3, 1).next(f, time.Second))
	f.Fuzz(func(t *testing.T, text []byte) {
		if n := len(rows.Read(text, 2000)); n > len(text) {
			t.Errorf("%d rows in %d bytes", n, len(text))
		}
	})
}

// TestProcessRowsOfAListing: a whole listing is read as a general decoder
// reads it.
func TestProcessRowsOfAListing(t *testing.T) {
	text := newTable(500, 1).next(t, time.Second)
	var want []rows.Process
	if err := json.Unmarshal(text, &want); err != nil {
		t.Fatal(err)
	}
	if got := rows.Read(text, 2000); !slices.Equal(got, want) {
		t.Error("the rows differ")
	}
}

func BenchmarkProcessRows(b *testing.B) {
	text := newTable(2000, 1).next(b, time.Second)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		if len(rows.Read(text, 2000)) != 2000 {
			b.Fatal("rows are missing")
		}
	}
}
