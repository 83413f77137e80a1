package main

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"ergorecorder/cmd/internal/paths"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
	"ergorecorder/internal/nearest"
	"ergorecorder/replay"
)

const callFormats = "text or json"

func newCall() *cobra.Command {
	var node, at string
	var f format
	cmd := &cobra.Command{
		Use:   "call PATH TOOL [KEY=VALUE]...",
		Short: "Say what a tool would have said at a moment",
		Long: `Call asks a recording what one of the cluster's tools would have said at a
moment: filtered, sorted and cut as the live tool does. A value that is JSON (a
number, true, an array) is taken as such, any other as text. From when the answer
is goes to standard error.`,
		Example: `  analyze call incident.erg process_list sort_by=mailbox limit=5 --node beta@host --at 12:30:05
  analyze call incident.erg process_info 'pid=<11458782.0.1078>' --at -10m`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(callFormats)
			}
			given, err := keyValues(args[1], args[2:])
			if err != nil {
				return err
			}
			rec, err := openRecording(cmd, args[0])
			if err != nil {
				return err
			}
			defer rec.Close()
			if err := understood(rec, node, args[1], given); err != nil {
				return err
			}
			t, err := parseTime(cmd.Context(), rec, at)
			if err != nil {
				return fmt.Errorf("--at: %w", err)
			}
			m := rec.Moment(t)
			r, err := m.Ask(cmd.Context(), ergo.Call{Node: node, Tool: args[1], Args: given})
			if err != nil {
				return err
			}
			return printReply(cmd, f, m, r)
		},
	}
	cmd.Flags().StringVar(&node, "node", "", "the node to ask (default: the entry point)")
	cmd.Flags().StringVar(&at, "at", "end", "the moment: "+timeHelp)
	paths.OneNode(cmd)
	f.addFlag(cmd, callFormats)
	return cmd
}

// understood refuses a node, a tool and arguments that there are not. A newer
// node's own tools are taken as they were recorded.
func understood(rec *replay.Recording, node, tool string, args ergo.Args) error {
	if err := rec.HasNode(node); err != nil {
		return fmt.Errorf("--%w", err)
	}
	known, ok := tools48.Tool(tool)
	if ok {
		return ergo.CheckArgs(tool, append(known.Params, tools48.Common()...), args)
	}
	var names []string
	for _, s := range rec.Streams() {
		if s.Name == tool {
			return nil
		}
	}
	for _, t := range tools48.Tools() {
		names = append(names, t.Name)
	}
	return fmt.Errorf("tool %q: there is none of that name%s", tool, nearest.Hint(tool, names))
}

// keyValues reads a tool's arguments, key=value. What the contract says is
// text is taken as text.
func keyValues(tool string, list []string) (ergo.Args, error) {
	isText := map[string]bool{}
	known, _ := tools48.Tool(tool)
	for _, p := range known.Params {
		isText[p.Name] = p.Type == "string"
	}
	args := ergo.Args{}
	for _, kv := range list {
		k, v, ok := strings.Cut(kv, "=")
		if !ok || k == "" {
			return nil, fmt.Errorf("argument %q: write key=value", kv)
		}
		args[k] = v
		if a, err := ergo.ParseArgs([]byte(`{"v":` + v + `}`)); err == nil && a["v"] != nil && !isText[k] {
			args[k] = a["v"]
		}
	}
	return args, nil
}

// printReply writes the answer: as text, JSON indented as nodes do, or as one
// JSON object with where it comes from.
func printReply(cmd *cobra.Command, f format, m *replay.Moment, r replay.Reply) error {
	if f == "json" {
		out := map[string]any{
			"observed_at": r.At.UTC().Format(time.RFC3339Nano), "age": m.Age(r).String(), "from": r.From, "answer": string(r.Text),
		}
		if r.Total > 0 {
			out["seen"], out["total"] = r.Seen, r.Total
		}
		if json.Valid(r.Text) {
			out["answer"] = json.RawMessage(r.Text)
		}
		return printJSON(cmd.OutOrStdout(), out)
	}
	escape.Fprintf(cmd.ErrOrStderr(), "observed at %s, %s before\n", r.At.UTC().Format(time.RFC3339Nano), m.Age(r))
	if r.Total > r.Seen {
		escape.Fprintf(cmd.ErrOrStderr(), "%d rows were seen of %d\n", r.Seen, r.Total)
	}
	_, err := escape.Fprintln(cmd.OutOrStdout(), escape.Raw(strings.TrimRight(escape.Answer(ergo.Pretty(r.Text)), "\n")))
	return err
}
