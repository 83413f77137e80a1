package main

import (
	"io"
	"os"

	"golang.org/x/term"
)

// width is how many columns the terminal behind w has; 100 where there is none.
func width(w io.Writer) int {
	if f, ok := w.(*os.File); ok {
		if n, _, err := term.GetSize(int(f.Fd())); err == nil && n > 0 {
			return n
		}
	}
	return 100
}
