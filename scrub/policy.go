package scrub

import (
	"bufio"
	"fmt"
	"io"
	"path"
	"strings"
	"time"
)

// ReadPolicy reads a policy, one rule a line; # begins a remark:
//
//	keep applications        names of a kind
//	keep name order_*        names that fit a pattern, without digits at their end
//	leave-out tool node_env  the answers of a tool
//	leave-out logs           logs, events, profiles or marks
//	shift -36h               by how much later everything is said to have been
func ReadPolicy(r io.Reader) (Policy, error) {
	p := Policy{Keep: map[Kind]bool{}, LeaveOut: map[string]bool{}}
	sc := bufio.NewScanner(r)
	for n := 1; sc.Scan(); n++ {
		line, _, _ := strings.Cut(sc.Text(), "#")
		words := strings.Fields(line)
		if len(words) == 0 {
			continue
		}
		if err := p.rule(words); err != nil {
			return p, fmt.Errorf("read policy: line %d: %w", n, err)
		}
	}
	return p, sc.Err()
}

func (p *Policy) rule(words []string) error {
	switch {
	case words[0] == "keep" && len(words) == 2:
		return p.KeepKind(words[1])
	case words[0] == "keep" && len(words) == 3 && words[1] == "name":
		if _, err := path.Match(words[2], ""); err != nil {
			return fmt.Errorf("%s: %w", words[2], err)
		}
		p.KeepWords = append(p.KeepWords, words[2])
	case words[0] == "leave-out" && len(words) == 3 && words[1] == "tool":
		p.LeaveOut[words[2]] = true
	case words[0] == "leave-out" && len(words) == 2:
		kind := strings.TrimSuffix(words[1], "s")
		if kind != "log" && kind != "event" && kind != "profile" && kind != "mark" {
			return fmt.Errorf("leave-out %s: there are logs, events, profiles, marks and tool NAME", words[1])
		}
		p.LeaveOut[kind] = true
	case words[0] == "shift" && len(words) == 2:
		d, err := time.ParseDuration(words[1])
		if err != nil {
			return fmt.Errorf("shift: %w", err)
		}
		p.Shift = d
	default:
		return fmt.Errorf("%q is no rule: there are keep KIND, keep name GLOB, leave-out tool NAME, leave-out logs, shift DURATION", strings.Join(words, " "))
	}
	return nil
}

// KeepKind keeps the names of a kind.
func (p *Policy) KeepKind(name string) error {
	k, ok := KindNamed(name)
	if !ok || k == Sum {
		return fmt.Errorf("keep %s: there are %ss", name, strings.Join(kindNames[:Sum], "s, "))
	}
	if p.Keep == nil {
		p.Keep = map[Kind]bool{}
	}
	p.Keep[k] = true
	return nil
}
