package terminal

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ergorecorder/internal/words"
)

// clock is a moment as the screen writes it: UTC, to the tenth of a second.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05.0") }

// called is how a process is called: by its name, else by its PID.
func called(name, pid string) string {
	if name != "" {
		return name
	}
	return pid
}

// of names the node that a view is of.
func of(node string) string {
	if node == "" {
		return ""
	}
	return " of " + node
}

func count(n int64) Cell { return Cell{strconv.FormatInt(n, 10), float64(n)} }

func seconds(s float64) Cell { return Cell{words.Short(time.Duration(s * float64(time.Second))), s} }

func nanoseconds(n int64) Cell { return Cell{words.Short(time.Duration(n)), float64(n)} }

// size is a number of bytes.
func size(n int64) Cell { return Cell{words.Size(float64(n)), float64(n)} }

// counted is a number of things.
func counted(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	if strings.HasSuffix(thing, "s") {
		thing += "e"
	}
	return fmt.Sprintf("%d %ss", n, thing)
}
