package native

import (
	"cmp"
	"encoding/json"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"ergorecorder/ergo"
)

// A row is one object of a listing.
type row = map[string]json.RawMessage

// usualEvents is how many events are listed unless more are asked for.
const usualEvents = 1000

// events are the events of the node that the arguments of the tool select. What
// selects by something that was not recorded is refused: nothing would be known of
// what is left out.
func (n *node) events(args ergo.Args) ([]byte, error) {
	list, err := n.rows("event_list", ergo.Args{"limit": 1_000_000})
	if err != nil {
		return nil, err
	}
	if part := strings.ToLower(args.Text("name")); part != "" {
		list = slices.DeleteFunc(list, func(e row) bool { return !strings.Contains(strings.ToLower(eventName(e)), part) })
	}
	for arg, field := range map[string]string{"notify": "Notify", "open": "Open"} {
		if want, ok := args.Bool(arg); ok {
			if list, err = n.keep(list, field, func(v json.RawMessage) bool { return string(v) == strconv.FormatBool(want) }); err != nil {
				return nil, err
			}
		}
	}
	if want, ok := args.Bool("buffered"); ok {
		if list, err = n.keep(list, "BufferSize", func(v json.RawMessage) bool { return (number(v) > 0) == want }); err != nil {
			return nil, err
		}
	}
	for arg, field := range map[string]string{"minSubscribers": "Subscribers", "createdFrom": "CreatedAt"} {
		if least, ok := args.Int(arg); ok && least > 0 {
			if list, err = n.keep(list, field, func(v json.RawMessage) bool { return number(v) >= float64(least) }); err != nil {
				return nil, err
			}
		}
	}
	if newest, _ := args.Bool("newestFirst"); newest {
		if list, err = n.keep(list, "CreatedAt", func(json.RawMessage) bool { return true }); err != nil {
			return nil, err
		}
		slices.SortStableFunc(list, func(a, b row) int { return cmp.Compare(number(b["CreatedAt"]), number(a["CreatedAt"])) })
	}
	limit := usualEvents
	if l, ok := args.Int("limit"); ok && l > 0 {
		limit = int(l)
	}
	list = list[:min(limit, len(list))]
	for _, e := range list {
		n.idents(e, "Event", "Producer")
	}
	return n.answer("Events", list), nil
}

// keep leaves the rows whose field fits.
func (n *node) keep(list []row, field string, fits func(json.RawMessage) bool) ([]row, error) {
	for _, r := range list {
		if r[field] == nil {
			return nil, fmt.Errorf("node %s: %s of what is listed was not recorded, so that nothing can be selected by it", n.name, field)
		}
	}
	return slices.DeleteFunc(list, func(r row) bool { return !fits(r[field]) }), nil
}

// eventName is the name of a listed event.
func eventName(e row) string {
	var text string
	_ = json.Unmarshal(e["Event"], &text) // a row without one has no name
	_, name, _ := strings.Cut(text, ":")
	return strings.TrimSuffix(name, ">")
}

// lensArgs are the arguments of the tool that shows the same as a lens, out of the
// lens's query.
func lensArgs(lens string, q url.Values) ergo.Args {
	args := ergo.Args{}
	for own, tool := range map[string]string{
		"namePattern": "name", "behavior": "behavior", "application": "app", "state": "state",
	} {
		if v := q.Get(own); v != "" {
			args[tool] = v
		}
	}
	whole := func(query, arg string) {
		if v, err := strconv.ParseInt(q.Get(query), 10, 64); err == nil {
			args[arg] = v
		}
	}
	whole("minMailbox", "minMailbox")
	whole("minSubscribers", "minSubscribers")
	switch lens {
	case "processes":
		args["limit"], args["scan"] = int64(500), "ordered"
		whole("pidStart", "start")
		if whole("pidLimit", "limit"); args["limit"] == int64(-1) {
			args["limit"], args["scan"] = int64(10_000), "all"
		}
	case "connections":
		if v, ok := args["name"]; ok {
			args["peer"] = v
		}
	case "events":
		args["limit"] = int64(500)
		if whole("limit", "limit"); args["limit"] == int64(-1) {
			args["limit"] = int64(100_000)
		}
		for own, tool := range map[string]string{"notifyMode": "notify", "bufferedMode": "buffered", "openMode": "open"} {
			if v := q.Get(own); v != "" {
				args[tool] = v == "yes"
			}
		}
		since(args, q.Get("timestamp"))
	}
	return args
}

// since adds what a timestamp of an event listing asks for: 0 the oldest first, -1
// the newest first, else what was created from then on.
func since(args ergo.Args, text string) {
	switch at, err := strconv.ParseInt(text, 10, 64); {
	case err != nil || at == 0:
	case at < 0:
		args["newestFirst"] = true
	default:
		args["createdFrom"] = at
	}
}

// eventArgs are the arguments of the tool events, out of a request's.
func eventArgs(args ergo.Args) ergo.Args {
	out := ergo.Args{"limit": int64(500)}
	if v := args.Text("Name"); v != "" {
		out["name"] = v
	}
	if l, ok := args.Int("Limit"); ok && l > 0 {
		out["limit"] = l
	}
	for own, tool := range map[string]string{"Notify": "notify", "Buffered": "buffered", "Open": "open"} {
		if v, ok := args.Int(own); ok && v != 0 {
			out[tool] = v > 0
		}
	}
	if v, ok := args.Int("MinSubscribers"); ok && v > 0 {
		out["minSubscribers"] = v
	}
	if v, ok := args.Int("Timestamp"); ok {
		since(out, strconv.FormatInt(v, 10))
	}
	return out
}
