package codec

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"ergorecorder/archive/internal/codec/body"
	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/archive/internal/codec/word"
	"ergorecorder/internal/pace"
)

// TestRandom takes tables and objects of every kind of column through whatever
// an answer may do next: values of other types, rows and fields that come and
// go, failures, texts, times that jump.
func TestRandom(t *testing.T) {
	z := frame.NewZip()
	for seed := range uint64(pace.Times(60, 60, 15)) {
		t.Run(fmt.Sprint(seed), func(t *testing.T) {
			s := newRandomStream(seed)
			var chunks []Chunk
			for range s.records {
				s.next()
				s.enc.Append(&s.want[len(s.want)-1])
				if s.IntN(3) == 0 {
					chunks = s.enc.Take(chunks)
				}
				if s.IntN(20) == 0 {
					s.enc.Cut()
				}
			}
			checkStream(t, z, s.desc, s.enc.Take(chunks), s.want)
		})
	}
}

type randomStream struct {
	*rand.Rand
	desc    Desc
	enc     *Encoder
	records int
	vals    [][]int64
	has     []uint // which columns a row has
	at      int64
	want    []Record
}

func newRandomStream(seed uint64) *randomStream {
	s := &randomStream{Rand: rand.New(rand.NewPCG(seed, 1)), records: 30}
	s.desc = Desc{Stream: uint32(seed + 1), Form: FormTable, Key: []string{"PID"}, Columns: map[string]ColumnKind{}}
	columns, rows := 1+s.IntN(8), choose(s, 1, 3, 70, 300, 1000, 5000)
	for c := range columns {
		s.desc.Columns[fmt.Sprint("c", c)] = ColumnKind(s.IntN(6))
	}
	if s.IntN(3) == 0 {
		s.desc.Form, s.desc.Key, rows = FormObject, nil, min(rows, 300)
	}
	if rows > 1000 {
		s.records = 8
	}
	limits := Limits{Records: 2 + s.IntN(30), Cells: 1 + s.IntN(100_000), Bytes: 1 + s.IntN(1<<20), Span: int64(1+s.IntN(100)) * 1e9}
	s.enc = NewEncoder(s.desc, limits, &Scratch{})
	s.at = choose[int64](s, 0, -5e9, math.MinInt64, math.MaxInt64-1e12, 1.7e18)
	s.vals, s.has = make([][]int64, rows), make([]uint, rows)
	for i := range rows {
		s.vals[i], s.has[i] = make([]int64, columns), uint(s.IntN(1<<columns))
	}
	return s
}

func choose[T any](s *randomStream, of ...T) T { return of[s.IntN(len(of))] }

// next adds a record.
func (s *randomStream) next() {
	r := Record{Seq: 1 + uint64(s.IntN(3)), At: s.at, Subject: "s"}
	if n := len(s.want); n > 0 {
		r.Seq += s.want[n-1].Seq
	}
	r.Took = choose[int64](s, 0, -1000, -1, 1500, math.MinInt64, math.MaxInt64, 1_000_000, s.Int64())
	if s.IntN(4) > 0 {
		r.Mono = choose[int64](s, 1, 5e6, math.MaxInt64/2, s.at/1e3)
		r.Mono = max(0, r.Mono)
	}
	s.at += choose[int64](s, 1e9, 1e9, 1e9+s.Int64N(1e6), -3e9, 0, math.MaxInt64)
	switch k := s.IntN(12); {
	case k == 0:
		r.Failed, r.Code, r.Reason = true, -int64(s.IntN(3)), "no"
	case k == 1:
		r.Text = []byte("null")
	case k == 2:
		r.Text = fmt.Appendf(nil, "text %d", s.Int())
	case s.desc.Form == FormObject:
		i := s.IntN(len(s.vals))
		r.Subject, r.Text = fmt.Sprint("s", i), s.row(nil, i)
	default:
		r.Text = s.table(choose(s, 2, 10, 1000))
	}
	if s.IntN(12) == 0 {
		r.Text = append(r.Text, "no JSON any more"...)
	}
	if r.Failed {
		r.Text = nil
	}
	s.want = append(s.want, r)
}

// table is all rows but one in so many, in any order.
func (s *randomStream) table(gone int) []byte {
	b := []byte{'['}
	for _, i := range s.Perm(len(s.vals)) {
		if s.IntN(gone) == 0 {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = s.row(b, i)
	}
	return append(b, ']')
}

func (s *randomStream) row(b []byte, i int) []byte {
	if s.IntN(10) == 0 {
		s.has[i] = uint(s.IntN(1 << len(s.vals[i])))
	}
	b = fmt.Appendf(b, `{"PID":"p%d"`, i)
	for c := range s.vals[i] {
		if s.has[i]>>c&1 == 1 {
			b = fmt.Appendf(b, `,"c%d":%s`, c, s.value(i, c))
		}
	}
	return append(b, '}')
}

func (s *randomStream) value(i, c int) string {
	v := &s.vals[i][c]
	switch s.IntN(12) {
	case 0:
		word := choose(s, `"w%d"`, `"<A.%05d.1>"`, `"%d"`, `"%[1]d.%[1]d.1.2.3.4.5.6.7"`)
		return fmt.Sprintf(word, choose(s, s.IntN(20), s.IntN(200), s.Int(), 99_999))
	case 1:
		return choose(s, "null", "true", "1.5", "-0", `{"a":1}`, "[1,2]", "1e3", "99999999999999999999", `"é"`)
	case 2:
		*v = s.Int64() >> s.IntN(63)
	case 3:
		*v = choose[int64](s, math.MinInt64, math.MaxInt64, 0, -1)
	case 4:
		*v += int64(s.IntN(200)) - 100
	case 5, 6, 7:
		*v += 1e9 // an age that grew
	}
	return fmt.Sprint(*v)
}

// TestSparseColumn: a column that only a few rows have is not told of the rows
// behind them.
func TestSparseColumn(t *testing.T) {
	for _, kind := range []ColumnKind{Gauge, Cumulative, AgeNS} {
		d := Desc{Stream: 1, Form: FormTable, Key: []string{"PID"}, Columns: map[string]ColumnKind{"X": kind}}
		e := NewEncoder(d, DefaultLimits(), &Scratch{})
		var want []Record
		for i := range 3 {
			b := []byte{'['}
			for k := range 1000 {
				x := ""
				if k < 10 {
					x = fmt.Sprintf(`,"X":%d`, 1000+i*k*1e6)
				}
				b = fmt.Appendf(b, `{"PID":"%04d","Y":%d%s},`, k, k/999*i, x)
			}
			b[len(b)-1] = ']'
			want = append(want, Record{Seq: uint64(i + 1), At: int64(i) * 1e9, Text: b})
			e.Append(&want[i])
		}
		checkStream(t, frame.NewZip(), d, e.Take(nil), want)
	}
}

// TestManyAges: a table may have any number of columns of ages.
func TestManyAges(t *testing.T) {
	for columns := range 10 {
		d := Desc{Stream: 1, Form: FormTable, Key: []string{"PID"}, Columns: map[string]ColumnKind{}}
		e := NewEncoder(d, DefaultLimits(), &Scratch{})
		var want []Record
		for i := range 3 {
			b := []byte(`[{"PID":"a"`)
			for c := range columns {
				d.Columns[fmt.Sprint("c", c)] = AgeS
				b = fmt.Appendf(b, `,"c%d":%d`, c, i*c)
			}
			want = append(want, Record{Seq: uint64(i + 1), At: int64(i) * 1e9, Text: append(b, "}]"...)})
			e.Append(&want[i])
		}
		checkStream(t, frame.NewZip(), d, e.Take(nil), want)
	}
}

// TestFalseSizes: what a frame holds is compared with what it is said to hold
// before it is unpacked, and words that count up cannot grow without end.
func TestFalseSizes(t *testing.T) {
	z := frame.NewZip()
	packed := z.Squeeze(make([]byte, 1<<20))
	if _, err := (&body.Piece{Tag: tag(fieldText, subClass), Data: packed, N: 10, Packed: true}).Unpack(z, nil); err == nil {
		t.Error("a stream of 10 bytes may be 1 MiB long")
	}
	if _, err := z.Expand(z.Squeeze(make([]byte, frame.MaxList+1))); err == nil {
		t.Error("a list of any length is expanded")
	}
	told := parse.AppendBytes([]byte{0}, []byte(fmt.Sprintf("%0*d", word.LikeWord, 0)[:word.LikeWord-1]+"x"))
	told[len(told)-20] = 'y' // 18 digits and an x
	for range 2 * word.MaxWords / word.LikeWord {
		told = append(told, 1, 1)
	}
	var l word.Lexicon
	if err := l.Read(told); err == nil || len(l.Text) > len(told)+word.MaxWords+word.LikeWord {
		t.Errorf("%d bytes tell words of %d: %v", len(told), len(l.Text), err)
	}
}
