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
	"ergorecorder/ergo/tools48"
)

// answer answers the question: from the record of the very call, or from what
// holds it.
func (q *question) answer() (Reply, error) {
	switch q.call.Tool {
	case "process_list", "app_list", "event_list", "network_nodes":
		return q.listing()
	case "sample_start", "sample_listen", "sample_read", "sample_stop", "sample_list":
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
	switch q.call.Tool {
	case "process_children":
		return q.processChildren
	case "process_state":
		return q.processState
	case "process_lookup":
		return q.processLookup
	case "process_info", "process_inspect":
		return q.processByPID
	case "app_processes":
		return q.appProcesses
	case "app_info":
		return q.appInfo
	case "event_info":
		return q.eventInfo
	case "network_node_info":
		return q.networkNodeInfo
	case "cron_job":
		return q.cronJob
	case "message_types":
		return q.messageTypes
	case "pprof_goroutines":
		return q.goroutines
	case "pprof_cpu", "pprof_heap":
		return q.functionTable
	}
	return nil
}

// A table is the rows of a listing and where they come from. It is whole if
// it is known to hold every row that there was.
type table struct {
	Reply
	rows  []row
	whole bool
}

// table is a node's listing at the moment: the widest that was recorded, or
// what several narrower ones show together.
func (q *question) table(tool string) (*table, error) {
	rec, err := q.current(q.x.widest(q.call.Node, tool), "")
	if err == nil && rec.Failure == nil {
		rows, ok := splitRows(rec.Text)
		if !ok {
			return nil, fmt.Errorf("read %s of %s at %s: it is no listing", tool, q.call.Node, rec.At.Format(time.RFC3339Nano))
		}
		r, _ := q.reply(rec)
		filters, limit := width(rec.Stream.Args)
		if filters == 0 && rec.Seen == rec.Total && (int64(len(rows)) < limit || tool != "process_list" && tool != "event_list") {
			return &table{r, rows, true}, nil
		}
	}
	if t := q.together(tool); t != nil {
		return t, nil
	}
	if err == nil {
		err = q.failure(rec)
	}
	return nil, err
}

// together is the union of the listings of a tool that were cut by filters or
// limits, nil if there is none.
func (q *question) together(tool string) *table {
	key := tools48.Schema(tool).Key
	var recs []*archive.Record
	for _, s := range q.streams(tool) {
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
		rows, _ := splitRows(rec.Text)
		for _, r := range rows {
			if k := cmp.Or(r.text(key[0]), string(r.field(key[0]))); !seen[k] {
				seen[k] = true
				t.rows = append(t.rows, r)
			}
		}
	}
	t.Reply, _ = q.reply(recs[0])
	t.Text, t.Seen, t.Total = nil, len(t.rows), 0
	if tool == "process_list" {
		t.Total = q.processesTotal()
	}
	if t.whole = t.Total > 0 && t.Seen >= t.Total; t.whole {
		t.Seen, t.Total = 0, 0
	}
	return t
}

// processesTotal is how many processes the node said it has, 0 if it did not.
func (q *question) processesTotal() int {
	rec, err := q.current(q.x.widest(q.call.Node, "node_info"), "")
	if err != nil || rec.Failure != nil {
		return 0
	}
	return int(row(rec.Text).number("ProcessesTotal"))
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
	t, err := q.table(q.call.Tool)
	switch {
	case err == nil && (sameErr != nil || !same.At.After(t.At)):
		return q.filtered(t)
	case sameErr == nil:
		return same, nil
	}
	return Reply{}, err
}

func (q *question) filtered(t *table) (Reply, error) {
	var keep func(row) bool
	var by func(row) float64
	limit := -1
	switch q.call.Tool {
	case "process_list":
		if err := q.latencyMissing(t); err != nil {
			return Reply{}, err
		}
		keep, by, limit = q.processFilter(), q.processOrder(), q.limitArg(defaultLimit)
	case "event_list":
		keep, by, limit = q.eventFilter(), q.eventOrder(), q.limitArg(defaultLimit)
	case "app_list":
		keep = q.appFilter()
	case "network_nodes":
		keep = q.linkFilter()
	}
	rows := t.rows
	if keep != nil {
		rows = slices.DeleteFunc(slices.Clone(rows), func(r row) bool { return !keep(r) })
	}
	if by != nil {
		rows = sorted(rows, by)
	}
	rows = cut(rows, limit)
	if t.Text != nil && by == nil && len(rows) == len(t.rows) {
		return t.Reply, nil
	}
	return t.derived(joinRows(rows)), nil
}

// sorted are the rows by a figure, largest first; rows with the same figure
// keep their order.
func sorted(rows []row, by func(row) float64) []row {
	type ranked struct {
		row
		v float64
	}
	list := make([]ranked, len(rows))
	for i, r := range rows {
		list[i] = ranked{r, by(r)}
	}
	slices.SortStableFunc(list, func(a, b ranked) int { return cmp.Compare(b.v, a.v) })
	out := make([]row, len(list))
	for i, r := range list {
		out[i] = r.row
	}
	return out
}

// atLeast adds to the conditions that a field is not below an argument, whose
// unit is so many of the field's.
func (q *question) atLeast(conds []func(row) bool, arg, field string, unit float64) []func(row) bool {
	v, ok := q.call.Args.Float(arg)
	if !ok || v <= 0 {
		return conds
	}
	return append(conds, func(r row) bool { return r.number(field)/unit >= v })
}

// contains adds that a text holds an argument.
func (q *question) contains(conds []func(row) bool, arg string, of func(row) string) []func(row) bool {
	v := q.call.Args.Text(arg)
	if v == "" {
		return conds
	}
	return append(conds, func(r row) bool { return strings.Contains(of(r), v) })
}

// all is the condition that all hold, nil where there are none.
func all(conds []func(row) bool) func(row) bool {
	if len(conds) == 0 {
		return nil
	}
	return func(r row) bool {
		for _, c := range conds {
			if !c(r) {
				return false
			}
		}
		return true
	}
}

func textOf(field string) func(row) string { return func(r row) string { return r.text(field) } }

func numberOf(field string) func(row) float64 { return func(r row) float64 { return r.number(field) } }

func (q *question) appFilter() func(row) bool {
	var conds []func(row) bool
	for _, arg := range []string{"state", "mode"} {
		if v := q.call.Args.Text(arg); v != "" {
			conds = append(conds, func(r row) bool { return strings.EqualFold(r.text(arg), v) })
		}
	}
	conds = q.contains(conds, "name", textOf("name"))
	return all(q.atLeast(conds, "min_uptime", "uptime", 1))
}

func (q *question) linkFilter() func(row) bool {
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
	return q.oneRow("network_nodes", "network_node_info: no connection", func(r row) bool { return r.text("Node") == name })
}

// oneRow is the row of a listing that matches; where the listing is whole and
// has none, the tool's refusal.
func (q *question) oneRow(tool, refusal string, match func(row) bool) (Reply, error) {
	t, err := q.table(tool)
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
	r, err := q.oneRow("app_list", "app_info: unknown application", func(r row) bool { return r.text("name") == name })
	if err != nil {
		return r, err
	}
	app := row(r.Text)
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
		Name: name, Weight: json.RawMessage(app.field("weight")), Tags: json.RawMessage(app.field("tags")),
		Description: app.text("description"), Mode: app.text("mode"), State: app.text("state"), Uptime: json.RawMessage(app.field("uptime")),
	}
	info.Version.Name, info.Version.Release = name, app.text("version")
	text, err := json.Marshal(info)
	if err != nil {
		return r, fmt.Errorf("write app_info of %s: %w", name, err)
	}
	return r.derived(text), nil
}

func (q *question) cronJob() (Reply, error) {
	rec, err := q.current(q.x.widest(q.call.Node, "cron_info"), "")
	if err != nil {
		return Reply{}, err
	}
	r, err := q.reply(rec)
	if err != nil {
		return r, err
	}
	jobs, _ := splitRows(row(rec.Text).field("Jobs"))
	for _, j := range jobs {
		if j.text("Name") == q.call.Args.Text("name") {
			return r.derived(bytes.Clone(j)), nil
		}
	}
	return Reply{}, q.refuseBy(r, "cron_job: unknown")
}

func (q *question) messageTypes() (Reply, error) {
	rec, err := q.current(q.x.widest(q.call.Node, "message_types"), "")
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
