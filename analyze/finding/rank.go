package finding

import (
	"cmp"
	"encoding/hex"
	"fmt"
	"hash/fnv"
	"slices"
)

// Scores at which a severity begins.
const (
	ScoreInfo     = 25
	ScoreWarning  = 50
	ScoreCritical = 75
)

func severityOf(score int) Severity {
	switch {
	case score >= ScoreCritical:
		return Critical
	case score >= ScoreWarning:
		return Warning
	}
	return Info
}

// Identify gives a finding its identity: the same claim about the same subject
// has the same ID in every run. Function and PID are left out where a name
// says who it is, for they depend on what was sampled.
func Identify(f *Finding) {
	s := f.Subject
	who := s.Name
	if who == "" {
		who = s.PID
	}
	h := fnv.New64a()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%s\x00%s\x00%s", f.Kind, s.Node, s.Incarnation, who, s.Behavior, s.Peer, s.Event)
	if f.Rule != "" {
		fmt.Fprintf(h, "\x00%s", f.Rule)
	}
	f.ID = hex.EncodeToString(h.Sum(nil))[:10]
}

// Rank brings findings into the order in which to act on them, numbers them,
// and drops what is below the level of information.
func Rank(all []*Finding) []*Finding {
	out := make([]*Finding, 0, len(all))
	for _, f := range all {
		f.Score = min(max(f.Score, 0), 100)
		if f.Score < ScoreInfo {
			continue
		}
		f.Severity = severityOf(f.Score)
		out = append(out, f)
	}
	slices.SortStableFunc(out, func(a, b *Finding) int {
		return cmp.Or(
			cmp.Compare(caused(a), caused(b)),
			cmp.Compare(b.Score, a.Score),
			a.Onset.Compare(b.Onset),
			cmp.Compare(a.ID, b.ID),
		)
	})
	for i, f := range out {
		f.Display = fmt.Sprintf("F%d", i+1)
		complete(f)
	}
	return out
}

// caused orders roots of a severity above info first, then what they caused,
// then information, then what is muted.
func caused(f *Finding) int {
	switch {
	case f.Muted != nil:
		return 3
	case f.Score < ScoreWarning:
		return 2
	case f.CausedBy != nil:
		return 1
	}
	return 0
}

// complete makes every list a list.
func complete(f *Finding) {
	if f.Effects == nil {
		f.Effects = []string{}
	}
	if f.Evidence == nil {
		f.Evidence = []Evidence{}
	}
	if f.Confirm == nil {
		f.Confirm = []string{}
	}
	if f.Caveats == nil {
		f.Caveats = []string{}
	}
	if f.Confidence == "" {
		f.Confidence = Medium
	}
}
