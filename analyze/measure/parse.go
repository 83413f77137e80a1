package measure

import (
	"fmt"
	"strconv"
	"strings"
)

// A node of a formula: a number, a text, a field, or a function of others.
// Operators are functions with the operator as their name.
type node struct {
	kind nodeKind
	name string // of a field or function; the text of a text
	num  float64
	args []*node
}

type nodeKind uint8

const (
	number nodeKind = iota
	text
	field
	call
)

// deepest bounds how deep a formula nests.
const deepest = 50

// longest bounds the length of a formula.
const longest = 2000

type parser struct {
	in   string
	at   int
	deep int
}

// parse reads a formula.
func parse(formula string) (*node, error) {
	if len(formula) > longest {
		return nil, fmt.Errorf("formula: it has %d characters; at most %d can be read", len(formula), longest)
	}
	p := &parser{in: formula}
	n, err := p.sum()
	if err == nil && p.peek() != 0 {
		err = fmt.Errorf("unexpected %q", p.in[p.at:])
	}
	if err != nil {
		return nil, fmt.Errorf("formula %q, character %d: %w; for example: rate(MessagesIn), max(MailboxLatency) / 1e9", formula, p.at+1, err)
	}
	return n, nil
}

// peek is the next character that is no space, 0 at the end.
func (p *parser) peek() byte {
	for p.at < len(p.in) && (p.in[p.at] == ' ' || p.in[p.at] == '\t') {
		p.at++
	}
	if p.at == len(p.in) {
		return 0
	}
	return p.in[p.at]
}

func (p *parser) sum() (*node, error) { return p.binary("+-", p.product) }

func (p *parser) product() (*node, error) { return p.binary("*/", p.unary) }

// binary reads operands that operators of one rank join, from left to right.
func (p *parser) binary(operators string, operand func() (*node, error)) (*node, error) {
	left, err := operand()
	for err == nil && p.peek() != 0 && strings.IndexByte(operators, p.peek()) >= 0 {
		op := p.in[p.at : p.at+1]
		p.at++
		var right *node
		right, err = operand()
		left = &node{kind: call, name: op, args: []*node{left, right}}
	}
	return left, err
}

func (p *parser) unary() (*node, error) {
	if p.deep++; p.deep > deepest {
		return nil, fmt.Errorf("it nests deeper than %d", deepest)
	}
	defer func() { p.deep-- }()
	if p.peek() == '-' {
		p.at++
		n, err := p.unary()
		return &node{kind: call, name: "-", args: []*node{{kind: number}, n}}, err
	}
	return p.primary()
}

func (p *parser) primary() (*node, error) {
	switch c := p.peek(); {
	case c == 0:
		return nil, fmt.Errorf("it ends here")
	case c == '(':
		p.at++
		n, err := p.sum()
		if err != nil {
			return nil, err
		}
		return n, p.close()
	case c == '\'', c == '`':
		return p.quoted(c)
	case c >= '0' && c <= '9', c == '.':
		return p.number()
	case isLetter(c):
		return p.named()
	}
	return nil, fmt.Errorf("unexpected %q", p.in[p.at:p.at+1])
}

func (p *parser) close() error {
	if p.peek() != ')' {
		return fmt.Errorf("a ) is missing")
	}
	p.at++
	return nil
}

// quoted is a text in ' or the name of a field in `.
func (p *parser) quoted(quote byte) (*node, error) {
	end := strings.IndexByte(p.in[p.at+1:], quote)
	if end < 0 {
		return nil, fmt.Errorf("the closing %c is missing", quote)
	}
	n := &node{kind: text, name: p.in[p.at+1 : p.at+1+end]}
	if quote == '`' {
		n.kind = field
	}
	p.at += end + 2
	return n, nil
}

func (p *parser) number() (*node, error) {
	start := p.at
	for p.at < len(p.in) {
		c := p.in[p.at]
		exponent := (c == '+' || c == '-') && p.at > start && (p.in[p.at-1] == 'e' || p.in[p.at-1] == 'E')
		if !(c >= '0' && c <= '9' || c == '.' || c == 'e' || c == 'E' || exponent) {
			break
		}
		p.at++
	}
	v, err := strconv.ParseFloat(p.in[start:p.at], 64)
	if err != nil {
		return nil, fmt.Errorf("%q is no number", p.in[start:p.at])
	}
	return &node{num: v}, nil
}

func isLetter(c byte) bool { return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == '_' }

// named is a field or a function.
func (p *parser) named() (*node, error) {
	start := p.at
	for p.at < len(p.in) && (isLetter(p.in[p.at]) || p.in[p.at] >= '0' && p.in[p.at] <= '9' || p.in[p.at] == ':') {
		p.at++
	}
	n := &node{kind: field, name: p.in[start:p.at]}
	if p.peek() != '(' {
		return n, nil
	}
	p.at++
	n.kind = call
	for p.peek() != ')' {
		arg, err := p.sum()
		if err != nil {
			return nil, err
		}
		n.args = append(n.args, arg)
		if p.peek() != ',' {
			break
		}
		p.at++
	}
	return n, p.close()
}

// distinct are the fields of which all texts are counted.
func (n *node) distinct(into map[string]bool) map[string]bool {
	if n.kind == call && n.name == "distinct" && len(n.args) == 1 {
		into[n.args[0].name] = true
	}
	for _, a := range n.args {
		a.distinct(into)
	}
	return into
}

// fields are the fields that a formula names, each once; those of most(…) are
// folded otherwise and have a name of their own.
func (n *node) fields(into []string) []string {
	if n.kind == field {
		for _, have := range into {
			if have == n.name {
				return into
			}
		}
		return append(into, n.name)
	}
	for _, a := range n.args {
		into = a.fields(into)
	}
	return into
}
