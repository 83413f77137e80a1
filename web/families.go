package web

import (
	"cmp"
	"context"
	"fmt"

	"ergorecorder/ergo"
	"ergorecorder/web/chart"
)

// A family is the processes of one behavior on one node.
type family struct {
	Node, Behavior          string
	Count, Running, Waiting int
	Mailbox, Deepest        int64
	Oldest                  int64 // ns; the age of the oldest waiting message, -1 where it is not measured
	In, Busy                float64
	Rated                   bool
}

// families groups processes, in the order in which their behaviors come.
func families(rows []process) []family {
	type key struct{ node, behavior string }
	at := map[key]int{}
	var out []family
	for i := range rows {
		r := &rows[i]
		k := key{r.Node, r.Behavior}
		n, there := at[k]
		if !there {
			n = len(out)
			at[k] = n
			out = append(out, family{Node: r.Node, Behavior: r.Behavior, Oldest: -1})
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

func familyColumns(p *page) []column[family] {
	number := func(id, label, help string, u chart.Unit, f func(*family) float64) column[family] {
		return numColumn(id, label, help, u, f)
	}
	rate := func(id, label, help string, f func(*family) float64) column[family] {
		c := number(id, label, help, chart.Count, f)
		text := c.Text
		c.Text = func(r *family) string {
			if !r.Rated {
				return "–"
			}
			return text(r)
		}
		return c
	}
	return []column[family]{
		{ID: "behavior", Label: "Behavior", Text: func(f *family) string { return f.Behavior }, Order: byText(func(f *family) string { return f.Behavior }), Class: constantClass[family]("name"), URL: func(f *family) string {
			return p.Link("/processes", "node", f.Node, "q", f.Behavior)
		}},
		textColumn("node", "Node", func(f *family) string { return short(f.Node) }),
		number("count", "Processes", "", chart.Count, func(f *family) float64 { return float64(f.Count) }),
		number("running", "Running", "", chart.Count, func(f *family) float64 { return float64(f.Running) }),
		number("waiting", "Wait response", "", chart.Count, func(f *family) float64 { return float64(f.Waiting) }),
		alarming("mailbox", "Mailboxes", "messages waiting, all together", chart.Count, 10, 1000, func(f *family) float64 { return float64(f.Mailbox) }),
		alarming("deepest", "Deepest", "", chart.Count, 10, 1000, func(f *family) float64 { return float64(f.Deepest) }),
		{ID: "oldest", Label: "Oldest", Help: "age of the oldest waiting message", Num: true, Order: func(a, b *family) int { return cmp.Compare(a.Oldest, b.Oldest) }, Text: func(f *family) string {
			if f.Oldest < 0 {
				return "not measured"
			}
			return chart.Nanoseconds.Format(float64(f.Oldest))
		}},
		rate("in", "In /s", "messages received a second, over the last 10 s", func(f *family) float64 { return f.In }),
		rate("busy", "Busy %", "time in callbacks, all together, over the last 10 s", func(f *family) float64 { return f.Busy }),
	}
}

// supervision is what a supervisor says of itself at the moment, in a few words.
func supervision(ctx context.Context, m *moment, r *process) string {
	said := map[string]string{}
	for _, f := range facts(m.text(ctx, r.Node, "process_inspect", ergo.Args{"pid": string(r.PID)})) {
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
