// Package story reads stories: texts that describe a cluster, what happens to
// it, and, below a line of four dashes, what a report must say of it. A story
// needs no Go; docs/stories.md is the language.
//
// The cluster is made by package [world], so that what is recorded of it
// follows from mailboxes, callers and schedulers.
package story

import (
	"fmt"
	"strings"

	"ergorecorder/internal/sim/world"
)

// A Story is one that was read: a world that has not run yet, and what is
// expected of the report.
type Story struct {
	Title  string // its first comment
	World  *world.World
	Expect Expect
}

// Read reads a story; find gives the text of a cluster that it names. seed 0
// takes the seed that the story names, else 1.
func Read(text string, seed uint64, find func(cluster string) (string, error)) (*Story, error) {
	c := &cast{world: world.New(1), find: find, groups: map[string][]*world.Spec{}, events: map[string]*world.Event{}}
	s := &Story{World: c.world}
	below := false
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if comment, ok := strings.CutPrefix(line, "#"); ok {
			if s.Title == "" {
				s.Title = strings.TrimSpace(comment)
			}
			continue
		}
		var err error
		switch {
		case line == "":
		case line == "----":
			below = true
		case below:
			err = s.Expect.line(c, line)
		default:
			err = c.line(line)
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
	}
	if !below {
		return nil, fmt.Errorf("nothing is expected: a line ---- and expectations are missing")
	}
	if seed != 0 {
		c.world.Reseed(seed)
	}
	return s, nil
}
