package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"sync"
	"text/tabwriter"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/ergo"
	"ergorecorder/ergo/live"
	"ergorecorder/ergo/observer"
	"ergorecorder/ergo/surface"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/exit"
	"ergorecorder/recorder"
)

func newCheck() *cobra.Command {
	var f runFlags
	var format string
	cmd := &cobra.Command{
		Use:   "check --endpoint ADDRESS...",
		Short: "Say what a recording of a cluster would see, and what it would cost",
		Long: `Check asks every node once for everything that record run would sample, and
says which nodes answer and how fast, which tools and build tags they lack and what
that will hide, how far their clocks are off, how long they would take to answer of
every 100 seconds, and about how many bytes a day would be written.

The exit code is 1 if recording would be blind: if a node would not be recorded.`,
		Example: "  record check --endpoint 10.0.0.5",
		Args:    cobra.NoArgs,
		RunE:    func(cmd *cobra.Command, _ []string) error { return runCheck(cmd, &f, format) },
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

func runCheck(cmd *cobra.Command, f *runFlags, format string) error {
	if format != "text" && format != "json" {
		return fmt.Errorf("format %q: there are text and json", format)
	}
	c, err := await(cmd.Context(), "read the configuration", func() (config, error) { return f.load(cmd) })
	if err != nil {
		return err
	}
	opts, err := c.recorderOptions()
	if err != nil {
		return err
	}
	say := func(line string) { escape.Fprintln(cmd.ErrOrStderr(), cmd.Root().Name()+": "+line) }
	quiet := opts // a check has nothing pushed to it
	quiet.Logs.Levels, quiet.Events = nil, nil
	joined, err := f.joinAny(&quiet, say)
	if err != nil {
		return err
	}
	if joined != nil {
		defer joined.Close()
		if err := joined.Wait(cmd.Context()); err != nil && cmd.Context().Err() != nil {
			return err
		}
	}
	router, err := await(cmd.Context(), "read tokens and certificates", func() (*live.Router, error) { return f.router(joined, nil) })
	if err != nil {
		return err
	}
	opts.Routes = router
	found, err := recorder.Check(cmd.Context(), router, opts)
	if err != nil {
		say(err.Error())
		return exit.No
	}
	entries, ways := f.entries(cmd.Context()), joined.ways(found)
	roads := roadsOf(cmd.Context(), router, joined, opts, found)
	if format == "json" {
		err = json.NewEncoder(cmd.OutOrStdout()).Encode(struct {
			*recorder.Checkup
			Entries []entryCheckup  `json:"entries"`
			Ways    []wayCheckup    `json:"ways"`
			Roads   [][]roadCheckup `json:"roads"` // of each node, in the order of nodes
		}{found, entries, ways, roads})
	} else {
		err = printCheckup(cmd.OutOrStdout(), found, entries, ways, roads)
	}
	if err == nil && found.Blind {
		err = exit.No
	}
	return err
}

// An entryCheckup is what an entry point says of itself.
type entryCheckup struct {
	Endpoint string `json:"endpoint"`
	Road     string `json:"road,omitempty"` // which surface answers
	Tools    int    `json:"tools"`
	ReadOnly bool   `json:"read_only"` // it has none of the tools that are known to change the cluster
	Err      string `json:"error,omitempty"`
}

// entries asks each endpoint for its tools.
func (r *reach) entries(ctx context.Context) []entryCheckup {
	o, err := r.opener()
	if err != nil {
		return nil // router has said so
	}
	ways, err := o.ways(ctx)
	out := make([]entryCheckup, len(ways))
	var asking sync.WaitGroup
	for i, w := range ways {
		asking.Go(func() {
			out[i].Endpoint = w.Name
			if err := out[i].ask(ctx, w); err != nil {
				out[i].Err = err.Error()
			}
		})
	}
	asking.Wait()
	if err != nil {
		out = append(out, entryCheckup{Endpoint: "entry points", Err: err.Error()})
	}
	return out
}

func (e *entryCheckup) ask(ctx context.Context, w live.Way) error {
	point, ok := w.Caller.(*surface.Entry)
	if !ok {
		return nil
	}
	road, err := point.Find(ctx)
	if err != nil {
		return err
	}
	e.Endpoint, e.Road = point.String(), string(road)
	var result json.RawMessage
	if o := point.Observer(); o != nil {
		result, err = o.Client().Do(ctx, observer.MethodTools)
	} else {
		result, err = point.Tools().Do(ctx, "tools/list", nil)
	}
	if err != nil {
		return err
	}
	var list struct{ Tools []struct{ Name string } }
	if err := json.Unmarshal(result, &list); err != nil {
		return fmt.Errorf("tools/list: %w", err)
	}
	e.Tools, e.ReadOnly = len(list.Tools), true
	for _, t := range list.Tools {
		if changes(t.Name) {
			e.ReadOnly = false
		}
	}
	return nil
}

// changes reports whether a tool is known to change the cluster, by the name that either
// surface gives it.
func changes(tool string) bool {
	t, known := tools48.Tool(tool)
	return known && t.Kind == ergo.Action || tool == "kill" || tool == "send"
}

func printCheckup(w io.Writer, c *recorder.Checkup, entries []entryCheckup, ways []wayCheckup, roads [][]roadCheckup) error {
	for _, e := range entries {
		kind := ""
		if e.Road == string(ergo.RoadObserver) {
			kind = "an Observer (Ergo 3.3), "
		}
		switch {
		case e.Err != "":
			escape.Fprintf(w, "%s: %s\n", e.Endpoint, e.Err)
		case e.ReadOnly:
			escape.Fprintf(w, "%s: %s%d tools, none of which is known to change the cluster\n", e.Endpoint, kind, e.Tools)
		default:
			escape.Fprintf(w, "%s: %s%d tools, some of which change the cluster (they are never called)\n", e.Endpoint, kind, e.Tools)
		}
	}
	escape.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	escape.Fprintf(t, "node\tasked\tprocesses\tanswers in\tclock off by\tanswering, of 100 s\ta day\n")
	for i, n := range c.Nodes {
		way := ways[i].Way
		if n.Blind != "" {
			escape.Fprintf(t, "%s\t%s\tBLIND: %s\n", n.Node, way, n.Blind)
			continue
		}
		answers, skew := n.Answers.Round(10*time.Microsecond).String(), n.Skew.Round(time.Millisecond).String()
		if n.Pushed {
			answers = "not asked"
		}
		if n.Timeless {
			skew = "not told"
		}
		escape.Fprintf(t, "%s\t%s\t%d\t%s\t%s\t%.2f s\tabout %s\n", n.Node, way, n.Processes, answers, skew, n.Share*100, size(n.BytesPerDay))
	}
	if err := t.Flush(); err != nil {
		return err
	}
	escape.Fprintln(w)
	for _, way := range ways {
		if way.Why != "" {
			escape.Fprintf(w, "%s is asked %s: %s\n", way.Node, way.Way, way.Why)
		}
	}
	for i, n := range c.Nodes {
		if n.Framework != "" {
			tags := "not told"
			if n.Tags != nil {
				tags = strings.Join(n.Tags, " ")
				if len(n.Tags) == 0 {
					tags = "none"
				}
			}
			escape.Fprintf(w, "%s: Ergo %s, asked %s, build tags: %s\n", n.Node, n.Framework, n.Road.Words(), tags)
		}
		printRoads(w, n.Node, roads[i])
		if len(n.Missing) > 0 {
			escape.Fprintf(w, "%s: not to be had: %s\n", n.Node, strings.Join(n.Missing, ", "))
		}
		if len(n.Suspicion) > 0 {
			escape.Fprintf(w, "%s: only when something is wrong, for it stops the node for a moment: %s\n", n.Node, strings.Join(n.Suspicion, ", "))
		}
		for _, r := range n.Remarks {
			escape.Fprintf(w, "%s: %s\n", n.Node, r)
		}
	}
	verdict := fmt.Sprintf("recording would see all %d nodes that were found", len(c.Nodes))
	if c.Blind {
		verdict = "recording would be blind"
	}
	_, err := escape.Fprintf(w, "%s, and write about %s a day\n", verdict, size(c.BytesPerDay))
	return err
}

// printRoads says which roads to a node were found besides the one that is taken.
func printRoads(w io.Writer, node string, roads []roadCheckup) {
	for _, r := range roads {
		if r.Taken {
			continue
		}
		by := r.By
		if r.Through != "" {
			by += ", forwarded by " + r.Through
		}
		if r.Err != "" {
			escape.Fprintf(w, "%s: node_info is not answered by %s: %.300s\n", node, by, r.Err)
			continue
		}
		adds := "nothing else that is sampled"
		if len(r.Adds) > 0 {
			adds = strings.Join(r.Adds, ", ")
		}
		logs := ""
		if r.Logs {
			logs = "its log is taken this way, pushed the moment it is written; "
		}
		escape.Fprintf(w, "%s: also found %s (%s): %sit would add %s\n", node, r.Road.Words(), by, logs, adds)
	}
}
