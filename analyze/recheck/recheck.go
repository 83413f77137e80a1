// Package recheck asks for every number of a report again, by the calls that
// stand beside them, and compares. The tools answer by a way of their own: what
// a detector reckoned wrong, or said of another window, does not come back.
package recheck

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/ergo"
)

// Ask calls a tool and returns the object that it answers with.
type Ask func(ctx context.Context, tool string, args ergo.Args) (object any, words string, err error)

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
			for _, r := range f.Evidence[i].Records {
				c := Check{Finding: f.ID, Kind: f.Kind, Of: f.Evidence[i].What, Name: "record", Stated: r}
				if c.Call, c.Why = recordCall(r); c.Why == "" {
					c.Asked, c.Why = there(ctx, c.Call, ask)
				}
				out = append(out, c)
			}
		}
		out = append(out, prose(f)...)
	}
	return out, nil
}

// Evidence asks for every value of pieces of evidence that belong to no finding.
func Evidence(ctx context.Context, all []finding.Evidence, ask Ask) ([]Check, error) {
	var out []Check
	for i := range all {
		checks, err := evidence(ctx, &finding.Finding{}, &all[i], ask)
		if err != nil {
			return out, err
		}
		out = append(out, checks...)
	}
	return out, nil
}

// Once is an Ask that makes the same call once: what several values come from is
// not reckoned for each of them.
func Once(ask Ask) Ask {
	type answer struct {
		object any
		words  string
		err    error
	}
	made := map[string]answer{}
	return func(ctx context.Context, tool string, args ergo.Args) (any, string, error) {
		call := tool + " " + args.String()
		a, known := made[call]
		if !known {
			a.object, a.words, a.err = ask(ctx, tool, args)
			made[call] = a
		}
		return a.object, a.words, a.err
	}
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

// recordCall is the call that shows whether there is a record of that name.
func recordCall(name string) (finding.Call, string) {
	slash, at := strings.LastIndexByte(name, '/'), strings.LastIndexByte(name, '@')
	if slash < 0 || at < slash {
		return finding.Call{}, "it names no record"
	}
	node, tool, when := name[:slash], name[slash+1:at], name[at+1:]
	if !strings.Contains(tool, "_") { // a raw profile, by its kind
		return finding.Call{Tool: "profile_top", Gives: "at", Arguments: map[string]any{"kind": tool, "node": node, "at": when, "source": "raw"}}, ""
	}
	return finding.Call{Tool: "measure", Gives: "answers", Arguments: map[string]any{"of": "count(failed)", "tool": tool, "node": node, "from": when, "to": when}}, ""
}

// there makes a call whose answer shows that a record is there.
func there(ctx context.Context, call finding.Call, ask Ask) (got any, why string) {
	got, err := answer(ctx, call, ask)
	switch {
	case err != nil:
		return nil, err.Error()
	case call.Gives == "at" && got != call.Arguments["at"]:
		return got, "there is no such record"
	}
	return got, ""
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
		list, isList := v.([]any)
		if i, err := strconv.Atoi(part); err == nil && isList && i >= 0 && i < len(list) {
			v = list[i]
			continue
		}
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

// Wrong are the checks whose values did not come back.
func Wrong(all []Check) []Check {
	return slices.DeleteFunc(slices.Clone(all), func(c Check) bool { return c.Why == "" })
}
