package wire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"slices"
	"sync"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/inspect"
	"ergorecorder/ergo/wire/internal/edf"
	"ergorecorder/ergo/wire/internal/link"
	"ergorecorder/ergo/wire/internal/system"
)

// Limits of what the system application is asked.
const (
	answerTime  = 6 * time.Second // for one answer
	restUnheard = time.Minute     // after a request that was not answered
	staleAfter  = 4 * time.Second // a kept event that says nothing
	maxRows     = 1_000_000
	maxEvents   = 100_000
	maxLinks    = 10_000
	firstID     = 1000 // of a node's processes
)

// An inspection asks the system application of one node over one link. What
// the node turns out not to answer, or to answer in a layout that is not ours,
// is not asked again over that link.
type inspection struct {
	l        *link.Link
	node     string
	creation int64
	plan     system.Plan
	knows    func(typ string) bool
	now      func() time.Time
	wall     func(time.Duration) time.Duration // how long a stretch of the node's time takes

	mu      sync.Mutex
	latest  map[string]heard      // by event: what it said last
	waiting map[string][]chan any // by event: who waits for its next message
	kept    map[string]string     // the events that are followed, by what they are about
	refused map[string]error      // requests that are not made again, and why
	rest    map[string]time.Time  // requests that are not made before
	stopped map[string]time.Time  // when the node's world was stopped last
	dump    map[string]heard      // the last of each, for a diagnosis that wants two
	checked string                // what the comparison of layouts said; see checkSelf
	keeping sync.Mutex            // one event is begun at a time

	checking sync.Mutex // held while layouts are compared
}

// heard is a message, and when it came.
type heard struct {
	value any
	at    time.Time
}

func newInspection(l *link.Link, node string, creation int64, plan system.Plan, knows func(string) bool, now func() time.Time, wall func(time.Duration) time.Duration) *inspection {
	return &inspection{
		l: l, node: node, creation: creation, plan: plan, knows: knows, now: now, wall: wall,
		latest: map[string]heard{}, waiting: map[string][]chan any{}, kept: map[string]string{},
		refused: map[string]error{}, rest: map[string]time.Time{}, stopped: map[string]time.Time{}, dump: map[string]heard{},
	}
}

// errNotKnown is a request that the node does not know: it is never sent.
var errNotKnown = errors.New("the node does not know the request")

// request makes one request and checks the answer. A node of 3.3 is asked before
// how it lays out what it says.
func (s *inspection) request(ctx context.Context, name string, value any) (any, error) {
	s.checkSelf(ctx)
	return s.make(ctx, name, value)
}

func (s *inspection) make(ctx context.Context, name string, value any) (any, error) {
	typ := system.Name("Request" + name)
	if !s.knows(typ) {
		return nil, fmt.Errorf("%s: %w", name, errNotKnown)
	}
	s.mu.Lock()
	err, until := s.refused[name], s.rest[name]
	s.mu.Unlock()
	if err != nil {
		return nil, err
	}
	if s.now().Before(until) {
		return nil, fmt.Errorf("%s: not answered before, and asked again only after a minute: %w", name, context.DeadlineExceeded)
	}
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	v, err := s.l.Request(limited, system.Process, edf.Named{Type: typ, Value: value})
	if err != nil {
		return nil, s.unanswered(ctx, name, err)
	}
	named, _ := v.(edf.Named)
	if named.Type != system.Name("Response"+name) {
		return nil, s.refuse(name, fmt.Errorf("%s: the process %s answers with %s", name, system.Process, describe(v)))
	}
	if err := saidError(named.Value); err != nil { // all else in it may be empty
		return nil, &ergo.ToolError{Code: ergo.CodeInternal, Message: err.Error()}
	}
	if err := system.Check(named.Value, s.node, s.creation); err != nil {
		return nil, s.refuse(name, fmt.Errorf("%s: %w: %w", name, link.ErrLayout, err))
	}
	return named.Value, nil
}

// saidError is the error that an answer holds.
func saidError(answer any) error {
	f := reflect.ValueOf(answer).FieldByName("Error")
	if !f.IsValid() || f.IsNil() {
		return nil
	}
	err, _ := f.Interface().(error)
	return err
}

// unanswered notes that a request was not answered as it should be.
func (s *inspection) unanswered(ctx context.Context, name string, err error) error {
	said, isError := errorText(err)
	switch {
	case ctx.Err() != nil || s.l.Err() != nil:
		return err
	case isError && said == "not supported":
		return s.refuse(name, fmt.Errorf("%s: %w", name, err))
	case errors.Is(err, link.ErrLayout), errors.Is(err, link.ErrUnknownProcess):
		return s.refuse(name, fmt.Errorf("%s: %w", name, err))
	case isError:
		return &ergo.ToolError{Code: ergo.CodeInternal, Message: said}
	case errors.Is(err, context.DeadlineExceeded) && name != "GetProcessState" && name != "GetMetaState":
		s.mu.Lock()
		s.rest[name] = s.now().Add(s.wall(restUnheard))
		s.mu.Unlock()
	}
	return fmt.Errorf("%s: %w", name, err)
}

// refuse notes that a request is not to be made again over this link.
func (s *inspection) refuse(name string, err error) error {
	s.mu.Lock()
	s.refused[name] = err
	s.mu.Unlock()
	return err
}

// take takes in what an event of ours publishes; it reports whether the event
// is ours.
func (s *inspection) take(e link.Event, at time.Time) bool {
	if s == nil {
		return false
	}
	named, _ := e.Value.(edf.Named)
	s.mu.Lock()
	defer s.mu.Unlock()
	waits, ours := s.waiting[e.Name]
	for what, event := range s.kept {
		if event == e.Name {
			ours = true
			if e.Ended != nil {
				delete(s.kept, what)
				delete(s.latest, e.Name)
			}
		}
	}
	if !ours || e.Ended != nil {
		return ours
	}
	if !system.Ours(named.Type) || system.Check(named.Value, s.node, s.creation) != nil {
		named.Value = nil // another layout than ours
	}
	s.latest[e.Name] = heard{named.Value, at}
	for _, w := range waits {
		select {
		case w <- named.Value:
		default:
		}
	}
	return true
}

// errEnded is an event that ended between the answer that names it and our wish to
// follow it: its last follower had left a moment before.
var errEnded = errors.New("the event has just ended")

// begin asks for an event and follows it; the first message that it publishes
// comes on the channel.
func (s *inspection) begin(ctx context.Context, name string, value any) (event string, first chan any, err error) {
	event, first, err = s.beginOnce(ctx, name, value)
	if errors.Is(err, errEnded) {
		event, first, err = s.beginOnce(ctx, name, value)
	}
	return event, first, err
}

func (s *inspection) beginOnce(ctx context.Context, name string, value any) (event string, first chan any, err error) {
	v, err := s.request(ctx, name, value)
	if err != nil {
		return "", nil, err
	}
	e, ok := reflect.ValueOf(v).FieldByName("Event").Interface().(edf.Event)
	if !ok || e.Name == "" {
		return "", nil, s.refuse(name, fmt.Errorf("%s: the answer names no event", name))
	}
	event, first = string(e.Name), make(chan any, 1)
	s.mu.Lock()
	s.waiting[event] = append(s.waiting[event], first)
	s.mu.Unlock()
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	_, err = s.l.Monitor(limited, event)
	said, isError := errorText(err)
	switch {
	case err == nil, isError && said == alreadyFollowed:
		return event, first, nil
	case isError:
		err = &ergo.ToolError{Code: ergo.CodeInternal, Message: fmt.Sprintf("%s: follow %s: %s", name, event, said)}
		if said == unknownEvent {
			err = fmt.Errorf("%w: %w", errEnded, err)
		}
	default:
		err = fmt.Errorf("%s: follow %s: %w", name, event, err)
	}
	s.forget(event, first)
	return "", nil, err
}

// What a node says to who follows an event already and asks to, and of an event
// that is not there.
const (
	alreadyFollowed = "target is already exist"
	unknownEvent    = "unknown event"
)

// forget ends the wait for an event.
func (s *inspection) forget(event string, w chan any) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.waiting[event] = slices.DeleteFunc(s.waiting[event], func(c chan any) bool { return c == w })
	if len(s.waiting[event]) == 0 {
		delete(s.waiting, event)
	}
}

// waitedKey is the key under which a context holds how long a call waited for
// an event's next message: that is nobody's work.
type waitedKey struct{}

// await is the first message of an event. An event that says nothing is an answer
// of its own: the node has just said which event it is, and that it is followed.
func (s *inspection) await(ctx context.Context, name string, first chan any) (any, error) {
	if waited, ok := ctx.Value(waitedKey{}).(*time.Duration); ok {
		began := s.now()
		defer func() { *waited += s.now().Sub(began) }()
	}
	limited, cancel := context.WithTimeout(ctx, answerTime)
	defer cancel()
	select {
	case v := <-first:
		if v == nil {
			return nil, s.refuse(name, fmt.Errorf("%s: %w", name, link.ErrLayout))
		}
		return v, nil
	case <-s.l.Done():
		return nil, s.l.Err()
	case <-limited.Done():
		if errors.Is(ctx.Err(), context.Canceled) {
			return nil, ctx.Err()
		}
		return nil, &ergo.ToolError{Code: ergo.CodeInternal, Message: name + ": the node has the event followed and publishes nothing with it"}
	}
}

// once takes one message of an event and leaves it.
func (s *inspection) once(ctx context.Context, name string, value any) (any, error) {
	event, first, err := s.begin(ctx, name, value)
	if err != nil {
		return nil, err
	}
	defer s.forget(event, first)
	v, err := s.await(ctx, name, first)
	leave, cancel := context.WithTimeout(context.WithoutCancel(ctx), answerTime)
	defer cancel()
	_ = s.l.Demonitor(leave, event) // where that fails the link has ended
	return v, err
}

// follow is the newest message of an event that stays followed.
func (s *inspection) follow(ctx context.Context, name, about string, value any) (any, error) {
	key := name + " " + about
	s.mu.Lock()
	event, kept := s.kept[key]
	last := s.latest[event]
	s.mu.Unlock()
	if kept && last.value != nil && s.now().Sub(last.at) < staleAfter {
		return last.value, nil
	}
	s.keeping.Lock()
	defer s.keeping.Unlock()
	event, first, err := s.begin(ctx, name, value)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	s.kept[key] = event
	s.mu.Unlock()
	defer s.forget(event, first)
	return s.await(ctx, name, first)
}

// errNotGiven is a reading that the node's release does not give.
var errNotGiven = errors.New("the system application of that release does not tell it")

// call answers a call of the 48 tools.
func (s *inspection) call(ctx context.Context, call ergo.Call) ([]byte, error) {
	answer, direct, err := s.ask(ctx, call)
	switch {
	case errors.Is(err, link.ErrLayout), errors.Is(err, errNotGiven), errors.Is(err, errNotKnown):
		return nil, notTold(call.Tool, err)
	case err != nil || direct != nil:
		return direct, err
	}
	text, err := json.Marshal(answer)
	if err == nil {
		text, err = system.Without(text, missing(ctx))
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", call.Tool, err)
	}
	if call.Tool == toolCapabilities || call.Tool == toolTypes {
		return text, nil
	}
	return inspect.Canonical(call.Tool, call.Args, text, s.creation)
}

// notTold is a tool that the node's system application does not answer, or not in a
// form that is known here.
func notTold(tool string, why error) error {
	if errors.Is(why, link.ErrLayout) {
		return &ergo.ToolError{Code: ergo.CodeInternal, Message: fmt.Sprintf("%s: not read, for the node's release says it in a form that is not known here (%v)", tool, why)}
	}
	return &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: fmt.Sprintf("unknown tool: %s (%v)", tool, why)}
}

// missing are the fields of the last answer that a replay said were not
// recorded: they are left out, for zero would be a lie.
func missing(ctx context.Context) []string {
	if said := link.Heard(ctx); said != nil {
		return said.Missing
	}
	return nil
}

// ask makes the request that comes nearest to a tool. direct is the answer
// where it is no JSON.
func (s *inspection) ask(ctx context.Context, call ergo.Call) (answer any, direct []byte, err error) {
	if s.plan == system.Plan33 {
		return s.ask33(ctx, call)
	}
	answer, err = s.askOld(ctx, call)
	if state, ok := answer.(system.StateMessage); ok && state.State == nil {
		direct = []byte("null") // supervisors of these releases say nothing
	}
	return answer, direct, err
}

// pidOf is the PID that a call is about.
func (s *inspection) pidOf(text string) (system.PID, error) {
	id, err := ergo.PID(text).ID()
	if err != nil {
		return system.PID{}, &ergo.ToolError{Code: ergo.CodeInvalidParams, Message: "invalid pid: " + err.Error()}
	}
	return system.PID{Node: edf.Atom(s.node), ID: id, Creation: s.creation}, nil
}
