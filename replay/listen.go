package replay

import (
	"context"
	"encoding/json"
	"slices"
	"strings"
	"time"
)

// A Listening is what a passive sampler keeps of what a node said: log lines of
// some levels, messages of one event, or both.
type Listening struct {
	Levels  []string
	Source  string // the type of what logged; "" is any
	Event   string // the name of an event; "" is none
	EventOf string // the node whose event it is; "" is any
}

// Wants reports whether it keeps an entry.
func (l Listening) Wants(data []byte) bool {
	var d struct{ Level, Type, Event string }
	if json.Unmarshal(data, &d) != nil {
		return false
	}
	if d.Level != "" {
		return slices.Contains(l.Levels, d.Level) && (l.Source == "" || l.Source == d.Type)
	}
	node, ok := strings.CutPrefix(d.Event, "'"+l.Event+"'@'")
	return l.Event != "" && ok && (l.EventOf == "" || node == l.EventOf+"'")
}

// Listened is what a passive sampler of a node would have kept in a window, in
// the order of time.
func (r *Recording) Listened(ctx context.Context, node string, from, to time.Time, l Listening) ([]Heard, error) {
	var kept []Heard
	for h, err := range r.Heard(ctx, node, from, to) {
		if err != nil {
			return nil, err
		}
		if l.Wants(h.Data) {
			kept = append(kept, h)
		}
	}
	slices.SortStableFunc(kept, func(a, b Heard) int { return a.At.Compare(b.At) })
	return kept, nil
}
