package native

import (
	"context"
	"encoding/json"
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
	levels := strings.Split(u.Query.Get("levels"), ",")
	pattern := strings.ToLower(u.Query.Get("messagePattern"))
	n := v.node(ctx, u.Node)
	list := []Batch{}
	for l, err := range lines {
		if err != nil {
			return nil, err
		}
		second := l.At.Unix()
		if l.At.After(v.At) || second >= v.At.Unix() {
			continue
		}
		entry, level, message := n.logEntry(l.Data)
		if entry == nil || levels[0] != "" && !slices.Contains(levels, level) {
			continue
		}
		if pattern != "" && strings.Contains(strings.ToLower(message), pattern) == (u.Query.Get("messageExclude") == "true") {
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
