package replay

import (
	"strings"

	"ergorecorder/ergo"
)

// eventName is the name of the event of a row.
func eventName(r row) string { return ergo.EventName(r.text("Event")) }

// utilization says how an event is used.
func utilization(r row) string {
	published, subscribers := r.number("MessagesPublished") > 0, r.number("Subscribers") > 0
	switch {
	case published && subscribers:
		return "active"
	case r.isTrue("Notify"):
		return "on_demand"
	case published:
		return "no_subscribers"
	case subscribers:
		return "no_publishing"
	}
	return "idle"
}

func (q *question) eventFilter() func(row) bool {
	conds := q.contains(nil, "name", eventName)
	if v := q.call.Args.Text("utilization_state"); v != "" {
		conds = append(conds, func(r row) bool { return utilization(r) == v })
	}
	if v := q.call.Args.Text("producer"); v != "" {
		names := q.processNames()
		conds = append(conds, func(r row) bool {
			pid := r.text("Producer")
			return strings.Contains(pid, v) || strings.Contains(names[pid], v)
		})
	}
	if v, ok := q.call.Args.Bool("notify"); ok {
		conds = append(conds, func(r row) bool { return r.isTrue("Notify") == v })
	}
	if v, ok := q.call.Args.Bool("has_buffer"); ok {
		conds = append(conds, func(r row) bool { return (r.number("BufferSize") > 0) == v })
	}
	for _, c := range []struct{ arg, field string }{
		{"max_subscribers", "Subscribers"}, {"max_published", "MessagesPublished"},
	} {
		if v, ok := q.call.Args.Int(c.arg); ok {
			conds = append(conds, func(r row) bool { return r.number(c.field) <= float64(v) })
		}
	}
	for _, c := range []struct{ arg, field string }{
		{"min_subscribers", "Subscribers"},
		{"min_published", "MessagesPublished"},
		{"min_local_sent", "MessagesLocalSent"},
		{"min_remote_sent", "MessagesRemoteSent"},
	} {
		conds = q.atLeast(conds, c.arg, c.field, 1)
	}
	return all(conds)
}

// processNames are the registered names of processes by PID, as far as the
// process list was recorded.
func (q *question) processNames() map[string]string {
	names := map[string]string{}
	if t, err := q.table("process_list"); err == nil {
		for _, r := range t.rows {
			names[r.text("PID")] = r.text("Name")
		}
	}
	return names
}

func (q *question) eventOrder() func(row) float64 {
	switch q.call.Args.Text("sort_by") {
	case "":
		return nil
	case "subscribers":
		return numberOf("Subscribers")
	case "published":
		return numberOf("MessagesPublished")
	case "local_sent":
		return numberOf("MessagesLocalSent")
	case "remote_sent":
		return numberOf("MessagesRemoteSent")
	}
	return func(row) float64 { return 0 }
}

func (q *question) eventInfo() (Reply, error) {
	name := q.call.Args.Text("name")
	return q.oneRow("event_list", "event_info: unknown event", func(r row) bool { return eventName(r) == name })
}
