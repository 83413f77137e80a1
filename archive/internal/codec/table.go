package codec

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/codec/scan"
)

// A table scans payloads into cells: it knows which row sits in which slot,
// and stages for every part what differs from what the part remembers.
type table struct {
	form   Form
	key    []string
	kinds  map[string]ColumnKind
	cols   []colDef
	colAt  map[string]int
	shapes []shape
	byKeys map[string]int // shape by its column numbers
	parts  []*part

	keys   []string // of the row in each slot
	alive  []uint64 // bitmap of slots
	full   int      // words of alive before this one have no free slot
	seen   []uint32 // number of the scan that saw the slot last
	scan   uint32
	index  []uint32 // slot + 1 by hash of key, open addressing
	rows   int      // slots in use
	graves int      // places of the index whose row is gone

	desk   *Scratch
	tmpl   template
	spans  []scan.Span
	keyBuf []byte

	spelled []uint64 // the hash of the literals of the key in each slot, 0 where they are the key
	behind  []int32  // the slot of the first row, and of that behind the row in each slot: answers keep their order
	before  int32    // the slot of the row before in this scan, -1 for the first
	guess   int32    // the slot of the row that is scanned, where it is the one that was expected; else -1
	wrong   int      // for how many rows nobody guesses behind a wrong guess: twice as many behind the next
	pause   int      // what is left of them
	litBuf  []byte
	fresh   []int32 // slots given out by this scan

	again map[string]uint64 // keys that came more than once in this scan: how often
}

type colDef struct {
	name string
	kind ColumnKind
	key  bool
}

// A shape is the order of columns in a row's text.
type shape struct {
	cols []int
	keys []int // which of cols are key columns, in the order of the schema
}

// A template is the text around the values of the row before; most rows of an
// answer share it.
type template struct {
	shape int
	pre   [][]byte // text before each value, and behind the last one
}

func newTable(d *Desc, s *Scratch) *table {
	t := &table{desk: s, form: d.Form, key: d.Key, kinds: d.Columns, colAt: map[string]int{}, byKeys: map[string]int{}, tmpl: template{shape: -1}, behind: []int32{0}}
	return t
}

// column is the number of the named column, new or old; -1 where there are too
// many.
func (t *table) column(name string) int {
	i, ok := t.colAt[name]
	if !ok && len(t.cols) >= MaxColumns {
		return -1
	}
	if !ok {
		i = len(t.cols)
		t.colAt[name] = i
		t.cols = append(t.cols, colDef{name: name, kind: t.kinds[name], key: slices.Contains(t.key, name)})
	}
	return i
}

// shapeOf is the number of the shape with these columns, or -1 where one
// comes twice.
func (t *table) shapeOf(cols []int) int {
	var id []byte
	for i, c := range cols {
		if slices.Contains(cols[:i], c) {
			return -1
		}
		id = binary.AppendUvarint(id, uint64(c))
	}
	n, ok := t.byKeys[string(id)]
	if ok {
		return n
	}
	s := shape{cols: slices.Clone(cols)}
	for _, k := range t.key {
		if c, ok := t.colAt[k]; ok {
			if i := slices.Index(cols, c); i >= 0 {
				s.keys = append(s.keys, i)
			}
		}
	}
	t.byKeys[string(id)] = len(t.shapes)
	t.shapes = append(t.shapes, s)
	return len(t.shapes) - 1
}

// A payload says what a scan made of a text.
type payload uint8

const (
	payloadNone payload = iota // there was no text
	payloadRows                // rows, or the one object
	payloadText                // anything else, kept as it came
	payloadNull                // the text null
)

// scanText stages the text in the parts. A text that is not of the table's
// form leaves no trace and is payloadText.
func (t *table) scanText(text []byte, subject string) payload {
	t.begin()
	if t.form == FormText {
		return payloadText
	}
	p := scan.Space(text, 0)
	var err error
	if t.form == FormTable && bytes.HasPrefix(text[p:], []byte("null")) {
		if scan.Space(text, p+4) == len(text) {
			t.end()
			return payloadNull
		}
		err = scan.ErrJSON
	} else if t.form == FormTable {
		if t.rows == 0 {
			t.arrange(text, p)
		}
		p, err = t.scanRows(text, p)
	} else {
		var shape int
		if shape, p, err = t.scanRow(text, p); err == nil && scan.Space(text, p) == len(text) {
			err = t.stageRow(text, shape, t.slotOf([]byte(subject)))
		}
	}
	if err != nil || scan.Space(text, p) != len(text) {
		t.undo()
		return payloadText
	}
	t.end()
	return payloadRows
}

func (t *table) begin() {
	t.scan++
	t.fresh, t.again, t.before = t.fresh[:0], nil, -1
	for _, p := range t.parts {
		p.borrow(t.desk)
	}
}

// clear gives back the memory of the stage.
func (t *table) clear() {
	for _, p := range t.parts {
		t.desk.stages[p.number], p.stage = p.stage, stage{}
	}
}

func (t *table) scanRows(text []byte, p int) (int, error) {
	if p >= len(text) || text[p] != '[' {
		return 0, scan.ErrJSON
	}
	if p = scan.Space(text, p+1); p < len(text) && text[p] == ']' {
		return p + 1, nil
	}
	for {
		shape, next, err := t.scanRow(text, p)
		if err != nil {
			return 0, err
		}
		if err := t.stageRow(text, shape, t.rowSlot(text, shape)); err != nil {
			return 0, err
		}
		if p = scan.Space(text, next); p >= len(text) || text[p] != ',' && text[p] != ']' {
			return 0, scan.ErrJSON
		}
		p++
		if text[p-1] == ']' {
			return p, nil
		}
		p = scan.Space(text, p)
	}
}

// arrange gives the rows of the first answer their slots in the order of their
// keys: answers come in random order, and rows whose keys are near are alike.
func (t *table) arrange(text []byte, p int) {
	var keys []string
	for p++; ; p++ {
		shape, next, err := t.scanRow(text, scan.Space(text, p))
		if err != nil {
			break
		}
		key, _ := t.rowKey(text, shape)
		keys = append(keys, string(key))
		if p = scan.Space(text, next); p >= len(text) || text[p] != ',' {
			break
		}
	}
	slices.SortFunc(keys, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	for _, key := range slices.Compact(keys) {
		if _, place, ok := t.lookup([]byte(key)); !ok {
			t.seen[t.give([]byte(key), place)] = 0
		}
	}
}

// scanRow finds the values of the object at p.
func (t *table) scanRow(text []byte, p int) (shape, end int, err error) {
	t.guess = -1
	if t.tmpl.shape >= 0 {
		if end, ok := t.scanLike(text, p); ok {
			return t.tmpl.shape, end, nil
		}
	}
	return t.scanNew(text, p)
}

// scanLike reads a row that looks like the one before.
func (t *table) scanLike(text []byte, p int) (end int, ok bool) {
	t.spans = t.spans[:0]
	last := len(t.tmpl.pre) - 1
	cols := t.shapes[t.tmpl.shape].cols
	var row []*column // of the part in which the row is
	for i, pre := range t.tmpl.pre {
		if len(text)-p < len(pre) || string(text[p:p+len(pre)]) != string(pre) {
			return 0, false
		}
		p += len(pre)
		if i == last {
			break
		}
		if row != nil {
			if end, ok := row[cols[i]].says(t.guess%PartRows, text, p); ok {
				t.spans = append(t.spans, scan.Span{Start: p, End: end, Is: scan.Same})
				p = end
				continue
			}
		}
		s, err := scan.Value(text, p)
		if err != nil {
			return 0, false
		}
		if i == 0 {
			row = t.guessRow(cols[0], text[p:s.End])
		}
		t.spans = append(t.spans, s)
		p = s.End
	}
	return p, true
}

// guessRow guesses which row is scanned, by what came behind the row before last time, where its
// key is its first value, and returns what is known of it: nil where that is another row, or one
// that the run under way did not tell yet.
func (t *table) guessRow(col int, key []byte) []*column {
	if t.form != FormTable || len(t.key) != 1 || !t.cols[col].key {
		return nil
	}
	if t.pause > 0 {
		t.pause--
		return nil
	}
	slot := t.behind[t.before+1]
	if p := t.told(slot); p != nil {
		if end, same := p.cols[col].says(slot%PartRows, key, 0); same && end == len(key) {
			t.guess, t.wrong = slot, 0
			return p.cols
		}
	}
	t.wrong = min(2*t.wrong+1, mostWrong)
	t.pause = t.wrong
	return nil
}

// mostWrong is how many rows are passed over where answers have no order.
const mostWrong = 63

// told is the part of a slot whose row the run under way has told, and this scan has not met; nil where there is no such row.
func (t *table) told(slot int32) *part {
	if int(slot) >= len(t.keys) || t.seen[slot] == t.scan || t.alive[slot>>6]>>(slot&63)&1 == 0 || int(slot/PartRows) >= len(t.parts) {
		return nil
	}
	p := t.parts[slot/PartRows]
	if !p.inRun.has(slot%PartRows) || len(p.cols) < len(t.cols) {
		return nil
	}
	return p
}

// says reports whether the text at p begins with the literal that the row said last of the column,
// and where that ends. One that goes on is told by what is behind it, which begins with no part of a literal.
func (c *column) says(slot int32, text []byte, p int) (end int, same bool) {
	if c == nil || int(slot) >= len(c.lits) || !c.lits[slot] {
		return 0, false
	}
	lit := c.dict.At(int(c.vals[slot]))
	end = p + len(lit)
	return end, end <= len(text) && string(text[p:end]) == string(lit)
}

// scanNew reads a row of any look, and learns it.
func (t *table) scanNew(text []byte, p int) (int, int, error) {
	t.spans, t.guess = t.spans[:0], -1
	t.tmpl = template{shape: -1}
	var tmpl template
	var cols []int
	from := p
	if p >= len(text) || text[p] != '{' {
		return 0, 0, scan.ErrJSON
	}
	if p = scan.Space(text, p+1); p < len(text) && text[p] == '}' {
		return t.shapeOf(nil), p + 1, nil
	}
	for {
		name, next, err := fieldName(text, p)
		if err != nil {
			return 0, 0, err
		}
		p = next
		tmpl.pre = append(tmpl.pre, bytes.Clone(text[from:p]))
		s, err := scan.Value(text, p)
		if err != nil {
			return 0, 0, err
		}
		col := t.column(name)
		if col < 0 {
			return 0, 0, scan.ErrJSON
		}
		cols = append(cols, col)
		t.spans = append(t.spans, s)
		from = s.End
		if p = scan.Space(text, s.End); p >= len(text) || text[p] != ',' && text[p] != '}' {
			return 0, 0, scan.ErrJSON
		}
		p++
		if text[p-1] == '}' {
			break
		}
		p = scan.Space(text, p)
	}
	tmpl.pre = append(tmpl.pre, bytes.Clone(text[from:p]))
	if tmpl.shape = t.shapeOf(cols); tmpl.shape < 0 {
		return 0, 0, scan.ErrJSON
	}
	t.tmpl = tmpl
	return tmpl.shape, p, nil
}

// fieldName reads a field's name and goes to its value. A name with escapes
// is refused: it would not come back as it was.
func fieldName(text []byte, p int) (string, int, error) {
	if p >= len(text) || text[p] != '"' {
		return "", 0, scan.ErrJSON
	}
	end, err := scan.StringEnd(text, p)
	if err != nil || !scan.ValidString(text[p:end]) || bytes.IndexByte(text[p:end], '\\') >= 0 {
		return "", 0, scan.ErrJSON
	}
	name := string(text[p+1 : end-1])
	if p = scan.Space(text, end); p >= len(text) || text[p] != ':' {
		return "", 0, scan.ErrJSON
	}
	return name, scan.Space(text, p+1), nil
}

// rowSlot is the slot of the scanned row.
func (t *table) rowSlot(text []byte, shape int) (slot int32) {
	if slot = t.guess; slot >= 0 {
		t.seen[slot] = t.scan
	} else {
		key, spelled := t.rowKey(text, shape)
		slot = t.slotOf(key)
		t.spelled[slot] = spelled
	}
	if t.again == nil { // which of the rows with one key comes next is told by the others before it
		t.behind[t.before+1] = slot
	}
	t.before = slot
	return slot
}

// rowKey is what identifies the scanned row: the values of its key columns,
// however they are spelled. spelled is the hash of the literals, 0 where they
// are the key.
func (t *table) rowKey(text []byte, shape int) (key []byte, spelled uint64) {
	keys := t.shapes[shape].keys
	if len(keys) == 1 && len(t.key) == 1 {
		s := t.spans[keys[0]]
		lit := text[s.Start:s.End]
		if bytes.IndexByte(lit, '\\') < 0 {
			return lit, 0
		}
		t.keyBuf = scan.AppendPlain(t.keyBuf[:0], lit)
		return t.keyBuf, xxhash.Sum64(lit)
	}
	t.keyBuf = t.keyBuf[:0]
	escaped := false
	for _, i := range keys {
		s := t.spans[i]
		t.keyBuf = append(append(t.keyBuf, text[s.Start:s.End]...), 0)
		escaped = escaped || bytes.IndexByte(text[s.Start:s.End], '\\') >= 0
	}
	if !escaped {
		return t.keyBuf, 0
	}
	spelled = xxhash.Sum64(t.keyBuf)
	t.keyBuf = t.keyBuf[:0]
	for _, i := range keys {
		s := t.spans[i]
		t.keyBuf = append(scan.AppendPlain(t.keyBuf, text[s.Start:s.End]), 0)
	}
	return t.keyBuf, spelled
}

// slotOf is the slot of the row with that key, new or old. A key that comes a
// second time in one answer is another row.
func (t *table) slotOf(key []byte) int32 {
	slot, place, ok := t.lookup(key)
	if !ok {
		return t.give(key, place)
	}
	if t.seen[slot] != t.scan {
		t.seen[slot] = t.scan
		return slot
	}
	if t.again == nil {
		t.again = map[string]uint64{}
	}
	t.again[string(key)]++
	n := t.again[string(key)]
	return t.slotOf(binary.AppendUvarint(append(key[:len(key):len(key)], 0), n))
}

// keyHash is the hash of the key in a slot, as it was spelled last.
func (t *table) keyHash(slot int32) uint64 {
	if h := t.spelled[slot]; h != 0 {
		return h
	}
	return xxhash.Sum64String(t.keys[slot])
}

// grave marks a place of the index whose row is gone.
const grave = ^uint32(0)

func (t *table) lookup(key []byte) (slot int32, place uint64, ok bool) {
	if len(t.index) == 0 {
		return 0, 0, false
	}
	mask := uint64(len(t.index) - 1)
	for place = xxhash.Sum64(key) & mask; t.index[place] != 0; place = (place + 1) & mask {
		if s := t.index[place]; s != grave && t.keys[s-1] == string(key) {
			return int32(s - 1), place, true
		}
	}
	return 0, place, false
}

// give takes the lowest free slot for a new row.
func (t *table) give(key []byte, place uint64) int32 {
	slot := t.freeSlot()
	if int(slot) == len(t.keys) {
		t.keys, t.seen, t.spelled, t.behind = append(t.keys, ""), append(t.seen, 0), append(t.spelled, 0), append(t.behind, 0)
	}
	t.keys[slot], t.seen[slot] = string(key), t.scan
	t.alive[slot>>6] |= 1 << (slot & 63)
	t.rows++
	t.fresh = append(t.fresh, slot)
	if (t.rows+t.graves)*4 > len(t.index)*3 {
		t.reindex()
	} else {
		t.index[place] = uint32(slot + 1)
	}
	return slot
}

func (t *table) freeSlot() int32 {
	for ; t.full < len(t.alive); t.full++ {
		if w := t.alive[t.full]; w != ^uint64(0) {
			return int32(t.full*64 + bits.TrailingZeros64(^w))
		}
	}
	t.alive = append(t.alive, 0)
	return int32((len(t.alive) - 1) * 64)
}

func (t *table) reindex() {
	n := 16
	for n*3 < t.rows*2*4 {
		n *= 2
	}
	t.index, t.graves = make([]uint32, n), 0
	for slot, key := range t.keys {
		if t.alive[slot>>6]>>(slot&63)&1 == 1 {
			_, place, _ := t.lookup([]byte(key))
			t.index[place] = uint32(slot + 1)
		}
	}
}

// free takes the row out of its slot.
func (t *table) free(slot int32) {
	if _, place, ok := t.lookup([]byte(t.keys[slot])); ok {
		t.index[place] = grave
		t.graves++
	}
	t.keys[slot] = ""
	t.alive[slot>>6] &^= 1 << (slot & 63)
	t.full = min(t.full, int(slot>>6))
	t.rows--
}

// end stages the rows that are gone.
func (t *table) end() {
	if t.form != FormTable {
		return
	}
	for i, w := range t.alive {
		for ; w != 0; w &= w - 1 {
			slot := int32(i*64 + bits.TrailingZeros64(w))
			if t.seen[slot] != t.scan {
				t.free(slot)
				p := t.parts[slot/PartRows]
				p.gone = append(p.gone, slot%PartRows)
			}
		}
	}
}

// undo takes back a scan that failed.
func (t *table) undo() {
	for _, slot := range t.fresh {
		t.free(slot)
	}
	for _, p := range t.parts {
		p.stage.empty()
	}
}

// stageRow compares the scanned row with what its part remembers.
func (t *table) stageRow(text []byte, shape int, slot int32) error {
	for int(slot/PartRows) >= len(t.parts) {
		p := newPart(len(t.parts))
		p.borrow(t.desk)
		t.parts = append(t.parts, p)
	}
	p := t.parts[slot/PartRows]
	p.startRow(slot%PartRows, shape)
	for i, col := range t.shapes[shape].cols {
		s := &t.spans[i]
		if s.Is == scan.Same {
			continue
		}
		if s.Is == scan.Whole {
			p.stageInt(col, s.Num, t.cols[col].kind)
			continue
		}
		lit := text[s.Start:s.End]
		if c := lit[0]; c == '{' || c == '[' {
			t.litBuf = scan.Compact(t.litBuf[:0], lit)
			lit = t.litBuf
		}
		if !p.stageLit(col, lit) {
			return scan.ErrJSON
		}
	}
	return nil
}
