package redact

import (
	"bytes"
	"strings"
	"unicode/utf8"
)

// plain finds the secrets of text[from:to], which is no JSON. The value of a
// secret may go on behind it up to limit (it is JSON then); how far it looked
// is returned.
func (r *redaction) plain(from, to, limit int) int {
	if from >= to {
		return to
	}
	p := plainText{b: r.text[:limit], from: from}
	if r.env {
		p.environments(r, from, to)
	}
	for at := from; ; {
		i := triggerIndex.next(r.text[:to], at)
		if i < 0 {
			return max(to, p.done)
		}
		if i < p.done {
			at = p.done
			continue
		}
		end, ok := p.sign(r, i)
		if !ok {
			end = p.name(r, i)
		}
		at = max(i+1, end)
		p.done = max(p.done, end)
		if at >= to {
			return max(to, p.done)
		}
	}
}

// A plainText is what plain looks at.
type plainText struct {
	b    []byte
	from int // nothing before that is looked at
	done int // how far a secret went
}

// sign looks for a shape at i that is a secret without a name.
func (p *plainText) sign(r *redaction, i int) (int, bool) {
	switch b := p.b[i:]; {
	case bytes.HasPrefix(b, []byte("://")):
		return p.userInfo(r, i+3), true
	case b[0] == '@':
		return p.dsn(r, i), true
	case hasFold(b, "-----begin"):
		return p.pem(r, i), true
	}
	if i > p.from && isWordByte(p.b[i-1]) {
		return 0, false
	}
	for _, s := range shapes {
		if !bytes.HasPrefix(p.b[i:], []byte(s.prefix)) {
			continue
		}
		end := i + len(s.prefix)
		for end < len(p.b) && (isWordByte(p.b[end]) || p.b[end] == '.') {
			end++
		}
		for p.b[end-1] == '.' {
			end--
		}
		if end-i-len(s.prefix) >= s.least && (s.prefix != "eyJ" || bytes.IndexByte(p.b[i:end], '.') > 0) {
			r.cut(i, end, NotKept)
			return end, true
		}
	}
	return 0, false
}

// userInfo leaves out the password of a URL whose authority begins at i; what
// stands alone before the @ counts where it looks random.
func (p *plainText) userInfo(r *redaction, i int) int {
	end := i
	for end < len(p.b) && !endsURL(p.b[end]) {
		end++
	}
	all := p.b[i:end]
	authority := all
	if n := bytes.IndexAny(all, "/?#"); n >= 0 {
		authority = all[:n]
	}
	at := bytes.LastIndexByte(authority, '@')
	colon := bytes.IndexByte(authority, ':')
	if at < 0 && colon >= 0 && !isNumber(authority[colon+1:]) {
		at = bytes.LastIndexByte(all, '@') // a password with a slash in it
	}
	switch {
	case at < 0:
		if end == len(p.b) && colon >= 0 && random(all[colon+1:]) {
			r.cut(i+colon+1, end, NotKept) // cut off before the @
			return end
		}
		return i
	case colon >= 0 && colon < at:
		if !nothing(all[colon+1 : at]) {
			r.cut(i+colon+1, i+at, NotKept)
		}
	case random(all[:at]):
		r.cut(i, i+at, NotKept)
	}
	return i + at
}

func endsURL(c byte) bool {
	return c <= ' ' || c == '"' || c == '<' || c == '>' || c == '`' || c == '\\'
}

// dsn leaves out the password before an @tcp( at i: user:password@tcp(…).
func (p *plainText) dsn(r *redaction, i int) int {
	begin := i
	for begin > max(p.from, p.done) && !endsURL(p.b[begin-1]) {
		begin--
	}
	colon := bytes.IndexByte(p.b[begin:i], ':')
	if colon >= 0 && !nothing(p.b[begin+colon+1:i]) {
		r.cut(begin+colon+1, i, NotKept)
	}
	return i + 1
}

// pem leaves out what is in the block of a private key, to the end of the
// text where the block does not end.
func (p *plainText) pem(r *redaction, i int) int {
	head := p.b[i+5:]
	n := bytes.Index(head, []byte("-----"))
	if n < 0 || n > 64 || !bytes.Contains(bytes.ToUpper(head[:n]), []byte("PRIVATE")) {
		return i + 5
	}
	from := i + 5 + n + 5
	to := len(p.b)
	if n := bytes.Index(p.b[from:], []byte("-----END")); n >= 0 {
		to = from + n
	}
	if strings.TrimSpace(string(p.b[from:to])) != NotKept {
		r.cut(from, to, NotKept)
	}
	return to
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c >= 0x80
}

// name looks at the word around the trigger at i: whether it names a secret,
// and what follows. It returns how far it came.
func (p *plainText) name(r *redaction, i int) int {
	begin, end := i, i
	for begin > max(p.from, p.done) && (isWordByte(p.b[begin-1]) || p.b[begin-1] == '.') {
		begin--
	}
	for end < len(p.b) && isWordByte(p.b[end]) {
		end++
	}
	word := p.b[begin:end]
	name := bytes.TrimLeft(word, "-.")
	flag := len(name) < len(word) && word[0] == '-'
	scheme := strings.ToLower(string(name))
	after, quotedName := p.closing(end)
	value, sep := p.separator(after)
	c := classOf(string(name), quotedName || flag && sep != 0)
	switch {
	case (scheme == "bearer" || scheme == "basic") && sep == 0:
		return p.scheme(r, scheme, end)
	case c == ordinary:
		return end
	case sep != 0:
		return max(end, p.leaveOut(r, value, c))
	case flag && c >= secret && end < len(p.b) && p.b[end] == ' ':
		if v := p.space(end); v < len(p.b) && p.b[v] != '-' {
			return max(end, p.leaveOut(r, v, c))
		}
		return end
	}
	if value, ok := p.partner(after); ok {
		return max(end, p.leaveOut(r, value, c))
	}
	return p.loose(r, string(name), end, c)
}

// partner finds the value that stands in a field beside the one that names
// it: "password","value":"…" and password Value:….
func (p *plainText) partner(i int) (value int, ok bool) {
	for i < len(p.b) && (p.b[i] == ',' || p.b[i] == ' ') {
		i++
	}
	begin := i
	for begin < len(p.b) && (p.b[begin] == '\\' || p.b[begin] == '"') {
		begin++
	}
	end := begin
	for end < len(p.b) && isWordByte(p.b[end]) {
		end++
	}
	if !oneOf(p.b[begin:end], valueFields) {
		return 0, false
	}
	after, _ := p.closing(end)
	value, sep := p.separator(after)
	return value, sep != 0
}

// closing passes over the quote that closes a name, and the bracket of an
// index.
func (p *plainText) closing(i int) (int, bool) {
	at := i
	for at < len(p.b) && p.b[at] == '\\' {
		at++
	}
	if at == len(p.b) || p.b[at] != '"' && p.b[at] != '\'' && p.b[at] != '`' {
		return i, false
	}
	at++
	if at < len(p.b) && p.b[at] == ']' {
		at++
	}
	return at, true
}

// separator passes over what separates a name from its value, and says by
// what: 0 where nothing does.
func (p *plainText) separator(i int) (value int, sep byte) {
	at := p.space(i)
	switch {
	case at == len(p.b):
		return i, 0
	case bytes.HasPrefix(p.b[at:], []byte("::")):
		return i, 0
	case bytes.HasPrefix(p.b[at:], []byte(":=")), bytes.HasPrefix(p.b[at:], []byte("=>")), bytes.HasPrefix(p.b[at:], []byte("==")):
		return p.space(at + 2), '='
	case hasFold(p.b[at:], "%3d"):
		return at + 3, '='
	case p.b[at] == '=' || p.b[at] == ':':
		return p.space(at + 1), p.b[at]
	}
	return i, 0
}

func (p *plainText) space(i int) int {
	for i < len(p.b) && (p.b[i] == ' ' || p.b[i] == '\t' || p.b[i] == '\n' || p.b[i] == '\r') {
		i++
	}
	return i
}

// scheme leaves out what follows a bare Bearer or Basic, unless it is prose.
func (p *plainText) scheme(r *redaction, scheme string, end int) int {
	v := p.space(end)
	if v == end || v == len(p.b) {
		return end
	}
	to := p.bare(v)
	word := p.b[v:to]
	prose := len(bytes.Trim(word, "abcdefghijklmnopqrstuvwxyz.,;:!?")) == 0
	if scheme == "basic" {
		prose = !random(word) && !bytes.HasSuffix(word, []byte("=")) && len(word) < 24
	}
	if prose || nothing(word) || bytes.IndexByte([]byte(`"'(<`), word[0]) >= 0 && !random(bytes.Trim(word, `"'(<>)`)) {
		return end
	}
	r.cut(v, to, NotKept)
	return to
}

// loose leaves out what follows a name with nothing but white space between,
// where it looks random, or is quoted behind the name of a password.
func (p *plainText) loose(r *redaction, name string, end int, c class) int {
	v := p.space(end)
	if v == end || v == len(p.b) {
		return end
	}
	if q := p.b[v]; c == digits && (q == '"' || q == '\'') && len(name) > 3 {
		return max(end, p.leaveOut(r, v, c))
	}
	words := wordsOf(name)
	if c == maybe && (len(words) == 0 || words[len(words)-1] != "jwt") {
		return end
	}
	to := p.bare(v)
	if random(bytes.Trim(p.b[v:to], `"'()[]{}<>,;`)) {
		r.cut(v, to, NotKept)
		return to
	}
	return end
}

// leaveOut leaves out the value at v of a name of class c. It returns where
// the value ends.
func (p *plainText) leaveOut(r *redaction, v int, c class) int {
	if v >= len(p.b) || bytes.HasPrefix(p.b[v:], []byte(NotKept)) {
		return min(v+len(NotKept), len(p.b))
	}
	v = p.skipScheme(v)
	if v >= len(p.b) || bytes.HasPrefix(p.b[v:], []byte(NotKept)) {
		return min(v+len(NotKept), len(p.b))
	}
	to, inner := p.extent(v)
	if !hides(c, bytes.Trim(inner, `,;`)) {
		if c == maybe {
			return v
		}
		return to
	}
	r.cut(v, to, NotKept)
	return to
}

// skipScheme passes over Bearer, Basic and the like before a value.
func (p *plainText) skipScheme(v int) int {
	for _, s := range schemes {
		end := v + len(s)
		if hasFold(p.b[v:], s) && end < len(p.b) && p.b[end] == ' ' {
			return p.space(end)
		}
	}
	return v
}

// extent is where the value at v ends, and what it holds: a quoted string, a
// bracketed value, or a word and what is chained to it.
func (p *plainText) extent(v int) (to int, inner []byte) {
	slashes := v
	for slashes < len(p.b) && p.b[slashes] == '\\' {
		slashes++
	}
	if slashes < len(p.b) && (p.b[slashes] == '"' || p.b[slashes] == '\'' || p.b[slashes] == '`') {
		return p.quotedExtent(v, slashes)
	}
	if p.b[v] == '{' || p.b[v] == '[' {
		to = p.bracketed(v)
		return to, p.b[v:to]
	}
	to = p.bare(v)
	inner = p.b[v:to]
	for to < len(p.b) && p.b[to] == ';' || to > v && p.b[to-1] == ';' {
		// Cookies: what follows a semicolon belongs to it.
		next := to
		for next < len(p.b) && (p.b[next] == ';' || p.b[next] == ' ') {
			next++
		}
		if next == to || next == len(p.b) || p.b[next] == '\n' {
			break
		}
		to = p.bare(next)
	}
	return to, inner
}

func (p *plainText) quotedExtent(v, quote int) (to int, inner []byte) {
	q, escapes := p.b[quote], quote-v
	for at := quote + 1; ; {
		n := bytes.IndexByte(p.b[at:], q)
		if n < 0 {
			return len(p.b), p.b[quote+1:]
		}
		at += n
		run := 0
		for at-run > quote+1 && p.b[at-run-1] == '\\' {
			run++
		}
		if escapes == 0 && run%2 == 0 || escapes > 0 && run <= escapes {
			return at + 1, p.b[quote+1 : at-run]
		}
		at++
	}
}

// bracketed is where the brackets close that open at v; the end of the text
// where they do not.
func (p *plainText) bracketed(v int) int {
	depth, inString := 0, byte(0)
	for i := v; i < len(p.b); i++ {
		c := p.b[i]
		switch {
		case inString != 0:
			if c == '\\' {
				i++
			} else if c == inString {
				inString = 0
			}
		case c == '"':
			inString = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth == 0 {
				return i + 1
			}
		}
	}
	return len(p.b)
}

// bare is where the word at v ends: at white space, at a quote that closes
// something around it, before the next pair of a list, or before a bracket
// that was opened before it.
func (p *plainText) bare(v int) int {
	depth := 0
	for i := v; i < len(p.b); i++ {
		switch c := p.b[i]; c {
		case ' ', '\t', '\r':
			if depth == 0 {
				return i
			}
		case '\n':
			return i
		case '"', '`':
			if depth == 0 && i > v && (i+1 == len(p.b) || strings.IndexByte(" \t\r\n,;:)]}", p.b[i+1]) >= 0) {
				for i > v+1 && p.b[i-1] == '\\' {
					i--
				}
				return i
			}
		case '[', '{', '(':
			depth++
		case ']', '}', ')':
			if depth--; depth < 0 {
				if p.onlyClosers(i) {
					return i
				}
				depth = 0
			}
		case '&', ',':
			if depth == 0 && i > v && p.pairFollows(i+1) {
				return i
			}
		case ';':
			if depth == 0 && i > v {
				return i
			}
		}
	}
	return len(p.b)
}

// onlyClosers reports whether nothing but brackets and signs stand between i
// and the end of the word.
func (p *plainText) onlyClosers(i int) bool {
	for ; i < len(p.b) && p.b[i] > ' '; i++ {
		if isWordByte(p.b[i]) {
			return false
		}
	}
	return true
}

// pairFollows reports whether a name and a separator stand at i, or nothing.
func (p *plainText) pairFollows(i int) bool {
	if i >= len(p.b) || p.b[i] <= ' ' {
		return true
	}
	at := i
	for at < len(p.b) && (isWordByte(p.b[at]) || p.b[at] == '.') {
		_, n := utf8.DecodeRune(p.b[at:])
		at += n
	}
	return at > i && at < len(p.b) && (p.b[at] == '=' || p.b[at] == ':')
}

// environments leaves out what follows a quoted Env in text that is no JSON.
func (p *plainText) environments(r *redaction, from, to int) {
	for i := from; i+4 <= to; i++ {
		if !hasFold(p.b[i:to], "env") || i > from && isWordByte(p.b[i-1]) {
			continue
		}
		after, isQuoted := p.closing(i + 3)
		v, sep := p.separator(after)
		if !isQuoted || sep == 0 || v >= len(p.b) {
			continue
		}
		end, inner := p.extent(v)
		if !nothing(inner) {
			r.cut(v, end, NotKept)
		}
		i = end
	}
}
