package render

import (
	"bufio"
	"fmt"
	"io"
	"strings"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
)

// Markdown writes the report as Markdown (the dialect with tables).
func Markdown(w io.Writer, r *analyze.Report) error {
	b := bufio.NewWriter(w)
	v := verdict(r)
	// Errors of the writer are kept by it, and come out of Flush.
	fmt.Fprintf(b, "**%s**\n\n%s\n\n%s\n\n", escape(v[0]), escape(v[1]), escape(v[2]))
	crit, warn, notes := count(r)
	fmt.Fprintf(b, "`%s`, %s to %s, %d nodes: %d critical, %d %s, %d %s.\n", r.Archive.Path, instant(r.Window.From), instant(r.Window.To),
		len(r.Archive.Nodes), crit, warn, plural(warn, "warning"), notes, plural(notes, "note"))
	for _, g := range r.Archive.Gaps {
		fmt.Fprintf(b, "\nGap: %s was not recorded from %s to %s: %s\n", escape(g.Node), clock(g.From), clock(g.To), escape(g.Why))
	}
	display := displays(r)
	for _, f := range r.Findings {
		markdownFinding(b, f, r, display)
	}
	markdownList(b, "In order", alike(r.Healthy, r.Archive.Nodes))
	var not []string
	for _, n := range r.NotEvaluated {
		not = append(not, n.Playbook+": "+n.Why)
	}
	markdownList(b, "Not evaluated", not)
	return b.Flush()
}

func markdownFinding(b *bufio.Writer, f *finding.Finding, r *analyze.Report, display map[string]string) {
	fmt.Fprintf(b, "\n## %s %s: %s\n\n", f.Display, f.Severity, escape(f.Title))
	fmt.Fprintf(b, "`%s`, found by %s, score %d, confidence %s, id `%s`. %s.\n\n", f.Kind, f.Playbook, f.Score, f.Confidence, f.ID, upper(span(f, r.Window.To)))
	for _, rel := range relations(f, display) {
		fmt.Fprintf(b, "%s\n\n", rel)
	}
	fmt.Fprintf(b, "%s\n\n", escape(f.Summary))
	markdownTable(b, "subject", subject(f.Subject))
	for _, e := range f.Evidence {
		fmt.Fprintf(b, "%s", escape(upper(e.What)))
		if at := place(e); at != "" {
			fmt.Fprintf(b, " (%s)", escape(at))
		}
		fmt.Fprint(b, "\n\n")
		if line, low, high := Sparkline(e.Series, 60); line != "" {
			fmt.Fprintf(b, "`%s` %s to %s %s\n\n", line, short(low), short(high), escape(e.Series.Unit))
		}
		markdownTable(b, "", facts(e.Values))
		if len(e.Lines) > 0 {
			fmt.Fprintf(b, "```\n%s\n```\n\n", strings.ReplaceAll(strings.Join(e.Lines, "\n"), "```", "'''"))
		}
	}
	if f.Recommendation != "" {
		fmt.Fprintf(b, "**Do:** %s\n\n", escape(f.Recommendation))
	}
	for _, c := range f.Confirm {
		fmt.Fprintf(b, "- ask `%s`\n", strings.ReplaceAll(c, "`", "'"))
	}
	for _, c := range f.Caveats {
		fmt.Fprintf(b, "- but %s\n", escape(c))
	}
}

func markdownTable(b *bufio.Writer, head string, rows []fact) {
	if len(rows) == 0 {
		return
	}
	pairs := false
	for _, r := range rows {
		pairs = pairs || r.before != ""
	}
	if pairs {
		fmt.Fprintf(b, "| %s | before | after |\n|---|---|---|\n", head)
	} else {
		fmt.Fprintf(b, "| %s | |\n|---|---|\n", head)
	}
	for _, r := range rows {
		if pairs {
			fmt.Fprintf(b, "| %s | %s | %s |\n", escape(r.name), escape(r.before), escape(r.after))
		} else {
			fmt.Fprintf(b, "| %s | %s |\n", escape(r.name), escape(r.after))
		}
	}
	fmt.Fprintln(b)
}

func markdownList(b *bufio.Writer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	fmt.Fprintf(b, "\n## %s\n\n", title)
	for _, i := range items {
		fmt.Fprintf(b, "- %s\n", escape(i))
	}
}

// escape keeps what a cluster said from being read as markup.
var escape = strings.NewReplacer("<", "&lt;", "|", `\|`, "*", `\*`, "_", `\_`, "`", "'", "[", `\[`, "\n", " ").Replace
