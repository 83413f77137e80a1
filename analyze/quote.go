package analyze

import (
	"maps"
	"slices"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/escape"
)

// quoteNames puts the names that are no words into quotes wherever the report
// says something in a sentence. Fields and calls keep them as they are.
func (r *Report) quoteNames(odd []string) {
	for _, f := range r.Findings {
		s := f.Subject
		for _, name := range []string{s.Name, s.Behavior, s.Application, s.Event, s.Function, s.Peer, s.Node} {
			if len(name) > 3 && !escape.IsWord(name) {
				odd = append(odd, name)
			}
		}
	}
	for _, name := range odd { // of a behavior, goroutine filters take the type's name alone
		if short := scene.TypeName(name); len(short) > 3 && !escape.IsWord(short) {
			odd = append(odd, short)
		}
	}
	if len(odd) == 0 {
		return
	}
	quote := func(sentences ...*string) {
		for _, s := range sentences {
			*s = escape.QuoteNames(*s, odd)
		}
	}
	each := func(list []string) {
		for i := range list {
			quote(&list[i])
		}
	}
	for _, f := range r.Findings {
		quoteFinding(f, quote, each)
	}
	each(r.Healthy)
	each(r.LeftOut)
	for i := range r.NotEvaluated {
		quote(&r.NotEvaluated[i].Why)
	}
	quote(&r.Headline.Text, &r.Headline.Seen)
	each(r.Headline.Beside)
	each(r.Headline.Settle)
}

func quoteFinding(f *finding.Finding, quote func(...*string), each func([]string)) {
	quote(&f.Title, &f.Summary, &f.Recommendation)
	each(f.Confirm)
	each(f.Caveats)
	for i := range f.Evidence {
		quote(&f.Evidence[i].What)
	}
}

// oddNames are the names of the cluster that are no words: what a sentence says
// must not be mistaken for its own.
func oddNames(s *scene.Scene) []string {
	odd := map[string]bool{}
	add := func(names ...string) {
		for _, name := range names {
			if len(name) > 3 && !escape.IsWord(name) {
				odd[name] = true
			}
		}
	}
	for _, n := range s.Nodes {
		add(n.Name)
		for _, a := range n.Procs.Actors {
			add(a.Name, a.Behavior, a.Application)
		}
		for _, a := range n.Procs.Known {
			add(a.Name, a.Behavior, a.Application)
		}
		for _, l := range n.Procs.Lineages {
			add(l.Name, l.Behavior)
		}
		for k := range n.Procs.Families {
			add(k.Behavior)
		}
	}
	return slices.Sorted(maps.Keys(odd))
}
