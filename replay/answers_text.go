package replay

import (
	"context"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// What nodes say when they are asked for the goroutine of one process.
const (
	noPprof     = "looking up goroutine by process PID requires building with -tags=pprof. Without this tag, actor goroutines are not labeled with PID. Use pprof_goroutines without pid parameter to see all goroutines"
	noGoroutine = "no goroutine found with pid %s (pprof IS enabled). The process is likely in Sleep state -- sleeping processes park their goroutine so it does not appear in the dump. Use process_state tool to verify. If the process is Running or WaitResponse, the PID may be incorrect"
)

// notShown ends a dump that was cut at its limit.
const notShown = " more matched goroutines not shown"

// A dump is a recorded pprof_goroutines answer, in blocks.
type dump struct {
	Reply
	total  string // as its header says
	blocks []string
	cut    bool // it did not show all that matched
}

var dumpHeader = regexp.MustCompile(`^goroutine profile: total (\d+)`)

func (q *question) readDump(rec *archive.Record) (dump, bool) {
	r, err := q.reply(rec)
	if err != nil {
		return dump{}, false
	}
	head, body, _ := strings.Cut(string(rec.Text), "\n\n")
	m := dumpHeader.FindStringSubmatch(head)
	if m == nil {
		return dump{}, false
	}
	d := dump{Reply: r, total: m[1]}
	for _, b := range strings.Split(body, "\n\n") {
		switch {
		case strings.TrimSpace(b) == "":
		case strings.HasPrefix(b, "... ") && strings.HasSuffix(b, notShown):
			d.cut = true
		default:
			d.blocks = append(d.blocks, b)
		}
	}
	return d, true
}

// goroutines answers from a dump whose filter was wider.
func (q *question) goroutines() (Reply, error) {
	if pid := q.call.Args.Text("pid"); pid != "" {
		return q.goroutineOf(pid)
	}
	d, ok := q.widerDump(q.call.Args)
	if !ok {
		return Reply{}, q.notRecorded(time.Time{})
	}
	filter, exclude := q.call.Args.Text("filter"), q.call.Args.Text("exclude")
	var kept []string
	for _, b := range d.blocks {
		if strings.Contains(b, filter) && (exclude == "" || !strings.Contains(b, exclude)) {
			kept = append(kept, b)
		}
	}
	matched, limit := len(kept), 50
	if n, ok := q.call.Args.Int("limit"); ok && n > 0 {
		limit = int(n)
	}
	kept = kept[:min(limit, matched)]
	head := "goroutine profile: total " + d.total
	if filter != "" || exclude != "" {
		head += fmt.Sprintf(", matched %d", matched)
	}
	text := head + fmt.Sprintf(", showing %d\n\n", len(kept)) + strings.Join(kept, "\n\n")
	if matched > len(kept) {
		text += fmt.Sprintf("\n\n... %d%s", matched-len(kept), notShown)
	}
	return d.derived([]byte(text)), nil
}

// widerDump is the newest dump that shows all that the arguments ask for.
func (q *question) widerDump(want ergo.Args) (best dump, ok bool) {
	level := func(a ergo.Args) int64 {
		if n, ok := a.Int("debug"); ok && n >= 1 {
			return n
		}
		return 2
	}
	for _, s := range q.tells(ergo.Goroutines) {
		has, err := ergo.ParseArgs([]byte(s.Args))
		if err != nil || has.Text("pid") != "" || level(has) != level(want) {
			continue
		}
		if !shows(has, want) {
			continue
		}
		rec, err := q.current([]stream{s}, "")
		if err != nil {
			continue
		}
		if d, read := q.readDump(rec); read && !d.cut && (!ok || d.At.After(best.At)) {
			best, ok = d, true
		}
	}
	return best, ok
}

// shows reports whether a dump with one filter shows all that another asks for.
func shows(has, want ergo.Args) bool {
	if !strings.Contains(want.Text("filter"), has.Text("filter")) {
		return false
	}
	left, asked := has.Text("exclude"), want.Text("exclude")
	return left == "" || asked != "" && strings.Contains(left, asked)
}

// goroutineOf finds the goroutines that bear the PID's label in any dump.
func (q *question) goroutineOf(pid string) (Reply, error) {
	if q.m.rec.tagPprof(q.call.Node) == No {
		return Reply{}, q.refuse(noPprof)
	}
	if q.m.faithful {
		return Reply{}, q.refuse(fmt.Sprintf(noGoroutine, pid))
	}
	key := ergo.PID(pid).Key()
	label := regexp.MustCompile(`"pid": ?"<[0-9A-F]+\.` + regexp.QuoteMeta(key) + `>"`)
	var best dump
	whole := false // a dump of everything was there and did not show it
	for _, s := range q.tells(ergo.Goroutines) {
		rec, err := q.current([]stream{s}, "")
		if err != nil {
			continue
		}
		d, ok := q.readDump(rec)
		if !ok {
			continue
		}
		if filters, _ := width(s.Args); !d.cut && (filters == 0 || !strings.Contains(s.Args, "filter") && !strings.Contains(s.Args, "exclude")) {
			whole = true
		}
		var kept []string
		for _, b := range d.blocks {
			if label.MatchString(b) {
				kept = append(kept, b)
			}
		}
		if kept != nil && (best.blocks == nil || d.At.After(best.At)) {
			best, best.blocks = d, kept
		}
	}
	switch {
	case best.blocks != nil:
		return best.derived([]byte(strings.Join(best.blocks, "\n\n"))), nil
	case whole:
		return Reply{}, q.refuse(fmt.Sprintf(noGoroutine, pid))
	}
	return Reply{}, q.notRecorded(time.Time{})
}

var tableHeader = regexp.MustCompile(`^(.*), showing (\d+)$`)

// functionTable answers pprof_cpu and pprof_heap from a table that had no
// filter: cut shorter, or filtered where it showed every function.
func (q *question) functionTable() (Reply, error) {
	for has, rec := range q.unfiltered() {
		if text, ok := q.shorter(string(rec.Text), rows20(has), rows20(q.call.Args)); ok {
			r, _ := q.reply(rec)
			return r.derived([]byte(text)), nil
		}
	}
	return Reply{}, q.notRecorded(time.Time{})
}

// unfiltered are the tables of functions that had no filter and still stood, with
// the arguments with which they were asked for.
func (q *question) unfiltered() iter.Seq2[ergo.Args, *archive.Record] {
	return func(yield func(ergo.Args, *archive.Record) bool) {
		for _, s := range q.tells(q.reading) {
			has, err := ergo.ParseArgs([]byte(s.Args))
			if err != nil || has.Text("filter") != "" || has.Text("exclude") != "" || seconds(has) != seconds(q.call.Args) {
				continue
			}
			rec, err := q.current([]stream{s}, "")
			if err == nil && rec.Failure == nil && !yield(has, rec) {
				return
			}
		}
	}
}

// NewestTable is the newest table of functions that a profiler's tool said,
// whatever its limit was; cut reports that the node may have had more rows.
func (m *Moment) NewestTable(ctx context.Context, call ergo.Call) (a ergo.Answer, cut bool, err error) {
	q, err := m.newQuestion(ctx, call)
	if err != nil {
		r, err := q.refusalReply(err)
		return r.Answer, false, err
	}
	var newest *archive.Record
	for has, rec := range q.unfiltered() {
		if newest == nil || rec.At.After(newest.At) {
			_, body, _ := strings.Cut(string(rec.Text), "\n\n")
			newest, cut = rec, strings.Count(strings.TrimSpace(body), "\n") >= rows20(has)
		}
	}
	if newest == nil {
		return a, false, q.notRecorded(time.Time{})
	}
	r, err := q.reply(newest)
	return r.Answer, cut, err
}

// seconds is how long a CPU profile takes.
func seconds(a ergo.Args) int64 {
	if n, ok := a.Int("duration"); ok && n >= 1 {
		return min(n, 30)
	}
	return 5
}

// rows20 is how many functions a table shows.
func rows20(a ergo.Args) int {
	if n, ok := a.Int("limit"); ok && n >= 1 {
		return int(n)
	}
	return 20
}

// shorter filters a table that was recorded with the limit had.
func (q *question) shorter(text string, had, limit int) (string, bool) {
	head, body, _ := strings.Cut(text, "\n\n")
	m := tableHeader.FindStringSubmatch(head)
	lines := strings.Split(strings.TrimSuffix(body, "\n"), "\n")
	if m == nil || len(lines) == 0 {
		return "", false
	}
	names, lines := lines[0], lines[1:]
	filter, exclude := q.call.Args.Text("filter"), q.call.Args.Text("exclude")
	whole := len(lines) < had
	if !whole && (filter != "" || exclude != "" || limit > had) {
		return "", false
	}
	var kept []string
	for _, l := range lines {
		f := strings.Fields(l)
		if len(f) < 3 {
			continue
		}
		name := strings.Join(f[2:], " ")
		if strings.Contains(name, filter) && (exclude == "" || !strings.Contains(name, exclude)) {
			kept = append(kept, l)
		}
	}
	head = m[1]
	if filter != "" || exclude != "" {
		head += fmt.Sprintf(", matched %d functions", len(kept))
	}
	kept = kept[:min(limit, len(kept))]
	out := fmt.Sprintf("%s, showing %d\n\n%s\n", head, len(kept), names)
	for _, l := range kept {
		out += l + "\n"
	}
	return out, true
}

// tagPprof is whether the node was built with -tags=pprof.
func (r *Recording) tagPprof(node string) Known {
	for _, n := range r.look() {
		if n.Name == node {
			return n.Pprof
		}
	}
	return Unknown
}
