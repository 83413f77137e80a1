package codec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"math/bits"
	"runtime"
	"slices"
	"strconv"
	"sync"
	"sync/atomic"

	"ergorecorder/archive/internal/codec/parse"
)

// A Table walks the records of a stream and keeps its rows as of each. Load
// gives it a run of part 0, Next goes through that run's records; the runs of
// other parts it fetches by itself.
type Table struct {
	Head    *Head    // the record that Next came to
	Columns []Column // by slot
	Live    []int32  // slots of the answer's rows, ascending; of an object stream all subjects so far
	Changed []int32  // slots that are new, or in which a column changed
	Gone    []int32  // slots whose row is not there any more
	Reset   bool     // slots mean something else than before

	form    Form
	all     bool // every column that there is
	literal bool // strings stay JSON, as they came
	fetch   func(part int, seq uint64) (*Run, error)
	only    func(part int) bool // see Only

	places  map[string]int
	heads   []Head
	next    int
	texts   []byte
	textOK  bool
	run     *Run
	last    uint64 // Seq of the record before
	epoch   uint64
	parts   []*partCursor
	pending bool     // Reset is to be said with the next rows
	changed []uint64 // bitmap
	isLive  []uint64 // bitmap of the rows of Live
	wasLive []uint64 // the same before, for its memory
	moved   bool     // rows came or went since Live was made, and it is not known which
	steady  bool     // what came and went in the record under way is known
	had     int      // how many parts the record before had
	came    int      // rows that came with the record under way, as far as counted
	store   []int32  // memory of Live
	quiet   bool     // only the parts follow, the columns do not
	mem     *Memory  // for the runs of part 0
	told    bool     // only what records tell counts: see Told
}

// A PartError: the rows of a record are incomplete, as a run of another part
// could not be read.
type PartError struct {
	Part int
	Seq  uint64
	Err  error
}

func (e *PartError) Error() string { return fmt.Sprintf("part %d of the table: %v", e.Part, e.Err) }
func (e *PartError) Unwrap() error { return e.Err }

// NewTable makes a table for the named columns, or for all. fetch finds the
// run of a part that holds a record.
func NewTable(form Form, columns []string, fetch func(part int, seq uint64) (*Run, error)) *Table {
	t := &Table{form: form, all: columns == nil, fetch: fetch, places: map[string]int{}, mem: &Memory{}}
	for _, c := range columns {
		t.addColumn(c)
	}
	return t
}

// NewText makes a table that gives whole records back ([Table.Text]).
func NewText(form Form, fetch func(part int, seq uint64) (*Run, error)) *Table {
	t := NewTable(form, nil, fetch)
	t.literal = true
	return t
}

// Within gives the table memory for the runs of part 0, one after the other: it is in use until Leave.
func (t *Table) Within(m *Memory) { t.mem, t.heads = m, m.heads }

// Leave ends the walk, so that another table can have the memory. What was told last is not valid any more.
func (t *Table) Leave() {
	t.mem.heads = t.heads
	if t.told { // samples may be looked at when their walk has ended
		t.mem.last = t.part(0)
	}
}

// Only leaves out the rows of parts that are not wanted: they are not read.
func (t *Table) Only(wanted func(part int) bool) { t.only = wanted }

func (t *Table) wants(part int) bool { return t.only == nil || t.only(part) }

func (t *Table) addColumn(name string) int {
	t.places[name] = len(t.Columns)
	t.Columns = append(t.Columns, Column{Name: name})
	return len(t.Columns) - 1
}

// place is where the named column stands, -1 where it was not asked for.
func (t *Table) place(name string) int {
	if i, ok := t.places[name]; ok {
		return i
	}
	if !t.all {
		return -1
	}
	return t.addColumn(name)
}

// Load goes on with another run of part 0.
func (t *Table) Load(r *Run) error {
	t.part(0).retire()
	if t.form != FormText {
		t.mem.Empty()
		r.mem = &t.mem.Memory
	}
	if !r.timed {
		r.times = t.mem.times
	}
	heads, err := r.headsIn(t.heads, t.told)
	if err != nil {
		return err
	}
	t.mem.times = r.times
	t.texts, t.textOK, t.moved = nil, false, true
	follows := t.run != nil && r.Epoch == t.epoch && r.Prev == t.last
	t.run, t.heads, t.next, t.epoch = r, heads, 0, r.Epoch
	if t.told {
		t.Restart() // a keyframe tells everything
	}
	if !follows {
		t.parts = nil
		t.Restart()
		for i := range t.Columns {
			clear(t.Columns[i].Kinds)
		}
	}
	if t.form == FormText || !t.wants(0) {
		return nil
	}
	return t.open(0, r)
}

// open gives a part its next run.
func (t *Table) open(part int, r *Run) error {
	p, err := r.cursor(t)
	if err != nil {
		return err
	}
	for len(t.parts) <= part {
		t.parts = append(t.parts, nil)
	}
	t.parts[part] = p
	return nil
}

// Restart makes the next rows a fresh start for whoever looks on: Reset is
// set, and every live slot has changed.
func (t *Table) Restart() { t.pending = true }

// Skip passes over the next record as cheaply as it can: the columns are
// brought up to date only by the Next after it.
func (t *Table) Skip() (bool, error) {
	t.quiet = t.form == FormTable
	defer func() { t.quiet = false }()
	return t.Next()
}

// Heads are the heads of the run that was loaded.
func (t *Table) Heads() []Head { return t.heads }

// Next goes to the next record of the run and reports whether there was one.
// After a [*PartError] the walk can go on.
func (t *Table) Next() (bool, error) {
	if t.next >= len(t.heads) {
		return false, nil
	}
	t.Head = &t.heads[t.next]
	t.next++
	t.last = t.Head.Seq
	t.Changed, t.Gone, t.Reset = t.Changed[:0], t.Gone[:0], false
	if !t.Head.Rows() {
		return true, nil
	}
	return true, t.rows()
}

func (t *Table) rows() error {
	if t.form == FormText {
		return parse.ErrContent
	}
	if t.told {
		return t.tell()
	}
	var broken error
	clear(t.changed)
	t.came = 0
	if t.pending && !t.quiet {
		t.pending, t.Reset = false, true
		clear(t.isLive)
		t.Live = nil
		if t.form == FormObject {
			t.Live = t.store[:0]
		}
	}
	t.moved = t.moved || t.had != t.Head.parts
	t.steady, t.had = t.form == FormTable && !t.moved && !t.Reset, t.Head.parts
	passing := t.quiet // what the further parts say of it is looked at when something of them is asked
	if t.literal {
		t.quiet = true // texts are made of what the parts hold
	}
	if t.only == nil && t.Head.parts > 1 && !t.quiet {
		for i := range t.Columns {
			t.Columns[i].reserve(t.Head.parts * PartRows)
		}
	}
	if !passing {
		t.catchUp()
	}
	for i := range t.Head.parts {
		if !t.wants(i) || passing && i > 0 {
			continue
		}
		if err := t.sync(i); err != nil {
			var pe *PartError
			if errors.As(err, &pe) {
				broken = err
				continue
			}
			return err
		}
	}
	if t.quiet {
		t.moved = true // the next record may have no part that says so
		t.quiet = false
		return broken
	}
	if t.form == FormTable {
		if t.moved || t.Reset || broken != nil {
			t.settle()
			t.moved = broken != nil
		}
		t.list()
	}
	if t.form == FormObject && t.Reset {
		for _, p := range t.parts {
			t.show(p.base, p.live)
		}
	}
	for i := range t.Columns {
		t.Columns[i].grow(len(t.isLive) * 64)
	}
	for i, w := range t.changed {
		for ; w != 0; w &= w - 1 {
			t.Changed = append(t.Changed, int32(i*64+bits.TrailingZeros64(w)))
		}
	}
	return broken
}

// sync brings a part to the record under way.
func (t *Table) sync(part int) error {
	seq := t.Head.Seq
	for len(t.parts) <= part {
		t.parts = append(t.parts, nil)
	}
	p := t.parts[part]
	if part == 0 {
		// Records of part 0 without rows are not in its lists.
		p.next = t.next - 1
	} else if p == nil || p.run.Last < seq {
		r, err := t.fetch(part, seq)
		if err == nil {
			err = t.open(part, r)
			t.moved, t.steady = true, false
			t.Reset = t.Reset || t.told // who went with the keyframe is not told
		}
		if err != nil {
			t.parts[part] = nil
			return &PartError{Part: part, Seq: seq, Err: err}
		}
		p = t.parts[part]
	}
	for {
		if p.next >= len(p.seqs) || p.seqs[p.next] > seq {
			return &PartError{Part: part, Seq: seq, Err: fmt.Errorf("a sample is missing: %w", parse.ErrContent)}
		}
		at := p.seqs[p.next]
		if err := p.step(); err != nil {
			return err
		}
		switch {
		case t.told: // it stands in the part
		case t.quiet || at < seq && t.form == FormTable:
			p.stale = true
		default:
			t.publish(p)
		}
		if at == seq {
			return nil
		}
	}
}

// catchUp brings the parts behind the first to the sample before the one under way, two
// at a time. What fails is left to sync, which says so.
func (t *Table) catchUp() {
	for len(t.parts) < t.Head.parts {
		t.parts = append(t.parts, nil)
	}
	var late []int
	for i := 1; i < t.Head.parts; i++ {
		if p := t.parts[i]; t.wants(i) && (p == nil && !t.all || p != nil && p.late(t.Head.Seq)) {
			late = append(late, i)
		}
	}
	if len(late) >= 2 {
		t.moved, t.steady = true, false
		t.bringAll(late)
	}
}

// bringAll brings parts there, two at a time.
func (t *Table) bringAll(late []int) {
	var next atomic.Int64
	var work sync.WaitGroup
	for range min(2, runtime.GOMAXPROCS(0)) {
		work.Go(func() {
			for i := int(next.Add(1)); i <= len(late); i = int(next.Add(1)) {
				t.bring(late[i-1], t.Head.Seq)
			}
		})
	}
	work.Wait()
}

// late reports whether there is a sample to pass over before the one with a number.
func (p *partCursor) late(seq uint64) bool {
	return p.run.Last >= seq && p.next < len(p.seqs) && p.seqs[p.next] < seq
}

// bring brings one part there. It changes nothing else, for which the columns must be
// known where the part is not open.
func (t *Table) bring(part int, seq uint64) {
	if t.parts[part] == nil {
		r, err := t.fetch(part, seq)
		if err != nil {
			return
		}
		if t.parts[part], err = r.cursor(t); err != nil {
			t.parts[part] = nil
			return
		}
	}
	for p := t.parts[part]; p.late(seq); {
		if p.stale = true; p.step() != nil {
			t.parts[part] = nil
			return
		}
	}
}

// part is a part that is open, nil where it is not.
func (t *Table) part(i int) *partCursor {
	if i >= len(t.parts) {
		return nil
	}
	return t.parts[i]
}

// list lists the live rows of all parts.
func (t *Table) list() {
	if p := t.part(0); t.Head.parts == 1 && p != nil {
		t.Live = p.live
		return
	}
	if t.steady && t.Live != nil && t.came == 0 && len(t.Gone) == 0 {
		return
	}
	t.store = t.store[:0]
	for i := range t.Head.parts {
		if p := t.part(i); p != nil {
			for _, s := range p.live {
				t.store = append(t.store, s+p.base)
			}
		}
	}
	t.Live = t.store
}

// shift notes the rows of a part that came and went with the record under way.
func (t *Table) shift(p *partCursor) {
	for _, row := range p.gone {
		slot := p.base + row
		if _, again := slices.BinarySearch(p.news, row); !again {
			t.Gone = append(t.Gone, slot)
			t.isLive[slot>>6] &^= 1 << (slot & 63)
			t.changed[slot>>6] &^= 1 << (slot & 63)
			t.forget(slot)
		}
	}
	for _, row := range p.news {
		slot := p.base + row
		if t.isLive[slot>>6]>>(slot&63)&1 == 0 {
			t.isLive[slot>>6] |= 1 << (slot & 63)
			t.changed[slot>>6] |= 1 << (slot & 63)
			t.came++
		}
	}
}

// forget empties the cells of a row that is gone.
func (t *Table) forget(slot int32) {
	for c := range t.Columns {
		if int(slot) < len(t.Columns[c].Kinds) {
			t.Columns[c].set(slot, Absent, 0, "")
		}
	}
}

// settle finds out which rows are live, and which are gone.
func (t *Table) settle() {
	t.came++
	now := append(t.wasLive[:0], make([]uint64, len(t.isLive))...)
	for i := range t.Head.parts {
		if p := t.part(i); p != nil {
			for _, s := range p.live {
				slot := s + p.base
				now[slot>>6] |= 1 << (slot & 63)
			}
		}
	}
	for i, w := range t.isLive {
		for g := w &^ now[i]; g != 0; g &= g - 1 {
			slot := int32(i*64 + bits.TrailingZeros64(g))
			t.Gone = append(t.Gone, slot)
			t.forget(slot)
		}
		for n := now[i] &^ w; n != 0; n &= n - 1 {
			t.changed[i] |= n & -n
		}
		t.changed[i] &= now[i]
	}
	t.isLive, t.wasLive = now, t.isLive
}

// publish brings a part's changes into the columns.
func (t *Table) publish(p *partCursor) {
	if p.stale {
		t.publishAll(p)
		return
	}
	for _, slot := range p.news {
		t.grow(p.base + slot)
	}
	for _, c := range p.cols {
		if c != nil {
			t.emit(p, c, p.shape.dirty) // new rows, and those that have other fields now
		}
	}
	for _, c := range p.cols {
		switch {
		case c == nil:
		case c.unit > 0 && p.object:
			t.emit(p, c, p.active)
		case c.unit > 0:
			t.emit(p, c, p.live)
		default:
			t.emit(p, c, c.dirty)
		}
	}
	if p.object {
		t.show(p.base, p.news)
	}
	switch {
	case len(p.gone)+len(p.news) == 0:
	case t.steady:
		t.shift(p)
	default:
		t.moved = true
	}
}

// publishAll brings all of a part into the columns.
func (t *Table) publishAll(p *partCursor) {
	p.stale, t.moved, t.steady = false, true, false
	last := int32(0)
	if n := len(p.live); n > 0 {
		last = p.base + p.live[n-1]
		t.grow(last)
	}
	for _, c := range p.cols {
		if c != nil {
			t.Columns[c.out].grow(int(last) + 1)
			t.emit(p, c, p.live)
		}
	}
}

// show adds rows of an object stream to the live ones.
func (t *Table) show(base int32, rows []int32) {
	for _, row := range rows {
		s := base + row
		if t.isLive[s>>6]>>(s&63)&1 == 0 {
			t.isLive[s>>6] |= 1 << (s & 63)
			t.changed[s>>6] |= 1 << (s & 63)
			i, _ := slices.BinarySearch(t.Live, s)
			t.Live = slices.Insert(t.Live, i, s)
		}
	}
}

func (t *Table) grow(slot int32) {
	for int(slot>>6) >= len(t.changed) {
		t.changed, t.isLive = append(t.changed, 0), append(t.isLive, 0)
	}
}

// reserve gets the memory for n slots at once.
func (c *Column) reserve(n int) {
	c.Kinds, c.Ints = slices.Grow(c.Kinds, max(0, n-len(c.Kinds))), slices.Grow(c.Ints, max(0, n-len(c.Ints)))
	if c.Texts != nil {
		c.Texts = slices.Grow(c.Texts, max(0, n-len(c.Texts)))
	}
}

// grow makes room for n slots.
func (c *Column) grow(n int) {
	if n -= len(c.Kinds); n > 0 {
		c.Kinds = append(c.Kinds, make([]ValueKind, n)...)
		c.Ints = append(c.Ints, make([]int64, n)...)
		if c.Texts != nil {
			c.Texts = append(c.Texts, make([]string, n)...)
		}
	}
}

// set sets a cell. A column has room for texts from its first one on.
func (c *Column) set(slot int32, kind ValueKind, num int64, text string) {
	if kind > Int && c.Texts == nil {
		c.Texts = make([]string, len(c.Kinds), cap(c.Kinds))
	}
	if c.Texts != nil && (kind > Int || c.Kinds[slot] > Int) {
		c.Texts[slot] = text
	}
	c.Kinds[slot], c.Ints[slot] = kind, num
}

// emit brings cells of a column into the table's, and marks what differs.
func (t *Table) emit(p *partCursor, c *colCursor, rows []int32) {
	if len(rows) == 0 {
		return
	}
	out := &t.Columns[c.out]
	c.grow(int32(len(p.shape.vals)) - 1)
	out.grow(int(p.base) + len(c.vals))
	if c.every && len(c.words) == 0 {
		from := int(p.base)
		c.show(out.Kinds[from:], out.Ints[from:], out.Texts[min(from, len(out.Texts)):], t.changed[from>>6:], rows)
		return
	}
	for _, s := range rows {
		slot := p.base + s
		kind, num, text := c.value(p, s)
		if out.Kinds[slot] != kind || out.Ints[slot] != num || kind > Int && out.Texts[slot] != text {
			out.set(slot, kind, num, text)
			t.changed[slot>>6] |= 1 << (slot & 63)
		}
	}
}

// show brings cells of a column that holds nothing but numbers into the table's.
func (c *colCursor) show(kinds []ValueKind, ints []int64, texts []string, changed []uint64, rows []int32) {
	vals, from, scale := c.vals, c.refV, c.scale
	if c.unit == 0 {
		from, scale = 0, -1
	}
	for _, s := range rows {
		v := (from - vals[s]) * scale
		if ints[s] == v && kinds[s] == Int {
			continue
		}
		if kinds[s] > Int {
			texts[s] = ""
		}
		kinds[s], ints[s] = Int, v
		changed[s>>6] |= 1 << (s & 63)
	}
}

// value is the cell of a row, which the cursor must have room for.
func (c *colCursor) value(p *partCursor, row int32) (kind ValueKind, num int64, text string) {
	switch {
	case !c.has[p.shape.vals[row]]:
		return Absent, 0, ""
	case c.lits[row]:
		return c.kinds[c.vals[row]], 0, c.words[c.vals[row]]
	case c.unit > 0:
		return Int, (c.refV - c.vals[row]) * c.scale, ""
	}
	return Int, c.vals[row], ""
}

// RowOf is the text of the row in whose column a literal stands, nil where no
// row is like that. Only for tables made by NewText; [Table.Skip] is enough before it.
func (t *Table) RowOf(column, literal string) []byte {
	place, ok := t.places[column]
	if !ok {
		return nil
	}
	for _, p := range t.parts {
		if p == nil {
			continue
		}
		key := p.at(place)
		for _, row := range p.live {
			if key == nil {
				break
			}
			if key.grow(row); !key.has[p.shape.vals[row]] || !key.lits[row] || key.words[key.vals[row]] != literal {
				continue
			}
			return t.appendRow(nil, p, row, t.Head.pretty, "  ")
		}
	}
	return nil
}

// at is the cursor of the column at a place of the table, nil where the run has none.
func (p *partCursor) at(place int) *colCursor {
	for _, c := range p.cols {
		if c != nil && c.out == place {
			return c
		}
	}
	return nil
}

// Text is the text of the record under way; nil if it had none. Only for
// tables made by NewText.
func (t *Table) Text() ([]byte, error) {
	switch t.Head.payload {
	case payloadNull:
		return []byte("null"), nil
	case payloadText:
		if !t.textOK {
			b, _, err := t.run.stream(tag(fieldText, subClass))
			if err != nil {
				return nil, err
			}
			t.texts, t.textOK = b, true
		}
		if t.Head.text[1] > len(t.texts) {
			return nil, parse.ErrContent
		}
		return append([]byte{}, t.texts[t.Head.text[0]:t.Head.text[1]]...), nil
	case payloadRows:
		if t.form == FormTable {
			return t.tableText(), nil
		}
		return t.objectText()
	}
	return nil, nil
}

func (t *Table) objectText() ([]byte, error) {
	for i := range t.Head.parts {
		p := t.parts[i]
		for _, rows := range [...][]int32{p.news, p.active} {
			if len(rows) > 0 {
				return t.appendRow(nil, p, rows[0], t.Head.pretty, ""), nil
			}
		}
	}
	return nil, parse.ErrContent
}

func (t *Table) tableText() []byte {
	rows := 0
	for i := range t.Head.parts {
		rows += len(t.parts[i].live)
	}
	b := append(make([]byte, 0, 64+rows*420), '[')
	for i := range t.Head.parts {
		for _, row := range t.parts[i].live {
			if len(b) > 1 {
				b = append(b, ',')
			}
			if t.Head.pretty {
				b = append(b, "\n  "...)
			}
			b = t.appendRow(b, t.parts[i], row, t.Head.pretty, "  ")
		}
	}
	if t.Head.pretty && rows > 0 {
		b = append(b, '\n')
	}
	return append(b, ']')
}

func (t *Table) appendRow(b []byte, p *partCursor, row int32, pretty bool, prefix string) []byte {
	b = append(b, '{')
	cols := p.shapes[p.shape.vals[row]]
	for i, col := range cols {
		if i > 0 {
			b = append(b, ',')
		}
		if pretty {
			b = append(append(append(b, '\n'), prefix...), "  "...)
		}
		b = append(append(append(b, '"'), t.Columns[col].Name...), '"', ':')
		if pretty {
			b = append(b, ' ')
		}
		c := p.cols[p.own[col]]
		c.grow(row)
		if kind, num, text := c.value(p, row); kind == Int {
			b = strconv.AppendInt(b, num, 10)
		} else {
			b = appendLiteral(b, text, pretty, prefix)
		}
	}
	if pretty && len(cols) > 0 {
		b = append(append(b, '\n'), prefix...)
	}
	return append(b, '}')
}

func appendLiteral(b []byte, lit string, pretty bool, prefix string) []byte {
	if pretty && len(lit) > 2 && (lit[0] == '{' || lit[0] == '[') {
		var buf bytes.Buffer
		if json.Indent(&buf, []byte(lit), prefix+"  ", "  ") == nil {
			return append(b, buf.Bytes()...)
		}
	}
	return append(b, lit...)
}
