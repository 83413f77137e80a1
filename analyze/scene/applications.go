package scene

import (
	"context"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// An Application is one application's life in the window.
type Application struct {
	Name, Mode string
	Ran        bool      // at any time
	Up         time.Time // it was last seen running
	Down       time.Time // it was first seen not to run, after it did; zero while it runs
	State      string
	Back       time.Time
	First      time.Time // it was first listed
	Was, Anew  time.Time // listings show it running, and between two it began anew, by its uptime: when the first was, and when it began
}

const AppRunning = "running"

// Applications are the applications of a node, in the order in which they were
// first listed, and how many listings of them there are.
func (s *Scene) Applications(ctx context.Context, n *Node) (all []*Application, answers int, err error) {
	apps := map[string]*Application{}
	var names []string
	var ask replay.Fields
	called, state, mode, uptime := ask.Of("name"), ask.Of("state"), ask.Of("mode"), ask.Of("uptime")
	for f, err := range s.answers(ctx, replay.Query{Node: n.Name, Reading: ergo.Applications, From: s.From, To: s.To, Fields: ask}) {
		if err != nil {
			return nil, 0, err
		}
		answers++
		listed := map[string]bool{}
		for _, slot := range f.Live {
			name := f.Columns[called].Text(slot)
			a := apps[name]
			if a == nil {
				a = &Application{Name: name, First: f.At}
				apps[name] = a
				names = append(names, name)
			}
			listed[name] = true
			a.Mode = f.Columns[mode].Text(slot)
			a.seen(f.At, f.Columns[state].Text(slot), n.madeAt(f.At, &f.Columns[uptime], slot))
		}
		for name, a := range apps {
			if !listed[name] {
				a.seen(f.At, "unloaded", time.Time{})
			}
		}
	}
	for _, name := range names {
		all = append(all, apps[name])
	}
	return all, answers, nil
}

func (a *Application) seen(at time.Time, state string, began time.Time) {
	if !a.Ran {
		a.State = state
	}
	switch {
	case state == AppRunning:
		a.Ran = true
		if a.Down.IsZero() {
			if !a.Up.IsZero() && began.After(a.Up) { // whole seconds, and the answer's age, fall short of that
				a.Was, a.Anew = a.Up, began
			}
			a.Up = at
		} else if a.Back.IsZero() {
			a.Back = at
		}
	case a.Ran && a.Down.IsZero():
		a.Down, a.State = at, state
	}
}
