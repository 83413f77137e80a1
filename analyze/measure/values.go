package measure

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A value is a number, a text, or a curve: one number or text an answer.
type value struct {
	num    float64
	text   string
	isText bool
	curve  []sample
	over   bool // it is a curve
}

// A sample is a value of one answer; NaN where it has none.
type sample struct {
	at   time.Time
	num  float64
	text string
}

func scalar(v float64) value { return value{num: v} }

// A sheet is what was read: a column a field, all of the same answers.
type sheet struct {
	at      []time.Time
	columns map[string][]sample
	most    map[string][]sample        // the largest row instead of the sum
	seen    map[string]map[string]bool // the texts of a field in any row of any answer
	said    []string                   // the answers themselves, where they are texts
	starts  []time.Time                // of the node's lives: counters begin anew
}

// A function takes the values of its arguments.
type function struct {
	needs int
	run   func(sh *sheet, args []value) (value, error)
}

func (sh *sheet) eval(n *node) (value, error) {
	switch n.kind {
	case number:
		return scalar(n.num), nil
	case text:
		return value{text: n.name, isText: true}, nil
	case field:
		return value{over: true, curve: sh.columns[n.name]}, nil
	}
	if n.name == "most" && len(n.args) == 1 && n.args[0].kind == field {
		return value{over: true, curve: sh.most[n.args[0].name]}, nil
	}
	if n.name == "distinct" && len(n.args) == 1 && n.args[0].kind == field {
		return scalar(float64(len(sh.seen[n.args[0].name]))), nil
	}
	f, known := functions()[n.name]
	if !known {
		return value{}, fmt.Errorf("there is no function %q; there are %s", n.name, strings.Join(names(), ", "))
	}
	if len(n.args) != f.needs {
		return value{}, fmt.Errorf("%s takes %d values, not %d", n.name, f.needs, len(n.args))
	}
	args := make([]value, len(n.args))
	for i, a := range n.args {
		v, err := sh.eval(a)
		if err != nil {
			return value{}, err
		}
		args[i] = v
	}
	return f.run(sh, args)
}

// names are the functions that can be written, operators left out.
func names() []string {
	out := []string{"most", "distinct"}
	for name := range functions() {
		if isLetter(name[0]) {
			out = append(out, name)
		}
	}
	slices.Sort(out)
	return out
}

func functions() map[string]function {
	return map[string]function{
		"+": pointwise(func(a, b float64) float64 { return a + b }),
		"-": pointwise(func(a, b float64) float64 { return a - b }),
		"*": pointwise(func(a, b float64) float64 { return a * b }),
		"/": pointwise(func(a, b float64) float64 { return a / b }),

		"least":    pointwise(math.Min),
		"greatest": pointwise(math.Max),
		"after":    {1, after},
		"offset":   {2, offset},

		"floor": single(math.Floor),
		"abs":   single(math.Abs),
		"rates": {1, func(sh *sheet, a []value) (value, error) { return value{over: true, curve: sh.rates(a[0].curve)}, nil }},
		"steps": {1, func(sh *sheet, a []value) (value, error) { return value{over: true, curve: sh.steps(a[0].curve)}, nil }},
		"low": {2, func(_ *sheet, a []value) (value, error) {
			return value{over: true, curve: low(a[0].curve, a[1].curve)}, nil
		}},

		"troughs": {2, func(_ *sheet, a []value) (value, error) {
			return value{over: true, curve: troughs(present(a[0].curve), int(a[1].num))}, nil
		}},
		"element": {2, func(_ *sheet, a []value) (value, error) {
			return value{over: true, curve: element(a[0].curve, int(a[1].num))}, nil
		}},
		"part": {2, func(_ *sheet, a []value) (value, error) {
			return value{over: true, curve: part(a[0].curve, a[1].text)}, nil
		}},
		"failed_runs": {2, func(_ *sheet, a []value) (value, error) {
			return scalar(float64(failedRuns(a[0].curve, a[1].text))), nil
		}},
		"is": {2, func(_ *sheet, a []value) (value, error) {
			return value{over: true, curve: is(a[0].curve, a[1].text)}, nil
		}},
		"stretches": {3, func(_ *sheet, a []value) (value, error) {
			return value{over: true, curve: stretches(a[0].curve, a[1].curve, a[2].num)}, nil
		}},
		"gaps": {1, func(_ *sheet, a []value) (value, error) {
			return value{over: true, curve: gaps(present(a[0].curve))}, nil
		}},
		"grown": {3, grown},
		"has":   {2, func(sh *sheet, a []value) (value, error) { return sh.has(a[0].text, a[1].text), nil }},
		"says":  {1, func(sh *sheet, a []value) (value, error) { return sh.says(a[0].text), nil }},

		"falls":    reducer(func(c []sample) value { return scalar(float64(falls(c))) }),
		"first":    reducer(func(c []sample) value { return c[0].value() }),
		"last":     reducer(func(c []sample) value { return c[len(c)-1].value() }),
		"min":      reducer(func(c []sample) value { return scalar(slices.Min(numbers(c))) }),
		"max":      reducer(func(c []sample) value { return scalar(slices.Max(numbers(c))) }),
		"sum":      reducer(func(c []sample) value { return scalar(total(c)) }),
		"mean":     reducer(func(c []sample) value { return scalar(total(c) / float64(len(c))) }),
		"median":   reducer(func(c []sample) value { return scalar(quantile(numbers(c), 0.5)) }),
		"change":   reducer(func(c []sample) value { return scalar(c[len(c)-1].num - c[0].num) }),
		"span":     reducer(func(c []sample) value { return scalar(c[len(c)-1].at.Sub(c[0].at).Seconds()) }),
		"slope":    reducer(func(c []sample) value { return scalar(slope(c)) }),
		"changes":  reducer(func(c []sample) value { return scalar(float64(changes(c))) }),
		"count":    {1, func(_ *sheet, a []value) (value, error) { return scalar(float64(len(present(a[0].curve)))), nil }},
		"increase": {1, func(sh *sheet, a []value) (value, error) { v, _ := sh.increase(a[0].curve); return scalar(v), nil }},
		"rate":     {1, rate},
		"quantile": {2, func(_ *sheet, a []value) (value, error) {
			c := present(a[0].curve)
			if len(c) == 0 {
				return value{}, errNothing
			}
			return scalar(quantile(numbers(c), a[1].num)), nil
		}},
		"seconds": {2, secondsBetween},
	}
}

var errNothing = fmt.Errorf("nothing of it was recorded in the window")

func rate(sh *sheet, a []value) (value, error) {
	v, s := sh.increase(a[0].curve)
	if s == 0 {
		return value{}, fmt.Errorf("a rate needs two answers: %w", errNothing)
	}
	return scalar(v / s), nil
}

// after is, at each answer, for how many seconds an instant had passed.
func after(sh *sheet, a []value) (value, error) {
	t, err := time.Parse(time.RFC3339Nano, a[0].text)
	if err != nil {
		return value{}, fmt.Errorf("after: %q is no time as in RFC 3339", a[0].text)
	}
	out := make([]sample, len(sh.at))
	for i, at := range sh.at {
		out[i] = sample{at: at, num: at.Sub(t).Seconds()}
	}
	return value{over: true, curve: out}, nil
}

// offset is by how many seconds, at least, the clock that told the times is ahead
// at each answer, given how long the answers took: a time from within the call
// is none, and a tenth of a second is not told.
func offset(_ *sheet, a []value) (value, error) {
	said, took := a[0].curve, a[1].curve
	if len(said) != len(took) {
		return value{}, fmt.Errorf("offset takes a time and took")
	}
	out := make([]sample, len(said))
	for i, s := range said {
		out[i] = sample{at: s.at, num: math.NaN()}
		t, err := time.Parse(time.RFC3339Nano, s.text)
		if err != nil {
			continue
		}
		late, early := t.Sub(s.at).Seconds(), t.Sub(s.at).Seconds()+took[i].num
		if out[i].num = max(late, 0) + min(early, 0); math.Abs(out[i].num) < 0.1 {
			out[i].num = 0
		}
	}
	return value{over: true, curve: out}, nil
}

// secondsBetween is the time from one instant to another. An instant is a text
// or the time of an answer, last(at).
func secondsBetween(_ *sheet, a []value) (value, error) {
	var at [2]time.Time
	for i, v := range a {
		t, err := time.Parse(time.RFC3339Nano, v.text)
		if err != nil {
			return value{}, fmt.Errorf("seconds: %q is no time as in RFC 3339", v.text)
		}
		at[i] = t
	}
	return scalar(at[1].Sub(at[0]).Seconds()), nil
}

func (s sample) value() value {
	if s.text != "" && math.IsNaN(s.num) {
		return value{text: s.text, isText: true}
	}
	return scalar(s.num)
}

// present are the samples that have a value.
func present(c []sample) []sample {
	var out []sample
	for _, s := range c {
		if !math.IsNaN(s.num) || s.text != "" {
			out = append(out, s)
		}
	}
	return out
}

func reducer(f func([]sample) value) function {
	return function{1, func(_ *sheet, a []value) (value, error) {
		if !a[0].over {
			return a[0], nil // the number is its own median
		}
		c := present(a[0].curve)
		if len(c) == 0 {
			return value{}, errNothing
		}
		return f(c), nil
	}}
}

func single(f func(float64) float64) function {
	return function{1, func(_ *sheet, a []value) (value, error) {
		if !a[0].over {
			return scalar(f(a[0].num)), nil
		}
		out := make([]sample, len(a[0].curve))
		for i, s := range a[0].curve {
			out[i] = sample{at: s.at, num: f(s.num)}
		}
		return value{over: true, curve: out}, nil
	}}
}

// pointwise joins two numbers, two curves of the same answers, or a curve and a
// number.
func pointwise(f func(a, b float64) float64) function {
	return function{2, func(_ *sheet, a []value) (value, error) {
		x, y := a[0], a[1]
		if x.isText || y.isText {
			return value{}, fmt.Errorf("texts cannot be reckoned with")
		}
		if !x.over && !y.over {
			return scalar(f(x.num, y.num)), nil
		}
		along := x.curve
		if !x.over {
			along = y.curve
		}
		if x.over && y.over && len(x.curve) != len(y.curve) {
			return value{}, fmt.Errorf("curves of different answers cannot be joined")
		}
		out := make([]sample, len(along))
		for i, s := range along {
			p, q := x.num, y.num
			if x.over {
				p = x.curve[i].num
			}
			if y.over {
				q = y.curve[i].num
			}
			out[i] = sample{at: s.at, num: f(p, q)}
		}
		return value{over: true, curve: out}, nil
	}}
}

func numbers(c []sample) []float64 {
	out := make([]float64, 0, len(c))
	for _, s := range c {
		out = append(out, s.num)
	}
	return out
}

func total(c []sample) float64 {
	sum := 0.0
	for _, s := range c {
		sum += s.num
	}
	return sum
}

// quantile interpolates between the two nearest values.
func quantile(v []float64, p float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Clone(v)
	slices.Sort(v)
	at := min(max(p, 0), 1) * float64(len(v)-1)
	i := int(at)
	if i+1 >= len(v) {
		return v[len(v)-1]
	}
	return v[i] + (at-float64(i))*(v[i+1]-v[i])
}

func changes(c []sample) int {
	n := 0
	for i := 1; i < len(c); i++ {
		if c[i].text != c[i-1].text || c[i].text == "" && c[i].num != c[i-1].num {
			n++
		}
	}
	return n
}

// slope is the median of the slopes between all pairs of samples (Theil 1950,
// Sen 1968), in units a second. Of many samples, neighbours are made one first.
func slope(c []sample) float64 {
	c = grouped(c, 200)
	var all []float64
	for i := range c {
		for j := i + 1; j < len(c); j++ {
			if dt := c[j].at.Sub(c[i].at).Seconds(); dt > 0 {
				all = append(all, (c[j].num-c[i].num)/dt)
			}
		}
	}
	return quantile(all, 0.5)
}

// grouped is at most so many samples: the medians of as many neighbours.
func grouped(c []sample, most int) []sample {
	if len(c) <= most {
		return c
	}
	out := make([]sample, 0, most)
	for i := range most {
		part := c[i*len(c)/most : (i+1)*len(c)/most]
		at := make([]float64, len(part))
		for k, s := range part {
			at[k] = float64(s.at.Sub(c[0].at))
		}
		out = append(out, sample{at: c[0].at.Add(time.Duration(quantile(at, 0.5))), num: quantile(numbers(part), 0.5)})
	}
	return out
}

// whole reports whether a counter counted on from one sample to the next: it
// did not fall, and no life of its node began in between.
func (sh *sheet) whole(a, b sample) bool {
	if !(b.num >= a.num) || !b.at.After(a.at) {
		return false
	}
	return !slices.ContainsFunc(sh.starts, func(t time.Time) bool { return t.After(a.at) && !t.After(b.at) })
}

// increase is how much a counter grew, and over how many seconds that was seen.
func (sh *sheet) increase(c []sample) (grown, seconds float64) {
	c = present(c)
	for i := 1; i < len(c); i++ {
		if sh.whole(c[i-1], c[i]) {
			grown += c[i].num - c[i-1].num
			seconds += c[i].at.Sub(c[i-1].at).Seconds()
		}
	}
	return grown, seconds
}

func (sh *sheet) steps(c []sample) []sample {
	c = present(c)
	var out []sample
	for i := 1; i < len(c); i++ {
		if sh.whole(c[i-1], c[i]) {
			out = append(out, sample{at: c[i].at, num: c[i].num - c[i-1].num})
		}
	}
	return out
}

func (sh *sheet) rates(c []sample) []sample {
	c = present(c)
	var out []sample
	for i := 1; i < len(c); i++ {
		if sh.whole(c[i-1], c[i]) {
			out = append(out, sample{at: c[i].at, num: (c[i].num - c[i-1].num) / c[i].at.Sub(c[i-1].at).Seconds()})
		}
	}
	return out
}

// low is the least sample of each stretch in which the other curve stands still:
// what is left after each collection.
func low(c, by []sample) []sample {
	var out []sample
	last := math.NaN()
	for i := range min(len(c), len(by)) {
		if math.IsNaN(c[i].num) || math.IsNaN(by[i].num) {
			continue
		}
		n := len(out)
		switch {
		case n == 0 || by[i].num != last:
			out = append(out, c[i])
		case c[i].num < out[n-1].num:
			out[n-1] = c[i]
		}
		last = by[i].num
	}
	return out
}

// troughs is the least sample of each of so many equal stretches.
func troughs(c []sample, n int) []sample {
	if len(c) == 0 || n < 1 || n > len(c) {
		return nil
	}
	var out []sample
	width := c[len(c)-1].at.Sub(c[0].at) / time.Duration(n)
	for i := range n {
		from := c[0].at.Add(time.Duration(i) * width)
		least := sample{num: math.NaN()}
		for _, s := range c {
			if !s.at.Before(from) && s.at.Before(from.Add(width)) && !(s.num >= least.num) {
				least = s
			}
		}
		if !math.IsNaN(least.num) {
			out = append(out, least)
		}
	}
	return out
}

func falls(c []sample) int {
	n := 0
	for i := 1; i < len(c); i++ {
		if c[i].num < c[i-1].num {
			n++
		}
	}
	return n
}

// element is one number of a field that is a list.
func element(c []sample, i int) []sample {
	out := make([]sample, len(c))
	for k, s := range c {
		out[k] = sample{at: s.at, num: math.NaN()}
		var list []float64
		if json.Unmarshal([]byte(s.text), &list) == nil && i >= 0 && i < len(list) {
			out[k].num = list[i]
		}
	}
	return out
}

// part is a number within a field that is an object: of MailboxQueues, Main.
func part(c []sample, name string) []sample {
	out := make([]sample, len(c))
	for k, s := range c {
		out[k] = sample{at: s.at, num: math.NaN()}
		var parts map[string]any
		if json.Unmarshal([]byte(s.text), &parts) != nil {
			continue
		}
		if v, ok := parts[name].(float64); ok {
			out[k].num = v
		}
	}
	return out
}

// failedRuns counts the runs of a scheduled job whose error some answer shows, each
// by when it began.
func failedRuns(c []sample, job string) int {
	began := map[string]bool{}
	for _, s := range c {
		var jobs []struct{ Name, LastRun, LastErr string }
		if json.Unmarshal([]byte(s.text), &jobs) != nil {
			continue
		}
		for _, j := range jobs {
			if j.Name == job && j.LastErr != "" {
				began[j.LastRun] = true
			}
		}
	}
	return len(began)
}

// has is 1 for each answer with a paragraph that holds both texts, else 0.
func (sh *sheet) has(a, b string) value {
	out := make([]sample, len(sh.said))
	for i, text := range sh.said {
		out[i].at = sh.at[i]
		for block := range strings.SplitSeq(text, "\n\n") {
			if strings.Contains(block, a) && strings.Contains(block, b) {
				out[i].num = 1
				break
			}
		}
	}
	return value{over: true, curve: out}
}

// says is the number that follows a word in each answer; of a duration, its
// seconds.
func (sh *sheet) says(word string) value {
	out := make([]sample, len(sh.said))
	for i, text := range sh.said {
		out[i] = sample{at: sh.at[i], num: math.NaN()}
		_, rest, ok := strings.Cut(text, word)
		if fields := strings.Fields(rest); ok && len(fields) > 0 {
			if d, err := time.ParseDuration(fields[0]); err == nil {
				out[i].num = d.Seconds()
			} else if v, err := strconv.ParseFloat(fields[0], 64); err == nil {
				out[i].num = v
			}
		}
	}
	return value{over: true, curve: out}
}

// is is 1 where a field has a text, else 0.
func is(c []sample, text string) []sample {
	out := make([]sample, len(c))
	for i, s := range c {
		out[i].at = s.at
		if s.text == text {
			out[i].num = 1
		}
	}
	return out
}

// gaps are the seconds from each sample to the next.
func gaps(c []sample) []sample {
	var out []sample
	for i := 1; i < len(c); i++ {
		out = append(out, sample{at: c[i].at, num: c[i].at.Sub(c[i-1].at).Seconds()})
	}
	return out
}

// grown is how much a counter grew from one instant to another; between two
// answers it is taken to grow evenly.
func grown(_ *sheet, a []value) (value, error) {
	c := present(a[0].curve)
	var v [2]float64
	for i := range v {
		t, err := time.Parse(time.RFC3339Nano, a[i+1].text)
		if err != nil {
			return value{}, fmt.Errorf("grown: %q is no time as in RFC 3339", a[i+1].text)
		}
		k, exact := slices.BinarySearchFunc(c, t, func(s sample, t time.Time) int { return s.at.Compare(t) })
		switch {
		case exact:
			v[i] = c[k].num
		case k == 0 || k == len(c):
			return value{}, fmt.Errorf("grown: no answers on both sides of %s: %w", a[i+1].text, errNothing)
		default:
			p, q := c[k-1], c[k]
			v[i] = p.num + t.Sub(p.at).Seconds()/q.at.Sub(p.at).Seconds()*(q.num-p.num)
		}
	}
	return scalar(v[1] - v[0]), nil
}

// stretches are those in which a condition held for so many seconds while another
// curve stood still: when each began, and for how many seconds it lasted.
func stretches(while, still []sample, seconds float64) []sample {
	var out []sample
	for i := 0; i < min(len(while), len(still)); {
		j := i
		for j+1 < len(while) && while[i].num == 1 && while[j+1].num == 1 && still[j+1].num == still[i].num {
			j++
		}
		if d := while[j].at.Sub(while[i].at).Seconds(); while[i].num == 1 && j > i && d >= seconds {
			out = append(out, sample{at: while[i].at, num: d})
		}
		i = j + 1
	}
	return out
}
