package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/escape"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/view"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/words"
)

// waitTime is how long an engine may take to answer.
const waitTime = 5 * time.Second

type statusFlags struct {
	link.Options
	json bool
}

func newStatus() *cobra.Command {
	var f statusFlags
	cmd := &cobra.Command{
		Use:   "status NAME",
		Short: "Show a fleet: clusters, recorders, nodes, who records them, what waits, incidents",
		Long: `Status asks the engine and shows what the recorders told it last. It ends with
exit code 1 when a node is recorded by nobody, or a recorder is silent.`,
		Example: `  fleet status prod --engine-token-file /var/lib/ergo-fleet/token
  fleet status prod --engine nats://a:4222,nats://b:4222 --engine-creds fleet.creds --json`,
		Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			f.Fleet = args[0]
			return runStatus(cmd, &f)
		},
	}
	fl := cmd.Flags()
	fl.StringSliceVar(&f.Hosts, "engine", []string{"nats://" + defaultListen}, "where the engine is (repeatable)")
	fl.StringVar(&f.CredsFile, "engine-creds", "", "file with NATS credentials")
	fl.StringVar(&f.TokenFile, "engine-token-file", "", "file with the engine's token")
	fl.StringVar(&f.CAFile, "engine-ca", "", "file with the certificates of who signed the engine's")
	fl.StringVar(&f.CertFile, "engine-cert", "", "file with a certificate of our own")
	fl.StringVar(&f.KeyFile, "engine-key", "", "file with its key")
	fl.BoolVar(&f.json, "json", false, "as JSON")
	return cmd
}

func runStatus(cmd *cobra.Command, f *statusFlags) error {
	ctx, cancel := context.WithTimeout(cmd.Context(), waitTime)
	defer cancel()
	f.Name = "fleet status"
	l, err := link.Dial(f.Options)
	if err != nil {
		return err
	}
	defer l.Close()
	if err := l.Wait(ctx); err != nil {
		return err
	}
	v, err := view.Read(ctx, l, f.Fleet)
	if err != nil {
		return err
	}
	if len(v.Clusters) == 0 {
		return fmt.Errorf("the engine knows no fleet %s: record run --fleet %s begins one", f.Fleet, f.Fleet)
	}
	if f.json {
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(v)
	} else {
		err = show(cmd.OutOrStdout(), v)
	}
	return errors.Join(err, wrong(v))
}

// wrong is what ends the command with exit code 1.
func wrong(v *view.Fleet) error {
	for i := range v.Clusters {
		c := &v.Clusters[i]
		if n := c.Unrecorded(); n > 0 {
			return exit.With(exit.No, fmt.Errorf("cluster %s: %d nodes are recorded by nobody", c.Name, n))
		}
		for _, r := range c.Recorders {
			if r.State == view.Silent {
				return exit.With(exit.No, fmt.Errorf("cluster %s: recorder %s is silent for %s", c.Name, r.Name, words.Length(r.Silent)))
			}
		}
	}
	return nil
}

// show shows the fleet on one screen, or as much of it as it has.
func show(w io.Writer, v *view.Fleet) error {
	for i := range v.Clusters {
		c := &v.Clusters[i]
		escape.Fprintf(w, "fleet %s, cluster %s: %d recorders, %d nodes, %d messages on the engine (%s%s%s)\n\n", v.Name, c.Name, len(c.Recorders), len(c.Nodes),
			c.Messages, words.Size(float64(c.Bytes)), bound(c.MaxBytes), span(c.First, c.Last))
		if err := printRecorders(w, c); err != nil {
			return err
		}
		printNodes(w, c)
		for _, in := range c.Incidents() {
			escape.Fprintf(w, "incident %s %s %s: %s\n", in.From.UTC().Format(time.RFC3339), in.Kind, in.Node, in.Note)
		}
		escape.Fprintln(w)
	}
	return nil
}

func bound(most int64) string {
	if most <= 0 {
		return ""
	}
	return " of at most " + words.Size(float64(most))
}

func span(first, last time.Time) string {
	if first.IsZero() || last.IsZero() {
		return ""
	}
	return ", shipped from " + first.UTC().Format(time.RFC3339) + " to " + last.UTC().Format(time.RFC3339)
}

func printRecorders(w io.Writer, c *view.Cluster) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	escape.Fprintf(t, "recorder\tstate\tnodes\tlost\tbacklog\toldest\tincidents\tversion\n")
	for i := range c.Recorders {
		r := &c.Recorders[i]
		escape.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%d\t%s\n", r.Name, stateOf(r), len(r.Nodes), len(r.Lost), backlog(&r.Backlog), age(&r.Backlog), r.Incidents, r.Version)
	}
	err := t.Flush()
	escape.Fprintln(w)
	return err
}

func stateOf(r *view.Recorder) string {
	switch r.State {
	case view.Ended:
		return "ended: " + r.Ended
	case view.Silent:
		return "SILENT for " + words.Length(r.Silent)
	}
	return string(r.State)
}

func backlog(b *shape.Backlog) string {
	text := words.Size(float64(b.Bytes))
	if b.Why != "" {
		text += " (" + b.Why + ")"
	}
	return text
}

func age(b *shape.Backlog) string {
	if b.Blocks == 0 {
		return "-"
	}
	return words.Length(b.Age)
}

// mostNames is how many nodes are named a line of who records them.
const mostNames = 200

// printNodes tells who records which nodes: those that are alike in a line.
func printNodes(w io.Writer, c *view.Cluster) {
	var order []string
	by := map[string][]string{}
	for _, n := range c.Nodes {
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
			order = append(order, who)
		}
		by[who] = append(by[who], n.Name)
	}
	for _, who := range order {
		names := by[who]
		more := ""
		if len(names) > mostNames {
			more = fmt.Sprintf(" and %d more (--json has all)", len(names)-mostNames)
			names = names[:mostNames]
		}
		escape.Fprintf(w, "%s recorded %s: %s%s\n", counted(len(by[who])), who, strings.Join(names, " "), more)
	}
}

func counted(nodes int) string {
	if nodes == 1 {
		return "1 node is"
	}
	return fmt.Sprintf("%d nodes are", nodes)
}
