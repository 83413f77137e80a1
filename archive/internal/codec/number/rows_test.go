package number

import (
	"math/rand/v2"
	"slices"
	"testing"

	"ergorecorder/internal/cpu"
)

// FuzzRows reads rows all at once as far as that goes, and one by one: both say the same, whatever the bytes are.
func FuzzRows(f *testing.F) {
	rng := rand.New(rand.NewPCG(1, 1))
	for range 20 {
		class, bits := make([]byte, rng.IntN(200)), make([]byte, rng.IntN(600))
		for i := range class {
			class[i] = byte(rng.IntN([]int{2, 64, 122, 256}[rng.IntN(4)]))
		}
		for i := range bits {
			bits[i] = byte(rng.Uint32())
		}
		f.Add(class, bits, uint16(rng.IntN(250)), byte(rng.IntN(6)))
	}
	f.Fuzz(func(t *testing.T, class, bits []byte, n uint16, how byte) {
		codes, sort := &WideCodes, Sort(how%3)
		if how/3%2 == 1 {
			codes = &NarrowCodes
		}
		rows := make([]int32, n%1000)
		for i := range rows {
			rows[i] = int32(3 * i)
		}
		vals := make([]int64, 3*len(rows)+1)
		for i := range vals {
			vals[i] = int64(i) << 40
		}
		want, changed := slices.Clone(vals), []int32{7}
		a, b := NewDecoder(class, NewBitReader(bits, 8*len(bits)-3), codes), NewDecoder(class, NewBitReader(bits, 8*len(bits)-3), codes)
		var read int
		read, changed = a.Rows(vals, rows, changed, sort)
		told := []int32{7}
		for _, slot := range rows[:read] {
			if b.Class() == ClassSame {
				b.Pass()
				continue
			}
			op, v := b.Get()
			switch {
			case op == OpToggle || op == opFresh && sort == Instants:
				t.Fatalf("row %d is told otherwise, and was read", slot)
			case op == opFresh:
				want[slot] = int64(v)
			case sort == Counts:
				want[slot] += int64(v)
			default:
				want[slot] += Unfold(v)
			}
			told = append(told, slot)
		}
		if a.Short == b.Short && !a.Short {
			sameNew(t, &a, &b, rows, sort)
		}
		if a.Short != b.Short {
			t.Fatalf("ends too early: %v, one by one %v", a.Short, b.Short)
		}
		if a.Short {
			return // what was read is refused
		}
		if !slices.Equal(vals, want) || !slices.Equal(changed, told) || a.Left() != b.Left() || a.Bits.pos != b.Bits.pos {
			t.Fatalf("%d rows: %v, one by one %v; %d classes left, %d", read, changed, told, a.Left(), b.Left())
		}
	})
}

// sameNew reads further rows as new ones, at once and one by one.
func sameNew(t *testing.T, a, b *Decoder, rows []int32, sort Sort) {
	t.Helper()
	got, want := make([]int64, 3*len(rows)+1), make([]int64, 3*len(rows)+1)
	read, told, last := a.New(got, rows, nil, 5, sort)
	now := int64(5)
	for _, slot := range rows[:read] {
		switch op, v := b.Get(); {
		case op == OpToggle || op == opFresh && sort == Instants:
			t.Fatalf("new row %d is told otherwise, and was read", slot)
		case op == opFresh:
			now = int64(v)
		case sort == Counts:
			now += int64(v)
		default:
			now += Unfold(v)
		}
		want[slot] = now
	}
	if a.Short && b.Short {
		return // what was read is refused
	}
	if last != now || !slices.Equal(got, want) || !slices.Equal(told, rows[:read]) || a.Short != b.Short {
		t.Fatalf("%d new rows: %v, one by one %v", read, got, want)
	}
}

// BenchmarkRows reads a million cells of rows that were told before: small differences, and long ones.
func BenchmarkRows(b *testing.B) {
	const samples, active = 6400, 156
	rng := rand.New(rand.NewPCG(1, 1))
	rows, vals := make([]int32, active), make([]int64, 1000)
	for i := range rows {
		rows[i] = int32(i * 6)
	}
	for _, c := range []struct {
		name string
		most int64
	}{{"small", 50}, {"long", 1 << 22}} {
		var coder Coder
		for range samples * active {
			coder.Put(uint64(rng.Int64N(c.most)), 1<<63, false)
		}
		bits := coder.Bits.Bytes()
		b.Run(c.name, func(b *testing.B) {
			began := cpu.Spent()
			changed := make([]int32, 0, active)
			for b.Loop() {
				d := NewDecoder(coder.Class, NewBitReader(bits, coder.Bits.Len()), &WideCodes)
				for range samples {
					if _, changed = d.Rows(vals, rows, changed[:0], Counts); d.Short {
						b.Fatal("ends too early")
					}
				}
			}
			cpu.Report(b, b.N, began)
		})
	}
}

// BenchmarkNew reads a million cells of rows that are new, of any length.
func BenchmarkNew(b *testing.B) {
	const samples, rows = 1000, 1000
	rng := rand.New(rand.NewPCG(1, 1))
	var coder Coder
	last := int64(0)
	for range samples * rows {
		now := rng.Int64N(1 << (5 + rng.IntN(25)))
		coder.Put(Fold(now-last), uint64(now), false)
		last = now
	}
	slots, vals := make([]int32, rows), make([]int64, rows)
	for i := range slots {
		slots[i] = int32(i)
	}
	bits := coder.Bits.Bytes()
	began := cpu.Spent()
	changed := make([]int32, 0, rows)
	for b.Loop() {
		d := NewDecoder(coder.Class, NewBitReader(bits, coder.Bits.Len()), &WideCodes)
		for now := int64(0); d.Left() > rows; {
			if _, changed, now = d.New(vals, slots, changed[:0], now, Levels); d.Short {
				b.Fatal("ends too early")
			}
		}
	}
	cpu.Report(b, b.N, began)
}
