package redact

import (
	"encoding/binary"
	"fmt"
	"slices"
)

// What a text may hold.
const (
	holdsSecret    = 1 << iota // what names a secret, or is one
	holdsEnv                   // a field named Env
	holdsDisguised             // a letter written as \u00…
)

// An index finds triggers in text. Nearly all text holds none, so most
// positions are passed over in a look at three bytes, each as one of 32
// classes, and in long texts before that in a look at every other pair of bytes.
type index struct {
	class [256]uint8
	three [1 << 15]uint8    // by the classes of their first three bytes: which of the lists
	lists [][]trigger       // the first is of none
	pairs [1 << 12]pairSets // by two bytes as pairClasses has them
}

type trigger struct {
	text  string
	alone bool
	named bool
	holds int
}

var triggerIndex = makeIndex()

func makeIndex() *index {
	x := new(index)
	for c := range 256 {
		switch l := lower(byte(c)); {
		case l >= 'a' && l <= 'z':
			x.class[c] = l - 'a' + 1
		case l == '/' || l == '@':
			x.class[c] = 27
		case l == ':':
			x.class[c] = 28
		case l == '-' || l == '_' || l == '.':
			x.class[c] = 29
		case l >= '0' && l <= '9' || l == '=' || l == '"' || l == '\\':
			x.class[c] = 30
		case l >= 0x80:
			x.class[c] = 31
		}
	}
	x.lists = make([][]trigger, 1)
	for _, t := range triggers {
		x.add(trigger{t, slices.Contains(alone, t), slices.Contains(named, t), holdsSecret})
		x.addPairs(t)
	}
	x.add(trigger{text: "env", holds: holdsEnv})
	x.addPairs("env")
	x.add(trigger{text: "u00", holds: holdsDisguised})
	x.addDisguises()
	return x
}

func (x *index) add(t trigger) {
	list := &x.three[x.classes([]byte(t.text), 0)]
	if *list == 0 {
		*list = uint8(len(x.lists))
		x.lists = append(x.lists, nil)
	}
	x.lists[*list] = append(x.lists[*list], t)
}

// A pairSets tells of which triggers a pair of bytes may be a part: in its low half as
// the first pair that is looked at, in its high half as the one behind. Each half has a bit
// for each of 16 sets of triggers, whose first bytes tell them apart, that begin where a pair
// does, and behind those one for those that begin within a pair.
type pairSets uint64

// addPairs adds the pairs of a trigger: four of its bytes where it has them. One that begins
// within a pair is looked for from its second byte on, unless that leaves two.
func (x *index) addPairs(t string) {
	within := 1
	if len(t) == 3 {
		within = -1
	}
	x.addPairsAt(t, 0, within)
}

// addDisguises adds the pairs of all letters that are written as \u00…: of their digits, not of what
// all of them begin with, for < and > stand in every answer.
func (x *index) addDisguises() {
	for c := range 1 << 7 {
		t := fmt.Sprintf("u00%02x", c)
		if _, ok := undisguised([]byte(`\`+t), 1); ok {
			x.addPairsAt(t, 2, 1)
		}
	}
}

// addPairsAt adds the pairs of a trigger that stand at these places of it, where it begins where a pair does and within one.
func (x *index) addPairsAt(t string, even, odd int) {
	set := pairSets(1) << (t[0] & 15)
	x.addPair(t, even, set)
	x.addPair(t, even+2, set<<32)
	x.addPair(t, odd, set<<16)
	x.addPair(t, odd+2, set<<48)
}

// addPair adds sets to the pairs that stand at i of a trigger. Beyond its ends is anything.
func (x *index) addPair(t string, i int, sets pairSets) {
	for _, first := range classesAt(t, i) {
		for _, second := range classesAt(t, i+1) {
			x.pairs[second<<6|first] |= sets
		}
	}
}

// classesAt are the classes that a byte at i of a trigger may have.
func classesAt(t string, i int) (all []int) {
	if i >= 0 && i < len(t) {
		return []int{int(pairClasses(uint64(t[i])))}
	}
	for c := range 64 {
		all = append(all, c)
	}
	return all
}

// pairClasses are the four pairs of bytes of a word, each of which has the class of its
// first byte in its lowest 6 bits and that of its second above them: one of 64 for a letter in
// any case, or a digit or sign and bytes that are hardly said.
func pairClasses(w uint64) uint64 {
	w = w&(0x1f*ones) | w>>1&(0x20*ones)
	return w&0x003f003f003f003f | w>>2&0x0fc00fc00fc00fc0
}

// ones is a one in each byte of a word.
const ones = 0x0101010101010101

// classes are those of the three bytes at i.
func (x *index) classes(text []byte, i int) int {
	return int(x.class[text[i]])<<10 | int(x.class[text[i+1]])<<5 | int(x.class[text[i+2]])
}

// next is where the next trigger begins in text[at:], -1 where there is none.
func (x *index) next(text []byte, at int) int {
	for i := at; i < len(text)-2; i++ {
		if x.found(text, i)&holdsSecret != 0 {
			return i
		}
	}
	return -1
}

// holds says what text may hold.
func (x *index) holds(text []byte) (found int) {
	at, before := 0, pairSets(0)
	for ; at+8 <= len(text); at += 8 {
		w := pairClasses(binary.LittleEndian.Uint64(text[at:]))
		a, b, c, d := x.pairs[w&0xfff], x.pairs[w>>16&0xfff], x.pairs[w>>32&0xfff], x.pairs[w>>48&0xfff]
		if before&(a>>32)|a&(b>>32)|b&(c>>32)|c&(d>>32) != 0 {
			found |= x.between(text, max(0, at-4), at+6)
		}
		before = d
	}
	return found | x.between(text, max(0, at-4), len(text))
}

// between says what text may hold that begins in text[from:to].
func (x *index) between(text []byte, from, to int) (found int) {
	for i := from; i < min(to, len(text)-2); i++ {
		found |= x.found(text, i)
	}
	return found
}

// found says what begins at i, where three bytes are left.
func (x *index) found(text []byte, i int) (found int) {
	list := x.three[x.classes(text, i)]
	if list == 0 {
		return 0
	}
	for _, t := range x.lists[list] {
		switch t.holds {
		case holdsEnv:
			if envAt(text, i) {
				found |= holdsEnv
			}
		case holdsDisguised:
			if isDisguised(text, i) {
				found |= holdsDisguised
			}
		default:
			if t.at(text, i) {
				found |= holdsSecret
			}
		}
	}
	return found
}

// envAt reports whether the end of a name env stands at i.
func envAt(text []byte, i int) bool {
	return len(text) > i+3 && text[i]|0x20 == 'e' && text[i+1]|0x20 == 'n' && text[i+2]|0x20 == 'v' && (text[i+3] == '"' || text[i+3] == '\\')
}

func isDisguised(text []byte, i int) bool {
	_, ok := undisguised(text, i)
	return ok
}

// at reports whether the trigger stands at i, and counts there.
func (t *trigger) at(text []byte, i int) bool {
	end := i + len(t.text)
	if end > len(text) || lower(text[end-1]) != t.text[len(t.text)-1] {
		return false // nearly always: its first three bytes are those of many a word
	}
	return hasFold(text[i:], t.text) && (!t.alone || ends(text, i, end)) && (!t.named || separated(text, end))
}

// ends reports whether the word text[from:to] ends there: what follows is no
// small letter, or it is a plural; a word in capitals ends before a small one.
func ends(text []byte, from, to int) bool {
	if to < len(text) && text[to]|0x20 == 's' {
		to++
	}
	if to >= len(text) {
		return true
	}
	c := text[to]
	if c >= 'A' && c <= 'Z' {
		last := text[to-1]
		return last < 'A' || last > 'Z' // PIN in PINGED is none, in userPinValue it is one
	}
	return c < 'a' || c > 'z'
}

// separated reports whether a separator follows the word that goes on at i.
func separated(text []byte, i int) bool {
	for i < len(text) && isWordByte(text[i]) {
		i++
	}
	p := plainText{b: text}
	i, _ = p.closing(i)
	if i == len(text) {
		return true // the name of a field, seen alone
	}
	_, sep := p.separator(i)
	return sep != 0
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c | 0x20
	}
	return c
}

// hasFold reports whether text begins with word, which is in small letters.
func hasFold(text []byte, word string) bool {
	if len(text) < len(word) {
		return false
	}
	for i := range len(word) {
		if lower(text[i]) != word[i] {
			return false
		}
	}
	return true
}

// suspicious reports whether text may hold a secret, or letters in disguise.
func suspicious(text []byte) bool {
	return triggerIndex.holds(text)&(holdsSecret|holdsDisguised) != 0
}
