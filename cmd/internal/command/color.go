package command

import (
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// Color gives a command and all below it the flag --color.
func Color(root *cobra.Command) {
	root.PersistentFlags().String("color", "auto", "colours on the terminal: auto, always or never; auto heeds NO_COLOR")
}

// Colored reports whether what a command writes to out is to be coloured.
func Colored(cmd *cobra.Command, out io.Writer) (bool, error) {
	f := cmd.Flag("color")
	if f == nil {
		return false, nil
	}
	switch when := f.Value.String(); when {
	case "always":
		return true, nil
	case "never":
		return false, nil
	case "auto":
		return Terminal(out) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb", nil
	default:
		return false, fmt.Errorf("--color %s: there are auto, always and never", when)
	}
}

// Terminal reports whether somebody reads what is written to out on a terminal.
func Terminal(out io.Writer) bool {
	f, ok := out.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}
