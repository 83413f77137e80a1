package frame

import (
	"encoding/binary"
	"math/bits"
)

// A sequence is literals, then a match: what came so far before.
type sequence struct {
	lits, length uint32
	offset       uint32 // as zstd counts them: 1 to 3 are the last ones, others are 3 more than they are
}

// A finder finds what text said before, or the dictionary.
type finder struct {
	text  []byte // the dictionary, what is compressed, and a few bytes more
	begin int    // of what is compressed
	low   int    // where a match may begin: 0 with the dictionary, else begin
	dict  *dictIndex
	effort

	heads []int32 // by hash: 1 + the last place
	log   int     // of their number
	links []int32 // of each place: 1 + the place before with the same hash
	next  int     // place that is not in heads yet

	gains []int32 // of each place: what all before it cost as literals, in 1/256 bits
	last  [3]int32
	lits  []byte
	seqs  []sequence
}

// A dictIndex is where each four bytes of the dictionary are.
type dictIndex struct {
	text  []byte
	heads [1 << dictLog]uint16 // 1 + the last place
	links []uint16
}

const dictLog = 14

func newDictIndex(text []byte) *dictIndex {
	d := &dictIndex{text: text, links: make([]uint16, len(text))}
	for i := range len(text) - 4 {
		h := hash4(text, i) >> (32 - dictLog)
		d.links[i], d.heads[h] = d.heads[h], uint16(i+1)
	}
	return d
}

func hash4(text []byte, i int) uint32 { return load4(text, i) * 2654435761 }

func load4(text []byte, i int) uint32 { return binary.LittleEndian.Uint32(text[i:]) }

// An effort says how far is looked.
type effort struct {
	places int // with the same hash
	words  int // as many more in the dictionary
	ahead  int // places behind one where a match may be better
}

const (
	niceLen  = 128 // a match of that length is taken as it is
	minMatch = 4
	margin   = 8
)

// open makes the finder ready for a body, with the dictionary or without.
func (f *finder) open(body []byte, d *dictIndex, words bool) {
	f.begin = len(d.text)
	if len(f.text) < f.begin {
		f.text = append(f.text[:0], d.text...)
	}
	f.dict, f.low = nil, f.begin
	if words {
		f.dict, f.low = d, 0
	}
	f.text = append(append(f.text[:f.begin], body...), make([]byte, margin)...)
	f.log = min(max(bits.Len(uint(len(body))), 8), 16)
	if len(f.heads) < 1<<f.log {
		f.heads = make([]int32, 1<<f.log)
	}
	clear(f.heads[:1<<f.log])
	if len(f.links) < len(body) {
		f.links = make([]int32, len(body)+len(body)/2)
	}
	f.next = f.begin
	f.last = [3]int32{1, 4, 8}
}

// price notes what each byte costs as a literal.
func (f *finder) price(from, to int) {
	var count [256]int
	for _, c := range f.text[from:to] {
		count[c]++
	}
	var cost [256]int32
	total := log2(to - from)
	for c, n := range count {
		if n > 0 {
			cost[c] = int32(min(max(total-log2(n), 1<<8), 11<<8))
		}
	}
	if n := to - from + 1; cap(f.gains) < n {
		f.gains = make([]int32, n+n/2)
	}
	f.gains = f.gains[:to-from+1]
	sum := int32(0)
	for i, c := range f.text[from:to] {
		f.gains[i] = sum
		sum += cost[c]
	}
	f.gains[to-from] = sum
}

// A match is what a place says that was said before.
type match struct {
	at, from, length int
	rep              int // 1 to 3: its distance is one of the last ones
	gain             int32
	reach            int // what is to be alike where it may be longer
}

// What sequences cost beside the bits of their numbers, in 1/256 bits.
const (
	costNew = 9 << 8
	costRep = 5 << 8
)

// sequences finds what text[from:to], a block, consists of.
func (f *finder) sequences(from, to int) {
	f.lits, f.seqs = f.lits[:0], f.seqs[:0]
	f.price(from, to)
	anchor := from
	for at := from; at < to-minMatch; {
		m := f.best(at, anchor, from, to)
		if m.gain <= 0 {
			at += 1 + (at-anchor)>>8
			continue
		}
		for next := at + 1; next <= m.at+f.ahead && m.length < niceLen && next < to-minMatch; next++ {
			n := f.best(next, anchor, from, to)
			if skipped := f.gains[n.at-from] - f.gains[m.at-from]; n.gain > m.gain+skipped/2 {
				m = n
			}
		}
		for m.rep == 0 && m.at > anchor && m.from > f.low && f.text[m.at-1] == f.text[m.from-1] {
			m.at, m.from, m.length = m.at-1, m.from-1, m.length+1
		}
		f.emit(anchor, m)
		anchor = m.at + m.length
		at = anchor
	}
	f.lits = append(f.lits, f.text[anchor:to]...)
}

// emit adds a sequence.
func (f *finder) emit(anchor int, m match) {
	f.lits = append(f.lits, f.text[anchor:m.at]...)
	s := sequence{lits: uint32(m.at - anchor), length: uint32(m.length)}
	s.offset = f.repeat(int32(m.at-m.from), s.lits == 0)
	f.seqs = append(f.seqs, s)
}

// repeat is how zstd writes a distance, which is then the last one.
func (f *finder) repeat(distance int32, noLits bool) uint32 {
	l := &f.last
	code := uint32(distance) + 3
	switch {
	case distance == l[0] && !noLits:
		return 1
	case distance == l[1]:
		l[0], l[1] = l[1], l[0]
		code = 2
	case distance == l[2]:
		l[0], l[1], l[2] = l[2], l[0], l[1]
		code = 3
	case noLits && distance == l[0]-1:
		l[0], l[1], l[2] = distance, l[0], l[1]
		return 3
	default:
		l[0], l[1], l[2] = distance, l[0], l[1]
		return code
	}
	if noLits {
		code--
	}
	return code
}

// best is the match at a place that saves most.
func (f *finder) best(at, anchor, block, to int) match {
	f.insert(at)
	m, text := match{at: at}, f.text
	for i, d := range f.last {
		if i == 0 && at == anchor {
			continue // it would only go on with the match before
		}
		if from := at - int(d); from >= f.low && load4(text, from) == load4(text, at) {
			f.try(&m, from, i+1, block, to)
		}
	}
	link := f.links[at-f.begin]
	for depth := 0; link > 0 && depth < f.places && m.length < niceLen; depth++ {
		from := int(link - 1)
		if load4(text, from+m.reach) == load4(text, at+m.reach) {
			f.try(&m, from, 0, block, to)
		}
		link = f.links[from-f.begin]
	}
	if f.dict == nil {
		return m
	}
	word := f.dict.heads[hash4(text, at)>>(32-dictLog)]
	for depth := 0; word > 0 && depth < f.words && m.length < niceLen; depth++ {
		from := int(word - 1)
		if load4(text, from+m.reach) == load4(text, at+m.reach) {
			f.try(&m, from, 0, block, to)
		}
		word = f.dict.links[from]
	}
	return m
}

// try takes what begins at a place where it saves more than the match so far.
func (f *finder) try(m *match, from, rep, block, to int) {
	length := same(f.text[from:], f.text[m.at:to])
	if length < minMatch {
		return
	}
	i := m.at - block
	gain := f.gains[i+length] - f.gains[i] - int32(lengthBits(length))<<8
	if rep > 0 {
		gain -= costRep
	} else {
		gain -= costNew + int32(bits.Len(uint(m.at-from+3)))<<8
	}
	if gain > m.gain {
		m.from, m.length, m.rep, m.gain, m.reach = from, length, rep, gain, length-3
	}
}

// lengthBits are the bits that a length has behind its code.
func lengthBits(length int) int {
	return int(lengthCodes.extra[lengthCodes.code(uint32(length-3))])
}

// insert takes all places up to one into the heads.
func (f *finder) insert(upTo int) {
	shift := 32 - f.log
	for ; f.next <= upTo; f.next++ {
		h := hash4(f.text, f.next) >> shift
		f.links[f.next-f.begin], f.heads[h] = f.heads[h], int32(f.next+1)
	}
}

// same is how many bytes both begin with; b is the shorter one.
func same(a, b []byte) int {
	n := 0
	for ; n+8 <= len(b); n += 8 {
		if x := binary.LittleEndian.Uint64(a[n:]) ^ binary.LittleEndian.Uint64(b[n:]); x != 0 {
			return n + bits.TrailingZeros64(x)/8
		}
	}
	for n < len(b) && a[n] == b[n] {
		n++
	}
	return n
}
