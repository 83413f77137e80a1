package main

import (
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/playbook/rules"
	"ergorecorder/escape"
	"ergorecorder/internal/exit"
	"ergorecorder/internal/limit"
)

func newRules() *cobra.Command {
	cmd := &cobra.Command{
		Use:   "rules",
		Short: "Check and try rules of your own; print ten to begin with",
		Long: `A rule is an expression in CEL over the rows of one reading: over its fields,
their rates, what they were within a window, and what they usually are. report,
timeline, serve and mcp take a file of rules with --rules, and so does record
run, where a rule opens an incident. docs/rules.md says what there is.`,
		Example: `  analyze rules example > rules.yaml
  analyze rules check rules.yaml
  analyze rules test rules.yaml incident.erg
  analyze report incident.erg --rules rules.yaml`,
	}
	cmd.AddCommand(newRulesCheck(), newRulesTest(), &cobra.Command{
		Use: "example", Short: "Print rules to begin with", Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			_, err := cmd.OutOrStdout().Write(rules.Examples)
			return err
		},
	})
	return cmd
}

func newRulesCheck() *cobra.Command {
	return &cobra.Command{
		Use:   "check FILE...",
		Short: "Say what is wrong with files of rules, with line and column",
		Long: `Check reads files of rules and compiles their expressions. The exit code is 1 if
something is wrong with one of them.`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			var wrong error
			for _, file := range args {
				set, err := readRules(file)
				if err != nil {
					sayWrong(cmd.ErrOrStderr(), err)
					wrong = exit.No
					continue
				}
				escape.Fprintf(cmd.OutOrStdout(), "%s: %s, nothing wrong\n", file, counted(len(set.Rules), "rule"))
			}
			return wrong
		},
	}
}

func sayWrong(w io.Writer, err error) {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		for _, e := range j.Unwrap() {
			escape.Fprintf(w, "%v\n", e)
		}
		return
	}
	escape.Fprintf(w, "%v\n", err)
}

// readRules reads a file of rules; an error joins what is wrong, each with its
// place: FILE:LINE:COLUMN.
func readRules(file string) (*rules.Set, error) {
	text, err := limit.Settings.ReadFile(file)
	if err != nil {
		return nil, err
	}
	set, err := rules.Parse(text)
	if err == nil {
		return set, nil
	}
	j, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	var placed []error
	for _, e := range j.Unwrap() {
		placed = append(placed, fmt.Errorf("%s:%w", file, e))
	}
	return nil, errors.Join(placed...)
}

func newRulesTest() *cobra.Command {
	var win window
	var f format
	cmd := &cobra.Command{
		Use:   "test FILE PATH...",
		Short: "Say which rules would have fired when, over a recording",
		Long: `Test asks the rules of a file of a recording, and says of each when it would have
fired (once it had held for as long as it asks for), of whom, and for how long it
held; of the others, of how much they were asked. The exit code is 1 if something
is wrong with the file.`,
		Example: "  analyze rules test rules.yaml incident.erg --from -1h",
		Args:    cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			set, err := readRules(args[0])
			if err != nil {
				sayWrong(cmd.ErrOrStderr(), err)
				return exit.No
			}
			return testRules(cmd, set, args[1:], win, f)
		},
	}
	win.addFlags(cmd)
	f.addFlag(cmd, infoFormats)
	return cmd
}

// A tried rule is what became of a rule on a node, as JSON.
type triedRule struct {
	Rule    string      `json:"rule"`
	Node    string      `json:"node"`
	Answers int         `json:"answers"`
	Told    int         `json:"rows_told"`   // of which it could be told whether the rule holds
	Untold  int         `json:"rows_untold"` // of which it could not
	Lacks   string      `json:"lacks,omitempty"`
	Error   string      `json:"error,omitempty"`
	Fired   []firedRule `json:"fired"`
}

type firedRule struct {
	At      time.Time       `json:"at"`
	From    time.Time       `json:"from"`
	To      time.Time       `json:"to"`
	Open    bool            `json:"open"` // it holds at the end
	Subject finding.Subject `json:"subject"`
}

func testRules(cmd *cobra.Command, set *rules.Set, paths []string, win window, f format) error {
	rec, err := openRecording(cmd, paths...)
	if err != nil {
		return err
	}
	defer rec.Close()
	from, to, err := win.resolve(cmd.Context(), rec)
	if err != nil {
		return err
	}
	tried := []triedRule{}
	for _, n := range rec.Nodes() {
		all, err := set.Watch(cmd.Context(), rec, n, from, to, func(err error) {
			escape.Fprintf(cmd.ErrOrStderr(), "analyze: not readable: %v\n", err)
		})
		if err != nil {
			return err
		}
		for _, w := range all {
			tried = append(tried, triedOf(w))
		}
	}
	if f == "json" {
		return printJSON(cmd.OutOrStdout(), tried)
	}
	for _, t := range tried {
		printTried(cmd.OutOrStdout(), t)
	}
	return nil
}

func triedOf(w *rules.Watched) triedRule {
	t := triedRule{Rule: w.Rule.Name, Node: w.Node, Answers: w.Answers, Told: w.Told, Untold: w.Untold, Lacks: w.Lacks, Fired: []firedRule{}}
	if w.Failed != nil {
		t.Error = w.Failed.Error()
	}
	for _, m := range w.Matches {
		for _, s := range m.Stretches {
			t.Fired = append(t.Fired, firedRule{m.Fired(s), s.From, s.To, s.Open, m.Row.Subject(w.Rule.Over)})
		}
	}
	return t
}

func printTried(w io.Writer, t triedRule) {
	head := t.Rule + " on " + t.Node
	switch {
	case t.Error != "":
		escape.Fprintf(w, "%s: %s\n", head, t.Error)
	case t.Answers == 0:
		escape.Fprintf(w, "%s: no answer to ask it of was recorded\n", head)
	case len(t.Fired) == 0 && t.Told == 0:
		escape.Fprintf(w, "%s: it cannot be told (%s was never known)\n", head, t.Lacks)
	case len(t.Fired) == 0:
		escape.Fprintf(w, "%s: did not fire; asked of %s of %s%s\n", head, counted(t.Told, "row"), counted(t.Answers, "answer"), untold(t))
	}
	for _, f := range t.Fired {
		end := "to " + stamp(f.To)
		if f.Open {
			end = "to the end"
		}
		escape.Fprintf(w, "%s: fired %s of %s; it held from %s %s\n", head, stamp(f.At), f.Subject.Who(), stamp(f.From), end)
	}
}

// untold says of how many rows it could not be told whether a rule holds.
func untold(t triedRule) string {
	if t.Untold == 0 {
		return ""
	}
	return fmt.Sprintf("; of %d more it cannot be told (%s)", t.Untold, t.Lacks)
}
