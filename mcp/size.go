package mcp

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/escape"
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
	return Param{Name: "fields", Type: "array", Help: "only these fields of each row; its key always stays"}
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
// and adds the call that gives the whole. Tables lose rows, other answers lines.
func (a *answer) fit(t *Tool, args ergo.Args) {
	a.pick(t, stringsArg(args, "fields"))
	most := bytesAsked(args)
	if a.isError || len(a.text) <= most {
		return
	}
	whole := min(mostBytes, (len(a.text)/1000+1)*1000)
	again := nextCall{t.Name, args.With("max_bytes", whole)}
	if rows, ok := tableRows(a.text); ok {
		kept := joinRows(rows, most)
		a.cut(kept, len(rows), again)
		return
	}
	text := compactJSON(a.text)
	if len(text) > most {
		shown := text[:most]
		if i := bytes.LastIndexByte(shown, '\n'); i > most/2 {
			shown = shown[:i+1]
		}
		a.note(fmt.Sprintf("cut: %d of %d bytes are shown", len(shown), len(text)), again)
		a.meta["total_bytes"] = len(text)
		text = bytes.ToValidUTF8(shown, nil)
	}
	a.text = text
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
// key of each row.
func (a *answer) pick(t *Tool, fields []string) {
	if len(fields) == 0 || a.isError {
		return
	}
	keep := slices.Concat(t.key, fields)
	if rows, ok := tableRows(a.text); ok {
		for i, r := range rows {
			rows[i] = pickObject(r, keep)
		}
		a.text = slices.Concat([]byte("["), bytes.Join(rows, []byte(",\n")), []byte("]"))
		return
	}
	a.text = pickObject(a.text, keep)
}

func pickObject(text []byte, keep []string) []byte {
	var fields map[string]json.RawMessage
	if json.Unmarshal(text, &fields) != nil || fields == nil {
		return text
	}
	var b strings.Builder
	b.WriteByte('{')
	for i, name := range keep {
		v, ok := fields[name]
		if !ok || slices.Contains(keep[:i], name) {
			continue
		}
		if b.Len() > 1 {
			b.WriteByte(',')
		}
		b.WriteString(strconv.Quote(name))
		b.WriteByte(':')
		b.Write(compactJSON(v))
	}
	b.WriteByte('}')
	return []byte(b.String())
}

// footer is what stands below the answer: what was cut, and what to ask next.
func (a *answer) footer() string {
	var b strings.Builder
	for _, n := range a.notes {
		escape.Fprintf(&b, "%s\n", n)
	}
	return b.String()
}
