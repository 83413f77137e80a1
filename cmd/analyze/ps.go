package main

import (
	"cmp"
	"fmt"
	"io"
	"maps"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"ergorecorder/cmd/internal/paths"

	"ergorecorder/escape"
	"ergorecorder/internal/words"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/views"
)

const psFormats = "text or json"

func newPS() *cobra.Command {
	var q views.ProcessQuery
	var at string
	var f format
	cmd := &cobra.Command{
		Use:   "ps PATH...",
		Short: "List the processes of the cluster at a moment",
		Long: `Ps lists processes as they were at a moment, those with the deepest mailbox
first. Counters are since each process's start. A mailbox age of - is not known:
the node lacks -tags=latency.`,
		Example: "  analyze ps incident.erg --at 12:30:05 --node 'beta@*' --sort latency --limit 10",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(psFormats)
			}
			rec, err := openRecording(cmd, args...)
			if err != nil {
				return err
			}
			defer rec.Close()
			if q.At, err = parseTime(cmd.Context(), rec, at); err != nil {
				return fmt.Errorf("--at: %w", err)
			}
			v, err := views.Processes(cmd.Context(), rec, q)
			if err != nil {
				return err
			}
			if f == "json" {
				return printJSON(cmd.OutOrStdout(), v)
			}
			return printPS(cmd.OutOrStdout(), v)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&at, "at", "end", "the moment: "+timeHelp)
	fl.StringVar(&q.Node, "node", "", "glob over the names of nodes")
	fl.StringVar(&q.Like, "process", "", "glob over name, behavior, application or PID")
	fl.StringVar(&q.State, "state", "", "only this state: running, sleep, wait_response, zombee, …")
	fl.StringVar(&q.Sort, "sort", "mailbox", "greatest first: "+strings.Join(views.ProcessSorts(), ", "))
	fl.BoolVar(&q.Own, "own", false, "also those that are there because somebody observes, as the workers that answer the recorder")
	fl.IntVar(&q.Limit, "limit", 30, "how many at most; 0 is all")
	paths.OneNode(cmd)
	f.addFlag(cmd, psFormats)
	return cmd
}

func printPS(out io.Writer, v *views.ProcessView) error {
	escape.Fprintf(out, "%d processes listed at %s\n", v.Total, stamp(v.At))
	for _, c := range v.Cut {
		escape.Fprintln(out, "not all: "+c)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	escape.Fprintf(w, "NODE\tPROCESS\tBEHAVIOR\tSTATE\tMAILBOX\tAGE\tIN\tOUT\tRUNNING\tUP\n")
	var odd []string
	for _, r := range v.Rows {
		who := r.Name
		if who == "" {
			who = r.PID
		}
		age := "-"
		if r.MailboxLatency >= 0 {
			age = words.Short(time.Duration(r.MailboxLatency))
		}
		cell := func(field, text string) string {
			if literal, is := r.Odd[field]; is {
				odd = append(odd, fmt.Sprintf("%s of %s on %s is %s", field, who, r.Node, literal))
				return "?"
			}
			return text
		}
		node, _, _ := strings.Cut(r.Node, "@")
		escape.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\t%s\n", node, cut(out, who, 24), cut(out, r.Behavior, 24), r.State,
			cell("MessagesMailbox", strconv.FormatInt(r.MessagesMailbox, 10)), cell("MailboxLatency", age),
			cell("MessagesIn", strconv.FormatInt(r.MessagesIn, 10)), cell("MessagesOut", strconv.FormatInt(r.MessagesOut, 10)),
			cell("RunningTime", words.Short(time.Duration(r.RunningTime))), cell("Uptime", words.Short(time.Duration(r.Uptime)*time.Second)))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if own := v.OwnLeftOut(); own != "" {
		escape.Fprintf(out, "%s: --own lists them\n", own)
	}
	if rest := v.Total - len(v.Rows); rest > 0 {
		escape.Fprintf(out, "%d more: raise --limit\n", rest)
	}
	for _, o := range odd {
		escape.Fprintln(out, "no such number: "+o)
	}
	for _, u := range v.Unlisted {
		escape.Fprintln(out, "not listed: "+u)
	}
	return nil
}

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
			rec, err := openRecording(cmd, args...)
			if err != nil {
				return err
			}
			defer rec.Close()
			t, err := parseTime(cmd.Context(), rec, at)
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
	cmd.Flags().StringVar(&at, "at", "end", "the moment: "+timeHelp)
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
			pings = append(pings, short+" "+cut(out, r.RoundTrips[p], 20))
		}
		known := func(tool, text string) string {
			if slices.Contains(r.Lacks, tool) {
				return "-"
			}
			return text
		}
		escape.Fprintf(w, "%s\t%s\t%d\t%d\t%d\t%s\t%s\t%d\t%d\t%s\t%s\n", r.Node, words.Short(time.Duration(r.Uptime)*time.Second), r.Processes, r.Zombees, r.Waiting,
			known("runtime_stats", words.Size(float64(r.HeapAlloc))), known("runtime_stats", fmt.Sprint(r.Goroutines)), r.Errors, r.Logged,
			known("app_list", fmt.Sprintf("%d/%d", r.Running, r.Applications)), strings.Join(pings, ", "))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if own := views.OwnLeftOut(rows); own != "" {
		escape.Fprintf(out, "%s\n", own)
	}
	return nil
}
