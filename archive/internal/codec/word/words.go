// Package word numbers the words of a column, and tells each by one before it that
// is like it but for a number. FORMAT.md draws them.
package word

import (
	"encoding/binary"
	"strconv"

	"ergorecorder/archive/internal/codec/parse"
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
	LikeBack = 8
	likeRuns = 8
	LikeWord = 255
	maxDigit = 18
	// MaxWords is how much longer words may be than they are told. Runs end long
	// before.
	MaxWords = 16 << 20
)

// A Lexicon is a list of words, end to end.
type Lexicon struct {
	Text []byte
	ends []int
}

func (l *Lexicon) at(i int) []byte {
	start := 0
	if i > 0 {
		start = l.ends[i-1]
	}
	return l.Text[start:l.ends[i]]
}

// AppendWord tells the n-th word of a dictionary.
func AppendWord(dst []byte, d *Dict, n int) []byte {
	word := d.At(n)
	for back := 0; back < LikeBack && back < n; back++ {
		if run, by, ok := advanced(d.At(n-1-back), word); ok {
			dst = binary.AppendUvarint(dst, uint64(1+LikeBack*run+back))
			return binary.AppendUvarint(dst, by)
		}
	}
	return parse.AppendBytes(append(dst, 0), word)
}

// advanced reports whether the word is like another but for one larger number,
// which one, counted from the end, and by how much.
func advanced(from, word []byte) (run int, by uint64, ok bool) {
	if len(from) != len(word) || len(word) > LikeWord {
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

// Read adds the words that appendWord told.
func (l *Lexicon) Read(b []byte) error {
	r := parse.Reader{B: b}
	for len(r.B) > 0 && !r.Short && len(l.Text) <= len(b)+MaxWords {
		op := r.Int()
		if op == 0 {
			l.Text = append(l.Text, r.Bytes(r.Int())...)
		} else if !l.advance((op-1)%LikeBack, (op-1)/LikeBack, r.Uvarint()) {
			return parse.ErrContent
		}
		l.ends = append(l.ends, len(l.Text))
	}
	if r.Short || len(r.B) > 0 {
		return parse.ErrContent
	}
	return nil
}

// advance adds the word that is like one before but for a number.
func (l *Lexicon) advance(back, run int, by uint64) bool {
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
	if len(from) > LikeWord || last-first > maxDigit {
		return false
	}
	old, _ := strconv.ParseUint(string(from[first:last]), 10, 64)
	digits := strconv.AppendUint(nil, old+by, 10)
	zeros := last - first - len(digits)
	if zeros < 0 || by > old+by {
		return false
	}
	l.Text = append(l.Text, from[:first]...)
	for range zeros {
		l.Text = append(l.Text, '0')
	}
	l.Text = append(append(l.Text, digits...), from[last:]...)
	return true
}

// ReadPlain adds words as version 1 told them.
func (l *Lexicon) ReadPlain(b []byte) error {
	r := parse.Reader{B: b}
	for len(r.B) > 0 && !r.Short {
		l.Text = append(l.Text, r.Bytes(r.Int())...)
		l.ends = append(l.ends, len(l.Text))
	}
	if r.Short {
		return parse.ErrContent
	}
	return nil
}

// Words are the words as strings.
func (l *Lexicon) Words() []string {
	all := string(l.Text)
	words := make([]string, len(l.ends))
	start := 0
	for i, end := range l.ends {
		words[i], start = all[start:end], end
	}
	return words
}
