package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"ergorecorder/escape"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"ergorecorder/ergo/live"
	"ergorecorder/recorder"
	"ergorecorder/recorder/control"
	"ergorecorder/recorder/share"
	"ergorecorder/seal"
)

// defaultControl is where a running recorder is looked for.
const defaultControl = "127.0.0.1:9944"

// controlFlags say which running recorder is meant.
type controlFlags struct {
	address   string
	tokenFile string
}

func (f *controlFlags) add(fl *pflag.FlagSet) {
	fl.StringVar(&f.address, "control", defaultControl, "where the recorder is steered")
	fl.StringVar(&f.tokenFile, "control-token-file", "", "file with its token (default: $"+mcpTokenEnv+")")
}

func (f *controlFlags) client() (*control.Client, error) {
	token := live.NewToken(os.Getenv(mcpTokenEnv))
	if f.tokenFile != "" {
		var err error
		if token, err = live.ReadToken(f.tokenFile); err != nil {
			return nil, err
		}
	}
	if token.IsZero() {
		return nil, errors.New("no token: give --control-token-file FILE (record run says where it put it)")
	}
	return &control.Client{Address: f.address, Token: token}, nil
}

func newStatus() *cobra.Command {
	var f controlFlags
	var format string
	cmd := &cobra.Command{
		Use:     "status",
		Short:   "Say how the recording of a running recorder goes",
		Example: "  record status --control-token-file /var/lib/erg.token",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			s, err := c.Status(cmd.Context())
			if err != nil {
				return err
			}
			switch format {
			case "json":
				return json.NewEncoder(cmd.OutOrStdout()).Encode(s)
			case "text":
				return printStatus(cmd.OutOrStdout(), s)
			}
			return fmt.Errorf("format %q: there are text and json", format)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&format, "format", "text", "text or json")
	return cmd
}

// printStatus prints a status as a table of nodes.
func printStatus(w io.Writer, s recorder.Status) error {
	growth := "not known yet"
	if s.PerDay > 0 {
		growth = "about " + size(s.PerDay)
	}
	escape.Fprintf(w, "recording for %v, %d records, %s, growth a day %s, %d incidents\n",
		elapsed(s).Truncate(time.Second), s.Records, size(s.Bytes), growth, s.Incidents)
	printStorage(w, &s.Storage)
	printFleet(w, s.Fleet)
	if s.Refused > 0 {
		escape.Fprintf(w, "%d triggers had no room within the hour: they are marked\n", s.Refused)
	}
	if s.Keeping != "" {
		escape.Fprintf(w, "segments are not rotated or dropped as they should: %s\n", s.Keeping)
	}
	for _, b := range s.Backlogs {
		printBacklog(w, &b, s.Now)
	}
	escape.Fprintln(w)
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	escape.Fprintf(t, "node\tstate\tasked\tprocesses seen\tlag\terrors\tlines lost\tcosts of a core\tstretched\n")
	for _, n := range s.Nodes {
		escape.Fprintf(t, "%s\t%s\t%s\t%d of %d\t%v\t%d of %d\t%d\t%.2f %%\t%.1fx\n", n.Node, stateOf(&n), n.Way, n.Seen, max(n.Seen, n.Total),
			n.Lag.Round(time.Millisecond), n.Errors, n.Calls, n.LinesLost, n.Spent*100, n.Stretch)
	}
	return t.Flush()
}

// printFleet prints how the recorder stands in its fleet, if it is of one.
func printFleet(w io.Writer, f *share.Standing) {
	if f == nil {
		return
	}
	escape.Fprintf(w, "fleet %s, cluster %s, as %s: %d of its %d nodes are ours, %s shipped", f.Fleet, f.Cluster, f.Recorder, f.Nodes, f.Of, size(f.Shipped))
	if f.Blocks > 0 {
		escape.Fprintf(w, ", backlog %s in %d blocks, the oldest ended %v ago", size(f.Backlog), f.Blocks, f.Age.Truncate(time.Second))
	}
	escape.Fprintln(w)
	if !f.Away.IsZero() {
		escape.Fprintf(w, "THE ENGINE IS AWAY since %s: others may record our nodes as well\n", f.Away.UTC().Format(time.RFC3339))
	}
	if f.Why != "" {
		escape.Fprintf(w, "nothing is shipped: %s\n", f.Why)
	}
	if f.Lost > 0 {
		escape.Fprintf(w, "%d blocks were dropped by retention before they were shipped\n", f.Lost)
	}
}

// stateOf says how a node is.
func stateOf(n *recorder.NodeStatus) string {
	switch {
	case n.HeardAt.IsZero():
		return "not heard yet"
	case n.Lost:
		return "lost, heard " + n.HeardAt.UTC().Format(time.RFC3339)
	case n.Incarnation == "":
		return "answers"
	}
	return "up since " + n.Incarnation
}

// printStorage prints what became of what the archive was given.
func printStorage(w io.Writer, s *recorder.Storage) {
	escape.Fprintf(w, "%d records and marks accepted, %d of them on disk\n", s.Accepted, s.Durable)
	if s.Failing != "" {
		escape.Fprintf(w, "NOTHING CAN BE STORED: %s", s.Failing)
		if s.Refused > 0 {
			escape.Fprintf(w, " (%d records refused so far)", s.Refused)
		}
		escape.Fprintln(w)
	}
	if s.Faults > 0 {
		escape.Fprintf(w, "%d errors of the storage, the newest at %s: %s\n", s.Faults, s.FaultAt.UTC().Format(time.RFC3339), s.Fault)
	}
}

// printBacklog prints what is still to be taken elsewhere.
func printBacklog(w io.Writer, b *share.Backlog, now time.Time) {
	escape.Fprintf(w, "%s: %d taken", b.To, b.Taken)
	if b.Pieces > 0 {
		escape.Fprintf(w, ", %d with %s wait, the oldest recorded %v ago", b.Pieces, size(b.Bytes), now.Sub(b.Since).Truncate(time.Second))
	}
	if b.Lost > 0 {
		escape.Fprintf(w, ", %d were dropped here before they were there", b.Lost)
	}
	if b.Failing != "" {
		escape.Fprintf(w, "; NOTHING IS TAKEN: %s", b.Failing)
	}
	escape.Fprintln(w)
}

func newMark() *cobra.Command {
	var f controlFlags
	cmd := &cobra.Command{
		Use:   "mark TEXT",
		Short: "Note something in a recording, and keep the window around it",
		Args:  cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			return c.Mark(cmd.Context(), strings.Join(args, " "))
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func newRotate() *cobra.Command {
	var f controlFlags
	cmd := &cobra.Command{
		Use:   "rotate",
		Short: "Close the segment that is being written, so that others can read it",
		Args:  cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			return c.Rotate(cmd.Context())
		},
	}
	f.add(cmd.Flags())
	return cmd
}

func newDump() *cobra.Command {
	var f controlFlags
	var from, to, out string
	var recipients []string
	cmd := &cobra.Command{
		Use:     "dump -o FILE",
		Short:   "Copy a window of a recording that is being written into a file",
		Example: "  record dump --from -10m -o incident.erg",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := f.client()
			if err != nil {
				return err
			}
			return dumpTo(cmd, c, from, to, out, recipients)
		},
	}
	f.add(cmd.Flags())
	cmd.Flags().StringVar(&from, "from", "", "begin: RFC 3339, or -10m before now (default: all)")
	cmd.Flags().StringVar(&to, "to", "", "end, likewise (default: now)")
	cmd.Flags().StringVarP(&out, "output", "o", "", "the new archive")
	cmd.Flags().StringArrayVar(&recipients, "recipient", nil, "encrypt to this key of age or SSH, or to those in this file; gives FILE.age (repeatable)")
	_ = cmd.MarkFlagRequired("output")
	return cmd
}

func dumpTo(cmd *cobra.Command, c *control.Client, from, to, out string, recipients []string) error {
	s, err := c.Status(cmd.Context())
	if err != nil {
		return err
	}
	start, err1 := moment(from, s.Now)
	end, err2 := moment(to, s.Now)
	if err := errors.Join(err1, err2); err != nil {
		return err
	}
	keys, err := seal.Keys(recipients)
	if err != nil {
		return err
	}
	if keys != nil {
		out = seal.Name(out)
	}
	f, err := os.OpenFile(out, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("dump: %w", err)
	}
	if err := errors.Join(c.Dump(cmd.Context(), start, end, f, keys...), f.Close()); err != nil {
		return errors.Join(err, os.Remove(out))
	}
	return nil
}

// moment reads RFC 3339, or a time before now such as -10m.
func moment(text string, now time.Time) (time.Time, error) {
	if text == "" {
		return time.Time{}, nil
	}
	if d, err := time.ParseDuration(text); err == nil && d <= 0 {
		return now.Add(d), nil
	}
	t, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		return t, fmt.Errorf("time %q: give RFC 3339 or -10m", text)
	}
	return t, nil
}
