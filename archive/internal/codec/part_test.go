package codec

import (
	"bytes"
	"fmt"
	"testing"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/number"
)

// TestWordsOfRefusedAnswers: an answer that turns out to be no table leaves
// words in the dictionaries, which a chunk may have told already when the next
// answer brings its own.
func TestWordsOfRefusedAnswers(t *testing.T) {
	for _, take := range []bool{false, true} {
		d := Desc{Stream: 1, Form: FormTable, Key: []string{"PID"}}
		e := NewEncoder(d, DefaultLimits(), &Scratch{})
		var chunks []Chunk
		var want []Record
		for i, text := range []string{
			`[{"PID":"d","Name":"one"},{"PID":"a","Name":"two"}]`,
			`[{"PID":"z","Name":"never"},{"PID":"y","Name":"seen"},]`,
			`[{"PID":"d","Name":"five"},{"PID":"c","Name":"four"},{"PID":"b","Name":"three"},{"PID":"a","Name":"two"}]`,
			`[{"PID":"y","Name":"seen"},{"PID":"a","Name":"three"},{"PID":"z","Name":"never"}]`,
		} {
			want = append(want, Record{Seq: uint64(i + 1), At: int64(i) * 1e9, Text: []byte(text)})
			e.Append(&want[i])
			if take {
				chunks = e.Take(chunks)
			}
		}
		checkStream(t, frame.NewZip(), d, e.Take(chunks), want)
	}
}

// TestArrange: the words of a keyframe are numbered in the order of its rows,
// whatever the order of the answer.
func TestArrange(t *testing.T) {
	e := NewEncoder(Desc{Stream: 1, Form: FormTable, Key: []string{"PID"}}, DefaultLimits(), &Scratch{})
	e.Append(&Record{Seq: 1, Text: []byte(`[{"PID":"c"},{"PID":"a"},{"PID":"b"}]`)})
	z := frame.NewZip()
	r, err := Open(z, e.Take(nil)[0].Bytes(z))
	if err != nil {
		t.Fatal(err)
	}
	if got, err := r.words(fieldColumns); err != nil || fmt.Sprintf("%s", got) != `["a" "b" "c"]` {
		t.Errorf("words %s, %v", got, err)
	}
	class, _, err := r.stream(tag(fieldColumns, subClass))
	if want := []byte{byte(number.Wide.Toggle), number.ClassSame, 2, 2}; err != nil || !bytes.Equal(class, want) {
		t.Errorf("classes %v, want %v: a literal, the first word, and twice the next one (%v)", class, want, err)
	}
}

// TestRepeatedKeys: a key that comes often in one answer is as many rows, and
// takes no longer for each than for the first.
func TestRepeatedKeys(t *testing.T) {
	const rows = 50_000 // as many lookups for each row would take a minute
	d := Desc{Stream: 1, Form: FormTable, Key: []string{"PID"}}
	e := NewEncoder(d, DefaultLimits(), &Scratch{})
	var want []Record
	for i := range 2 {
		var b []byte
		for k := range rows {
			b = fmt.Appendf(b, `,{"PID":"a","In":%d}`, k+i)
		}
		b[0] = '['
		want = append(want, Record{Seq: uint64(i + 1), At: int64(i), Text: append(b, ']')})
		e.Append(&want[i])
	}
	checkStream(t, frame.NewZip(), d, e.Take(nil), want)
}
