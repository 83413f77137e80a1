package host

import (
	"context"
	"slices"
	"strings"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/frame"
	"ergorecorder/ergo/wire/internal/message"
	"ergorecorder/ergo/wire/internal/system"
)

// LogEvent is the name of the event that carries the log. Real nodes name it
// after what was asked; clients must take it from the answer.
const LogEvent = "inspect_log_iwep"

// logAsked is what was asked of the log.
type logAsked struct {
	levels []string
	limit  int // lines a second, of 3.3
}

// defaultLimit is how many lines a second a node of 3.3 pushes unless it is
// asked for more.
const defaultLimit = 500

// beginLog answers with the event that carries the log.
func (s *session) beginLog(m frame.Message, v edf.Named) {
	asked := logAsked{limit: defaultLimit}
	var numbers []int
	switch r := v.Value.(type) {
	case message.RequestInspectLog:
		numbers = r.Levels
	case system.InspectLog:
		numbers = r.Levels
		if r.Limit > 0 {
			asked.limit = r.Limit
		}
	}
	for _, n := range numbers {
		asked.levels = append(asked.levels, system.LevelWord(n))
	}
	s.mu.Lock()
	s.asked[LogEvent] = asked
	s.mu.Unlock()
	event := edf.Event{Node: edf.Atom(s.n.Name), Name: LogEvent}
	var out any = message.ResponseInspectLog{Event: event}
	if s.modern() {
		out = system.InspectAnswer{Event: event}
	}
	s.answer(m, edf.Named{Type: message.ResponseInspectLogType, Value: out}, beside{})
}

// relate answers a request to follow an event, or to leave it.
func (s *session) relate(v edf.Named) {
	r, ok := v.Value.(message.Relation[edf.Event])
	if !ok {
		return
	}
	result := message.Result{Error: edf.Error("unknown event"), Ref: r.Ref}
	name := string(r.Target.Name)
	s.mu.Lock()
	asked, log := s.asked[name]
	_, follows := s.followed[name]
	known := log || slices.Contains(s.n.Events, name)
	var ctx context.Context
	switch {
	case v.Type == message.DemonitorEventType && follows:
		s.followed[name]()
		delete(s.followed, name)
		result.Error = nil
	case v.Type == message.MonitorEventType && known:
		result.Error = nil
		if !follows {
			ctx, s.followed[name] = context.WithCancel(s.ctx)
		}
	}
	s.mu.Unlock()
	payload, err := edf.Append(nil, edf.Named{Type: message.ResultType, Value: result})
	if err == nil {
		s.send(frame.Message{Type: frame.Structured, Payload: payload})
	}
	if ctx != nil && log {
		s.calls.Go(func() { s.n.Log(ctx, asked.levels, func(l Lines) { s.push(asked, l) }) })
	}
}

// follows reports whether the session follows an event.
func (s *session) follows(event string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.followed[event] != nil
}

// push sends what was logged within a second: a line a message before 3.3, a
// batch of it since.
func (s *session) push(asked logAsked, l Lines) {
	if len(l.List) == 0 {
		return
	}
	creation := s.n.Creation()
	if !s.modern() {
		for _, line := range l.List {
			s.publish(line.Time, lineMessage(line, s.n.Name, creation), l.Clock)
		}
		return
	}
	batch := system.LogMessage{Node: edf.Atom(s.n.Name), Suppressed: int64(max(len(l.List)-asked.limit, 0))}
	for _, line := range l.List[:min(asked.limit, len(l.List))] {
		batch.Entries = append(batch.Entries, logEntry(line, s.n.Name, creation))
	}
	s.publish(l.List[len(l.List)-1].Time, edf.Named{Type: system.Name("MessageInspectLog"), Value: batch}, l.Clock)
}

// publish sends one message of the log's event.
func (s *session) publish(at time.Time, v edf.Named, clock *ergo.Clock) {
	payload, err := edf.Append(nil, v)
	if err != nil {
		return // a text that is too long takes its batch with it
	}
	s.sendWith(s.announce([3]uint64{}, beside{clock: clock}), frame.Message{
		Type: frame.PublishEvent, From: answerer, At: at.UnixNano(), Name: LogEvent, Payload: payload,
	})
}

// A source is who logged a line, taken out of its text.
type source struct {
	id             [3]uint64 // of a process or a meta process
	name, behavior string
	peer           string
}

// sourceOf takes the source of a line apart: <PID> ('name') behavior of a
// process, Alias#<…> behavior of a meta process, node-peer of the network.
func sourceOf(line wire.LogLine, node string) (src source) {
	who, rest, _ := strings.Cut(line.Source, " ")
	switch line.Type {
	case "process":
		src.id[0], _ = ergo.PID(who).ID() // a text that is none is of nobody
		if name, behind, ok := strings.Cut(strings.TrimPrefix(rest, "('"), "')"); ok {
			src.name, rest = name, strings.TrimSpace(behind)
		}
		src.behavior = rest
	case "meta":
		src.id, src.behavior = ergo.AliasID(who), rest
	case "network":
		src.peer = strings.TrimPrefix(line.Source, node+"-")
	case "application":
		src.name = line.Source
	}
	return src
}

// levelNumber is the number of a level.
func levelNumber(word string) int {
	for n := -2; n <= 5; n++ {
		if system.LevelWord(n) == word {
			return n
		}
	}
	return 0
}

// lineMessage is a line as nodes before 3.3 push it.
func lineMessage(line wire.LogLine, node string, creation int64) edf.Named {
	src := sourceOf(line, node)
	end := message.LogLine{Timestamp: line.Time.UnixNano(), Level: levelNumber(line.Level), Message: line.Message}
	own := edf.Atom(node)
	switch line.Type {
	case "process":
		return edf.Named{Type: message.LogProcessType, Value: message.LogProcess{
			Node: own, Name: edf.Atom(src.name), PID: edf.PID{Node: own, ID: src.id[0], Creation: creation}, LogLine: end,
		}}
	case "network":
		return edf.Named{Type: message.LogNetworkType, Value: message.LogNetwork{Node: own, Peer: edf.Atom(src.peer), LogLine: end}}
	case "meta":
		return edf.Named{Type: message.LogMetaType, Value: message.LogMeta{
			Node: own, Meta: edf.Alias{Node: own, ID: src.id, Creation: creation}, LogLine: end,
		}}
	}
	return edf.Named{Type: message.LogNodeType, Value: message.LogNode{Node: own, Creation: creation, LogLine: end}}
}

// logEntry is a line as nodes of 3.3 push it in batches.
func logEntry(line wire.LogLine, node string, creation int64) system.LogEntry {
	src := sourceOf(line, node)
	own := edf.Atom(node)
	e := system.LogEntry{
		Source: line.Type, Name: edf.Atom(src.name), Behavior: src.behavior, Peer: edf.Atom(src.peer), Creation: creation,
		Timestamp: line.Time.UnixNano(), Level: levelNumber(line.Level), Message: line.Message,
	}
	switch line.Type {
	case "process":
		e.PID = system.PID{Node: own, ID: src.id[0], Creation: creation}
	case "meta":
		e.Meta = system.Alias{Node: own, ID: src.id, Creation: creation}
	}
	for name, value := range line.Fields {
		e.Fields = append(e.Fields, system.LogField{Name: name, Value: value})
	}
	slices.SortFunc(e.Fields, func(a, b system.LogField) int { return strings.Compare(a.Name, b.Name) })
	return e
}
