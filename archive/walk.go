package archive

import (
	"cmp"
	"container/heap"
	"errors"
	"slices"

	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
)

// merge walks records of several streams in order of time.
type merge struct {
	walks   []*walk
	reverse bool
}

func newMerge(r *Reader, keys []StreamKey, q *Query) *merge {
	m := &merge{reverse: q.Reverse}
	for _, k := range keys {
		x := &walk{r: r, key: k, query: q, window: q.window(), reverse: q.Reverse}
		if x.begin(); x.advance() {
			m.walks = append(m.walks, x)
		}
	}
	heap.Init(m)
	return m
}

func (m *merge) next() (*Record, error, bool) {
	if len(m.walks) == 0 {
		return nil, nil, false
	}
	w := m.walks[0]
	rec, err := w.take()
	if w.advance() {
		heap.Fix(m, 0)
	} else {
		heap.Pop(m)
	}
	return rec, err, true
}

func (m *merge) Len() int           { return len(m.walks) }
func (m *merge) Swap(i, j int)      { m.walks[i], m.walks[j] = m.walks[j], m.walks[i] }
func (m *merge) Push(x any)         { m.walks = append(m.walks, x.(*walk)) }
func (m *merge) Less(i, j int) bool { return m.walks[i].head().before(m.walks[j].head(), m.reverse) }

func (m *merge) Pop() any {
	last := m.walks[len(m.walks)-1]
	m.walks = m.walks[:len(m.walks)-1]
	return last
}

// item is a record, or a run that could not be read, in its place in time.
type item struct {
	at  int64
	seq uint64
	run *catalog.Run
	i   int
	err error
}

func (a *item) before(b *item, reverse bool) bool {
	if reverse {
		a, b = b, a
	}
	return cmp.Or(cmp.Compare(a.at, b.at), cmp.Compare(a.seq, b.seq)) < 0
}

// walk walks the records of one stream in order of time. Records are stored
// in order of append; runs that overlap in time are taken together.
type walk struct {
	r       *Reader
	key     StreamKey
	query   *Query
	window  window
	reverse bool

	groups [][]catalog.Run
	items  []item
	ready  map[*catalog.Run]map[int]*Record // decoded ahead
	table  *codec.Table
	open   *catalog.Run // in table
	lost   *catalog.Run // just now: it cannot be opened
	next   int          // its record to come
	ahead  int          // how many were decoded at once last
}

// begin finds the runs and groups those that overlap.
func (w *walk) begin() {
	runs := w.r.cat.RunsLike(w.key, 0, func(x *catalog.Run) bool {
		return w.window.meets(x.From, x.To) && w.query.numbers(x.Run, x.Last) && (!w.query.Failed || x.Failures > 0)
	})
	slices.SortFunc(runs, func(a, b catalog.Run) int { return cmp.Or(cmp.Compare(a.From, b.From), cmp.Compare(a.Run, b.Run)) })
	var to int64
	for i, x := range runs {
		if i == 0 || x.From > to {
			w.groups = append(w.groups, nil)
		}
		last := len(w.groups) - 1
		w.groups[last] = append(w.groups[last], x)
		to = max(to, x.To)
	}
	if w.reverse {
		slices.Reverse(w.groups)
	}
}

func (w *walk) head() *item { return &w.items[0] }

// advance makes sure that there is an item, if there is any left.
func (w *walk) advance() bool {
	for len(w.items) == 0 && len(w.groups) > 0 {
		w.items, w.ready = nil, nil
		group := w.groups[0]
		w.groups = w.groups[1:]
		for i := range group {
			w.list(&group[i])
		}
		slices.SortFunc(w.items, func(a, b item) int {
			if a.before(&b, w.reverse) {
				return -1
			}
			return 1
		})
	}
	return len(w.items) > 0
}

// list adds the items of a run.
func (w *walk) list(x *catalog.Run) {
	heads, err := w.r.heads(w.key, *x)
	if err != nil {
		if !errors.Is(err, catalog.ErrDropped) {
			w.items = append(w.items, item{at: x.From, seq: x.Run, err: err})
		}
		return
	}
	for i, h := range heads {
		if w.window.meets(h.At, h.At) && w.query.numbers(h.Seq, h.Seq) && (h.Failed || !w.query.Failed) {
			w.items = append(w.items, item{at: h.At, seq: h.Seq, run: x, i: i})
		}
	}
}

// maxAhead is how many records are decoded at once, at most, where they are not
// wanted in the order in which they lie. Who asks for the newest often wants no
// more than that one, so it begins with one, and goes on with twice as many each time.
const maxAhead = 24

// take is the first item's record.
func (w *walk) take() (*Record, error) {
	it := w.items[0]
	w.items = w.items[1:]
	if it.err != nil {
		return nil, it.err
	}
	if rec := w.ready[it.run][it.i]; rec != nil {
		delete(w.ready[it.run], it.i)
		return rec, nil
	}
	defer w.passOver()
	if (w.open == it.run && w.next <= it.i || w.open != it.run && !w.reverse) && (len(w.items) == 0 || w.items[0].run != it.run || w.items[0].i > it.i) {
		return w.decode(&it)
	}
	batch := append([]item{it}, w.items[:min(w.ahead, len(w.items))]...)
	w.ahead = min(2*w.ahead+1, maxAhead)
	slices.SortFunc(batch, func(a, b item) int {
		if a.run != b.run {
			return cmp.Compare(a.seq, b.seq)
		}
		return cmp.Compare(a.i, b.i)
	})
	w.ready = map[*catalog.Run]map[int]*Record{}
	var failed error
	for i := range batch {
		b := &batch[i]
		if b.err != nil || b.run != it.run {
			continue
		}
		rec, err := w.decode(b)
		if err != nil {
			if b.i == it.i {
				failed = err
			}
			continue
		}
		if w.ready[b.run] == nil {
			w.ready[b.run] = map[int]*Record{}
		}
		w.ready[b.run][b.i] = rec
	}
	rec := w.ready[it.run][it.i]
	delete(w.ready[it.run], it.i)
	return rec, failed
}

// passOver leaves out the other records of a run that could not be opened, of which the first was told: heads are read
// without the columns that may be damaged.
func (w *walk) passOver() {
	if w.lost != nil {
		w.items = slices.DeleteFunc(w.items, func(it item) bool { return it.run == w.lost })
		w.lost = nil
	}
}

// decode decodes one record.
func (w *walk) decode(it *item) (*Record, error) {
	if w.open != it.run || w.next > it.i {
		if err := w.load(it.run); err != nil {
			w.lost = it.run
			return nil, err
		}
	}
	for {
		step := w.table.Next
		if w.next < it.i {
			step = w.table.Skip
		}
		ok, err := step()
		if err == nil && !ok {
			err = errors.New("its records end too early")
		}
		var part *codec.PartError
		if err != nil && !errors.As(err, &part) {
			w.open = nil
			return nil, w.r.cat.Corruption(w.key, it.run, err)
		}
		w.next++
		if w.next <= it.i {
			continue
		}
		if err != nil {
			return nil, w.r.cat.Corruption(w.key, it.run, err)
		}
		rec, err := recordOf(w.key, w.table)
		if err != nil {
			err = w.r.cat.Corruption(w.key, it.run, err)
		}
		return rec, err
	}
}

func (w *walk) load(x *catalog.Run) error {
	cr, err := w.r.cat.Open(w.r.zip, w.key, *x)
	if err != nil {
		return err
	}
	if w.table == nil || w.open != nil && w.open.Run >= x.Run {
		w.table = codec.NewText(w.r.form(w.key), w.r.fetcher(w.key, nil))
	}
	if err := w.table.Load(cr); err != nil {
		w.open = nil
		return w.r.cat.Corruption(w.key, x, err)
	}
	w.open, w.next = x, 0
	return nil
}
