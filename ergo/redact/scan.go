package redact

import (
	"encoding/binary"
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
	pairs [1 << 16]pairSets // by two bytes, the first of them lowest
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
	}
	x.add(trigger{text: "env", holds: holdsEnv})
	x.add(trigger{text: "u00", holds: holdsDisguised})
	return x
}

func (x *index) add(t trigger) {
	list := &x.three[x.classes([]byte(t.text), 0)]
	if *list == 0 {
		*list = uint8(len(x.lists))
		x.lists = append(x.lists, nil)
	}
	x.lists[*list] = append(x.lists[*list], t)
	x.addPairs(t.text)
}

// A pairSets tells of which triggers a pair of bytes may be a part: in its low half as
// the first pair that holds a byte of it, in its high half as the one behind. Each
// half has a bit for each of 16 sets of triggers, whose first bytes tell them apart, that
// begin with the pair, and behind those one for those that begin with its second byte.
type pairSets uint64

// addPairs adds the pairs of a trigger.
func (x *index) addPairs(t string) {
	even := pairSets(1) << (t[0] & 15)
	odd := even << 16
	for _, c := range cases(t[0]) {
		for _, d := range cases(t[1]) {
			x.pairs[c|d<<8] |= even
		}
		for any := range 256 {
			x.pairs[any|c<<8] |= odd
		}
	}
	for _, c := range cases(t[2]) {
		for _, b := range cases(t[1]) {
			x.pairs[b|c<<8] |= odd << 32
		}
		for any := range 256 {
			x.pairs[c|any<<8] |= even << 32
		}
	}
}

// cases are the bytes that are c in small letters.
func cases(c byte) []int {
	if c >= 'a' && c <= 'z' {
		return []int{int(c), int(c - 'a' + 'A')}
	}
	return []int{int(c)}
}

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
		w := binary.LittleEndian.Uint64(text[at:])
		a, b, c, d := x.pairs[w&0xffff], x.pairs[w>>16&0xffff], x.pairs[w>>32&0xffff], x.pairs[w>>48]
		if hits := [4]pairSets{before & (a >> 32), a & (b >> 32), b & (c >> 32), c & (d >> 32)}; hits[0]|hits[1]|hits[2]|hits[3] != 0 {
			for i, h := range hits {
				if h&(1<<16-1) != 0 {
					found |= x.found(text, at+2*i-2)
				}
				if h>>16 != 0 {
					found |= x.found(text, at+2*i-1)
				}
			}
		}
		before = d
	}
	return found | x.between(text, max(0, at-2), len(text))
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
