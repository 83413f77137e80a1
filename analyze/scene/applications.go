package scene

import (
	"context"
	"time"
)

// An Application is one application's life in the window.
type Application struct {
	Name, Mode string
	ran        bool
	Up         time.Time // it was last seen running
	Down       time.Time // it was first seen not to run, after it did; zero while it runs
	State      string
	Back       time.Time
}

const AppRunning = "running"

// Applications are the applications that ran and stopped.
func (s *Scene) Applications(ctx context.Context, n *Node) ([]*Application, error) {
	apps := map[string]*Application{}
	var names []string
	for f, err := range s.Rec.Table(ctx, n.Name, "app_list", s.From, s.To, []string{"name", "state", "mode"}) {
		if err != nil {
			if s.Damaged(err) {
				continue
			}
			return nil, err
		}
		if f.Failure != nil {
			continue
		}
		listed := map[string]bool{}
		for _, slot := range f.Live {
			name := f.Columns[0].Text(slot)
			a := apps[name]
			if a == nil {
				a = &Application{Name: name}
				apps[name] = a
				names = append(names, name)
			}
			listed[name] = true
			a.Mode = f.Columns[2].Text(slot)
			a.seen(f.At, f.Columns[1].Text(slot))
		}
		for name, a := range apps {
			if !listed[name] {
				a.seen(f.At, "unloaded")
			}
		}
	}
	var out []*Application
	for _, name := range names {
		if a := apps[name]; !a.Down.IsZero() {
			out = append(out, a)
		}
	}
	return out, nil
}

func (a *Application) seen(at time.Time, state string) {
	switch {
	case state == AppRunning:
		a.ran = true
		if a.Down.IsZero() {
			a.Up = at
		} else if a.Back.IsZero() {
			a.Back = at
		}
	case a.ran && a.Down.IsZero():
		a.Down, a.State = at, state
	}
}
