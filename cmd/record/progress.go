package main

import (
	"fmt"
	"io"
	"os"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"ergorecorder/ergo/live"
	"ergorecorder/escape"
	"ergorecorder/internal/words"
	"ergorecorder/recorder"
)

// progress tells on standard error how the recording goes: what happens in
// lines, and on a terminal the state of things in a line that stays the last.
type progress struct {
	out      io.Writer
	name     string // of the program, before each line
	terminal bool

	mu   sync.Mutex
	line string
}

func newProgress(cmd *cobra.Command) *progress {
	out := cmd.ErrOrStderr()
	f, ok := out.(*os.File)
	return &progress{out: out, name: cmd.Root().Name(), terminal: ok && term.IsTerminal(int(f.Fd()))}
}

const clearLine = "\r\x1b[K"

// say prints a line.
func (p *progress) say(line string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.terminal {
		fmt.Fprint(p.out, clearLine)
	}
	escape.Fprintln(p.out, p.name+": "+line)
	if p.terminal {
		fmt.Fprint(p.out, p.line)
	}
}

// entry tells of a change of an entry point.
func (p *progress) entry(n live.Notice) {
	line := n.What + " " + n.Way
	if n.Node != "" {
		line += " of " + n.Node
	}
	if n.Err != nil {
		line += ": " + n.Err.Error()
	}
	p.say(line)
}

// follow shows the recorder's state on a terminal until stop is called.
func (p *progress) follow(r *recorder.Recorder) (stop func() error) {
	if !p.terminal {
		return func() error { return nil }
	}
	done := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(500 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				p.show(r.Status())
			case <-done:
				p.mu.Lock()
				fmt.Fprint(p.out, clearLine)
				p.terminal = false
				p.mu.Unlock()
				return
			}
		}
	})
	return func() error { close(done); running.Wait(); return nil }
}

func (p *progress) show(s recorder.Status) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.line = stateLine(s)
	fmt.Fprint(p.out, clearLine+p.line)
}

// stateLine is the state of a recording in one line.
func stateLine(s recorder.Status) string {
	line := fmt.Sprintf("%v  %d nodes", elapsed(s).Truncate(time.Second), len(s.Nodes))
	if n := s.Lost(); n > 0 {
		line += fmt.Sprintf(" (%d lost)", n)
	}
	line += fmt.Sprintf("  %d records  %s  lag %v", s.Records, size(s.Bytes), s.Lag().Round(time.Millisecond))
	if n := s.LinesLost(); n > 0 {
		line += fmt.Sprintf("  %d lines lost", n)
	}
	if s.Storage.Failing != "" {
		line += "  NOTHING CAN BE STORED"
	}
	return line
}

// size is a number of bytes in words.
func size(n int64) string { return words.Size(float64(n)) }
