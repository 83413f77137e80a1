package recorder

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/recorder/ingest"
)

// A forwarded answer of more than this many bytes, as JSON in JSON, never
// arrives: the call times out.
const wall = 65_535

// firstFit is how many rows are taken to fit behind the wall before any has
// been seen; later the size of those seen tells.
const firstFit = 80

// maxPieces bounds the calls of one listing.
const maxPieces = 2000

// orders are what makes a row interesting, in the words of the tool.
var orders = []string{"mailbox", "mailbox_latency", "running_time", "messages_in", "drain"}

// waiting are the rows of processes to which something is waiting. Where they fit, they
// are what the first two orders begin with; a node that filters does a fraction of the work
// of one that sorts its whole table.
var waiting = ergo.Args{"min_mailbox": 1}

// piecesRest is how much less often a listing that is put together from pieces is made:
// it costs the node and who forwards it several times what one answer does, and the rows that matter
// most come in between.
const piecesRest = 2

// listProcesses lists the processes of the node: in one call where the answer
// arrives, in pieces where it would not.
func (n *node) listProcesses(ctx context.Context, r *run, s *Sampler) {
	if n.inPieces() {
		n.listInPieces(ctx, r, s)
		return
	}
	answer := n.sample(ctx, r, s.Tool, s.Args)
	if answer.Text != nil {
		n.listed(answer.Text, bytes.Count(answer.Text, []byte(`"PID"`)))
	} else if r.timedOut {
		n.mu.Lock()
		n.rowSize = wall/max(n.total, 1) + 1 // it did not fit
		n.mu.Unlock()
	}
}

// inPieces reports whether the listing has to be put together.
func (n *node) inPieces() bool { return !n.direct() && !n.small() }

// small reports whether the whole listing fits behind the wall.
func (n *node) small() bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if n.rowSize == 0 {
		return n.total > 0 && n.total < firstFit*9/10
	}
	return n.total*n.rowSize*21/20 < wall
}

// fit is how many rows fit into a forwarded answer. n.mu is held.
func (n *node) fit() int {
	if n.rowSize == 0 {
		return firstFit
	}
	return max(1, wall*85/100/n.rowSize)
}

// listed notes a listing of so many rows.
func (n *node) listed(table []byte, rows int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.table = table
	n.stat.Seen = rows
	if rows > 0 {
		n.rowSize = escapedSize(table) / rows
	}
}

// escapedSize is the size of a text as a JSON string, nearly.
func escapedSize(text []byte) int {
	size := len(text)
	for _, c := range []byte{'"', '\n', '\\'} {
		size += bytes.Count(text, []byte{c})
	}
	return size
}

// A piece is a row of a listing, with what tells it from others.
type piece struct {
	PID, Application, Behavior, State                string
	Uptime, MessagesMailbox, MessagesIn, RunningTime int64
	raw                                              json.RawMessage
}

// A lister puts a listing together from answers that each fit behind the wall:
// first the most interesting rows by every order, then the rest by
// application, behavior, range of uptimes and state, cut finer until an answer
// is not full.
type lister struct {
	n     *node
	ctx   context.Context
	run   *run
	limit int
	rows  map[string]piece
	last  map[string]piece // of the listing before: where to cut
	older int64            // by how many seconds its processes have grown older since
	calls int
	at    time.Time
	took  time.Duration
	of    time.Time // of a replay: when what the last piece shows was observed
	mixed bool      // and whether the pieces show more than one moment, or none that was recorded
	err   error     // ends the listing
}

// listInPieces lists the processes of a node that is forwarded to, and stores
// what came as one answer that says how much it holds of how much there is.
func (n *node) listInPieces(ctx context.Context, r *run, s *Sampler) {
	n.mu.Lock()
	l := &lister{n: n, ctx: ctx, run: r, limit: n.fit(), rows: map[string]piece{}, last: n.pieces}
	if !n.piecesAt.IsZero() {
		l.older = int64(n.r.clock.Now().Sub(n.piecesAt) / time.Second)
	}
	total := n.total
	n.mu.Unlock()
	if total == 0 { // it was not asked yet
		total = n.processesNow(ctx, r)
	}
	_, more := l.fetch(waiting)
	if more || total == 0 || len(l.last) < total*9/10 { // not all rows will come: the most interesting first
		l.inOrders()
	}
	if total == 0 || len(l.rows) < total {
		l.byApplication()
	}
	if l.err != nil && len(l.rows) == 0 || ctx.Err() != nil {
		return
	}
	if now := n.processesNow(ctx, r); now > 0 {
		total = now
	}
	n.mu.Lock()
	n.pieces, n.piecesAt, n.total = l.rows, l.at, total
	n.mu.Unlock()
	n.storePieces(s, l, total)
	if !n.small() {
		r.rest = piecesRest * s.Every
	}
}

// processesNow asks for the number of processes, which changes with every
// listing.
func (n *node) processesNow(ctx context.Context, r *run) int {
	_, answer, err := n.ask(ctx, r, "node_info", nil)
	if err != nil {
		return 0
	}
	var info struct{ ProcessesTotal int }
	_ = json.Unmarshal(answer.Text, &info) // what cannot be read says nothing
	return info.ProcessesTotal
}

func (n *node) storePieces(s *Sampler, l *lister, total int) {
	text := l.text()
	rec := ingest.Record(ergo.Call{Node: n.name, Tool: s.Tool, Args: s.Args}, nil,
		ergo.Answer{Text: text, At: l.at, Took: l.took}, nil, n.r.opts.kept())
	rec.Seen, rec.Total = len(l.rows), max(total, len(l.rows))
	n.listed(text, len(l.rows))
	n.r.store(rec, !l.mixed)
}

// text is the listing as the tool would have given it.
func (l *lister) text() []byte {
	rows := make([]piece, 0, len(l.rows))
	for _, pid := range slices.Sorted(maps.Keys(l.rows)) {
		rows = append(rows, l.rows[pid])
	}
	return joined(rows)
}

// joined are rows as one listing.
func joined(rows []piece) []byte {
	if len(rows) == 0 {
		return []byte("null")
	}
	var b bytes.Buffer
	sep := "[\n  "
	for _, p := range rows {
		b.WriteString(sep)
		b.Write(p.raw)
		sep = ",\n  "
	}
	b.WriteString("\n]")
	return b.Bytes()
}

// fetch takes in one piece. It reports whether there may be more than came.
func (l *lister) fetch(filter ergo.Args) (got []piece, full bool) {
	if l.err != nil || l.ctx.Err() != nil || l.calls >= maxPieces {
		return nil, false
	}
	l.calls++
	one := run{}
	_, answer, err := l.n.ask(l.ctx, &one, "process_list", filter.With("limit", l.limit))
	l.run.add(one)
	l.took += answer.Took
	l.at = answer.At
	if err == nil {
		l.mixed = l.mixed || !answer.Observed || !l.of.IsZero() && !l.of.Equal(answer.At)
		l.of = answer.At
	}
	if one.timedOut && l.limit > 1 {
		l.limit /= 2 // longer rows than thought
		l.n.mu.Lock()
		l.n.rowSize = wall * 85 / 100 / l.limit
		l.n.mu.Unlock()
		return nil, true
	}
	if t := ergo.AsToolError(err); t != nil {
		if _, failed := t.LinkFailed(); !failed {
			return nil, false // an order that the node does not know
		}
	}
	if err != nil {
		l.err = err
		return nil, false
	}
	got, l.err = parsePieces(answer.Text)
	for _, p := range got {
		l.rows[p.PID] = p
	}
	return got, len(got) >= l.limit
}

func parsePieces(text []byte) ([]piece, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	out := make([]piece, len(raw))
	for i, r := range raw {
		if err := ergo.Decode(r, &out[i]); err != nil {
			return nil, err
		}
		out[i].raw = r
	}
	return out, nil
}

// inOrders asks for the most interesting rows by every order.
func (l *lister) inOrders() {
	for _, order := range orders {
		l.fetch(ergo.Args{"sort_by": order})
	}
}

// most is how many rows of the listing before are known to fit a filter, and how many
// of them at most are equally old.
func (l *lister) most(of func(piece) bool) (rows, alike int) {
	ages := map[int64]int{}
	for _, p := range l.last {
		if of(p) {
			rows++
			ages[p.Uptime]++
			alike = max(alike, ages[p.Uptime])
		}
	}
	return rows, alike
}

// known are the distinct values of what this listing and the one before hold.
func (l *lister) known(value func(piece) string, of func(piece) bool) []string {
	set := map[string]bool{}
	for _, rows := range []map[string]piece{l.rows, l.last} {
		for _, p := range rows {
			if v := value(p); of(p) && v != "" {
				set[v] = true
			}
		}
	}
	return slices.Sorted(maps.Keys(set))
}

// byApplication asks for each application by itself, and then for what no
// known application accounts for.
func (l *lister) byApplication() {
	everything := func(piece) bool { return true }
	for _, app := range l.known(func(p piece) string { return p.Application }, everything) {
		filter := ergo.Args{"application": app}
		of := func(p piece) bool { return p.Application == app }
		rows, alike := l.most(of)
		switch {
		case rows >= l.limit && alike*2 < l.limit: // of all ages: these cut it into the fewest pieces
			l.byUptime(filter, of)
		case rows >= l.limit || l.full(filter):
			l.byBehavior(filter, of)
		}
	}
	l.n.mu.Lock()
	total := l.n.total
	l.n.mu.Unlock()
	if total > 0 && len(l.rows)*20 < total*19 {
		l.byUptime(ergo.Args{}, everything)
	}
}

func (l *lister) byBehavior(filter ergo.Args, of func(piece) bool) {
	for _, b := range l.known(func(p piece) string { return p.Behavior }, of) {
		finer := filter.With("behavior", b)
		these := func(p piece) bool { return of(p) && p.Behavior == b }
		if rows, _ := l.most(these); rows >= l.limit || l.full(finer) {
			l.byUptime(finer, these)
		}
	}
}

// full fetches a piece, and reports whether there may be more than came.
func (l *lister) full(filter ergo.Args) bool {
	_, full := l.fetch(filter)
	return full
}

// byUptime asks for ranges of uptimes that, going by the rows known, hold two
// thirds of what fits.
func (l *lister) byUptime(filter ergo.Args, of func(piece) bool) {
	at := map[string]int64{}
	for pid, p := range l.last {
		if of(p) {
			at[pid] = p.Uptime + l.older
		}
	}
	for pid, p := range l.rows {
		if of(p) {
			at[pid] = p.Uptime
		}
	}
	uptimes := slices.Collect(maps.Values(at))
	slices.Sort(uptimes)
	from := int64(0)
	step := max(1, l.limit*2/3)
	for i := step; i < len(uptimes); i += step {
		if to := uptimes[i]; to >= from {
			l.halve(filter, from, to)
			from = to + 1
		}
	}
	l.halve(filter, from, from+maxUptime)
}

// maxUptime is more seconds than any node runs.
const maxUptime = 1 << 32

// halve asks for a range of uptimes, and for its two halves where the answer
// is full.
func (l *lister) halve(filter ergo.Args, from, to int64) {
	finer := filter.With("min_uptime", from).With("max_uptime", to)
	got, full := l.fetch(finer)
	if !full {
		return
	}
	if from >= to {
		for _, state := range []string{"sleep", "running", "wait response", "zombee", "init"} {
			l.fetch(finer.With("state", state))
		}
		return
	}
	mid := from + (to-from)/2
	if len(got) > 0 {
		slices.SortFunc(got, func(a, b piece) int { return int(a.Uptime - b.Uptime) })
		mid = min(max(got[len(got)/2].Uptime, from), to-1)
	}
	l.halve(filter, from, mid)
	l.halve(filter, mid+1, to)
}

// sampleTop stores the most interesting rows, where the whole listing does not
// come as often as it should.
func (n *node) sampleTop(ctx context.Context, r *run, list *task) {
	n.mu.Lock()
	limit, known, listed := min(n.fit(), topRows), n.busy, n.rowSize > 0
	n.mu.Unlock()
	if n.schedule.stretchOf(list) < topsFrom && !(listed && n.inPieces()) {
		return
	}
	b := busyOf(known, n.processes())
	n.mu.Lock()
	n.busy = b
	n.mu.Unlock()
	for _, most := range b.most() {
		if ctx.Err() == nil {
			n.top(ctx, r, most, limit)
		}
	}
}

// top stores the rows that are the most by one order: those above a bound, which a
// node finds without sorting its whole table, or, where more come than are wanted, what sorting gives.
func (n *node) top(ctx context.Context, r *run, most most, limit int) {
	sorted := ergo.Args{"sort_by": most.order, "limit": limit}
	text, answer := n.above(ctx, r, most, limit)
	if text == nil {
		one := run{}
		var err error
		_, answer, err = n.ask(ctx, &one, "process_list", sorted)
		r.add(one)
		if text = answer.Text; err != nil {
			return
		}
	}
	if ctx.Err() != nil {
		return
	}
	answer.Text = text
	rec := ingest.Record(ergo.Call{Node: n.name, Tool: "process_list", Args: sorted}, nil, answer, nil, n.r.opts.kept())
	rec.Seen = bytes.Count(text, []byte(`"PID"`))
	n.mu.Lock()
	rec.Total = max(n.total, rec.Seen)
	n.mu.Unlock()
	n.r.store(rec, answer.Observed)
}

// above asks for the rows above a bound, and gives them in their order; nil where no
// bound is known, or too many are above it.
func (n *node) above(ctx context.Context, r *run, most most, limit int) ([]byte, ergo.Answer) {
	if most.bound == nil {
		return nil, ergo.Answer{}
	}
	one := run{}
	_, answer, err := n.ask(ctx, &one, "process_list", most.bound.With("limit", limit))
	r.add(one)
	if err != nil {
		return nil, answer
	}
	raw, err := parsePieces(answer.Text)
	if err != nil || len(raw) >= limit {
		return nil, answer
	}
	slices.SortStableFunc(raw, func(a, b piece) int { return cmp.Compare(most.of(b), most.of(a)) })
	return joined(raw), answer
}

const (
	topRows  = 50  // rows of each order
	topsFrom = 1.5 // from this stretch of the whole listing on
)
