package codec

import (
	"encoding/binary"
	"strconv"
)

// The words of a dictionary are told one behind the other. A word that differs
// from one of the last few by a number alone, as the names of processes that
// were spawned together do, is told as that:
//
//	0, uvarint length, bytes    the word
//	1 + 8 * run + back, n       the word back+1 before, in which the number that is
//	                            the run-th from the end (0: the last) is n larger
//
// A number is a run of decimal digits, 18 at most; it keeps its width. Words of
// more than likeWord bytes are told in full.
const (
	likeBack = 8
	likeRuns = 8
	likeWord = 255
	maxDigit = 18
)

// A lexicon is a list of words, end to end.
type lexicon struct {
	text []byte
	ends []int
}

func (l *lexicon) at(i int) []byte {
	start := 0
	if i > 0 {
		start = l.ends[i-1]
	}
	return l.text[start:l.ends[i]]
}

// appendWord tells the n-th word of a dictionary.
func appendWord(dst []byte, d *dict, n int) []byte {
	word := d.at(n)
	for back := 0; back < likeBack && back < n; back++ {
		if run, by, ok := advanced(d.at(n-1-back), word); ok {
			dst = binary.AppendUvarint(dst, uint64(1+likeBack*run+back))
			return binary.AppendUvarint(dst, by)
		}
	}
	return appendBytes(append(dst, 0), word)
}

// advanced reports whether the word is like another but for one larger number,
// which one, counted from the end, and by how much.
func advanced(from, word []byte) (run int, by uint64, ok bool) {
	if len(from) != len(word) || len(word) > likeWord {
		return 0, 0, false
	}
	at := 0
	for at < len(word) && from[at] == word[at] {
		at++
	}
	end := len(word)
	for i := 0; i < likeRuns; i++ {
		first, last := digitsBefore(from, end)
		if first < 0 || at >= last {
			return 0, 0, false
		}
		if end = first; at < first {
			continue
		}
		old, err1 := strconv.ParseUint(string(from[first:last]), 10, 64)
		now, err2 := strconv.ParseUint(string(word[first:last]), 10, 64)
		same := string(from[last:]) == string(word[last:])
		return i, now - old, err1 == nil && err2 == nil && now > old && same && last-first <= maxDigit
	}
	return 0, 0, false
}

// digitsBefore is the last run of digits that ends at or before a place, -1
// where there is none.
func digitsBefore(word []byte, end int) (first, last int) {
	for end > 0 && !isDigit(word[end-1]) {
		end--
	}
	if end == 0 {
		return -1, -1
	}
	first = end
	for first > 0 && isDigit(word[first-1]) {
		first--
	}
	return first, end
}

func isDigit(c byte) bool { return c-'0' < 10 }

// read adds the words that appendWord told.
func (l *lexicon) read(b []byte) error {
	r := reader{b: b}
	for len(r.b) > 0 && !r.short && len(l.text) <= len(b)+maxWords {
		op := r.int()
		if op == 0 {
			l.text = append(l.text, r.bytes(r.int())...)
		} else if !l.advance((op-1)%likeBack, (op-1)/likeBack, r.uvarint()) {
			return errContent
		}
		l.ends = append(l.ends, len(l.text))
	}
	if r.short || len(r.b) > 0 {
		return errContent
	}
	return nil
}

// advance adds the word that is like one before but for a number.
func (l *lexicon) advance(back, run int, by uint64) bool {
	if back >= len(l.ends) || run >= likeRuns {
		return false
	}
	from := l.at(len(l.ends) - 1 - back)
	first, last := 0, len(from)
	for end := last; run >= 0; run-- {
		if first, last = digitsBefore(from, end); first < 0 {
			return false
		}
		end = first
	}
	if len(from) > likeWord || last-first > maxDigit {
		return false
	}
	old, _ := strconv.ParseUint(string(from[first:last]), 10, 64)
	digits := strconv.AppendUint(nil, old+by, 10)
	zeros := last - first - len(digits)
	if zeros < 0 || by > old+by {
		return false
	}
	l.text = append(l.text, from[:first]...)
	for range zeros {
		l.text = append(l.text, '0')
	}
	l.text = append(append(l.text, digits...), from[last:]...)
	return true
}

// readPlain adds words as version 1 told them.
func (l *lexicon) readPlain(b []byte) error {
	r := reader{b: b}
	for len(r.b) > 0 && !r.short {
		l.text = append(l.text, r.bytes(r.int())...)
		l.ends = append(l.ends, len(l.text))
	}
	if r.short {
		return errContent
	}
	return nil
}

// words are the words as strings.
func (l *lexicon) words() []string {
	all := string(l.text)
	words := make([]string, len(l.ends))
	start := 0
	for i, end := range l.ends {
		words[i], start = all[start:end], end
	}
	return words
}
