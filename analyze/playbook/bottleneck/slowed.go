package bottleneck

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/scene/work"
	"ergorecorder/analyze/series"
	"ergorecorder/ergo"
)

const (
	// saturated is the share of its time inside callbacks at which a process has
	// none left.
	saturated = 0.8
	// fewestSlow are the messages that must have been slow: one alone may be a
	// large one.
	fewestSlow = 3
	// fewerDone is the share of what it did before below which work is left undone.
	fewerDone = 0.7
)

// slowed judges a process that does nothing but its callbacks, each of which takes
// many times as long as before, though no messages need pile up: it makes its
// work itself, or who feeds it waits for it.
func slowed(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	d := a.Slowdown
	if d == nil {
		return slowAllAlong(ctx, s, a)
	}
	was, now := paceBetween(d.Base, d.Before), paceBetween(d.Before, d.To)
	if d.Rows < 3 || d.Lasted() < 2*work.CallTimeout || now.messages < fewestSlow || 2*d.Waited > d.Rows ||
		work.Inside(d.Before, d.To) < saturated || 1/now.handled < 2*was.service {
		return nil, nil
	}
	onset, off := series.Middle(d.Before.At, d.Before.At.Add(a.Node.Interval))
	if !d.Woke.IsZero() {
		began, err := s.StallBegan(ctx, a, woken(d))
		if err != nil {
			return nil, err
		}
		onset, off = began.At, began.Off
	}
	f := slowFinding(a, now, 1/now.handled)
	f.Subject, f.Onset, f.OnsetErrorS = a.Subject(onset), onset, off.Seconds()
	f.Summary = fmt.Sprintf("Each message takes %s, before %s. It is inside callbacks all the time, and handles %s messages a second, before %s.",
		finding.Seconds(1/now.handled), finding.Seconds(was.service), finding.Number(now.handled), finding.Number(was.handled))
	before := a.Rows(d.Base.At, d.Before.At)
	f.Evidence[0].Value("service_s.before", was.service, before.Of("change(RunningTime) / change(MessagesIn - MessagesMailbox) / 1e9"))
	f.Evidence[0].Value("handled_per_s.before", was.handled, before.Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
	tellPace(&f.Evidence[0], a, d.Before, d.To, now)
	if takes := 1 / now.handled; takes >= s.Set.Of(lateAge) || now.handled < fewerDone*was.handled {
		f.Score = finding.Score(finding.OverloadedProcess, max(takes, s.Set.Of(lateAge)))
		f.AtMost(finding.Over)
	} else {
		f.AtMost(finding.Note)
	}
	if !d.Open {
		end := d.To.At
		f.End = &end
		f.AtMost(finding.Over)
		f.Score = min(f.Score, finding.Paused) // more, if somebody was hurt meanwhile
		f.Summary += " It has time again since."
		if a.Gone {
			f.Summary = strings.TrimSuffix(f.Summary, " It has time again since.") + " It is gone since."
		}
	}
	return f, s.TellUsualStack(ctx, f, a, onset, d.To.At)
}

// woken is the stretch since a slow process last woke up, as if it stood still.
func woken(d *work.Slowdown) *work.Stall {
	return &work.Stall{Progress: d.Before, From: work.Point{At: d.Woke}}
}

// slowFinding is the part that a slow process has in common, however that is
// known.
func slowFinding(a *scene.Actor, now pace, takes float64) *finding.Finding {
	return &finding.Finding{
		Kind: finding.OverloadedProcess, Score: finding.Note, Confidence: finding.High, Facts: []finding.Fact{finding.Dearer, finding.Saturated},
		Title:          fmt.Sprintf("%s on %s takes %s for a message, and has no time left", a.Called(), a.Node.Name, finding.Seconds(takes)),
		Evidence:       []finding.Evidence{{What: "messages handled, and time inside callbacks", Node: a.Node.Name, Tool: "process_list", Field: "MessagesIn - MessagesMailbox"}},
		Recommendation: "Find what its callback waits for or works on (a goroutine dump or a CPU profile while it lasts); bound it with a time-out, or move it out of the callback.",
		Confirm: []string{
			fmt.Sprintf("process_info node=%s pid=%s, twice", a.Node.Name, a.Pid),
			fmt.Sprintf("pprof_goroutines node=%s debug=2 filter=%s", a.Node.Name, scene.TypeName(a.Behavior)),
		},
	}
}

func tellPace(e *finding.Evidence, a *scene.Actor, p, q work.Point, now pace) {
	from, to := p.At, q.At
	e.From, e.To = &from, &to
	e.Records = []string{finding.RecordName(a.Node.Name, "process_list", from), finding.RecordName(a.Node.Name, "process_list", to)}
	rows := a.Rows(from, to)
	e.Value("message_takes_s", 1/now.handled, rows.Of("span(MessagesIn) / change(MessagesIn - MessagesMailbox)"))
	e.Value("handled_per_s.after", now.handled, rows.Of("change(MessagesIn - MessagesMailbox) / span(MessagesIn)"))
}

const (
	// fewestPeers have to agree on what a message takes.
	fewestPeers = 2
	// slowerThan is how many times as long as at its peers a message must take: the
	// same code does the same work, within the differences of its shards.
	slowerThan = 10
)

// A usual is what a message of a process takes otherwise, in s, and who says so.
type usual struct {
	takes float64
	words string // "…" of "Each message takes 2 s; …"
	doubt string
	of    finding.Call // that gives it again; none where it is of several
}

// usually is what a message took in the life of a process before it was first seen, else
// what it takes at others of the same behavior: those of other nodes, if there are
// enough, for what slows one down may slow down all of its node.
func usually(s *scene.Scene, a *scene.Actor, now pace) (usual, bool) {
	if first := a.Begin; first.Handled() >= work.FewestBefore && first.Run > 0 && counted(a, now) {
		u := usual{takes: float64(first.Run) / 1e9 / float64(first.Handled()), doubt: "Since when is not known: what a message took before is its time inside callbacks over what it had handled when it was first seen."}
		u.words = fmt.Sprintf("in its life before, one took %s on average", finding.Seconds(u.takes))
		u.of = a.Rows(first.At, first.At).Of("first(RunningTime) / first(MessagesIn - MessagesMailbox) / 1e9")
		return u, true
	}
	var here, elsewhere []float64
	fastest, of := math.Inf(1), (*scene.Actor)(nil)
	for _, n := range s.Nodes {
		for _, o := range n.Procs.Actors {
			if o == a || o.Behavior != a.Behavior || o.Application != a.Application {
				continue
			}
			takes := work.Takes(o.Begin, o.Now())
			if takes <= 0 {
				continue
			}
			if n == a.Node {
				here = append(here, takes)
			} else {
				elsewhere = append(elsewhere, takes)
			}
			if takes < fastest {
				fastest, of = takes, o
			}
		}
	}
	peers := append(here, elsewhere...)
	if len(elsewhere) >= fewestPeers {
		peers = elsewhere
	}
	if len(peers) < fewestPeers {
		return usual{}, false
	}
	return usual{
		takes: max(series.Median(peers), slices.Max(peers)/2),
		words: fmt.Sprintf("others of the same behavior, such as %s on %s, take far less", of.Called(), of.Node.Name),
		doubt: "Since when is not known. It may have other work than its peers.",
	}, true
}

// counted reports whether the time inside callbacks of a process holds nearly all messages
// that it had handled when it was first seen: it is added when the mailbox has drained, so
// that of a process at work those since it woke up are not in it, of which there are no
// more than it would handle at its pace of now in all its life.
func counted(a *scene.Actor, now pace) bool {
	if a.Begin.State == work.Sleeping {
		return true
	}
	up := a.Node.Series(ergo.Node, "Uptime")
	return up.Len() > 0 && now.handled*up.V[0] <= float64(a.Begin.Handled())/2
}

// slowAllAlong judges a process that was slow when it was first seen, and still is: by
// what is usual for it.
func slowAllAlong(ctx context.Context, s *scene.Scene, a *scene.Actor) (*finding.Finding, error) {
	first, last := a.Begin, a.Now()
	now := paceBetween(first, last)
	if a.Gone || a.Behavior == "" || now.seconds < 4*work.CallTimeout.Seconds() || now.messages < fewestSlow || work.Inside(first, last) < saturated || last.Waits() {
		return nil, nil
	}
	takes := 1 / now.handled
	was, ok := usually(s, a, now)
	if !ok || takes < slowerThan*was.takes {
		return nil, nil
	}
	f := slowFinding(a, now, takes)
	f.Subject, f.Onset, f.OnsetErrorS, f.Confidence = a.Subject(first.At), first.At, a.Node.Interval.Seconds(), finding.Medium
	f.Summary = fmt.Sprintf("Each message takes %s; %s. It is inside callbacks all the time. It was so when the recording of it began.", finding.Seconds(takes), was.words)
	f.Facts = append(f.Facts, finding.Older)
	f.Caveats = append(f.Caveats, was.doubt)
	tellPace(&f.Evidence[0], a, first, last, now)
	if was.of.Tool != "" {
		f.Evidence[0].Value("service_s.before", was.takes, was.of)
	}
	if takes >= s.Set.Of(lateAge) {
		f.Score = finding.Score(finding.OverloadedProcess, takes)
		f.AtMost(finding.Paused)
	}
	return f, s.TellUsualStack(ctx, f, a, first.At, last.At)
}
