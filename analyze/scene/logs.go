package scene

import (
	"context"
	"slices"
	"time"

	"ergorecorder/analyze/logs"
	"ergorecorder/ergo"
	"ergorecorder/replay"
)

// SaidBy is what processes of a node logged since a moment, by their PIDs.
func (s *Scene) SaidBy(ctx context.Context, n *Node, since time.Time, pids []string) (map[string][]string, error) {
	said := map[string][]string{}
	for l, err := range replay.Readable(s.Logs(ctx, n, since, s.To), s.Note) {
		if err != nil {
			return nil, err
		}
		pid := logs.ParseSource(l.Source).PID
		if slices.Contains(pids, pid) && len(said[pid]) < maxComplaints {
			said[pid] = append(said[pid], l.Message)
		}
	}
	return said, nil
}

// NodeLog is what a node and its applications logged about themselves: not its
// processes.
func (s *Scene) NodeLog(ctx context.Context, n *Node) ([]replay.LogLine, error) {
	var own []replay.LogLine
	for l, err := range replay.Readable(s.Logs(ctx, n, s.From, s.To), s.Note) {
		if err != nil {
			return nil, err
		}
		if (l.Type == "node" || l.Type == "application") && len(own) < maxComplaints {
			own = append(own, l)
		}
	}
	return own, nil
}

// Complaints are the lines that a node logged as errors and panics, by the
// name, the PID and the behavior of the process that wrote them.
type Complaints struct {
	Lines                     int // of any level, of processes
	ByName, ByPID, ByBehavior map[string][]Complaint
}

// A Complaint is one such line.
type Complaint struct {
	At       time.Time
	PID      string
	Level    string
	Message  string
	Function string // of a panic, application code only
	Died     bool   // it is the process's last word: it died, and not because its supervisor gave up
}

// GivesUp reports whether a line says that a supervisor exceeded its intensity:
// it is logged by the supervisor, and by the children that go with it.
func (c Complaint) GivesUp() bool { return tells(ergo.LineGaveUp, c.Message) }

// tells reports whether a line tells something, of whoever wrote it.
func tells(what ergo.Line, message string) bool {
	_, ok := ergo.Tells(what, "", "", message)
	return ok
}

// Deaths are the first lines of each process that died, of those given.
func Deaths(of []Complaint) []Complaint {
	var out []Complaint
	seen := map[string]bool{}
	for _, c := range of {
		if c.Died && !seen[c.PID] {
			seen[c.PID] = true
			out = append(out, c)
		}
	}
	return out
}

// maxComplaints bounds the lines that are kept for one process.
const maxComplaints = 2000

// Complaints reads what a node complained of.
func (s *Scene) Complaints(ctx context.Context, n *Node) (Complaints, error) {
	w := Complaints{ByName: map[string][]Complaint{}, ByPID: map[string][]Complaint{}, ByBehavior: map[string][]Complaint{}}
	keep := func(by map[string][]Complaint, key string, c Complaint) {
		if key != "" && len(by[key]) < maxComplaints {
			by[key] = append(by[key], c)
		}
	}
	for l, err := range replay.Readable(s.Logs(ctx, n, s.From, s.To), s.Note) {
		if err != nil {
			return w, err
		}
		src := logs.ParseSource(l.Source)
		if src.PID != "" {
			w.Lines++
		}
		if logs.Rank(l.Level) < logs.Rank("error") {
			continue
		}
		c := Complaint{At: l.At, PID: src.PID, Level: l.Level, Message: l.Message}
		if p, ok := logs.ParsePanic(l.Message); ok {
			c.Function = p.Application
		}
		c.Died = tells(ergo.LineDied, l.Message) && !c.GivesUp()
		keep(w.ByName, src.Name, c)
		keep(w.ByPID, src.PID, c)
		keep(w.ByBehavior, src.Behavior, c)
	}
	return w, nil
}
