// Package spelled makes the fields of a reading of the columns in which a spelling
// stores them.
package spelled

import (
	"encoding/json"
	"iter"
	"slices"
	"strconv"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// A Translation makes some fields of the columns of a stream.
type Translation struct {
	whose  ergo.Whose
	own    []string // the columns that are read
	fields []translated
}

// A translated field is made of own columns.
type translated struct {
	ergo.SpelledField
	from   []int // in own, of Own
	unless []int // in own, of Unless
	made   archive.Column
}

// New is the translation of fields of a node's reading, nil where they are stored as
// they are.
func New(node string, said ergo.Said, fields []string) *Translation {
	t := &Translation{whose: ergo.Whose{Node: node}}
	same := true
	for _, name := range fields {
		f := translated{SpelledField: said.Own(name)}
		f.from, f.unless = t.places(f.Own), t.places(f.Unless)
		f.made.Name = name
		t.fields = append(t.fields, f)
		same = same && f.Convert == nil && len(f.Own) == 1 && f.Own[0] == name
	}
	if same {
		return nil
	}
	return t
}

// places are the places of columns among those that are read.
func (t *Translation) places(columns []string) []int {
	var at []int
	for _, c := range columns {
		i := slices.Index(t.own, c)
		if i < 0 {
			i = len(t.own)
			t.own = append(t.own, c)
		}
		at = append(at, i)
	}
	return at
}

// Columns are those that are read.
func (t *Translation) Columns() []string { return t.own }

// Apply walks the frames with the fields in place of the columns.
func (t *Translation) Apply(frames iter.Seq2[*archive.Frame, error]) iter.Seq2[*archive.Frame, error] {
	return func(yield func(*archive.Frame, error) bool) {
		for f, err := range frames {
			if err == nil {
				f = t.Frame(f)
			}
			if !yield(f, err) {
				return
			}
		}
	}
}

// Frame is a frame with the fields in place of the columns.
func (t *Translation) Frame(f *archive.Frame) *archive.Frame {
	out := *f
	out.Columns = make([]archive.Column, len(t.fields))
	for i := range t.fields {
		x := &t.fields[i]
		if x.Convert == nil && len(x.from) == 1 {
			out.Columns[i] = f.Columns[x.from[0]]
			out.Columns[i].Name = x.Name
			continue
		}
		if f.Reset {
			clear(x.made.Kinds)
		}
		for _, slot := range f.Gone {
			if int(slot) < len(x.made.Kinds) {
				x.made.Kinds[slot] = archive.Absent
			}
		}
		for _, slot := range f.Changed {
			x.set(f.Columns, slot, t.whose)
		}
		out.Columns[i] = x.made
	}
	return &out
}

// set makes the field's value in a slot.
func (x *translated) set(columns []archive.Column, slot int32, whose ergo.Whose) {
	if n := int(slot) + 1 - len(x.made.Kinds); n > 0 {
		x.made.Kinds = append(x.made.Kinds, make([]archive.ValueKind, n)...)
		x.made.Ints = append(x.made.Ints, make([]int64, n)...)
		x.made.Texts = append(x.made.Texts, make([]string, n)...)
	}
	has := func(c int) bool { return int(slot) < len(columns[c].Kinds) && columns[c].Kinds[slot] != archive.Absent }
	x.made.Kinds[slot] = archive.Absent
	if x.Convert != nil {
		own := make([][]byte, len(x.from))
		for i, c := range x.from {
			if has(c) {
				own[i] = literal(&columns[c], slot)
			}
		}
		setLiteral(&x.made, slot, x.Convert(own, whose))
		return
	}
	for i, c := range x.from {
		if i == len(x.from)-1 && i > 0 && slices.ContainsFunc(x.unless, has) {
			return
		}
		if has(c) {
			x.made.Kinds[slot] = columns[c].Kinds[slot]
			if x.made.Kinds[slot] == archive.Int {
				x.made.Ints[slot] = columns[c].Ints[slot]
			} else {
				x.made.Texts[slot] = columns[c].Text(slot)
			}
			return
		}
	}
}

// literal is the JSON of a cell.
func literal(c *archive.Column, slot int32) []byte {
	switch c.Kinds[slot] {
	case archive.Int:
		return strconv.AppendInt(nil, c.Ints[slot], 10)
	case archive.String:
		text, _ := json.Marshal(c.Text(slot)) // a string always encodes
		return text
	}
	return []byte(c.Text(slot))
}

// setLiteral puts JSON into a cell; nil leaves it absent.
func setLiteral(c *archive.Column, slot int32, text []byte) {
	if text == nil {
		return
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		c.Kinds[slot], c.Ints[slot] = archive.Int, n
		return
	}
	var s string
	if len(text) > 0 && text[0] == '"' && json.Unmarshal(text, &s) == nil {
		c.Kinds[slot], c.Texts[slot] = archive.String, s
		return
	}
	c.Kinds[slot], c.Texts[slot] = archive.JSON, string(text)
}
