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
	"ergorecorder/fleet/view"
	"ergorecorder/internal/exit"
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
		if list := v.Clusters[i].Wrong(); len(list) > 0 {
			return exit.With(exit.No, fmt.Errorf("cluster %s: %s", v.Clusters[i].Name, strings.Join(list, "; ")))
		}
	}
	return nil
}

// show shows the fleet on one screen, or as much of it as it has.
func show(w io.Writer, v *view.Fleet) error {
	for i := range v.Clusters {
		c := &v.Clusters[i]
		escape.Fprintf(w, "fleet %s, cluster %s: %s\n\n", v.Name, c.Name, c.Said())
		if err := printRecorders(w, c); err != nil {
			return err
		}
		printNodes(w, c)
		for _, in := range c.Incidents() {
			escape.Fprintf(w, "incident %s\n", view.Incident(&in))
		}
		escape.Fprintln(w)
	}
	return nil
}

func printRecorders(w io.Writer, c *view.Cluster) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	escape.Fprintf(t, "recorder\tstate\tnodes\tlost\tbacklog\toldest\tincidents\tversion\n")
	for i := range c.Recorders {
		r := &c.Recorders[i]
		escape.Fprintf(t, "%s\t%s\t%d\t%d\t%s\t%s\t%d\t%s\n", r.Name, r.Said(), len(r.Nodes), len(r.Lost), r.Waits(), r.Oldest(), r.Incidents, r.Version)
	}
	err := t.Flush()
	escape.Fprintln(w)
	return err
}

// mostNames is how many nodes are named a line of who records them.
const mostNames = 200

// printNodes tells who records which nodes: those that are alike in a line.
func printNodes(w io.Writer, c *view.Cluster) {
	for _, g := range c.Groups() {
		names, more := g.Nodes, ""
		if len(names) > mostNames {
			more = fmt.Sprintf(" and %d more (--json has all)", len(names)-mostNames)
			names = names[:mostNames]
		}
		escape.Fprintf(w, "%s: %s%s\n", g.Said(), strings.Join(names, " "), more)
	}
}
