package serve

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/observer/gate"
)

// What an Observer holds of a log that is followed.
const (
	heldBatches = 64
	idleFollow  = 30 * time.Second // of the cluster's time: then the follow ends
	defaultRate = 500              // lines a second
)

// follows are the logs that are followed.
type follows struct {
	mu   sync.Mutex
	list map[string]*held
	next int
}

// A held log is followed since somebody first read it.
type held struct {
	owner string
	from  time.Time // what was logged before is not seen
	read  time.Time
}

// A batch is the lines of one second.
type batch struct {
	second     int64
	entries    []json.RawMessage
	suppressed int
}

// log answers a read of the log lens: the batches behind a cursor.
func (o *observed) log(ctx context.Context, u gate.URI, out *gate.Resource, now time.Time) error {
	o.follows.mu.Lock()
	h := o.follows.list[out.URI]
	if h == nil || now.Sub(h.read) > idleFollow || now.Before(h.read) {
		o.follows.next++
		h = &held{owner: fmt.Sprintf("%d-%d", o.rec.Life(o.home, now).Unix(), 2000+o.follows.next), from: now}
		o.follows.list[out.URI] = h
	}
	h.read = now
	follow := *h
	o.follows.mu.Unlock()
	rate := defaultRate
	if n, err := strconv.Atoi(u.Query.Get("limit")); err == nil && n > 0 {
		rate = n
	}
	batches, err := o.batches(ctx, u, follow.from, now, rate)
	if err != nil {
		return err
	}
	first := max(0, len(batches)-heldBatches) // those before were evicted
	from := first
	owner, seq, ok := cutCursor(u.Since)
	dropped := false
	if ok && owner == follow.owner {
		dropped = seq < first
		from = min(max(seq, first), len(batches))
	} else if ok {
		dropped = true
	}
	out.Meta = map[string]any{observer.MetaSeq: len(batches), observer.MetaNextSeq: fmt.Sprintf("%s.%d", follow.owner, len(batches))}
	if dropped {
		out.Meta[observer.MetaDropped] = true
	}
	type shown struct {
		Node       string
		Entries    []json.RawMessage
		Suppressed int
	}
	list := []shown{}
	for _, b := range batches[from:] {
		list = append(list, shown{u.Node, b.entries, b.suppressed})
	}
	out.Text = encode(list)
	return nil
}

// cutCursor takes a cursor apart.
func cutCursor(text string) (owner string, seq int, ok bool) {
	i := strings.LastIndexByte(text, '.')
	if i < 0 {
		return "", 0, false
	}
	seq, err := strconv.Atoi(text[i+1:])
	return text[:i], seq, err == nil
}

// batches are the lines of the node's log within a stretch of time, by second;
// the second that is not over yet is left for later.
func (o *observed) batches(ctx context.Context, u gate.URI, from, now time.Time, rate int) ([]batch, error) {
	levels := strings.Split(u.Query.Get("levels"), ",")
	var list []batch
	for heard, err := range o.rec.Heard(ctx, u.Node, from, now) {
		if err != nil {
			return nil, err
		}
		second := heard.At.Unix()
		if heard.At.After(now) || second >= now.Unix() {
			continue
		}
		entry, level := logEntry(heard.Data, u.Node, o.native(ctx, u.Node, now))
		if entry == nil || levels[0] != "" && !slices.Contains(levels, level) {
			continue
		}
		i, found := slices.BinarySearchFunc(list, second, func(b batch, s int64) int { return int(b.second - s) })
		if !found {
			list = slices.Insert(list, i, batch{second: second})
		}
		if len(list[i].entries) >= rate {
			list[i].suppressed++
			continue
		}
		list[i].entries = append(list[i].entries, entry)
	}
	return list, nil
}

// logEntry is a recorded line as the log lens shows one; nil for what is none.
func logEntry(data []byte, node string, n *native) (entry json.RawMessage, level string) {
	var line struct {
		Level, Message, Source, Type string
		Time                         time.Time
		Fields                       json.RawMessage
	}
	if json.Unmarshal(data, &line) != nil || line.Level == "" {
		return nil, ""
	}
	out := map[string]any{
		"Source": line.Type, "Name": "", "PID": "", "Behavior": "", "Peer": "", "Parent": "", "Meta": "", "Creation": 0,
		"Timestamp": line.Time.UnixNano(), "Level": line.Level, "Message": line.Message, "Fields": line.Fields,
	}
	who, rest, _ := strings.Cut(line.Source, " ")
	switch line.Type {
	case "process":
		out["PID"] = n.ident(who)
		if name, behind, ok := strings.Cut(strings.TrimPrefix(rest, "('"), "')"); ok {
			out["Name"], rest = name, strings.TrimSpace(behind)
		}
		out["Behavior"] = rest
	case "meta":
		out["Meta"], out["Behavior"] = n.ident(who), rest
	case "network":
		_, peer, _ := strings.Cut(line.Source, node+"-")
		out["Peer"] = peer
	case "application":
		out["Name"] = line.Source
	}
	return encode(out), line.Level
}
