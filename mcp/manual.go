package mcp

import (
	"fmt"
	"strings"
)

// Manual is the table of tools in Markdown, as docs/mcp.md holds it.
func Manual() string {
	var b strings.Builder
	b.WriteString("\n### Tools that diagnose\n\n")
	for _, t := range Tools() {
		if t.Cluster {
			continue
		}
		fmt.Fprintf(&b, "**`%s`** %s\n\n", t.Name, t.Help)
		for _, p := range t.Params {
			need := ""
			if p.Required {
				need = " (required)"
			}
			fmt.Fprintf(&b, "- `%s` %s%s: %s\n", p.Name, p.Type, need, p.Help)
		}
		b.WriteString("\n")
	}
	b.WriteString("### The cluster's own tools\n\nEach takes `at` as well, actions excepted.\n\n| tool | arguments | |\n|---|---|---|\n")
	for _, t := range Tools() {
		if !t.Cluster {
			continue
		}
		var names []string
		for _, p := range t.Params {
			if p.Name != "at" && p.Name != "node" && p.Name != "timeout" {
				names = append(names, "`"+p.Name+"`")
			}
		}
		note := t.Help
		if t.Action {
			note += " (an action: only live, with --allow-actions)"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s |\n", t.Name, strings.Join(names, " "), note)
	}
	return b.String()
}
