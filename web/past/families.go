package past

import (
	"cmp"
	"context"
	"fmt"

	"ergorecorder/ergo"
)

// A Family is the processes of one behavior on one node.
type Family struct {
	Node, Behavior          string
	Count, Running, Waiting int
	Mailbox, Deepest        int64
	Oldest                  int64 // ns; the age of the oldest waiting message, -1 where it is not measured
	In, Busy                float64
	Rated                   bool
}

// Families groups processes, in the order in which their behaviors come.
func Families(rows []Process) []Family {
	type key struct{ node, behavior string }
	at := map[key]int{}
	var out []Family
	for i := range rows {
		r := &rows[i]
		k := key{r.Node, r.Behavior}
		n, there := at[k]
		if !there {
			n = len(out)
			at[k] = n
			out = append(out, Family{Node: r.Node, Behavior: r.Behavior, Oldest: -1})
		}
		f := &out[n]
		f.Count++
		switch r.State {
		case "running":
			f.Running++
		case "wait response":
			f.Waiting++
		}
		f.Mailbox += r.MessagesMailbox
		f.Deepest, f.Oldest = max(f.Deepest, r.MessagesMailbox), max(f.Oldest, r.MailboxLatency)
		if r.Rated {
			f.Rated = true
			f.In, f.Busy = f.In+r.InRate, f.Busy+r.Busy
		}
	}
	return out
}

// Supervision is what a supervisor says of itself at the moment, in a few words.
func Supervision(ctx context.Context, m *Moment, r *Process) string {
	ans, err := m.caller.Recorded(ctx, ergo.Call{Node: r.Node, Tool: "process_inspect", Args: ergo.Args{"pid": string(r.PID)}})
	if err != nil {
		return ""
	}
	said := map[string]string{}
	for _, f := range Facts(string(ans.Text)) {
		name, ours := ergo.InspectKey(f.Key)
		if _, there := said[name]; !there || ours {
			said[name] = f.Value
		}
	}
	if said["strategy"] == "" {
		return ""
	}
	s := cmp.Or(said["type"], "supervisor") + ", " + said["strategy"]
	if said["restarts_count"] != "" {
		s += ", " + said["restarts_count"] + " restarts"
	}
	if said["intensity"] != "" && said["period"] != "" {
		s += fmt.Sprintf(", at most %s in %s s", said["intensity"], said["period"])
	}
	return s
}
