package native

import (
	"context"
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strconv"
	"strings"
	"time"

	"ergorecorder/ergo/observer/gate"
)

// HeldBatches is how many batches of a log an Observer holds.
const HeldBatches = 64

// defaultRate is how many lines a second a log tells unless asked for more.
const defaultRate = 500

// A Line is an entry of a node's log as the 48 tools give one.
type Line struct {
	At   time.Time
	Data []byte
}

// A Batch is the lines of one second.
type Batch struct {
	Second     int64 `json:"-"`
	Node       string
	Entries    []json.RawMessage
	Suppressed int
}

// Batches are lines of a node's log that a resource asks for, by second; the
// second in which the view stands is not over yet and left for later.
func (v *View) Batches(ctx context.Context, u gate.URI, lines iter.Seq2[Line, error]) ([]Batch, error) {
	rate := defaultRate
	if n, err := strconv.Atoi(u.Query.Get("limit")); err == nil && n > 0 {
		rate = n
	}
	n := v.node(ctx, u.Node)
	takes := n.lines(u)
	if u.Lens == lensStream {
		takes = n.messages(u)
	}
	list := []Batch{}
	for l, err := range lines {
		if err != nil {
			return nil, err
		}
		second := l.At.Unix()
		if l.At.After(v.At) || second >= v.At.Unix() {
			continue
		}
		entry := takes(l.Data)
		if entry == nil {
			continue
		}
		i, found := slices.BinarySearchFunc(list, second, func(b Batch, s int64) int { return int(b.Second - s) })
		if !found {
			list = slices.Insert(list, i, Batch{Second: second, Node: u.Node})
		}
		if len(list[i].Entries) >= rate {
			list[i].Suppressed++
			continue
		}
		list[i].Entries = append(list[i].Entries, entry)
	}
	return list, nil
}

// lensStream is the lens that follows one event.
const lensStream = "stream"

// Followed refuses a stream of an event that nobody followed: that nothing came would
// not be known.
func (v *View) Followed(u gate.URI, followed func(node, event string) bool) error {
	if u.Lens != lensStream || followed(u.Node, u.Target) {
		return nil
	}
	return fmt.Errorf("cannot follow event %s: its messages were not recorded", u.Target)
}

// lines is how a line is shown that a read of the log asks for; nil for others.
func (n *node) lines(u gate.URI) func(data []byte) json.RawMessage {
	levels := strings.Split(u.Query.Get("levels"), ",")
	return func(data []byte) json.RawMessage {
		entry, level, message := n.logEntry(data)
		if levels[0] != "" && !slices.Contains(levels, level) || !fits(u, message) {
			return nil
		}
		return entry
	}
}

// messages is how a message is shown of the event that a read of a stream asks
// for; nil for others.
func (n *node) messages(u gate.URI) func(data []byte) json.RawMessage {
	kind := strings.ToLower(u.Query.Get("typePattern"))
	return func(data []byte) json.RawMessage {
		var m struct {
			Event, Type, Message string
			Time                 time.Time
		}
		if json.Unmarshal(data, &m) != nil || eventOf(m.Event) != u.Target {
			return nil
		}
		if !strings.Contains(strings.ToLower(m.Type), kind) || !fits(u, m.Message) {
			return nil
		}
		return encode(map[string]any{"Timestamp": m.Time.UnixNano(), "Type": m.Type, "Message": m.Message, "Verbose": ""})
	}
}

// eventOf is the name of an event as a message tells it, 'name'@'node'.
func eventOf(text string) string {
	name, _, _ := strings.Cut(strings.TrimPrefix(text, "'"), "'@")
	return strings.TrimSuffix(name, "'")
}

// fits reports whether a message is one that a read asks for.
func fits(u gate.URI, message string) bool {
	pattern := strings.ToLower(u.Query.Get("messagePattern"))
	return pattern == "" || strings.Contains(strings.ToLower(message), pattern) != (u.Query.Get("messageExclude") == "true")
}

// logEntry is a line as the log lens shows one; nil for what is none.
func (n *node) logEntry(data []byte) (entry json.RawMessage, level, message string) {
	var line struct {
		Level, Message, Source, Type string
		Time                         time.Time
		Fields                       json.RawMessage
	}
	if json.Unmarshal(data, &line) != nil || line.Level == "" {
		return nil, "", ""
	}
	out := map[string]any{
		"Source": line.Type, "Name": "", "PID": "", "Behavior": "", "Peer": "", "Parent": "", "Meta": "", "Creation": n.creation,
		"Timestamp": line.Time.UnixNano(), "Level": line.Level, "Message": line.Message, "Fields": line.Fields,
	}
	who, rest, _ := strings.Cut(line.Source, " ")
	switch line.Type {
	case "process":
		out["PID"] = n.own(who)
		if name, behind, ok := strings.Cut(strings.TrimPrefix(rest, "('"), "')"); ok {
			out["Name"], rest = name, strings.TrimSpace(behind)
		}
		out["Behavior"] = rest
	case "meta":
		out["Meta"], out["Behavior"] = n.ident(who), rest
	case "network":
		_, peer, _ := strings.Cut(line.Source, n.name+"-")
		out["Peer"] = peer
	case "application":
		out["Name"] = line.Source
	}
	return encode(out), line.Level, line.Message
}

// Cursor is where a log is read on, and CutCursor takes it apart.
func Cursor(owner string, seq int64) string { return owner + "." + strconv.FormatInt(seq, 10) }

// CutCursor takes a cursor apart.
func CutCursor(text string) (owner string, seq int64, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return "", 0, false
	}
	seq, err := strconv.ParseInt(text[i+1:], 10, 64)
	return text[:i], seq, err == nil
}
