package compare

import (
	"context"
	"fmt"
	"slices"

	"ergorecorder/analyze/profiles"
	"ergorecorder/escape"
	"ergorecorder/replay"
)

const (
	// dearer is by how many times a function's CPU a second must have grown, and
	// leastShare the share of all CPU that it must have, to be named: profiles are
	// samples of a few seconds.
	dearer, leastShare = 1.5, 0.05
	// mostFunctions are named with a change.
	mostFunctions = 3
)

// functions names, with changes of CPU and of the time per message, the
// functions of the application whose CPU grew most between the profiles of both
// sides. They claim nothing by themselves.
func functions(ctx context.Context, c *Comparison, a, b *sheet) error {
	spent := slices.ContainsFunc(c.Changes, func(x Change) bool { return x.Metric.spends() && x.Ratio > 1 })
	if !spent {
		return nil
	}
	for i := range c.Changes {
		x := &c.Changes[i]
		if !x.Metric.spends() || x.Ratio <= 1 {
			continue
		}
		was, is, err := cpuProfiles(ctx, a, b, x.Subject.Node)
		if err != nil {
			return err
		}
		if was == nil || is == nil {
			continue
		}
		for _, r := range is.Of(profiles.Application) {
			old, _ := was.Row(r.Function)
			now, then := perSecond(r.Flat, is), perSecond(old.Flat, was)
			if len(x.Functions) < mostFunctions && now >= dearer*then && float64(r.Flat) >= leastShare*float64(is.Total) {
				x.Functions = append(x.Functions, fmt.Sprintf("%s takes %.3g ms of CPU a second in the profile, before %.3g", escape.Name(r.Function), now, then))
			}
		}
	}
	return nil
}

func (m Metric) spends() bool { return m == ServiceTime || m == CPU || m == CPUMessage }

func perSecond(ns int64, t *profiles.Table) float64 { return float64(ns) / 1e6 / max(t.Seconds, 1) }

// cpuProfiles are the newest raw CPU profiles of both sides, of a node or of any.
func cpuProfiles(ctx context.Context, a, b *sheet, node string) (was, is *profiles.Table, err error) {
	for _, s := range []struct {
		*sheet
		into **profiles.Table
	}{{a, &was}, {b, &is}} {
		for p, err := range replay.Readable(s.Recording.Profiles(ctx, node, "cpu", s.From, s.To), nil) {
			if err != nil {
				return nil, nil, err
			}
			raw, err := profiles.ParseRaw(p.Raw)
			if err != nil {
				continue // a profile that cannot be read tells nothing
			}
			if t, err := raw.Top("cpu", ""); err == nil {
				*s.into = &t
			}
		}
	}
	return was, is, nil
}
