package capture

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"math/bits"
	"strings"
	"unicode/utf8"

	"ergorecorder/ergo"
)

// A cut is a line out of which its text was taken.
type cut struct {
	text     []byte // decoded
	from, to int    // where it stood

	t, node, tool, args, ms, isError, refused []byte // other fields as they are written, nil where they are not

	odd bool // there are more fields, or one twice
}

// cutText takes the text out of a line, which is nearly all of it. ok is false where the line is
// not as plain as that; then all of it is for the decoder. room is memory for the text.
func cutText(line, room []byte) (c cut, ok bool) {
	i := space(line, 0)
	if i >= len(line) || line[i] != '{' {
		return c, false
	}
	for i = space(line, i+1); i < len(line) && line[i] == '"'; i = space(line, i+1) {
		name, end := key(line, i)
		if i = space(line, end); end < 0 || i >= len(line) || line[i] != ':' {
			return c, false
		}
		i = space(line, i+1)
		if strings.EqualFold(string(name), "text") {
			if c.to != 0 || string(name) != "text" {
				return c, false // the decoder knows which of them counts
			}
			if i >= len(line) || line[i] != '"' {
				return c, false
			}
			if c.text, c.to = unquoted(room, line, i); c.to < 0 {
				return c, false
			}
			c.from, i = i, c.to
		} else {
			from := i
			if i = valueEnd(line, i); i < 0 {
				return c, false
			}
			c.note(name, bytes.TrimRight(line[from:i], " \t\r\n"))
		}
		if i = space(line, i); i >= len(line) || line[i] != ',' {
			return c, c.to != 0 && i < len(line) && line[i] == '}' && space(line, i+1) == len(line)
		}
	}
	return c, false // no field, or none behind a comma
}

// note keeps a field that is not the text.
func (c *cut) note(name, value []byte) {
	var field *[]byte
	switch string(name) {
	case "t":
		field = &c.t
	case "node":
		field = &c.node
	case "tool":
		field = &c.tool
	case "args":
		field = &c.args
	case "ms":
		field = &c.ms
	case "is_error":
		field = &c.isError
	case "rpc_error":
		field = &c.refused
	}
	if field == nil || *field != nil {
		c.odd = true
		return
	}
	*field = value
}

// rest is the line with null in place of its text.
func (c *cut) rest(line []byte) []byte {
	rest := make([]byte, 0, len(line)-(c.to-c.from)+4)
	return append(append(append(rest, line[:c.from]...), "null"...), line[c.to:]...)
}

// plain is the line as the decoder would read it but for its text, where the fields are as plain
// as those of nearly all lines are.
func (c *cut) plain(a asker) (w wire, ok bool) {
	t, ok1 := plainString(c.t)
	node, ok2 := plainString(c.node)
	tool, ok3 := plainString(c.tool)
	isError := string(c.isError) == "true"
	if c.odd || !ok1 || !ok2 || !ok3 || !isError && c.isError != nil && string(c.isError) != "false" || c.refused != nil && string(c.refused) != "null" {
		return w, false
	}
	if c.ms != nil && (len(c.ms) == 0 || c.ms[0]-'0' >= 10 || !json.Valid(c.ms)) {
		return w, false
	}
	if _, known := a[string(c.args)]; c.args != nil && !known && !json.Valid(c.args) {
		return w, false
	}
	return wire{T: t, Node: node, Tool: tool, Args: c.args, MS: json.Number(c.ms), IsError: isError}, true
}

// plainString is what a string without escapes stands for.
func plainString(lit []byte) (string, bool) {
	if len(lit) < 2 || lit[0] != '"' || lit[len(lit)-1] != '"' || !utf8.Valid(lit) {
		return "", false
	}
	lit = lit[1 : len(lit)-1]
	for _, c := range lit {
		if c < ' ' || c == '"' || c == '\\' {
			return "", false
		}
	}
	return string(lit), true
}

// An asker knows the arguments of calls that it read before: most are asked again and again.
type asker map[string]ergo.Args

// mostAsked is how many arguments an asker knows, and longAsked how long they may be.
const (
	mostAsked = 1 << 10
	longAsked = 1 << 10
)

// args are the arguments that are written so.
func (a asker) args(text []byte) (ergo.Args, error) {
	if args, ok := a[string(text)]; ok {
		return args, nil
	}
	args, err := ergo.ParseArgs(text)
	if err == nil && a != nil && text != nil && len(text) <= longAsked {
		if len(a) == mostAsked {
			clear(a)
		}
		a[string(text)] = args
	}
	return args, err
}

func space(b []byte, i int) int {
	for i >= 0 && i < len(b) && (b[i] == ' ' || b[i] == '\t' || b[i] == '\n' || b[i] == '\r') {
		i++
	}
	return i
}

// key is the name of a field, and where its string ends; -1 where it has escapes,
// for which the decoder is.
func key(b []byte, i int) (name []byte, end int) {
	n := bytes.IndexAny(b[i+1:], "\"\\")
	if n < 0 || b[i+1+n] == '\\' {
		return nil, -1
	}
	return b[i+1 : i+1+n], i + n + 2
}

// valueEnd is where a value ends that the decoder is going to look at: it is
// not checked but for its quotes and brackets. -1 is nowhere.
func valueEnd(b []byte, i int) int {
	depth := 0
	for ; i < len(b); i++ {
		switch b[i] {
		case '"':
			for i++; i < len(b) && b[i] != '"'; i++ {
				if b[i] == '\\' {
					i++
				}
			}
		case '{', '[':
			depth++
		case '}', ']':
			if depth == 0 {
				return i
			}
			depth--
		case ',':
			if depth == 0 {
				return i
			}
		}
	}
	return -1
}

// unquoted is the string that begins at i, decoded into dst's memory, and says where it
// ends: -1 where it has what only the decoder knows how to read (control characters, halves of
// characters, escapes that there are not).
func unquoted(dst, b []byte, i int) (text []byte, end int) {
	if room := len(b) - i + slack; cap(dst) < room { // it never grows
		if dst != nil {
			room += room / 4 // and is used again for others
		}
		dst = make([]byte, room)
	}
	dst = dst[:cap(dst)]
	n, high := 0, uint64(0)
	for i++; i+64+slack <= len(b); {
		block := b[i : i+64+slack]
		from := 0 // what is not decoded yet
		stop, h := stops((*[64]byte)(block))
		high |= h
		for ; stop != 0; stop &= stop - 1 {
			at := bits.TrailingZeros64(stop)
			if at < from {
				continue // of an escape
			}
			if at-from <= slack { // most are; whole words, whatever is behind it
				*(*[slack]byte)(dst[n:]) = *(*[slack]byte)(block[from:])
			} else {
				copy(dst[n:], block[from:at])
			}
			n += at - from
			if block[at] != '\\' {
				return whole(dst[:n], b, i+at, high)
			}
			if c := letters[block[at+1]]; c != 0 {
				dst[n] = c
				n, from = n+1, at+2
				if c == '\\' && block[from] == '"' {
					stop |= 4 << at // it stands behind a \, but is not escaped
				}
			} else if n, from = escaped(dst, n, block, at+1); from < 0 {
				return nil, -1
			}
		}
		if from < 64 {
			n, from = n+copy(dst[n:], block[from:64]), 64
		}
		i += from
	}
	for i < len(b) {
		switch c := b[i]; {
		case c == '"' || c < ' ':
			return whole(dst[:n], b, i, high)
		case c == '\\':
			if n, i = escaped(dst, n, b, i+1); i < 0 {
				return nil, -1
			}
		default:
			dst[n] = c
			n, i, high = n+1, i+1, high|uint64(c)
		}
	}
	return nil, -1
}

// whole is the text of a string that ends at i, if a quote ends it. high has the top bits of
// its bytes, in any place.
func whole(text, b []byte, i int, high uint64) ([]byte, int) {
	if b[i] != '"' || high&tops != 0 && !utf8.Valid(text) {
		return nil, -1
	}
	return text, i + 1
}

// slack is how much further than it need be may be read and written.
const slack = 16

// A one, the top bit, and all others, in each byte of a word.
const (
	ones = 0x0101010101010101
	tops = 0x8080808080808080
	rest = ^uint64(tops)
)

// stops has a bit for each byte that is a \ or a control character, or a quote that stands behind
// no \; high is all bytes, one over the other.
func stops(b *[64]byte) (stop, high uint64) {
	before := uint64(0) // the top bit of the first byte where a \ stands before it
	for i := 0; i < 64; i += 8 {
		w := binary.LittleEndian.Uint64(b[i : i+8])
		high |= w
		quote, slash := w^'"'*ones, w^'\\'*ones
		quote, slash = ^(quote&rest+rest|quote)&tops, ^(slash&rest+rest|slash)&tops
		other := ^(w&rest + 0x60*ones | w) & tops
		stop |= (other | slash | quote&^(slash<<8|before)) >> 7 * 0x0102040810204080 >> 56 << i
		before = slash >> 56
	}
	return stop, high
}

// letters is what escapes of one letter stand for.
var letters = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escaped puts the character whose escape stands behind the \ before i to dst[n:], and
// says where both end; -1 where there is no such escape.
func escaped(dst []byte, n int, b []byte, i int) (to, end int) {
	if i >= len(b) {
		return n, -1
	}
	if c := letters[b[i]]; c != 0 {
		dst[n] = c
		return n + 1, i + 1
	}
	if b[i] != 'u' || i+5 > len(b) {
		return n, -1
	}
	r := rune(0)
	for _, h := range b[i+1 : i+5] {
		d := rune(h - '0')
		if d > 9 {
			if d = rune(h|0x20) - 'a' + 10; d < 10 || d > 15 {
				return n, -1
			}
		}
		r = r<<4 | d
	}
	if r < utf8.RuneSelf {
		dst[n] = byte(r)
		return n + 1, i + 5
	}
	if r >= 0xD800 && r < 0xE000 {
		return n, -1 // one half of a pair
	}
	return n + utf8.EncodeRune(dst[n:], r), i + 5
}
