package inspect

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
)

// defaultLimit is how many rows a listing shows where no limit is given.
const defaultLimit = 100

// Select filters, sorts and cuts a listing, whose rows have the canonical
// fields, as the tool of the 48 does. Arguments that the tool does not know
// change nothing.
func Select(tool string, text []byte, args ergo.Args) ([]byte, error) {
	list, err := rows(text)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", tool, err)
	}
	s := selection{args: args}
	switch tool {
	case "process_list":
		s.processes()
	case "event_list":
		s.events()
	case "network_nodes":
		s.links()
	case "app_list":
		s.applications()
	default:
		return listing.Join(list), nil
	}
	list = slices.DeleteFunc(list, func(r listing.Row) bool {
		return slices.ContainsFunc(s.conds, func(keep func(listing.Row) bool) bool { return !keep(r) })
	})
	if s.order != nil {
		slices.SortStableFunc(list, func(a, b listing.Row) int { return cmp.Compare(s.order(b), s.order(a)) })
	}
	if s.limited {
		limit := defaultLimit
		if n, ok := args.Int("limit"); ok && n > 0 {
			limit = int(min(n, 1<<30))
		}
		list = list[:min(limit, len(list))]
	}
	return listing.Join(list), nil
}

// A selection is what the arguments of a listing ask for.
type selection struct {
	args    ergo.Args
	conds   []func(listing.Row) bool
	order   func(listing.Row) float64
	limited bool
}

func (s *selection) keep(cond func(listing.Row) bool) { s.conds = append(s.conds, cond) }

// contains keeps rows whose field contains an argument, letter case ignored.
func (s *selection) contains(arg, field string) {
	if v := strings.ToLower(s.args.Text(arg)); v != "" {
		s.keep(func(r listing.Row) bool { return strings.Contains(strings.ToLower(r.Text(field)), v) })
	}
}

// equals keeps rows whose field is an argument.
func (s *selection) equals(arg, field string) {
	if v := s.args.Text(arg); v != "" {
		s.keep(func(r listing.Row) bool { return strings.EqualFold(r.Text(field), v) })
	}
}

// least keeps rows whose field is an argument, times its unit, or more.
func (s *selection) least(arg, field string, unit float64) {
	if v, ok := s.args.Float(arg); ok && v > 0 {
		s.keep(func(r listing.Row) bool { return r.Number(field) >= v*unit })
	}
}

func (s *selection) most(arg, field string) {
	if v, ok := s.args.Float(arg); ok && v > 0 {
		s.keep(func(r listing.Row) bool { return r.Number(field) <= v })
	}
}

// sort sorts by the field that an argument names.
func (s *selection) sort(fields map[string]string) {
	if f := fields[s.args.Text("sort_by")]; f != "" {
		s.order = func(r listing.Row) float64 { return r.Number(f) }
	}
}

func (s *selection) processes() {
	s.limited = true
	if v := s.args.Text("application"); v != "" {
		s.keep(func(r listing.Row) bool { return r.Text("Application") == v })
	}
	s.contains("behavior", "Behavior")
	s.contains("name", "Name")
	s.equals("state", "State")
	s.least("min_messages_in", "MessagesIn", 1)
	s.least("min_messages_out", "MessagesOut", 1)
	s.least("min_mailbox", "MessagesMailbox", 1)
	s.least("min_mailbox_latency_ms", "MailboxLatency", 1e6)
	s.least("min_running_time_ms", "RunningTime", 1e6)
	s.least("min_init_time_ms", "InitTime", 1e6)
	s.least("min_wakeups", "Wakeups", 1)
	s.least("min_uptime", "Uptime", 1)
	s.most("max_uptime", "Uptime")
	s.sort(map[string]string{
		"mailbox": "MessagesMailbox", "mailbox_latency": "MailboxLatency", "running_time": "RunningTime",
		"init_time": "InitTime", "wakeups": "Wakeups", "uptime": "Uptime",
		"messages_in": "MessagesIn", "messages_out": "MessagesOut",
	})
	if s.args.Text("sort_by") == "drain" {
		s.order = func(r listing.Row) float64 {
			if w := r.Number("Wakeups"); w > 0 {
				return r.Number("MessagesIn") / w
			}
			return 0
		}
	}
}

func (s *selection) events() {
	s.limited = true
	if v := strings.ToLower(s.args.Text("name")); v != "" {
		s.keep(func(r listing.Row) bool { return strings.Contains(strings.ToLower(ergo.EventName(r.Text("Event"))), v) })
	}
	s.contains("producer", "Producer")
	if v, ok := s.args.Bool("notify"); ok {
		s.keep(func(r listing.Row) bool { return (string(r.Field("Notify")) == "true") == v })
	}
	if v, ok := s.args.Bool("has_buffer"); ok {
		s.keep(func(r listing.Row) bool { return (r.Number("BufferSize") > 0) == v })
	}
	s.least("min_subscribers", "Subscribers", 1)
	s.most("max_subscribers", "Subscribers")
	s.least("min_published", "MessagesPublished", 1)
	s.most("max_published", "MessagesPublished")
	s.least("min_local_sent", "MessagesLocalSent", 1)
	s.least("min_remote_sent", "MessagesRemoteSent", 1)
	if v := s.args.Text("utilization_state"); v != "" {
		s.keep(func(r listing.Row) bool { return utilization(r) == v })
	}
	s.sort(map[string]string{
		"subscribers": "Subscribers", "published": "MessagesPublished",
		"local_sent": "MessagesLocalSent", "remote_sent": "MessagesRemoteSent",
	})
}

// utilization is how an event is used.
func utilization(r listing.Row) string {
	subscribers, published := r.Number("Subscribers") > 0, r.Number("MessagesPublished") > 0
	switch {
	case subscribers && published:
		return "active"
	case subscribers:
		return "no_publishing"
	case published:
		return "no_subscribers"
	case string(r.Field("Notify")) == "true":
		return "on_demand"
	}
	return "idle"
}

func (s *selection) links() {
	s.contains("name", "Node")
	s.least("min_uptime", "Uptime", 1)
	s.least("min_connection_uptime", "ConnectionUptime", 1)
	s.least("min_messages_in", "MessagesIn", 1)
	s.least("min_messages_out", "MessagesOut", 1)
	s.least("min_bytes_in", "BytesIn", 1)
	s.least("min_bytes_out", "BytesOut", 1)
}

func (s *selection) applications() {
	s.contains("name", "name")
	s.equals("state", "state")
	s.equals("mode", "mode")
	s.least("min_uptime", "uptime", 1)
}
