package finding

import (
	"slices"
)

// FollowsFrom makes root the cause of f, unless that follows from f itself, for a reason
// that can be read: no cause is without one.
func (f *Finding) FollowsFrom(root *Finding, because string) {
	if !LeadsTo(f, root) {
		f.Cause, f.Because = root, because
	}
}

// LeadsTo reports whether to is f, or is explained by it.
func LeadsTo(f, to *Finding) bool {
	for ; to != nil; to = to.Cause {
		if to == f {
			return true
		}
	}
	return false
}

// SettleCause writes down the cause: the identities, and a score below the
// root's. How bad a rule is its user has said.
func (f *Finding) SettleCause() {
	if f.Cause == nil {
		return
	}
	f.Cause.SettleCause() // its score, of which this one's depends
	id := f.Cause.ID
	f.CausedBy = &id
	if !slices.Contains(f.Cause.Effects, f.ID) {
		f.Cause.Effects = append(f.Cause.Effects, f.ID)
	}
	if f.Kind == Rule {
		return
	}
	f.Score = min(f.Score, max(f.Cause.Score-1, ScoreInfo))
}

// Among reports whether a kind is one of several.
func Among(kind Kind, kinds ...Kind) bool { return slices.Contains(kinds, kind) }

// Who is how a person names the subject.
func (s Subject) Who() string {
	for _, w := range []string{s.Name, s.Behavior, s.PID} {
		if w != "" {
			return w + " on " + s.Node
		}
	}
	return s.Node
}
