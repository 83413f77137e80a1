package escape

import (
	"encoding/binary"
	"fmt"
	"math/bits"
	"slices"
	"unicode/utf16"
	"unicode/utf8"
)

// AppendString appends text to b as a JSON string in which nothing steers: [JSON]
// of what encoding/json makes of it without its escapes for HTML. Bytes that are no
// UTF-8 are U+FFFD in it. It looks at each byte once: answers are long.
func AppendString(b, text []byte) []byte {
	b = append(b, '"')
	n := len(b)
	b = slices.Grow(b, len(text)+len(text)/4+room)
	b = b[:cap(b)]
	for i := 0; i < len(text); {
		if len(b)-n < room {
			b = slices.Grow(b[:n], len(text)-i+room)
			b = b[:cap(b)]
		}
		if i+word <= len(text) {
			w := binary.LittleEndian.Uint64(text[i:])
			binary.LittleEndian.PutUint64(b[n:], w)
			as := bits.TrailingZeros64(odd(w)) / 8
			i, n = i+as, n+as
			if as == word {
				continue
			}
		}
		switch c := text[i]; {
		case c == '"' || c == '\\':
			b[n], b[n+1] = '\\', c
			i, n = i+1, n+2
		case c >= 0x20 && c < 0x7f:
			b[n] = c
			i, n = i+1, n+1
		default:
			r, size := utf8.DecodeRune(text[i:])
			n += copy(b[n:], inString(r, text[i:i+size]))
			i += size
		}
	}
	return append(b[:n], '"')
}

const (
	word = 8
	// room is more than one step writes.
	room = 32
)

// odd has the highest bit of each byte set that is not to be copied as it is, up to the first one:
// what is no letter of ASCII, and what begins or ends something in JSON.
func odd(w uint64) uint64 {
	const ones, high = 0x0101010101010101, 0x8080808080808080
	zero := func(x uint64) uint64 { return (x - ones) &^ x }
	return ((w-0x20*ones)&^w | w | (w + ones) | zero(w^'"'*ones) | zero(w^'\\'*ones)) & high
}

// inString is a rune as it stands in a JSON string: as it came, unless it steers.
func inString(r rune, came []byte) []byte {
	switch {
	case r == utf8.RuneError && len(came) == 1:
		return []byte(`\ufffd`)
	case !steers(r):
		return came
	case r == '\b':
		return []byte(`\b`)
	case r == '\f':
		return []byte(`\f`)
	case r == '\n':
		return []byte(`\n`)
	case r == '\r':
		return []byte(`\r`)
	case r == '\t':
		return []byte(`\t`)
	}
	return []byte(byNumber(r))
}

// byNumber is a rune in the units of UTF-16 that JSON writes.
func byNumber(r rune) string {
	if high, low := utf16.EncodeRune(r); high != utf8.RuneError {
		return fmt.Sprintf(`\u%04x\u%04x`, high, low)
	}
	return fmt.Sprintf(`\u%04x`, r)
}
