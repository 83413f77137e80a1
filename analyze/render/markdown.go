package render

import (
	"bufio"
	"fmt"
	"io"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/escape"
)

// Markdown writes the report as Markdown (the dialect with tables).
func Markdown(w io.Writer, r *analyze.Report) error {
	b := bufio.NewWriter(w)
	v := verdict(r)
	// Errors of the writer are kept by it, and come out of Flush.
	escape.Fprintf(b, "**%s**\n\n%s\n\n%s\n\n", escape.Markdown(v[0]), escape.Markdown(v[1]), escape.Markdown(v[2]))
	for _, limit := range v[3:] {
		escape.Fprintf(b, "%s\n\n", escape.Markdown(limit))
	}
	crit, warn, notes := count(r)
	escape.Fprintf(b, "`%s`, %s to %s, %d nodes: %d critical, %d %s, %d %s.\n", escape.Code(r.Archive.Path), instant(r.Window.From), instant(r.Window.To),
		len(r.Archive.Nodes), crit, warn, plural(warn, "warning"), notes, plural(notes, "note"))
	for i, g := range r.Archive.Gaps {
		if i == mostLines {
			escape.Fprintf(b, "\nAnd %d more gaps.\n", len(r.Archive.Gaps)-i)
			break
		}
		escape.Fprintf(b, "\nGap: %s was not recorded from %s to %s: %s\n", escape.Markdown(g.Node), clock(g.From), clock(g.To), escape.Markdown(g.Why))
	}
	display := displays(r)
	whole, rest := finding.Fold(r.Findings)
	for _, f := range whole {
		markdownFinding(b, f, r, display)
	}
	if rest != nil {
		markdownList(b, "More findings", append(finding.FoldedWords(rest), eachTold))
	}
	markdownList(b, "Not seen", unseen(r))
	markdownList(b, "In order", finding.Some(alike(r.Healthy, r.Archive.Nodes), mostLines))
	markdownList(b, "Not evaluated", finding.Some(notEvaluated(r), mostLines))
	markdownList(b, leftOut, finding.Some(r.LeftOut, mostLines))
	return b.Flush()
}

func markdownFinding(b *bufio.Writer, f *finding.Finding, r *analyze.Report, display map[string]string) {
	escape.Fprintf(b, "\n## %s %s: %s\n\n", f.Display, f.Severity, escape.Markdown(f.Title))
	escape.Fprintf(b, "`%s`, found by %s, score %d, confidence %s, id `%s`. %s.\n\n", f.Kind, f.Playbook, f.Score, f.Confidence, f.ID, upper(span(f, r.Window.To)))
	for _, rel := range relations(f, display) {
		escape.Fprintf(b, "%s\n\n", escape.Markdown(rel))
	}
	escape.Fprintf(b, "%s\n\n", escape.Markdown(f.Summary))
	markdownTable(b, "subject", subject(f.Subject))
	for _, e := range f.Evidence {
		escape.Fprintf(b, "%s", escape.Markdown(upper(e.What)))
		if at := place(e); at != "" {
			escape.Fprintf(b, " (%s)", escape.Markdown(at))
		}
		fmt.Fprint(b, "\n\n")
		if line, low, high := Sparkline(e.Series, 60); line != "" {
			escape.Fprintf(b, "`%s` %s to %s %s\n\n", line, figures(low), figures(high), escape.Markdown(e.Series.Unit))
		}
		markdownTable(b, "", facts(e.Values))
		if len(e.Lines) > 0 {
			fmt.Fprint(b, "```\n")
			for _, l := range e.Lines {
				escape.Fprintf(b, "%s\n", escape.Code(l))
			}
			fmt.Fprint(b, "```\n\n")
		}
	}
	if f.Recommendation != "" {
		escape.Fprintf(b, "**Do:** %s\n\n", escape.Markdown(f.Recommendation))
	}
	for _, c := range f.Confirm {
		escape.Fprintf(b, "- ask `%s`\n", escape.Code(c))
	}
	for _, c := range f.Caveats {
		escape.Fprintf(b, "- but %s\n", escape.Markdown(c))
	}
	for _, a := range f.Alternatives {
		escape.Fprintf(b, "- or %s To tell: %s\n", escape.Markdown(a.What), escape.Markdown(a.SettledBy))
	}
	if f.Weighed != "" {
		escape.Fprintf(b, "- weighed: %s\n", escape.Markdown(f.Weighed))
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
		escape.Fprintf(b, "| %s | before | after |\n|---|---|---|\n", head)
	} else {
		escape.Fprintf(b, "| %s | |\n|---|---|\n", head)
	}
	for _, r := range rows {
		if pairs {
			escape.Fprintf(b, "| %s | %s | %s |\n", escape.Markdown(r.name), escape.Markdown(r.before), escape.Markdown(r.after))
		} else {
			escape.Fprintf(b, "| %s | %s |\n", escape.Markdown(r.name), escape.Markdown(r.after))
		}
	}
	escape.Fprintln(b)
}

func markdownList(b *bufio.Writer, title string, items []string) {
	if len(items) == 0 {
		return
	}
	escape.Fprintf(b, "\n## %s\n\n", title)
	for _, i := range items {
		escape.Fprintf(b, "- %s\n", escape.Markdown(i))
	}
}
