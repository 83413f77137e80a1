package command

import (
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// Complete lets shells complete the values of flags, by the flag's name, in a
// command and all below it. A flag --format whose usage ends in ": a, b or c"
// needs no entry.
func Complete(root *cobra.Command, values map[string]cobra.CompletionFunc) {
	each(root, func(c *cobra.Command) {
		c.LocalFlags().VisitAll(func(f *pflag.Flag) {
			complete := values[f.Name]
			if f.Name == "format" {
				complete = Words(listed(f.Usage)...)
			}
			if complete != nil {
				// The only error is a flag that does not exist or has a function already.
				_ = c.RegisterFlagCompletionFunc(f.Name, complete)
			}
		})
	})
}

// Words completes the given words.
func Words(words ...string) cobra.CompletionFunc {
	return cobra.FixedCompletions(words, cobra.ShellCompDirectiveNoFileComp)
}

// listed are the words of a list that ends a usage: "a form: text, json or csv".
func listed(usage string) []string {
	_, list, named := strings.Cut(usage, ": ")
	if !named {
		list = usage
	}
	return strings.Fields(strings.NewReplacer(",", " ", " or ", " ", " and ", " ").Replace(list))
}
