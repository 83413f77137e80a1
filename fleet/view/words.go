package view

import (
	"fmt"
	"strings"
	"time"

	"ergorecorder/fleet/shape"
	"ergorecorder/internal/words"
)

// Said is the recorder's state in words.
func (r *Recorder) Said() string {
	switch r.State {
	case Ended:
		return "ended: " + r.Ended
	case Silent:
		return "SILENT for " + words.Length(r.Silent)
	}
	return string(r.State)
}

// Waits is what is not shipped, and why not, in words.
func (r *Recorder) Waits() string {
	text := words.Size(float64(r.Backlog.Bytes))
	if r.Backlog.Why != "" {
		text += " (" + r.Backlog.Why + ")"
	}
	return text
}

// Oldest is the age of the oldest that waits, in words; - where nothing does.
func (r *Recorder) Oldest() string {
	if r.Backlog.Blocks == 0 {
		return "-"
	}
	return words.Length(r.Backlog.Age)
}

// Said is what the cluster has, in words.
func (c *Cluster) Said() string {
	text := fmt.Sprintf("%s, %s, %s on the engine (%s", counted(len(c.Recorders), "recorder"), counted(len(c.Nodes), "node"),
		counted(int(c.Messages), "message"), words.Size(float64(c.Bytes)))
	if c.MaxBytes > 0 {
		text += " of at most " + words.Size(float64(c.MaxBytes))
	}
	if !c.First.IsZero() && !c.Last.IsZero() {
		text += ", shipped from " + c.First.UTC().Format(time.RFC3339) + " to " + c.Last.UTC().Format(time.RFC3339)
	}
	return text + ")"
}

// A Group is nodes that are alike: who records them, and how they are.
type Group struct {
	Nodes  []string
	Who    string
	Nobody bool
	Lost   bool
}

// Said is what the group's nodes have in common, in words.
func (g *Group) Said() string {
	return counted(len(g.Nodes), "node") + be(len(g.Nodes)) + "recorded " + g.Who
}

// Groups are the cluster's nodes by who records them, in the order of their names.
func (c *Cluster) Groups() (list []*Group) {
	by := map[string]*Group{}
	for i := range c.Nodes {
		n := &c.Nodes[i]
		who := "by " + strings.Join(n.Recorders, " and ")
		if len(n.Recorders) == 0 {
			who = "BY NOBODY"
		}
		if len(n.Offered) > 0 {
			who += ", going over to " + strings.Join(n.Offered, ", ")
		}
		if n.Lost {
			who += ", without an answer"
		}
		if by[who] == nil {
			by[who] = &Group{Who: who, Nobody: len(n.Recorders) == 0, Lost: n.Lost}
			list = append(list, by[who])
		}
		by[who].Nodes = append(by[who].Nodes, n.Name)
	}
	return list
}

// Wrong is what ought not to be, a line each.
func (c *Cluster) Wrong() (list []string) {
	if n := c.Unrecorded(); n > 0 {
		list = append(list, counted(n, "node")+be(n)+"recorded by nobody")
	}
	for i := range c.Recorders {
		if r := &c.Recorders[i]; r.State == Silent {
			list = append(list, fmt.Sprintf("recorder %s is silent for %s", r.Name, words.Length(r.Silent)))
		}
	}
	return list
}

// Incident is one in words.
func Incident(i *shape.Incident) string {
	return strings.TrimSpace(fmt.Sprintf("%s %s %s: %s", i.From.UTC().Format(time.RFC3339), i.Kind, i.Node, i.Note))
}

func counted(n int, what string) string {
	if n != 1 {
		what += "s"
	}
	return fmt.Sprintf("%d %s", n, what)
}

func be(n int) string {
	if n == 1 {
		return " is "
	}
	return " are "
}
