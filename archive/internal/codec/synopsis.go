package codec

import (
	"encoding/binary"
	"math/bits"
	"slices"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/codec/frame"
	"ergorecorder/archive/internal/codec/number"
	"ergorecorder/archive/internal/codec/parse"
)

// A Synopsis says of a large block what its columns hold, so that a reader can
// tell without decoding it whether the block matters.
type Synopsis struct {
	Columns []ColumnStats
	rows    []byte // row index: a Bloom filter over the keys of the rows
}

// ColumnStats sum up the cells that a run tells of one column.
type ColumnStats struct {
	Name     string
	Kind     ColumnKind
	Key      bool
	Changes  int // cells of rows that were there before
	Literals int
	Numbers  int
	Min, Max int64 // of the numbers; of ages nothing is said
}

// Bounded reports whether Min and Max bound every number of the column.
func (c *ColumnStats) Bounded() bool { return c.Numbers > 0 && c.Kind.unit(false) == 0 }

// Column is what is said of a column; nil where the block has no cell of it.
func (s *Synopsis) Column(name string) *ColumnStats {
	for i := range s.Columns {
		if s.Columns[i].Name == name {
			return &s.Columns[i]
		}
	}
	return nil
}

// MayHold reports whether the run may tell of a row with that key. Where there
// is no row index it may.
func (s *Synopsis) MayHold(key []byte) bool {
	return len(s.rows) == 0 || s.mayHold(xxhash.Sum64(key))
}

func (s *Synopsis) mayHold(hash uint64) bool {
	held := true
	eachBit(hash, len(s.rows), func(i uint64) { held = held && s.rows[i>>3]>>(i&7)&1 == 1 })
	return held
}

// indexBits is how many bits of a row index a key sets.
const indexBits = 5

func eachBit(h uint64, size int, f func(uint64)) {
	for i := range uint64(indexBits) {
		f((h + i*(h>>32|1)) % (8 * uint64(size)))
	}
}

// Stats are gathered while a run is encoded, by column number.
type Stats struct {
	cols []ColumnStats // names are not set
	keys []uint64      // hashes of the keys of all rows that were told
	wide bool          // the table has more than one part
}

// column is the place for a column.
func (s *Stats) column(col int) *ColumnStats {
	for len(s.cols) <= col {
		s.cols = append(s.cols, ColumnStats{})
	}
	return &s.cols[col]
}

func (s *ColumnStats) add(cells []cell) {
	for _, c := range cells {
		if c.lit {
			s.Literals++
			continue
		}
		if s.Numbers == 0 {
			s.Min, s.Max = c.val, c.val
		}
		s.Min, s.Max = min(s.Min, c.val), max(s.Max, c.val)
		s.Numbers++
	}
}

// rowIndex is the filter over the keys, a byte for each or more.
func (s *Stats) rowIndex() []byte {
	if !s.wide || len(s.keys) == 0 {
		return nil
	}
	b := make([]byte, 1<<bits.Len(uint(len(s.keys)-1)))
	for _, h := range s.keys {
		eachBit(h, len(b), func(i uint64) { b[i>>3] |= 1 << (i & 7) })
	}
	return b
}

// synopsis is the run's synopsis: of stats where they were gathered, else by
// decoding all its cells.
func (r *Run) synopsis(stats *Stats) (*Synopsis, error) {
	names, err := r.names()
	if err != nil {
		return nil, err
	}
	if stats == nil {
		if stats, err = r.stats(); err != nil {
			return nil, err
		}
	}
	s := &Synopsis{rows: stats.rowIndex()}
	for i, n := range names {
		if i < len(stats.cols) && stats.cols[i].Literals+stats.cols[i].Numbers > 0 {
			c := stats.cols[i]
			c.Name, c.Kind, c.Key = n.name, n.kind, n.key
			s.Columns = append(s.Columns, c)
		}
	}
	return s, nil
}

// stats gathers the statistics of a run that another program encoded. They
// have no row index.
func (r *Run) stats() (*Stats, error) {
	p, err := r.cursor(NewText(FormTable, nil))
	if err != nil {
		return nil, err
	}
	samples := len(p.seqs)
	if r.Part == 0 { // which also has the records without rows
		heads, err := r.Heads()
		if err != nil {
			return nil, err
		}
		samples = 0
		for i := range heads {
			if heads[i].Rows() && heads[i].parts > 0 {
				samples++
			}
		}
	}
	s := &Stats{}
	for range samples {
		if err := p.step(); err != nil {
			return nil, err
		}
		s.saw(p)
	}
	return s, nil
}

// saw adds the sample that the cursor came to.
func (s *Stats) saw(p *partCursor) {
	var one [1]cell
	for i, c := range p.cols {
		if c == nil || len(c.dirty) == 0 {
			continue
		}
		st := s.column(i)
		for _, slot := range c.dirty {
			one[0] = cell{val: c.vals[slot], lit: c.lits[slot]}
			st.add(one[:])
		}
		st.Changes += len(c.dirty) - c.told
	}
}

// append lays the synopsis out as a block holds it, compressed.
func (s *Synopsis) append(dst []byte, z *frame.Zip) []byte {
	b := binary.AppendUvarint(nil, uint64(len(s.Columns)))
	for i := range s.Columns {
		c := &s.Columns[i]
		k := byte(c.Kind)
		if c.Key {
			k |= keyColumn
		}
		b = append(parse.AppendBytes(b, []byte(c.Name)), k)
		for _, n := range [...]int{c.Changes, c.Literals, c.Numbers} {
			b = binary.AppendUvarint(b, uint64(n))
		}
		if c.Bounded() {
			b = binary.AppendUvarint(b, number.Fold(c.Min))
			b = binary.AppendUvarint(b, uint64(c.Max-c.Min))
		}
	}
	b = parse.AppendBytes(b, s.rows)
	return append(dst, z.Squeeze(b)...)
}

// ParseSynopsis reads what a block or an index holds of a synopsis.
func ParseSynopsis(b []byte, z *frame.Zip) (*Synopsis, error) {
	b, err := z.Expand(b)
	if err != nil {
		return nil, err
	}
	r := parse.Reader{B: b}
	n := r.Int()
	if n > len(r.B) {
		return nil, parse.ErrContent
	}
	s := &Synopsis{Columns: make([]ColumnStats, 0, n)}
	for range n {
		c := ColumnStats{Name: string(r.Bytes(r.Int()))}
		if k := r.Bytes(1); len(k) == 1 {
			c.Kind, c.Key = ColumnKind(k[0]&^keyColumn), k[0]&keyColumn != 0
		}
		c.Changes, c.Literals, c.Numbers = r.Int(), r.Int(), r.Int()
		if c.Bounded() {
			c.Min = number.Unfold(r.Uvarint())
			c.Max = c.Min + int64(r.Uvarint())
		}
		s.Columns = append(s.Columns, c)
	}
	s.rows = slices.Clone(r.Bytes(r.Int()))
	if r.Short || len(r.B) > 0 {
		return nil, parse.ErrContent
	}
	return s, nil
}
