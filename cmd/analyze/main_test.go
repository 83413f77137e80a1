package main

import (
	"strings"
	"testing"

	"ergorecorder/cmd/internal/command"
)

// The commands that messages may name under another name are all that there are.
func TestNamedCommands(t *testing.T) {
	var names []string
	for _, c := range newRoot().Commands() {
		names = append(names, c.Name())
	}
	if got := strings.Join(names, " "); got != command.Analyze {
		t.Errorf("command.Analyze is %q, the commands are %q", command.Analyze, got)
	}
}
