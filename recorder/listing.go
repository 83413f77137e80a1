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
	"ergorecorder/recorder/rows"
	"ergorecorder/recorder/schedule"
)

// A forwarded answer of more than this many bytes, as JSON in JSON, never
// arrives: the call times out.
const wall = 65_535

// firstFit is how many rows are taken to fit behind the wall before any has
// been seen; later the size of those seen tells.
const firstFit = 80

// maxPieces bounds the calls of one listing.
const maxPieces = 2000

// How much less often a listing that is put together from pieces is made: it costs the node
// and who forwards it several times what one answer does, and the rows that matter most come in
// between; one that was not whole has little more than those.
const (
	piecesRest = 2
	partRest   = 12
)

// listProcesses lists the processes of the node: in one call where the answer
// arrives, in pieces where it would not.
func (n *node) listProcesses(ctx context.Context, r *schedule.Run, s *Sampler) {
	limit, _ := s.Args.Int("limit")
	if all := len(s.Args) == 1 && limit > firstFit; all && n.inPieces() { // what is sorted or short is asked for as it is
		n.listInPieces(ctx, r, s)
		return
	}
	answer := n.sample(ctx, r, s.Tool, s.Args)
	if answer.Text != nil {
		n.listed(answer.Text, bytes.Count(answer.Text, []byte(`"PID"`)))
	} else if r.TimedOut {
		n.mu.Lock()
		n.rowSize, n.walled = wall/max(n.total, 1)+1, true // it did not fit
		n.mu.Unlock()
	}
}

// inPieces reports whether the listing has to be put together. Of a replay it has where one did not
// arrive: whole answers are what was recorded.
func (n *node) inPieces() bool {
	n.mu.Lock()
	walled := n.walled
	n.mu.Unlock()
	return !n.direct() && !n.small() && (walled || !n.r.clock.Replayed())
}

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
func (n *node) listed(table []byte, count int) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.table = table
	n.stat.Seen = count
	if count > 0 {
		n.rowSize = rows.EscapedSize(table) / count
	}
}

// A lister puts a listing together from answers that each fit behind the wall:
// first the most interesting rows by every order, then the rest by
// application, behavior, range of uptimes and state, cut finer until an answer
// is not full.
type lister struct {
	n     *node
	ctx   context.Context
	run   *schedule.Run
	limit int
	rows  map[string]rows.Piece
	last  map[string]rows.Piece // of the listing before: where to cut
	older int64                 // by how many seconds its processes have grown older since
	calls int
	// Cut all by age, also what did not let itself be told apart in the listing before.
	explore bool
	at      time.Time
	took    time.Duration
	of      time.Time // of a replay: when what the last piece shows was observed
	mixed   bool      // and whether the pieces show more than one moment, or none that was recorded
	err     error     // ends the listing
}

// exploreEvery is how often a node whose listings are not whole is cut into pieces by all means: what filters did not tell
// apart, as processes of one behavior that are equally old, they mostly do not the next time.
const exploreEvery = 10 * time.Minute

// listInPieces lists the processes of a node that is forwarded to, and stores
// what came as one answer that says how much it holds of how much there is.
func (n *node) listInPieces(ctx context.Context, r *schedule.Run, s *Sampler) {
	n.mu.Lock()
	l := &lister{n: n, ctx: ctx, run: r, limit: n.fit(), rows: map[string]rows.Piece{}, last: n.pieces}
	if !n.piecesAt.IsZero() {
		l.older = int64(n.r.clock.Now().Sub(n.piecesAt) / time.Second)
	}
	total := n.total
	whole := n.whole()
	if now := n.r.clock.Steady(); whole || len(l.last) == 0 || now.Sub(n.explored) >= exploreEvery {
		l.explore, n.explored = true, now
	}
	n.mu.Unlock()
	if total == 0 { // it was not asked yet
		total = n.processesNow(ctx, r)
	}
	if !whole { // perhaps not all rows will come: the most interesting first
		l.interesting()
	}
	if total == 0 || len(l.rows) < total {
		l.byApplication()
	}
	if l.err != nil && len(l.rows) == 0 || ctx.Err() != nil {
		return
	}
	total = n.processesNow(ctx, r)
	n.mu.Lock()
	n.pieces, n.piecesAt, n.total = l.rows, l.at, total
	n.mu.Unlock()
	n.storePieces(s, l, total)
	switch {
	case len(l.rows) < total*9/10 && !n.r.clock.Replayed():
		r.Rest = partRest * s.Every
	case !n.small():
		r.Rest = piecesRest * s.Every
	}
}

// whole reports whether the last listing in pieces was. n.mu is held.
func (n *node) whole() bool { return n.total > 0 && len(n.pieces) >= n.total*9/10 }

// toldLately is how old the number of processes may be, which changes with every listing, to be
// held against one.
const toldLately = 3 * time.Second

// processesNow is the number of processes, asked for if it was not told lately.
func (n *node) processesNow(ctx context.Context, r *schedule.Run) int {
	n.mu.Lock()
	total, told := n.total, n.toldAt
	n.mu.Unlock()
	if !told.IsZero() && n.r.clock.Steady().Sub(told) < toldLately {
		return total
	}
	_, answer, err := n.ask(ctx, r, "node_info", nil)
	var info struct{ ProcessesTotal int }
	if err == nil {
		_ = json.Unmarshal(answer.Text, &info) // what cannot be read says nothing
	}
	return cmp.Or(info.ProcessesTotal, total)
}

func (n *node) storePieces(s *Sampler, l *lister, total int) {
	text := rows.Together(l.rows)
	rec := ingest.Record(ergo.Call{Node: n.name, Tool: s.Tool, Args: s.Args}, nil,
		ergo.Answer{Text: text, At: l.at, Took: l.took}, nil, n.r.opts.kept())
	rec.Seen, rec.Total = len(l.rows), max(total, len(l.rows))
	n.listed(text, len(l.rows))
	n.r.store(rec, !l.mixed)
}

// fetch takes in one piece. It reports whether there may be more than came.
func (l *lister) fetch(filter ergo.Args) (got []rows.Piece, full bool) {
	if l.err != nil || l.ctx.Err() != nil || l.calls >= maxPieces {
		return nil, false
	}
	l.calls++
	one := schedule.Run{}
	_, answer, err := l.n.ask(l.ctx, &one, "process_list", filter.With("limit", l.limit))
	l.run.Add(one)
	l.took += answer.Took
	l.at = answer.At
	if err == nil {
		l.mixed = l.mixed || !answer.Observed || !l.of.IsZero() && !l.of.Equal(answer.At)
		l.of = answer.At
	}
	if one.TimedOut && l.limit > 1 {
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
	got, l.err = rows.ParsePieces(answer.Text)
	for _, p := range got {
		l.rows[p.PID] = p
	}
	return got, len(got) >= l.limit
}

// interesting asks for the most interesting rows: those with something waiting, and the first of
// the orders that these do not begin, nor are asked for in between anyway. Sorting is dear.
func (l *lister) interesting() {
	_, more := l.fetch(rows.Waiting())
	orders := []string{"drain"}
	if more {
		orders = append(orders, "mailbox", "mailbox_latency")
	}
	if len(l.last) == 0 { // nothing is known of the node
		orders = append(orders, "running_time", "messages_in")
	}
	for _, order := range orders {
		l.fetch(ergo.Args{"sort_by": order})
	}
}

// most is how many rows of the listing before are known to fit a filter, and how many
// of them at most are equally old.
func (l *lister) most(of func(rows.Piece) bool) (count, alike int) {
	ages := map[int64]int{}
	for _, p := range l.last {
		if of(p) {
			count++
			ages[p.Uptime]++
			alike = max(alike, ages[p.Uptime])
		}
	}
	return count, alike
}

// known are the distinct values of what this listing and the one before hold.
func (l *lister) known(value func(rows.Piece) string, of func(rows.Piece) bool) []string {
	set := map[string]bool{}
	for _, listing := range []map[string]rows.Piece{l.rows, l.last} {
		for _, p := range listing {
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
	everything := func(rows.Piece) bool { return true }
	for _, app := range l.known(func(p rows.Piece) string { return p.Application }, everything) {
		filter := ergo.Args{"application": app}
		of := func(p rows.Piece) bool { return p.Application == app }
		count, alike := l.most(of)
		switch {
		case count >= l.limit && alike*2 < l.limit: // of all ages: these cut it into the fewest pieces
			l.byUptime(filter, of)
		case count >= l.limit || l.full(filter):
			l.byBehavior(filter, of)
		}
	}
	l.n.mu.Lock()
	total := l.n.total
	l.n.mu.Unlock()
	if total > 0 && len(l.rows)*20 < total*19 && l.explore {
		l.byUptime(ergo.Args{}, everything)
	}
}

func (l *lister) byBehavior(filter ergo.Args, of func(rows.Piece) bool) {
	for _, b := range l.known(func(p rows.Piece) string { return p.Behavior }, of) {
		finer := filter.With("behavior", b)
		these := func(p rows.Piece) bool { return of(p) && p.Behavior == b }
		count, alike := l.most(these)
		if more := count >= l.limit || l.full(finer); more && (l.explore || 2*alike <= count) {
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
func (l *lister) byUptime(filter ergo.Args, of func(rows.Piece) bool) {
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
		slices.SortFunc(got, func(a, b rows.Piece) int { return int(a.Uptime - b.Uptime) })
		mid = min(max(got[len(got)/2].Uptime, from), to-1)
	}
	l.halve(filter, from, mid)
	l.halve(filter, mid+1, to)
}

// sampleTop stores the most interesting rows, where the whole listing does not
// come as often as it should.
func (n *node) sampleTop(ctx context.Context, r *schedule.Run, list *schedule.Task) {
	n.mu.Lock()
	limit, known, listed := min(n.fit(), rows.TopRows), n.busy, n.rowSize > 0
	n.mu.Unlock()
	stretched := n.schedule.StretchOf(list) >= topsFrom
	if !stretched && !(listed && n.inPieces()) {
		return
	}
	b := rows.BusyOf(known, n.processes())
	all := b.Most()
	n.mu.Lock()
	n.busy = b
	if !stretched && n.whole() {
		all = all[:1] // counters are in the whole listing; what waits may be gone by then
	}
	n.mu.Unlock()
	for _, most := range all {
		if ctx.Err() == nil {
			n.top(ctx, r, most, limit)
		}
	}
}

// top stores the rows that are the most by one order: those above a bound, which a
// node finds without sorting its whole table, or, where more come than are wanted, what sorting gives.
func (n *node) top(ctx context.Context, r *schedule.Run, most rows.Most, limit int) {
	sorted := ergo.Args{"sort_by": most.Order, "limit": limit}
	text, answer := n.above(ctx, r, most, limit)
	if text == nil {
		one := schedule.Run{}
		var err error
		_, answer, err = n.ask(ctx, &one, "process_list", sorted)
		r.Add(one)
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
func (n *node) above(ctx context.Context, r *schedule.Run, most rows.Most, limit int) ([]byte, ergo.Answer) {
	if most.Bound == nil {
		return nil, ergo.Answer{}
	}
	one := schedule.Run{}
	_, answer, err := n.ask(ctx, &one, "process_list", most.Bound.With("limit", limit))
	r.Add(one)
	if err != nil {
		return nil, answer
	}
	return rows.Ordered(answer.Text, most, limit), answer
}

// topsFrom is from which stretch of the whole listing on they are asked for.
const topsFrom = 1.5
