package rules

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/google/cel-go/cel"
	"github.com/google/cel-go/common/ast"
	"github.com/google/cel-go/common/types"

	"ergorecorder/ergo"
	"ergorecorder/internal/nearest"
)

// maxCost bounds what one evaluation may cost, in CEL's units: about one for
// each step, and one for each ten letters that are compared. The dearest of the
// examples costs less than a hundredth of it.
const maxCost = 10_000

// maxText is how long an expression may be.
const maxText = 4096

// An expression is a rule's expression, ready to be asked.
type expression struct {
	program  cel.Program
	fields   []ergo.Field // that are read, in the order of inputs
	inputs   []input      // what it is asked with
	measures []measure    // in the order in which each can be computed
	place    map[string]int
}

// An input is a value that the expression reads: a field, or a measure.
type input struct {
	name    string // as the program asks for it
	shown   string // as the user wrote it
	field   int    // its place among the fields, -1 for a measure
	measure int    // its place among the measures, -1 for a field
}

// A fault is something that is wrong with an expression; the line counts from
// 1, the column from 0.
type fault struct {
	line, column int
	what         string
}

// compile makes an expression over a reading.
func compile(text string, over ergo.Definition) (*expression, []fault) {
	if len(text) > maxText {
		return nil, []fault{{1, 0, fmt.Sprintf("the expression has %d bytes: more than %d", len(text), maxText)}}
	}
	c := &compiler{fields: fieldsOf(over)}
	env, err := cel.NewEnv(append(c.macros(), cel.CrossTypeNumericComparisons(true), cel.ParserRecursionLimit(64))...)
	if err != nil {
		return nil, []fault{{1, 0, err.Error()}}
	}
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, c.faults(issues)
	}
	everyNumberIsDouble(parsed)
	if env, err = env.Extend(c.variables()...); err != nil {
		return nil, []fault{{1, 0, err.Error()}}
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, c.faults(issues)
	}
	if t := checked.OutputType(); !t.IsExactType(cel.BoolType) {
		return nil, []fault{{1, 0, fmt.Sprintf("it gives a %s: a rule asks what is true or false", typeName(t))}}
	}
	program, err := env.Program(checked, cel.CostLimit(maxCost))
	if err != nil {
		return nil, []fault{{1, 0, err.Error()}}
	}
	return c.expression(program, checked), nil
}

// A compiler is the compilation of one expression.
type compiler struct {
	fields   []ergo.Field
	measures []measure
}

// fieldsOf are the fields by which rules know a reading: log messages are
// counted by their level.
func fieldsOf(over ergo.Definition) []ergo.Field {
	var out []ergo.Field
	for _, f := range over.Fields {
		if f.Name != levels {
			out = append(out, f)
			continue
		}
		for _, l := range ergo.Levels() {
			out = append(out, ergo.Field{Name: levels + "." + string(l), Kind: ergo.Cumulative})
		}
	}
	return out
}

// levels is the field that counts log messages by their level.
const levels = "LogMessages"

// nodeName is the variable that holds the name of the node.
const nodeName = "node"

// variables declares what an expression may read.
func (c *compiler) variables() []cel.EnvOption {
	out := []cel.EnvOption{cel.Variable(nodeName, cel.StringType)}
	for _, f := range c.fields {
		if f.Kind == ergo.Text {
			out = append(out, cel.Variable(f.Name, cel.StringType))
		} else {
			out = append(out, cel.Variable(f.Name, cel.DoubleType))
		}
	}
	for i := range c.measures {
		out = append(out, cel.Variable(measureName(i), cel.DoubleType))
	}
	return out
}

func measureName(i int) string { return fmt.Sprintf("_measure_%d", i) }

// macros are the words that look back: each becomes a variable, whose value is
// computed while the recording is walked.
func (c *compiler) macros() []cel.EnvOption {
	var out []cel.EnvOption
	for _, w := range words {
		for n := 1; n <= 2; n++ {
			out = append(out, cel.Macros(cel.GlobalMacro(string(w), n, func(eh cel.MacroExprFactory, _ ast.Expr, args []ast.Expr) (ast.Expr, *cel.Error) {
				m, at, what := c.measure(w, args)
				if what != "" {
					return nil, eh.NewError(at.ID(), what)
				}
				return eh.NewIdent(measureName(c.number(m))), nil
			})))
		}
	}
	return out
}

// number is the place of a measure, which it gets if it has none yet.
func (c *compiler) number(m measure) int {
	if i := slices.Index(c.measures, m); i >= 0 {
		return i
	}
	c.measures = append(c.measures, m)
	return len(c.measures) - 1
}

// measure reads the arguments of a word; what says what is wrong with the one
// at at.
func (c *compiler) measure(w word, args []ast.Expr) (m measure, at ast.Expr, what string) {
	m = measure{word: w, of: -1}
	name, ok := nameOf(args[0])
	if !ok {
		return m, args[0], fmt.Sprintf("%s is of a field, or of the rate of one", w)
	}
	if i := c.measured(name); i >= 0 {
		if w == rate || c.measures[i].word != rate || c.measures[i].window != 0 {
			return m, args[0], fmt.Sprintf("%s is of a field, or of its rate(FIELD)", w)
		}
		m.field, m.of = c.measures[i].field, i
	} else if m.field = slices.IndexFunc(c.fields, func(f ergo.Field) bool { return f.Name == name }); m.field < 0 {
		return m, args[0], fmt.Sprintf("there is no field %q%s", name, nearest.Hint(name, c.numbers()))
	} else if c.fields[m.field].Kind == ergo.Text {
		return m, args[0], fmt.Sprintf("%s is a text: %s is of a number", name, w)
	}
	if len(args) == 1 {
		switch w {
		case rate:
		case baseline:
			m.window = usualBaseline
		default:
			return m, args[0], fmt.Sprintf("%s wants a window: %s(%s, \"5m\")", w, w, name)
		}
		return m, nil, ""
	}
	text, ok := stringOf(args[1])
	d, err := time.ParseDuration(text)
	if !ok || err != nil || d <= 0 || d > maxSpan {
		return m, args[1], fmt.Sprintf("a window is a text such as \"5m\", at most %v", maxSpan)
	}
	if m.window = d; w == rate { // over a window: the mean of the rates
		m.of = c.number(measure{word: rate, field: m.field, of: -1})
		m.word = mean
	}
	return m, nil, ""
}

// measured is the place of the measure that a variable stands for, -1 for none.
func (c *compiler) measured(name string) int {
	for i := range c.measures {
		if measureName(i) == name {
			return i
		}
	}
	return -1
}

// numbers are the names of the fields that are numbers.
func (c *compiler) numbers() []string {
	var out []string
	for _, f := range c.fields {
		if f.Kind != ergo.Text {
			out = append(out, f.Name)
		}
	}
	return out
}

// nameOf is the name that an expression is, with its dots.
func nameOf(e ast.Expr) (string, bool) {
	switch e.Kind() {
	case ast.IdentKind:
		return e.AsIdent(), true
	case ast.SelectKind:
		of, ok := nameOf(e.AsSelect().Operand())
		return of + "." + e.AsSelect().FieldName(), ok && !e.AsSelect().IsTestOnly()
	}
	return "", false
}

func stringOf(e ast.Expr) (string, bool) {
	if e.Kind() != ast.LiteralKind {
		return "", false
	}
	s, ok := e.AsLiteral().(types.String)
	return string(s), ok
}

// everyNumberIsDouble makes 5 mean 5.0: all numbers of a recording are of one
// type, and nobody should have to say which.
func everyNumberIsDouble(parsed *cel.Ast) {
	factory := ast.NewExprFactory()
	ast.PostOrderVisit(parsed.NativeRep().Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() != ast.LiteralKind {
			return
		}
		switch v := e.AsLiteral().(type) {
		case types.Int:
			e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(v)))
		case types.Uint:
			e.SetKindCase(factory.NewLiteral(e.ID(), types.Double(v)))
		}
	}))
}

var undeclared = regexp.MustCompile(`^undeclared reference to '([^']*)'.*`)

// faults are what CEL found wrong, in words.
func (c *compiler) faults(issues *cel.Issues) []fault {
	var names []string
	for _, f := range c.fields {
		names = append(names, f.Name)
	}
	var out []fault
	for _, e := range issues.Errors() {
		what := strings.TrimPrefix(e.Message, "Syntax error: ")
		if m := undeclared.FindStringSubmatch(what); m != nil {
			known := names
			for _, w := range words {
				known = append(known, string(w))
			}
			what = fmt.Sprintf("there is no %q%s", m[1], nearest.Hint(m[1], known))
		}
		out = append(out, fault{max(e.Location.Line(), 1), max(e.Location.Column(), 0), what})
	}
	return out
}

func typeName(t *cel.Type) string {
	switch t.Kind() {
	case types.DoubleKind, types.IntKind:
		return "number"
	case types.StringKind:
		return "text"
	}
	return t.String()
}

// expression puts together what the program asks for.
func (c *compiler) expression(program cel.Program, checked *cel.Ast) *expression {
	x := &expression{program: program, place: map[string]int{}}
	used := map[string]bool{}
	for _, ref := range checked.NativeRep().ReferenceMap() {
		used[ref.Name] = true
	}
	at := map[int]int{} // of fields of the compiler among those that are read
	read := func(i int) int {
		k, ok := at[i]
		if !ok {
			k = len(x.fields)
			at[i], x.fields = k, append(x.fields, c.fields[i])
		}
		return k
	}
	for i, f := range c.fields {
		if used[f.Name] {
			x.add(input{f.Name, f.Name, read(i), -1})
		}
	}
	for i, m := range c.measures {
		shown := m.shown(c.fields[m.field].Name)
		m.field = read(m.field)
		x.measures = append(x.measures, m)
		if used[measureName(i)] {
			x.add(input{measureName(i), shown, -1, i})
		}
	}
	return x
}

func (x *expression) add(in input) {
	x.place[in.name] = len(x.inputs)
	x.inputs = append(x.inputs, in)
}

// again is the formula that gives an input again, "" where none does; pair says
// that it needs the answer before, too.
func (x *expression) again(in input) (formula string, pair bool) {
	if in.field >= 0 {
		name, level, counted := strings.Cut(x.fields[in.field].Name, ".")
		if !counted {
			return "last(" + name + ")", false
		}
		i := slices.IndexFunc(ergo.Levels(), func(l ergo.Level) bool { return string(l) == level })
		return fmt.Sprintf("last(element(%s, %d))", name, i), false
	}
	m := x.measures[in.measure]
	field := x.fields[m.field].Name
	if m.word != rate || m.window != 0 || x.fields[m.field].Kind != ergo.Cumulative || strings.Contains(field, ".") {
		return "", false
	}
	return "rate(" + field + ")", true
}

// span is how far back the expression looks.
func (x *expression) span() time.Duration {
	longest := time.Duration(0)
	for _, m := range x.measures {
		longest = max(longest, m.window)
	}
	return longest
}
