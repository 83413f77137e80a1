package scrub

import (
	"cmp"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"ergorecorder/ergo"
)

// A Kind is what a name names. Of a word that names several things the first
// kind counts.
type Kind int

const (
	Node Kind = iota
	Host
	Process
	Application
	Event
	Behavior
	Function
	Field   // of an object that is not the framework's
	Word    // in text, or something else
	Address // of the network
	Number  // in text
	Sum     // of a node's name, in the identifiers of its processes
	kinds
)

var kindNames = [kinds]string{"node", "host", "process", "application", "event", "behavior", "function", "field", "word", "address", "number", "sum"}

func (k Kind) String() string { return kindNames[k] }

// KindNamed is the kind of that name, in the plural or not.
func KindNamed(name string) (Kind, bool) {
	for k, n := range kindNames {
		if name == n || name == n+"s" || n == "process" && name == "processes" || n == "address" && name == "addresses" {
			return Kind(k), true
		}
	}
	return 0, false
}

// shapes are the pseudonyms of each kind; those of Go identifiers begin with a
// small letter or a capital as the name did.
var shapes = [kinds]string{"node_%0*d", "host_%0*d", "proc_%0*d", "app_%0*d", "event_%0*d", "type%0*dx", "fn%0*dx", "field_%0*d", "word_%0*d", "", "", ""}

// names are what was found, and what stands for it.
type names struct {
	policy Policy
	found  map[string]Kind // stems of words
	named  map[string]bool // those that name something: they count in English text too
	stands map[string]string

	addresses map[string]string
	numbers   map[string]string
	nodes     map[string]bool // whole names of nodes
	hosts     map[string]string
	sums      map[string]string
}

func newNames(p Policy) *names {
	return &names{
		policy: p, found: map[string]Kind{}, named: map[string]bool{}, stands: map[string]string{},
		addresses: map[string]string{}, numbers: map[string]string{}, nodes: map[string]bool{}, sums: map[string]string{}, hosts: map[string]string{},
	}
}

// note notes that a word names something of a kind.
func (n *names) note(word string, k Kind, named bool) {
	stem, _ := split(word)
	if was, ok := n.found[stem]; !ok || k < was {
		n.found[stem] = k
	}
	if named {
		n.named[stem] = true
	}
}

// host notes the host in the name of a node, unless it is one that everybody
// has or an address.
func (n *names) host(node string) {
	_, host, _ := strings.Cut(node, "@")
	if host != "" && host != "localhost" && addressForm.FindString(host) == "" {
		n.hosts[host] = ""
	}
}

// kept reports whether the policy lets a word be seen.
func (n *names) kept(stem string, k Kind) bool {
	if n.policy.Keep[k] {
		return true
	}
	for _, glob := range n.policy.KeepWords {
		if ok, _ := path.Match(glob, stem); ok {
			return true
		}
	}
	return false
}

// settle gives every name its pseudonym, in the order of the names.
func (n *names) settle() {
	by := map[Kind][]string{}
	for stem, k := range n.found {
		if !n.kept(stem, k) {
			by[k] = append(by[k], stem)
		} else {
			n.stands[stem] = stem
		}
	}
	for k, stems := range by {
		slices.Sort(stems)
		width := len(fmt.Sprint(len(stems)))
		for i, stem := range stems {
			p := fmt.Sprintf(shapes[k], width, i+1)
			if first, _ := utf8.DecodeRuneInString(stem); (k == Behavior || k == Function) && unicode.IsUpper(first) {
				p = strings.ToUpper(p[:1]) + p[1:]
			}
			n.stands[stem] = p
		}
	}
	for i, a := range slices.Sorted(maps.Keys(n.addresses)) {
		n.addresses[a] = fmt.Sprintf("198.18.%d.%d", (i+1)/250%256, (i+1)%250)
		if n.policy.Keep[Address] {
			n.addresses[a] = a
		}
	}
	for i, h := range slices.Sorted(maps.Keys(n.hosts)) {
		if n.hosts[h] = fmt.Sprintf(shapes[Host], 1, i+1); n.policy.Keep[Host] {
			n.hosts[h] = h
		}
	}
	n.settleNumbers()
	for _, node := range slices.Sorted(maps.Keys(n.nodes)) {
		n.sums[sumOf(node)] = sumOf(n.node(node))
	}
	for i, sum := range slices.Sorted(maps.Keys(n.sums)) {
		if n.sums[sum] == "" {
			n.sums[sum] = sumOf(fmt.Sprintf("unknown_%d", i))
		}
	}
}

func (n *names) settleNumbers() {
	sorted := slices.SortedFunc(maps.Keys(n.numbers), func(a, b string) int {
		return cmp.Or(len(a)-len(b), strings.Compare(a, b))
	})
	for i, number := range sorted {
		n.numbers[number] = fmt.Sprintf("%0*d", len(number), i+1)
		if n.policy.Keep[Number] {
			n.numbers[number] = number
		}
	}
}

// node is the pseudonym of a node's whole name.
func (n *names) node(name string) string {
	var b strings.Builder
	s := scanner{names: n, words: &vocabulary{}, out: &b}
	s.scan(name, place{kind: Node, named: true})
	return b.String()
}

// word is what stands for a word.
func (n *names) word(word string) (string, bool) {
	stem, digits := split(word)
	p, ok := n.stands[stem]
	return p + digits, ok
}

func sumOf(node string) string { return fmt.Sprintf("%08X", ergo.NameSum(node)) }
