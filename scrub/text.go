package scrub

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf8"
)

// A place is where a text stands, and so what its words are.
type place struct {
	kind  Kind
	named bool // its words name something
	prose bool // it is text for people: English words may be seen, long numbers may not
	stack bool // it is a stack, a table or a profile: symbols of libraries may be seen
}

// A scanner goes through texts, collects names, or writes what stands for
// them.
type scanner struct {
	words *vocabulary
	names *names
	out   *strings.Builder // nil: names are collected
	shift time.Duration
	left  *int              // words of prose that were replaced
	check func(word string) // instead: every word that is not public is shown
}

var (
	timeForm    = regexp.MustCompile(`^\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:\d\d)?`)
	dateForm    = regexp.MustCompile(`^\d{4}[-/]\d\d[-/]\d\d`)
	addressForm = regexp.MustCompile(`^\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}`)
	sumForm     = regexp.MustCompile(`^[0-9A-F]{8}([.:>])`)
	sumRest     = regexp.MustCompile(`^[0-9.]*`)
	symbolForm  = regexp.MustCompile(`^(?:[\w@~.\-]+/)*[\w@~\-]+(?:\.\(\*?\w+\)|\.\w+|\[\.\.\.\]|\[go\.shape\.[\w {}*]*\]|-fm|·\w+)*`)
	sourceForm  = regexp.MustCompile(`^(?:/[\w.@+\-]+)*?/src/([a-z]\w*)(?:/[\w.\-]+)*\.(?:go|s)\b`)
)

// scan goes through a text.
func (s *scanner) scan(text string, p place) {
	for i := 0; i < len(text); {
		c := text[i]
		fresh := i == 0 || !isWordByte(text[i-1])
		switch {
		case fresh && c >= '0' && c <= '9':
			i += s.number(text[i:], p)
		case c == '<' && sumForm.MatchString(text[i+1:]):
			i += s.identifier(text[i:])
		case c == '/' && p.stack && s.source(text[i:]) > 0:
			n := s.source(text[i:])
			s.write(text[i : i+n])
			i += n
		case isWordByte(c):
			if n := s.host(text[i:]); fresh && n > 0 {
				i += n
				continue
			}
			if n := s.symbol(text, i, p); fresh && n > 0 {
				s.write(text[i : i+n])
				i += n
				continue
			}
			end := i
			for end < len(text) && isWordByte(text[end]) {
				end++
			}
			s.word(text[i:end], p)
			i = end
		default:
			s.write(text[i : i+1])
			i++
		}
	}
}

// host goes through the host of a node, and says how long it is; 0 where text
// begins with none.
func (s *scanner) host(text string) int {
	if s.names == nil || len(s.names.hosts) == 0 {
		return 0
	}
	end := 0
	for end < len(text) && (isWordByte(text[end]) || text[end] == '.' || text[end] == '-') {
		end++
	}
	name := strings.TrimRight(text[:end], ".-")
	stands, ok := s.names.hosts[name]
	if !ok {
		return 0
	}
	if s.check != nil {
		s.check(name)
	}
	s.write(stands)
	return len(name)
}

func (s *scanner) write(text string) {
	if s.out != nil {
		s.out.WriteString(text)
	}
}

// number goes through what begins with a digit: a time, an address, or a word.
func (s *scanner) number(text string, p place) int {
	if m := timeForm.FindString(text); m != "" {
		s.write(shiftTime(m, s.shift))
		return len(m)
	}
	if m := dateForm.FindString(text); m != "" {
		s.write(m)
		return len(m)
	}
	if m := addressForm.FindString(text); m != "" {
		s.address(m)
		return len(m)
	}
	end := 0
	for end < len(text) && isWordByte(text[end]) {
		end++
	}
	word := text[:end]
	if p.prose && len(word) >= 5 && strings.Trim(word, "0123456789") == "" {
		if s.out != nil {
			s.write(s.names.numbers[word])
		} else if s.names != nil {
			s.names.numbers[word] = ""
		}
		return end
	}
	s.word(word, p)
	return end
}

func (s *scanner) address(a string) {
	if strings.HasPrefix(a, "127.") || a == "0.0.0.0" || strings.HasPrefix(a, "198.18.") && s.check != nil {
		s.write(a)
		return
	}
	switch {
	case s.check != nil:
		s.check(a)
	case s.out != nil:
		s.write(s.names.addresses[a])
	default:
		s.names.addresses[a] = ""
	}
}

// identifier goes through <SUM.hi.lo>, up to its end or to a name in it.
func (s *scanner) identifier(text string) int {
	sum := text[1:9]
	n := 9 + len(sumRest.FindString(text[9:]))
	if s.check == nil && s.out == nil {
		if _, ok := s.names.sums[sum]; !ok {
			s.names.sums[sum] = ""
		}
		return n
	}
	if s.out != nil {
		s.write("<" + s.names.sums[sum] + text[9:n])
	}
	return n
}

// symbol is how long the symbol of a library is that begins at i: of the
// framework anywhere, of the standard library in stacks and before the place
// of a panic.
func (s *scanner) symbol(text string, i int, p place) int {
	if i > 0 && strings.IndexByte("./-@", text[i-1]) >= 0 && !strings.HasPrefix(text[i:], "ergo.services/") {
		return 0
	}
	root := i
	for root < len(text) && (isWordByte(text[root]) || text[root] == '.') && text[root] != '/' {
		root++
	}
	framework := strings.HasPrefix(text[i:], "ergo.services/") || strings.HasPrefix(text[i:], "github.com/google/pprof/")
	first, _, _ := strings.Cut(text[i:root], ".")
	if !framework && (!standard[first] || first == text[i:root] && (root == len(text) || text[root] != '/')) {
		return 0
	}
	m := symbolForm.FindString(text[i:])
	end := i + len(m)
	if framework || p.stack || end < len(text) && text[end] == '[' && s.source(text[end+1:]) > 0 {
		return len(m)
	}
	return 0
}

// source is how long the path of a library's source file is with which text
// begins; 0 where it is none.
func (s *scanner) source(text string) int {
	m := sourceForm.FindStringSubmatch(text)
	if m == nil {
		return 0
	}
	before, _, _ := strings.Cut(m[0], "/src/")
	last := before[strings.LastIndexByte(before, '/')+1:]
	library := standard[m[1]] && (strings.HasPrefix(last, "go") || strings.HasPrefix(last, "toolchain@")) || m[1] == "ergo" && before == ""
	if !library || strings.Count(before, "/") > 1 && !strings.HasPrefix(before, "/usr/") {
		return 0
	}
	return len(m[0])
}

// word goes through one word.
func (s *scanner) word(word string, p place) {
	if !utf8.ValidString(word) {
		word = strings.ToValidUTF8(word, "_")
	}
	if s.words.public(word) || !p.named && p.prose && s.words.plain(word) && !s.names.names(word) {
		s.write(word)
		return
	}
	if s.check != nil {
		s.check(word)
		return
	}
	if s.out == nil {
		if p.prose || !p.named && s.words.plain(word) {
			// An English word in prose, or outside of it, is no name by itself.
			s.names.note(word, p.kind, false)
			return
		}
		s.names.note(word, p.kind, p.named)
		return
	}
	stands, ok := s.names.word(word)
	if !ok {
		stands = "left_out"
	}
	if p.prose && s.left != nil && stands != word {
		*s.left++
	}
	s.write(stands)
}

// names reports whether the word names something.
func (n *names) names(word string) bool {
	if n == nil {
		return false
	}
	stem, _ := split(word)
	return n.named[stem]
}

// shiftTime is a time by so much later, in the form in which it stands.
func shiftTime(text string, by time.Duration) string {
	if by == 0 {
		return text
	}
	for _, form := range []string{"2006-01-02T15:04:05Z07:00", "2006-01-02 15:04:05Z07:00", "2006-01-02T15:04:05", "2006-01-02 15:04:05"} {
		t, err := time.Parse(form, text)
		if err != nil || t.Year() < 1970 {
			continue
		}
		digits := 0
		if _, rest, ok := strings.Cut(text, "."); ok {
			for digits < len(rest) && rest[digits] >= '0' && rest[digits] <= '9' {
				digits++
			}
		}
		if digits > 0 {
			form = strings.Replace(form, "05", "05."+strings.Repeat("0", digits), 1)
		}
		return t.Add(by).Format(form)
	}
	return text
}

// standard are the roots of the standard library's packages.
var standard = setOf(`archive bufio builtin bytes cmp compress container context crypto database debug embed encoding errors expvar flag fmt
	go hash html image index internal io iter log maps math mime net os path plugin reflect regexp runtime slices sort strconv strings
	structs sync syscall testing text time unicode unique unsafe vendor weak`)

func setOf(words string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(words) {
		set[w] = true
	}
	return set
}
