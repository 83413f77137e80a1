package scene

import (
	"context"
	"slices"
	"time"

	"ergorecorder/analyze/logs"
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

// NodeLog is what a node logged about itself: not its processes.
func (s *Scene) NodeLog(ctx context.Context, n *Node) ([]replay.LogLine, error) {
	var own []replay.LogLine
	for l, err := range replay.Readable(s.Logs(ctx, n, s.From, s.To), s.Note) {
		if err != nil {
			return nil, err
		}
		if l.Type == "node" && len(own) < maxComplaints {
			own = append(own, l)
		}
	}
	return own, nil
}

// Complaints are the lines that a node logged as errors and panics, by the name
// and by the PID of the process that wrote them.
type Complaints struct {
	ByName, ByPID map[string][]Complaint
}

// A Complaint is one such line.
type Complaint struct {
	At       time.Time
	Level    string
	Message  string
	Function string // of a panic, application code only
}

// maxComplaints bounds the lines that are kept for one process.
const maxComplaints = 2000

// Complaints reads what a node complained of.
func (s *Scene) Complaints(ctx context.Context, n *Node) (Complaints, error) {
	w := Complaints{map[string][]Complaint{}, map[string][]Complaint{}}
	for l, err := range replay.Readable(s.Logs(ctx, n, s.From, s.To), s.Note) {
		if err != nil {
			return w, err
		}
		if logs.Rank(l.Level) < logs.Rank("error") {
			continue
		}
		src := logs.ParseSource(l.Source)
		c := Complaint{At: l.At, Level: l.Level, Message: l.Message}
		if p, ok := logs.ParsePanic(l.Message); ok {
			c.Function = p.Application
		}
		if src.Name != "" && len(w.ByName[src.Name]) < maxComplaints {
			w.ByName[src.Name] = append(w.ByName[src.Name], c)
		}
		if src.PID != "" && len(w.ByPID[src.PID]) < maxComplaints {
			w.ByPID[src.PID] = append(w.ByPID[src.PID], c)
		}
	}
	return w, nil
}
