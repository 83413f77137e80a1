package escape_test

import (
	"fmt"

	"ergorecorder/escape"
)

// A name that would clear the screen of whoever lists processes is shown, not obeyed.
func ExampleLine() {
	fmt.Println(escape.Line("worker\x1b[2J\nroot: all is well"))
	// Output: worker\x1b[2J\nroot: all is well
}
