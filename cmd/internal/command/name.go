package command

import (
	"io"
	"strings"
)

// The commands below record and analyze that help and errors name.
const (
	Record  = "check config dump import mark rotate run status"
	Analyze = "call compare diff export info logs mcp merge nodes playbooks profile ps recheck replay report rules salvage scrub serve timeline tools top top-movers trend verify"
)

// renamer puts the names under which the two commands were installed in place
// of record and analyze, where a command of theirs follows. own is the name in
// the source, called the one on the command line. What stands before own in it,
// as ergo- in ergo-analyze, the other command has too.
func renamer(own, called string) *strings.Replacer {
	prefix, same := strings.CutSuffix(called, own)
	var pairs []string
	for _, c := range []struct{ name, below string }{{"record", Record}, {"analyze", Analyze}} {
		to := prefix + c.name
		switch {
		case !same && c.name == own:
			to = called
		case !same:
			to = c.name
		}
		if to == c.name {
			continue
		}
		for sub := range strings.FieldsSeq(c.below) {
			for _, before := range []string{" ", "(", "\"", "\n", ": ", "`"} {
				pairs = append(pairs, before+c.name+" "+sub, before+to+" "+sub)
			}
		}
	}
	return strings.NewReplacer(pairs...)
}

// A renaming writer puts the names as called into what goes through it.
type renaming struct {
	to     io.Writer
	called *strings.Replacer
}

func (r renaming) Write(p []byte) (int, error) {
	if _, err := r.called.WriteString(r.to, string(p)); err != nil {
		return 0, err
	}
	return len(p), nil
}
