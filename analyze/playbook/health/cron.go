package health

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/ergo"
)

// A job is a scheduled job of a node, as its answers showed it.
type job struct {
	name, does, spec string
	lastRun          string    // as the node spells it
	failed           int       // runs that were seen to end with an error
	first            time.Time // the answer that showed the first of these
	ran              time.Time // when that run was, by the node's clock
	before           bool      // it was so in the first answer
	err              string    // of the newest failed run
	well             time.Time // the first answer after it that shows a run without an error
}

// jobs takes what an answer says of the scheduler.
func jobs(known map[string]*job, at time.Time, text []byte) {
	var said struct {
		Jobs []struct{ Name, Spec, ActionInfo, LastRun, LastErr string }
	}
	if json.Unmarshal(text, &said) != nil {
		return
	}
	for _, x := range said.Jobs {
		j := known[x.Name]
		if j == nil {
			j = &job{name: x.Name, before: x.LastErr != ""}
			known[x.Name] = j
		}
		j.does, j.spec = x.ActionInfo, x.Spec
		ran, err := time.Parse(time.RFC3339Nano, x.LastRun)
		never := err != nil || ran.Year() <= 1
		switch {
		case x.LastRun == j.lastRun || never:
		case x.LastErr == "":
			if j.failed > 0 && j.well.IsZero() {
				j.well = at
			}
		default:
			if j.failed++; j.failed == 1 {
				j.first, j.ran = at, ran
			}
			j.err, j.well = x.LastErr, time.Time{}
		}
		j.lastRun = x.LastRun
	}
}

// cronJobs finds scheduled jobs that end with an error.
func cronJobs(ctx context.Context, s *scene.Scene, v *finding.Verdict) error {
	for _, n := range s.Nodes {
		known, answers := map[string]*job{}, 0
		for smp, err := range s.Texts(ctx, n, ergo.Cron, s.From, s.To) {
			switch {
			case err != nil:
				return err
			case smp.Failure == nil:
				answers++
				jobs(known, smp.At, smp.Text)
			}
		}
		failing := 0
		for _, name := range slices.Sorted(maps.Keys(known)) {
			if known[name].failed > 0 {
				failing++
				v.Find(known[name].finding(s, n))
			}
		}
		if failing == 0 && len(known) > 0 {
			v.Fine("%s: none of %d scheduled jobs was seen to end with an error, over %d answers", n.Name, len(known), answers)
		}
	}
	return nil
}

func (j *job) finding(s *scene.Scene, n *scene.Node) *finding.Finding {
	onset, off := j.first, s.Usual(n)
	if ran := n.Clock.Ours(j.ran); !ran.Before(s.From) && !ran.After(j.first) {
		onset, off = ran, time.Second
	}
	f := &finding.Finding{
		Kind: finding.CronFailed, Score: min(finding.Score(finding.CronFailed, float64(j.failed)), finding.Unsure), Confidence: finding.High,
		Subject: finding.Subject{Node: n.Name, Incarnation: n.Incarnation(onset), Name: j.name}, Onset: onset, OnsetErrorS: off.Seconds(),
		Title:   fmt.Sprintf("the scheduled job %s on %s ends with an error", j.name, finding.NodeName(n.Name)),
		Summary: fmt.Sprintf("Its runs were seen to end with an error %s: %s. It does this: %s.", finding.Times(j.failed), j.err, j.does),
		Evidence: []finding.Evidence{{
			What: "what the scheduler says of the job's last run", Node: n.Name, Tool: "cron_info", Field: "LastErr", From: &onset,
			Lines: []string{j.name + " (" + j.spec + "): " + j.err}, Records: []string{finding.RecordName(n.Name, "cron_info", j.first)},
		}},
		Recommendation: "Mend what the job needs (whom it sends to, what it starts), and run it again: its work of these runs was not done.",
		Confirm:        []string{"cron_job on " + n.Name + ": name=" + j.name},
		Caveats:        []string{"Runs between two answers of the scheduler leave no trace: more may have failed."},
	}
	f.Evidence[0].Value("failed", j.failed, n.Says("cron_info", s.From, s.To).Of("failed_runs(Jobs, '"+j.name+"')"))
	if j.before {
		f.Summary += " It was so when the recording began."
	}
	if !j.well.IsZero() {
		f.End, f.Score = &j.well, min(f.Score, finding.Over)
		f.Summary += " A later run ended well."
	}
	return f
}
