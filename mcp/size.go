package mcp

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/escape"
	"ergorecorder/mcp/fold"
)

// An agent pays for every byte that it reads, so an answer is short unless more
// is asked for.
const (
	defaultBytes = 8000    // of one answer, about 2,000 tokens
	mostBytes    = 1 << 20 // of one answer, whatever is asked for
)

// sizeParams are the arguments by which every tool that reads is made longer or
// narrower.
func sizeParams() []Param {
	return []Param{
		{Name: "max_bytes", Type: "integer", Help: fmt.Sprintf("how long the answer may be (default %d, at most %d)", defaultBytes, mostBytes)},
	}
}

// fieldsParam picks columns of an answer that is JSON.
func fieldsParam() Param {
	return Param{Name: "fields", Type: "array", Help: "only these fields of each row and the key of the first of those that are alike in them; rows counts these"}
}

// A nextCall is a call that goes on from an answer.
type nextCall struct {
	Tool      string    `json:"tool"`
	Arguments ergo.Args `json:"arguments"`
}

func (n nextCall) String() string { return "next: " + n.Tool + " " + n.Arguments.String() }

// bytesAsked is how long an answer may be.
func bytesAsked(args ergo.Args) int {
	if _, given := args.Int("max_bytes"); !given {
		if _, rows := args.Int("limit"); rows {
			return mostBytes // who says how many rows gets so many
		}
	}
	return intArg(args, "max_bytes", defaultBytes, 500, mostBytes)
}

// fit cuts an answer to the size that was asked for, says what was left out,
// and adds the call that gives the whole: the one that was made, for more. Tables
// lose rows, other answers lines.
func (a *answer) fit(t *Tool, args ergo.Args, made nextCall) {
	a.pick(t, stringsArg(args, "fields"))
	most := bytesAsked(args)
	if a.isError || len(a.text) <= most {
		return
	}
	whole := min(mostBytes, (len(a.text)/1000+1)*1000)
	again := nextCall{made.Tool, made.Arguments.With("max_bytes", whole)}
	if rows, ok := tableRows(a.text); ok {
		kept := joinRows(rows, most)
		a.cut(kept, len(rows), again)
		if left := behaviors(rows[len(kept):]); left != "" {
			a.notes = slices.Insert(a.notes, len(a.notes)-1, "left out: "+left)
		}
		return
	}
	if kept, left, ok := cutObject(a.text, most); ok {
		a.text = kept
		if left != "" {
			a.note("cut: not shown are "+left, again)
		}
		return
	}
	shown := a.text[:most]
	if i := bytes.LastIndexByte(shown, '\n'); i > most/2 {
		shown = shown[:i+1]
	}
	a.note(fmt.Sprintf("cut: %d of %d bytes are shown", len(shown), len(a.text)), again)
	a.text = bytes.ToValidUTF8(shown, nil)
}

// behaviors says of which behaviors rows are, the most frequent first.
func behaviors(rows [][]byte) string {
	count := map[string]int{}
	for _, r := range rows {
		var row struct{ Behavior string }
		if json.Unmarshal(r, &row) == nil && row.Behavior != "" {
			count[row.Behavior]++
		}
	}
	names := slices.SortedFunc(maps.Keys(count), func(a, b string) int {
		return cmp.Or(count[b]-count[a], strings.Compare(a, b))
	})
	const most = 8
	var out []string
	for i, name := range names {
		if i == most {
			out = append(out, fmt.Sprintf("and %d other behaviors", len(names)-most))
			break
		}
		out = append(out, fmt.Sprintf("%d of %s", count[name], name))
	}
	return strings.Join(out, ", ")
}

// cutObject makes an object short enough, and says what it left out: elements
// at the end of its longest lists, then whole fields. ok is false where the text
// is no object.
func cutObject(text []byte, most int) (kept []byte, left string, ok bool) {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil || fields == nil {
		return nil, "", false
	}
	size := 2
	for name, v := range fields {
		fields[name] = compactJSON(v)
		size += len(name) + len(fields[name]) + 4
	}
	var out []string
	longest := slices.SortedFunc(maps.Keys(fields), func(a, b string) int { return len(fields[b]) - len(fields[a]) })
	for _, name := range longest {
		if size <= most {
			break
		}
		old := len(fields[name])
		var list []json.RawMessage
		if json.Unmarshal(fields[name], &list) == nil && len(list) > 1 {
			rows := make([][]byte, len(list))
			for i, v := range list {
				rows[i] = v
			}
			fit := joinRows(rows, max(0, most-(size-old)))
			fields[name] = slices.Concat([]byte("["), bytes.Join(fit, []byte(",\n")), []byte("]"))
			out = append(out, fmt.Sprintf("%d of %d %s", len(list)-len(fit), len(list), name))
		} else {
			delete(fields, name)
			out = append(out, name)
		}
		size += len(fields[name]) - old
	}
	slices.Sort(longest)
	return pickFields(fields, longest), strings.Join(out, ", "), true
}

// cut keeps the first rows of a table.
func (a *answer) cut(kept [][]byte, total int, again nextCall) {
	shown := len(kept)
	a.text = slices.Concat([]byte("["), bytes.Join(kept, []byte(",\n")), []byte("]"))
	if shown < total {
		a.note(fmt.Sprintf("cut: %d of %d rows are shown", shown, total), again)
	}
	if a.meta == nil {
		a.meta = map[string]any{}
	}
	a.meta["shown"], a.meta["total"] = shown, total
}

// note says that an answer was cut, and how to have the rest.
func (a *answer) note(words string, next nextCall) {
	if a.meta == nil {
		a.meta = map[string]any{}
	}
	a.notes = append(a.notes, words, next.String())
	a.meta["truncated"], a.meta["next"] = true, next
}

// next names a call that goes on from the answer.
func (a *answer) next(tool string, args ergo.Args) {
	a.notes = append(a.notes, nextCall{tool, args}.String())
}

// continues says how much of a list an answer holds, and names the call that
// gives what follows.
func (a *answer) continues(tool string, args ergo.Args, offset, shown, total int) {
	if a.meta == nil {
		a.meta = map[string]any{}
	}
	a.meta["shown"], a.meta["total"] = shown, total
	if offset+shown < total {
		next := nextCall{tool, args.With("offset", offset+shown)}
		a.meta["truncated"], a.meta["next"] = true, next
		a.notes = append(a.notes, next.String())
	}
}

// tableRows are the rows of a table, each as compact JSON.
func tableRows(text []byte) ([][]byte, bool) {
	var rows []json.RawMessage
	if json.Unmarshal(text, &rows) != nil || len(rows) == 0 || !bytes.HasPrefix(bytes.TrimSpace(rows[0]), []byte("{")) {
		return nil, false
	}
	out := make([][]byte, len(rows))
	for i, r := range rows {
		out[i] = compactJSON(r)
	}
	return out, true
}

// joinRows are the first rows that fit into so many bytes, at least one.
func joinRows(rows [][]byte, most int) [][]byte {
	size := 2
	for i, r := range rows {
		size += len(r) + 2
		if size > most && i > 0 {
			return rows[:i]
		}
	}
	return rows
}

// compactJSON is JSON without the white space between its values, and any other
// text as it is.
func compactJSON(text []byte) []byte {
	var b bytes.Buffer
	if json.Compact(&b, text) != nil {
		return text
	}
	return b.Bytes()
}

// pick leaves the named fields of an object, or of the rows of a table, and the
// key of each row. Rows that are alike in these fields are folded into one.
func (a *answer) pick(t *Tool, fields []string) {
	if len(fields) == 0 || a.isError {
		return
	}
	keep := slices.Concat(t.key, fields)
	if rows, ok := tableRows(a.text); ok {
		all := fold.Families(len(rows), func(i int) string { return string(pickObject(rows[i], fields)) })
		out := make([][]byte, len(all))
		for i, f := range all {
			out[i] = pickObject(rows[f[0]], keep)
			if len(f) > 1 {
				out[i] = slices.Concat(out[i][:len(out[i])-1], fmt.Appendf(nil, `,"rows":%d}`, len(f)))
			}
		}
		a.text = slices.Concat([]byte("["), bytes.Join(out, []byte(",\n")), []byte("]"))
		return
	}
	a.text = pickObject(a.text, keep)
}

func pickObject(text []byte, keep []string) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil || fields == nil {
		return text
	}
	return pickFields(fields, keep)
}

// pickFields is an object of the named fields, those that are there, in that
// order.
func pickFields(fields map[string]json.RawMessage, keep []string) []byte {
	b := []byte("{")
	for i, name := range keep {
		v, ok := fields[name]
		if !ok || slices.Contains(keep[:i], name) {
			continue
		}
		if len(b) > 1 {
			b = append(b, ',')
		}
		b = append(append(b, mustJSON(name)...), ':')
		b = append(b, compactJSON(v)...)
	}
	return append(b, '}')
}

// footer is what stands below the answer: what was cut, and what to ask next.
func (a *answer) footer() string {
	var b strings.Builder
	for _, n := range a.notes {
		escape.Fprintf(&b, "%s\n", n)
	}
	return b.String()
}
