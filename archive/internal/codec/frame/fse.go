package frame

import (
	"math"
	"math/bits"
)

// A coding is how a zstd block encodes one kind of number of its sequences: by a table
// of finite state entropy (RFC 8878, 4.1).
type coding struct {
	log    uint // of the number of states
	states []uint16
	sym    [maxCodes]transition
}

// maxCodes is more than there are codes of any kind.
const maxCodes = 64

// A transition says what encoding a symbol does to a state.
type transition struct {
	bits uint32 // (number of bits << 16) - the least state that writes one more
	find int32
}

// build makes the coding of normalized counts, which add up to 1<<log; -1 stands
// for a symbol that is less than one state.
func (c *coding) build(norm []int16, log uint) {
	size := 1 << log
	var begin [maxCodes + 1]int
	order := make([]uint8, size) // symbol of each state
	high := size - 1
	for s, n := range norm {
		begin[s+1] = begin[s] + int(max(n, -n))
		if n < 0 {
			order[high] = uint8(s)
			high--
		}
	}
	at, step := 0, size>>1+size>>3+3
	for s, n := range norm {
		for range n {
			order[at] = uint8(s)
			for at = (at + step) & (size - 1); at > high; at = (at + step) & (size - 1) {
			}
		}
	}
	c.log, c.states = log, make([]uint16, size)
	next := begin
	for i, s := range order {
		c.states[next[s]] = uint16(size + i)
		next[s]++
	}
	for s, n := range norm {
		switch t := &c.sym[s]; n {
		case 0:
		case 1, -1:
			*t = transition{uint32(log)<<16 - uint32(size), int32(begin[s]) - 1}
		default:
			most := uint32(log) - uint32(bits.Len(uint(n-1))-1)
			*t = transition{most<<16 - uint32(n)<<most, int32(begin[s]) - int32(n)}
		}
	}
}

// first is the state that begins with a symbol, which costs nothing.
func (c *coding) first(s uint8) uint32 {
	if c.log == 0 {
		return 0
	}
	t := c.sym[s]
	n := (t.bits + 1<<15) >> 16
	return uint32(c.states[int32((n<<16-t.bits)>>n)+t.find])
}

// step writes what leads from a state to that of the symbol before.
func (c *coding) step(w *bitWriter, state uint32, s uint8) uint32 {
	if c.log == 0 {
		return 0
	}
	t := c.sym[s]
	n := (state + t.bits) >> 16
	w.add(uint64(state)&(1<<n-1), uint(n))
	return uint32(c.states[int32(state>>n)+t.find])
}

// The kinds of codings that a block may name.
const (
	codedBefore = 0 // the table that everybody knows
	codedOne    = 1 // there is one symbol alone
	codedNew    = 2 // a table follows
)

// A known is what everybody knows of a kind of number: its table, and how large another one may be.
type known struct {
	norm []int16
	log  uint
	most uint
	cost []int // of its symbols, in 1/256 bits
	coding
}

func newKnown(log, most uint, norm ...int16) *known {
	k := &known{norm: norm, log: log, most: most}
	k.build(norm, log)
	for _, n := range norm {
		k.cost = append(k.cost, int(log)<<8-log2(int(max(n, -n))))
	}
	return k
}

// choose is the cheapest coding of symbols that come so often, n in all. It appends
// the table to dst where one is needed.
func (k *known) choose(dst []byte, count []int, n int) (mode int, c *coding, out []byte) {
	used, last := 0, 0
	before := 0
	for s, c := range count {
		if c == 0 {
			continue
		}
		used, last = used+1, s
		if s < len(k.cost) {
			before += c * k.cost[s]
		} else {
			before = math.MaxInt32 / 2
		}
	}
	if used == 1 {
		if before <= 8<<8 {
			return codedBefore, &k.coding, dst
		}
		return codedOne, &coding{}, append(dst, uint8(last))
	}
	best, log := before+int(k.log)<<8, uint(0)
	var norm, tried [maxCodes]int16
	var table, room [2 * maxCodes]byte
	told := 0
	for l := uint(max(5, bits.Len(uint(used-1)))); l <= min(k.most, uint(bits.Len(uint(n)))+1) || l == 5; l++ {
		normalize(tried[:last+1], count[:last+1], n, l)
		desc := appendCounts(room[:0], tried[:last+1], l)
		cost := len(desc)<<11 + int(l)<<8
		for s, c := range count[:last+1] {
			if c > 0 {
				cost += c * (int(l)<<8 - log2(int(tried[s])))
			}
		}
		if cost < best {
			best, log, norm = cost, l, tried
			told = copy(table[:], desc)
		}
	}
	if log == 0 {
		return codedBefore, &k.coding, dst
	}
	c = &coding{}
	c.build(norm[:last+1], log)
	return codedNew, c, append(dst, table[:told]...)
}

// normalize gives each symbol as many of 1<<log states as it needs least bits with.
func normalize(norm []int16, count []int, n int, log uint) {
	left := 1 << log
	for s, c := range count {
		norm[s] = 0
		if c > 0 {
			norm[s] = int16(max(1, c<<log/n))
			left -= int(norm[s])
		}
	}
	for ; left != 0; left -= sign(left) {
		best, gain := -1, 0
		for s, c := range count {
			if c == 0 || left < 0 && norm[s] == 1 {
				continue
			}
			m := int(norm[s])
			g := c * (log2(m+1) - log2(m))
			if left < 0 {
				g = -c * (log2(m) - log2(m-1))
			}
			if best < 0 || g > gain {
				best, gain = s, g
			}
		}
		norm[best] += int16(sign(left))
	}
}

func sign(n int) int {
	if n < 0 {
		return -1
	}
	return 1
}

// appendCounts lays normalized counts out.
func appendCounts(dst []byte, norm []int16, log uint) []byte {
	w := bitWriter{out: dst}
	w.add(uint64(log-5), 4)
	left := 1<<log + 1
	for s := 0; s < len(norm) && left > 1; s++ {
		most := 2<<(bits.Len(uint(left))-1) - 1 - left // values below it need a bit less
		n := int(norm[s]) + 1
		long := uint(bits.Len(uint(left)))
		if half := 1 << (long - 1); n < most {
			w.add(uint64(n), long-1)
		} else if n >= half {
			w.add(uint64(n+most), long)
		} else {
			w.add(uint64(n), long)
		}
		left -= max(int(norm[s]), -int(norm[s]))
		if norm[s] != 0 {
			continue
		}
		more := 0
		for s+1 < len(norm) && norm[s+1] == 0 {
			s, more = s+1, more+1
		}
		for ; more >= 3; more -= 3 {
			w.add(3, 2)
		}
		w.add(uint64(more), 2)
	}
	return w.bytes()
}

// A bitWriter writes bits, the lowest first.
type bitWriter struct {
	out  []byte
	bits uint64
	n    uint
}

// add writes up to 32 bits.
func (w *bitWriter) add(v uint64, n uint) {
	w.bits |= v << w.n
	for w.n += n; w.n >= 32; w.n -= 32 {
		w.out = append(w.out, byte(w.bits), byte(w.bits>>8), byte(w.bits>>16), byte(w.bits>>24))
		w.bits >>= 32
	}
}

// bytes is all that was written, filled up with zeros.
func (w *bitWriter) bytes() []byte {
	for ; w.n > 0; w.n -= min(8, w.n) {
		w.out = append(w.out, byte(w.bits))
		w.bits >>= 8
	}
	return w.out
}

// logs are 256 times the logarithms of small numbers to base two.
var logs = makeLogs()

func makeLogs() (logs [1 << 10]int32) {
	for n := range logs {
		logs[n] = int32(math.Round(256 * math.Log2(float64(max(1, n)))))
	}
	return logs
}

// log2 is 256 times the logarithm of n to base two, roughly where n is large.
func log2(n int) int {
	shift := max(0, bits.Len(uint(n))-10)
	return int(logs[n>>shift]) + shift<<8
}
