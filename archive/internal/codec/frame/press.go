package frame

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/klauspost/compress/huff0"
)

// A press makes zstd frames of bodies that are not long. It does without the
// tables of megabytes that an encoder for streams clears, or copies, for each of them.
type press struct {
	finder
	huff  huff0.Scratch
	codes [3][]uint8
}

// longBody is what is not for a press.
const longBody = 1 << 20

// mostBlock is what a block of a frame holds at most.
const mostBlock = 128 << 10

// frame appends the frame of a body.
func (p *press) frame(dst, body []byte, d *dictIndex, words bool, by effort) []byte {
	dst = appendHead(dst, len(body), words)
	if len(body) == 0 {
		return append(dst, 1, 0, 0)
	}
	p.open(body, d, words)
	p.effort = by
	p.huff.Reuse = huff0.ReusePolicyNone
	for from := 0; from < len(body); from += mostBlock {
		to := min(from+mostBlock, len(body))
		dst = p.block(dst, p.begin+from, p.begin+to, to == len(body))
	}
	return dst
}

// appendHead begins a frame whose window is all that it holds.
func appendHead(dst []byte, n int, words bool) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, 0xFD2FB528)
	flags, size := byte(1<<5), 0
	switch {
	case n < 1<<8:
	case n < 1<<8+1<<16:
		flags, size = flags|1<<6, 1
	default:
		flags, size = flags|2<<6, 2
	}
	if words {
		dst = append(dst, flags|1, words2ID)
	} else {
		dst = append(dst, flags)
	}
	switch size {
	case 0:
		return append(dst, byte(n))
	case 1:
		return binary.LittleEndian.AppendUint16(dst, uint16(n-1<<8))
	}
	return binary.LittleEndian.AppendUint32(dst, uint32(n))
}

// The types of blocks, and of literals.
const (
	typeRaw = iota
	typeOne // one byte again and again
	typePacked
	typeAgain // with the code of the block before
)

// block appends the block text[from:to].
func (p *press) block(dst []byte, from, to int, last bool) []byte {
	raw := p.text[from:to]
	if len(raw) > 1 && same(raw, raw[1:]) == len(raw)-1 {
		return append(appendBlock(dst, typeOne, len(raw), last), raw[0])
	}
	before := p.last
	p.sequences(from, to)
	head := len(dst)
	dst = p.literals(append(dst, 0, 0, 0), p.lits)
	dst = p.appendSequences(dst)
	if size := len(dst) - head - 3; size < len(raw) {
		appendBlock(dst[:head], typePacked, size, last)
		return dst
	}
	p.last = before
	p.huff.Reuse = huff0.ReusePolicyNone // nobody will know its code
	return append(appendBlock(dst[:head], typeRaw, len(raw), last), raw...)
}

func appendBlock(dst []byte, kind, size int, last bool) []byte {
	v := size<<3 | kind<<1
	if last {
		v |= 1
	}
	return append(dst, byte(v), byte(v>>8), byte(v>>16))
}

// literals appends the literals of a block.
func (p *press) literals(dst, lits []byte) []byte {
	if len(lits) > 1 && same(lits, lits[1:]) == len(lits)-1 {
		return append(appendLiteralSize(dst, typeOne, len(lits)), lits[0])
	}
	var packed []byte
	var again bool
	err := huff0.ErrIncompressible
	switch n := len(lits); {
	case n >= 1<<10:
		packed, again, err = huff0.Compress4X(lits, &p.huff)
	case n > 16:
		packed, again, err = huff0.Compress1X(lits, &p.huff)
	}
	if err == nil && len(packed)+5 < len(lits) {
		p.huff.Reuse = huff0.ReusePolicyAllow
		kind := typePacked
		if again {
			kind = typeAgain
		}
		return append(appendPackedSize(dst, kind, len(lits), len(packed)), packed...)
	}
	if err == nil && !again {
		p.huff.Reuse = huff0.ReusePolicyNone
	}
	return append(appendLiteralSize(dst, typeRaw, len(lits)), lits...)
}

func appendLiteralSize(dst []byte, kind, n int) []byte {
	switch {
	case n < 1<<5:
		return append(dst, byte(kind|n<<3))
	case n < 1<<12:
		return binary.LittleEndian.AppendUint16(dst, uint16(kind|1<<2|n<<4))
	}
	v := kind | 3<<2 | n<<4
	return append(dst, byte(v), byte(v>>8), byte(v>>16))
}

func appendPackedSize(dst []byte, kind, n, packed int) []byte {
	form, bits, size := 0, 10, 3
	switch {
	case n >= 1<<14 || packed >= 1<<14:
		form, bits, size = 3, 18, 5
	case n >= 1<<10 || packed >= 1<<10:
		form, bits, size = 2, 14, 4
	}
	v := uint64(kind|form<<2|n<<4) | uint64(packed)<<(4+bits) // 40 bits at most
	for i := range size {
		dst = append(dst, byte(v>>(8*i)))
	}
	return dst
}

// A codes says how numbers become codes: small ones are codes of their own, larger ones
// share a code and are told apart by bits behind it.
type codes struct {
	base  []uint32
	extra []uint8
	small []uint8 // the code of numbers up to some
	shift uint8   // what is to be added to the logarithm of larger ones
}

func newCodes(plain int, extra ...uint8) *codes {
	c := &codes{}
	next := uint32(0)
	add := func(bits uint8) {
		c.base, c.extra = append(c.base, next), append(c.extra, bits)
		next += 1 << bits
	}
	for range plain {
		add(0)
	}
	for _, bits := range extra {
		add(bits)
	}
	for n := len(c.base) - 1; ; n-- { // from there on each code has one bit more than the one before
		if c.extra[n] != c.extra[n-1]+1 {
			limit := c.base[n+1]
			for i, code := uint32(0), 0; i < limit; i++ {
				if code+1 < len(c.base) && i >= c.base[code+1] {
					code++
				}
				c.small = append(c.small, uint8(code))
			}
			c.shift = uint8(n + 1 - bits.Len32(limit-1))
			return c
		}
	}
}

func (c *codes) code(n uint32) uint8 {
	if n < uint32(len(c.small)) {
		return c.small[n]
	}
	return uint8(bits.Len32(n)) - 1 + c.shift
}

var (
	litCodes    = newCodes(16, 1, 1, 1, 1, 2, 2, 3, 3, 4, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)
	lengthCodes = newCodes(32, 1, 1, 1, 1, 2, 2, 3, 3, 4, 4, 5, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16)

	knownLits    = newKnown(6, 9, 4, 3, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 2, 1, 1, 1, 2, 2, 2, 2, 2, 2, 2, 2, 2, 3, 2, 1, 1, 1, 1, 1, -1, -1, -1, -1)
	knownLengths = newKnown(6, 9, 1, 4, 3, 2, 2, 2, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1, -1, -1)
	knownOffsets = newKnown(5, 8, 1, 1, 1, 1, 1, 1, 2, 2, 2, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, -1, -1, -1, -1, -1)
)

// appendSequences appends the sequences of a block.
func (p *press) appendSequences(dst []byte) []byte {
	switch n := len(p.seqs); {
	case n == 0:
		return append(dst, 0)
	case n < 128:
		dst = append(dst, byte(n))
	case n < 0x7f00:
		dst = append(dst, byte(n>>8|128), byte(n))
	default:
		dst = append(dst, 255, byte(n-0x7f00), byte((n-0x7f00)>>8))
	}
	var count [3][maxCodes]int
	for i := range p.codes {
		p.codes[i] = slices.Grow(p.codes[i][:0], len(p.seqs))[:len(p.seqs)]
	}
	lits, offsets, lengths := p.codes[0], p.codes[1], p.codes[2]
	for i := range p.seqs {
		s := &p.seqs[i]
		lits[i], offsets[i], lengths[i] = litCodes.code(s.lits), uint8(bits.Len32(s.offset)-1), lengthCodes.code(s.length-3)
		count[0][lits[i]]++
		count[1][offsets[i]]++
		count[2][lengths[i]]++
	}
	at := len(dst)
	dst = append(dst, 0)
	var modes [3]int
	var coding [3]*coding
	for i, k := range [...]*known{knownLits, knownOffsets, knownLengths} {
		modes[i], coding[i], dst = k.choose(dst, count[i][:], len(p.seqs))
	}
	dst[at] = byte(modes[0]<<6 | modes[1]<<4 | modes[2]<<2)
	return p.appendStream(dst, coding)
}

// appendStream appends the numbers of the sequences, the last ones first.
func (p *press) appendStream(dst []byte, by [3]*coding) []byte {
	w := bitWriter{out: dst}
	var state [3]uint32
	for i := len(p.seqs) - 1; i >= 0; i-- {
		s := &p.seqs[i]
		lit, offset, length := p.codes[0][i], p.codes[1][i], p.codes[2][i]
		if i == len(p.seqs)-1 {
			state = [3]uint32{by[0].first(lit), by[1].first(offset), by[2].first(length)}
		} else {
			state[1] = by[1].step(&w, state[1], offset)
			state[2] = by[2].step(&w, state[2], length)
			state[0] = by[0].step(&w, state[0], lit)
		}
		w.add(uint64(s.lits-litCodes.base[lit]), uint(litCodes.extra[lit]))
		w.add(uint64(s.length-3-lengthCodes.base[length]), uint(lengthCodes.extra[length]))
		w.add(uint64(s.offset)&(1<<offset-1), uint(offset))
	}
	for _, i := range [...]int{2, 1, 0} {
		w.add(uint64(state[i])&(1<<by[i].log-1), by[i].log)
	}
	w.add(1, 1)
	return w.bytes()
}
