package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/views"
)

const nodesFormats = "text or json"

func newNodes() *cobra.Command {
	var at, node string
	var f format
	cmd := &cobra.Command{
		Use:   "nodes PATH...",
		Short: "Put the nodes side by side at a moment",
		Long: `Nodes puts the cluster's nodes side by side as they were at a moment: uptime,
processes, zombees, heap, goroutines, failed sends and calls and logged errors
since the node's start, applications running, and round trips to its peers.`,
		Example: "  analyze nodes incident.erg --at -10m",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(nodesFormats)
			}
			rec, err := openRecording(args...)
			if err != nil {
				return err
			}
			defer rec.Close()
			t, err := parseTime(cmd.Context(), rec, at, nil)
			if err != nil {
				return fmt.Errorf("--at: %w", err)
			}
			rows, err := views.Nodes(cmd.Context(), rec, t, node)
			if err != nil {
				return err
			}
			if f == "json" {
				return printJSON(cmd.OutOrStdout(), rows)
			}
			return printNodes(cmd.OutOrStdout(), t, rows)
		},
	}
	cmd.Flags().StringVar(&at, "at", "end", "the moment: RFC 3339, 15:04:05, -10m (before the end), 30s (after the start) or @ID")
	cmd.Flags().StringVar(&node, "node", "", "glob over the names of nodes")
	f.addFlag(cmd, nodesFormats)
	return cmd
}

func printNodes(out io.Writer, at time.Time, rows []views.NodeRow) error {
	escape.Fprintf(out, "%d nodes at %s\n", len(rows), stamp(at))
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	escape.Fprintf(w, "NODE\tUP\tPROCESSES\tZOMBEES\tWAITING\tHEAP\tGOROUTINES\tERRORS\tLOGGED\tAPPS\tPINGS\n")
	for _, r := range rows {
		if r.Unknown != "" {
			escape.Fprintf(w, "%s\tnot known: %s\n", r.Node, r.Unknown)
			continue
		}
		var pings []string
		for _, p := range slices.SortedFunc(maps.Keys(r.RoundTrips), cmp.Compare[string]) {
			short, _, _ := strings.Cut(p, "@")
			pings = append(pings, short+" "+cut(r.RoundTrips[p], 20))
		}
		escape.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%.1f MB\t%d\t%d\t%d\t%d/%d\t%s\n", r.Node, brief(time.Duration(r.Uptime)*time.Second), r.Processes, r.Zombees,
			r.Waiting, float64(r.HeapAlloc)/(1<<20), r.Goroutines, r.Errors, r.Logged, r.Running, r.Applications, strings.Join(pings, ", "))
	}
	return w.Flush()
}
