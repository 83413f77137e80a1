// Package recheck asks for every number of a report again, by the calls that
// stand beside them, and compares. The tools answer by a way of their own: what
// a detector reckoned wrong, or said of another window, does not come back.
package recheck

import (
	"context"
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/ergo"
)

// Ask calls a tool and returns the object that it answers with.
type Ask func(ctx context.Context, tool string, args ergo.Args) (object any, words string, err error)

// A Check is one value of a finding, asked for again.
type Check struct {
	Finding string       `json:"finding"`
	Kind    finding.Kind `json:"kind"`
	Of      string       `json:"of"` // the evidence
	Name    string       `json:"name"`
	Call    finding.Call `json:"call"`
	Stated  any          `json:"stated"`
	Asked   any          `json:"asked"`
	Why     string       `json:"why,omitempty"` // what is wrong, "" where both are the same
}

// Findings asks for every value of findings again. It ends early only with the
// context.
func Findings(ctx context.Context, all []*finding.Finding, ask Ask) ([]Check, error) {
	var out []Check
	for _, f := range all {
		for i := range f.Evidence {
			checks, err := evidence(ctx, f, &f.Evidence[i], ask)
			if err != nil {
				return out, err
			}
			out = append(out, checks...)
		}
		out = append(out, prose(f)...)
	}
	return out, nil
}

func evidence(ctx context.Context, f *finding.Finding, e *finding.Evidence, ask Ask) ([]Check, error) {
	var out []Check
	for _, v := range flat(e.Values) {
		c := Check{Finding: f.ID, Kind: f.Kind, Of: e.What, Name: v.name, Stated: v.value}
		call, asked := e.Calls[v.name]
		if c.Call = call; !asked {
			c.Why = "no call stands beside it"
			out = append(out, c)
			continue
		}
		got, err := answer(ctx, call, ask)
		switch {
		case ctx.Err() != nil:
			return nil, ctx.Err()
		case err != nil:
			c.Why = err.Error()
		case !Same(v.value, got):
			c.Asked, c.Why = got, "another value"
		default:
			c.Asked = got
		}
		out = append(out, c)
	}
	return out, nil
}

// answer makes the call and takes the value out of its answer.
func answer(ctx context.Context, call finding.Call, ask Ask) (any, error) {
	args, err := ergo.ParseArgs(encoded(call.Arguments))
	if err != nil {
		return nil, fmt.Errorf("arguments: %w", err)
	}
	object, _, err := ask(ctx, call.Tool, args)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(encoded(object), &v); err != nil {
		return nil, fmt.Errorf("%s answered no object: %w", call.Tool, err)
	}
	for part := range strings.SplitSeq(call.Gives, ".") {
		m, ok := v.(map[string]any)
		if !ok || m[part] == nil {
			return nil, fmt.Errorf("%s does not answer with %s", call.Tool, call.Gives)
		}
		v = m[part]
	}
	return v, nil
}

func encoded(v any) []byte {
	text, err := json.Marshal(v)
	if err != nil {
		return []byte("null")
	}
	return text
}

// A named is a value by its name; those within others by both, with a point.
type named struct {
	name  string
	value any
}

func flat(values map[string]any) []named {
	var out []named
	for name, v := range values {
		if inner, ok := v.(map[string]any); ok {
			for _, n := range flat(inner) {
				out = append(out, named{name + "." + n.name, n.value})
			}
			continue
		}
		out = append(out, named{name, v})
	}
	slices.SortFunc(out, func(a, b named) int { return strings.Compare(a.name, b.name) })
	return out
}

// Same reports whether two values are the same to three figures, which is as
// many as reports have. Reckoning in another order may round a half otherwise.
func Same(stated, asked any) bool {
	a, isA := number(stated)
	b, isB := number(asked)
	if !isA || !isB {
		return !isA && !isB && fmt.Sprint(stated) == fmt.Sprint(asked)
	}
	if a == b || finding.Round(a) == finding.Round(b) {
		return true
	}
	digit := math.Pow(10, math.Floor(math.Log10(max(math.Abs(a), math.Abs(b))))-2)
	return math.Abs(a-finding.Round(b)) <= digit*1.000001 && math.Abs(a-b) <= digit*0.500001
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case time.Duration:
		return n.Seconds(), true
	}
	return 0, false
}

// Wrong are the checks whose values did not come back.
func Wrong(all []Check) []Check {
	return slices.DeleteFunc(slices.Clone(all), func(c Check) bool { return c.Why == "" })
}
