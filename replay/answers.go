package replay

import (
	"bytes"
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
	"ergorecorder/ergo/tools48"
)

// answer answers the question: from the record of the very call, or from what
// holds it.
func (q *question) answer() (Reply, error) {
	switch q.reading {
	case ergo.Processes, ergo.Applications, ergo.Events, ergo.Links:
		return q.listing()
	}
	if q.tool.Kind == ergo.Sampler {
		return q.sampler()
	}
	r, err := q.recorded()
	if err == nil || q.m.faithful && len(q.exact()) > 0 {
		return r, err
	}
	derive := q.derivation()
	if derive == nil {
		return r, err
	}
	d, derr := derive()
	if derr == nil || isNotRecorded(err) && !isNotRecorded(derr) {
		return d, derr
	}
	return r, err
}

func isNotRecorded(err error) bool {
	_, ok := err.(*NotRecordedError)
	return ok
}

// derivation is how the tool's answer is made from other records, nil where
// it cannot be.
func (q *question) derivation() func() (Reply, error) {
	switch q.reading {
	case ergo.Children:
		return q.processChildren
	case ergo.ProcessState:
		return q.processState
	case ergo.ProcessLookup:
		return q.processLookup
	case ergo.Process, ergo.Inspection:
		return q.processByPID
	case ergo.ApplicationProcesses:
		return q.appProcesses
	case ergo.Application:
		return q.appInfo
	case ergo.Event:
		return q.eventInfo
	case ergo.Link:
		return q.networkNodeInfo
	case ergo.CronJob:
		return q.cronJob
	case ergo.MessageTypes:
		return q.messageTypes
	case ergo.Goroutines:
		return q.goroutines
	case ergo.CPUProfile, ergo.Heap:
		return q.functionTable
	}
	return nil
}

// A table is the rows of a listing and where they come from. It is whole if
// it is known to hold every row that there was.
type table struct {
	Reply
	rows  []listing.Row
	whole bool
}

// table is a node's listing at the moment: the widest that was recorded, or
// what several narrower ones show together.
func (q *question) table(reading ergo.Reading) (*table, error) {
	rec, err := q.current(q.x.widest(q.call.Node, reading), "")
	if err == nil && rec.Failure == nil {
		rows, ok := listing.Split(rec.Text)
		if !ok {
			return nil, fmt.Errorf("read %s of %s at %s: it is no listing", rec.Stream.Name, q.call.Node, rec.At.Format(time.RFC3339Nano))
		}
		r, _ := q.reply(rec)
		filters, limit := width(rec.Stream.Args)
		if filters == 0 && rec.Seen == rec.Total && (int64(len(rows)) < limit || reading != ergo.Processes && reading != ergo.Events) {
			return &table{r, rows, true}, nil
		}
	}
	if t := q.together(reading); t != nil {
		return t, nil
	}
	if err == nil {
		err = q.failure(rec)
	}
	return nil, err
}

// together is the union of the listings of a reading that were cut by filters or
// limits, nil if there is none.
func (q *question) together(reading ergo.Reading) *table {
	key := ergo.Define(reading).Key
	var recs []*archive.Record
	for _, s := range q.tells(reading) {
		if rec, err := q.current([]stream{s}, ""); err == nil && rec.Failure == nil {
			recs = append(recs, rec)
		}
	}
	if len(recs) == 0 || len(key) == 0 {
		return nil
	}
	slices.SortStableFunc(recs, func(a, b *archive.Record) int { return b.At.Compare(a.At) })
	t := &table{}
	seen := map[string]bool{}
	for _, rec := range recs {
		rows, _ := listing.Split(rec.Text)
		for _, r := range rows {
			if k := cmp.Or(r.Text(key[0]), string(r.Field(key[0]))); !seen[k] {
				seen[k] = true
				t.rows = append(t.rows, r)
			}
		}
	}
	t.Reply, _ = q.reply(recs[0])
	t.Text, t.Seen, t.Total = nil, len(t.rows), 0
	if reading == ergo.Processes {
		t.Total = q.processesTotal()
	}
	if t.whole = t.Total > 0 && t.Seen >= t.Total; t.whole {
		t.Seen, t.Total = 0, 0
	}
	return t
}

// processesTotal is how many processes the node said it has, 0 if it did not.
func (q *question) processesTotal() int {
	rec, err := q.current(q.x.widest(q.call.Node, ergo.Node), "")
	if err != nil || rec.Failure != nil {
		return 0
	}
	return int(listing.Row(rec.Text).Number("ProcessesTotal"))
}

// listing answers a tool that lists rows: from what was recorded with the same
// arguments, or by filtering a wider listing, whichever is newer.
func (q *question) listing() (Reply, error) {
	same, sameErr := q.recorded()
	if q.m.faithful && len(q.exact()) > 0 {
		return same, sameErr
	}
	if n, given := q.call.Args.Int("limit"); given && n <= 0 {
		sameErr = q.notRecorded(time.Time{}) // the live tool cut it at 100
	}
	t, err := q.table(q.reading)
	switch {
	case err == nil && (sameErr != nil || !same.At.After(t.At)):
		return q.filtered(t)
	case sameErr == nil:
		return same, nil
	}
	return Reply{}, err
}

func (q *question) filtered(t *table) (Reply, error) {
	var keep func(listing.Row) bool
	var by func(listing.Row) float64
	limit := -1
	switch q.reading {
	case ergo.Processes:
		if err := q.latencyMissing(t); err != nil {
			return Reply{}, err
		}
		keep, by, limit = q.processFilter(), q.processOrder(), q.limitArg(tools48.DefaultLimit)
	case ergo.Events:
		keep, by, limit = q.eventFilter(), q.eventOrder(), q.limitArg(tools48.DefaultLimit)
	case ergo.Applications:
		keep = q.appFilter()
	case ergo.Links:
		keep = q.linkFilter()
	}
	rows := t.rows
	if keep != nil {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r listing.Row) bool { return !keep(r) })
	}
	if by != nil {
		rows = sorted(rows, by)
	}
	rows = cut(rows, limit)
	if t.Text != nil && by == nil && len(rows) == len(t.rows) {
		return t.Reply, nil
	}
	return t.derived(listing.Join(rows)), nil
}

// sorted are the rows by a figure, largest first; rows with the same figure
// keep their order.
func sorted(rows []listing.Row, by func(listing.Row) float64) []listing.Row {
	type ranked struct {
		listing.Row
		v float64
	}
	list := make([]ranked, len(rows))
	for i, r := range rows {
		list[i] = ranked{r, by(r)}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.v, a.v) })
	out := make([]listing.Row, len(list))
	for i, r := range list {
		out[i] = r.Row
	}
	return out
}

// atLeast adds to the conditions that a field is not below an argument, whose
// unit is so many of the field's.
func (q *question) atLeast(conds []func(listing.Row) bool, arg, field string, unit float64) []func(listing.Row) bool {
	v, ok := q.call.Args.Float(arg)
	if !ok || v <= 0 {
		return conds
	}
	return append(conds, func(r listing.Row) bool { return r.Number(field)/unit >= v })
}

// contains adds that a text holds an argument.
func (q *question) contains(conds []func(listing.Row) bool, arg string, of func(listing.Row) string) []func(listing.Row) bool {
	v := q.call.Args.Text(arg)
	if v == "" {
		return conds
	}
	return append(conds, func(r listing.Row) bool { return strings.Contains(of(r), v) })
}

// all is the condition that all hold, nil where there are none.
func all(conds []func(listing.Row) bool) func(listing.Row) bool {
	if len(conds) == 0 {
		return nil
	}
	return func(r listing.Row) bool {
		for _, c := range conds {
			if !c(r) {
				return false
			}
		}
		return true
	}
}

func textOf(field string) func(listing.Row) string {
	return func(r listing.Row) string { return r.Text(field) }
}

func numberOf(field string) func(listing.Row) float64 {
	return func(r listing.Row) float64 { return r.Number(field) }
}

func (q *question) appFilter() func(listing.Row) bool {
	var conds []func(listing.Row) bool
	for _, arg := range []string{"state", "mode"} {
		if v := q.call.Args.Text(arg); v != "" {
			conds = append(conds, func(r listing.Row) bool { return strings.EqualFold(r.Text(arg), v) })
		}
	}
	conds = q.contains(conds, "name", textOf("name"))
	return all(q.atLeast(conds, "min_uptime", "uptime", 1))
}

func (q *question) linkFilter() func(listing.Row) bool {
	conds := q.contains(nil, "name", textOf("Node"))
	for arg, field := range map[string]string{
		"min_uptime": "Uptime", "min_connection_uptime": "ConnectionUptime",
		"min_messages_in": "MessagesIn", "min_messages_out": "MessagesOut",
		"min_bytes_in": "BytesIn", "min_bytes_out": "BytesOut",
	} {
		conds = q.atLeast(conds, arg, field, 1)
	}
	return all(conds)
}

func (q *question) networkNodeInfo() (Reply, error) {
	name := q.call.Args.Text("name")
	return q.oneRow(ergo.Links, "network_node_info: no connection", func(r listing.Row) bool { return r.Text("Node") == name })
}

// oneRow is the row of a listing that matches; where the listing is whole and
// has none, the tool's refusal.
func (q *question) oneRow(reading ergo.Reading, refusal string, match func(listing.Row) bool) (Reply, error) {
	t, err := q.table(reading)
	if err != nil {
		return Reply{}, err
	}
	if i := slices.IndexFunc(t.rows, match); i >= 0 {
		return t.derived(bytes.Clone(t.rows[i])), nil
	}
	if !t.whole {
		return Reply{}, q.notRecorded(time.Time{})
	}
	return Reply{}, q.refuseBy(t.Reply, refusal)
}

// appInfo is what app_list says of an application, in the words of app_info.
func (q *question) appInfo() (Reply, error) {
	name := q.call.Args.Text("name")
	r, err := q.oneRow(ergo.Applications, "app_info: unknown application", func(r listing.Row) bool { return r.Text("name") == name })
	if err != nil {
		return r, err
	}
	app := listing.Row(r.Text)
	info := struct {
		Name        string
		Weight      json.RawMessage `json:",omitempty"`
		Tags        json.RawMessage `json:",omitempty"`
		Description string
		Version     struct{ Name, Release string }
		Mode        string
		State       string
		Uptime      json.RawMessage
	}{
		Name: name, Weight: json.RawMessage(app.Field("weight")), Tags: json.RawMessage(app.Field("tags")),
		Description: app.Text("description"), Mode: app.Text("mode"), State: app.Text("state"), Uptime: json.RawMessage(app.Field("uptime")),
	}
	info.Version.Name, info.Version.Release = name, app.Text("version")
	text, err := json.Marshal(info)
	if err != nil {
		return r, fmt.Errorf("write app_info of %s: %w", name, err)
	}
	return r.derived(text), nil
}

func (q *question) cronJob() (Reply, error) {
	rec, err := q.current(q.x.widest(q.call.Node, ergo.Cron), "")
	if err != nil {
		return Reply{}, err
	}
	r, err := q.reply(rec)
	if err != nil {
		return r, err
	}
	jobs, _ := listing.Split(listing.Row(rec.Text).Field("Jobs"))
	for _, j := range jobs {
		if j.Text("Name") == q.call.Args.Text("name") {
			return r.derived(bytes.Clone(j)), nil
		}
	}
	return Reply{}, q.refuseBy(r, "cron_job: unknown")
}

func (q *question) messageTypes() (Reply, error) {
	rec, err := q.current(q.x.widest(q.call.Node, ergo.MessageTypes), "")
	if err != nil {
		return Reply{}, err
	}
	r, err := q.reply(rec)
	if err != nil {
		return r, err
	}
	var names, kept []string
	if !decode(rec.Text, &names) {
		return r, nil
	}
	for _, n := range names {
		if strings.Contains(strings.ToLower(n), strings.ToLower(q.call.Args.Text("filter"))) {
			kept = append(kept, n)
		}
	}
	text, err := json.Marshal(kept)
	if err != nil {
		return r, fmt.Errorf("write message types: %w", err)
	}
	return r.derived(text), nil
}
