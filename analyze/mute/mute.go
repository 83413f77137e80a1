// Package mute marks findings that somebody knows about: by their ID, with a
// reason and a day on which the mute ends. A muted finding is shown as one by
// every face; it is never hidden.
package mute

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"ergorecorder/analyze/finding"
)

// A Mute is somebody's word that a finding is known.
type Mute struct {
	ID     string // of the finding
	Reason string
	Until  time.Time // it ends then
}

// Parse reads mutes from YAML:
//
//	mute:
//	  - id: 3f9a0c11d2
//	    reason: known, mended in release 4.2
//	    until: 2026-12-31
//
// It refuses an entry without an ID, a reason or an end, all of them together.
func Parse(text []byte) ([]Mute, error) {
	var file struct {
		Mute []struct {
			ID     string `yaml:"id"`
			Reason string `yaml:"reason"`
			Until  string `yaml:"until"`
		} `yaml:"mute"`
	}
	dec := yaml.NewDecoder(strings.NewReader(string(text)))
	dec.KnownFields(true)
	if err := dec.Decode(&file); err != nil {
		return nil, fmt.Errorf("read mutes: %w", err)
	}
	var out []Mute
	var wrong []error
	for i, m := range file.Mute {
		until, err := day(m.Until)
		switch {
		case m.ID == "":
			wrong = append(wrong, fmt.Errorf("mute %d: it has no id: analyze report shows that of each finding", i+1))
		case strings.TrimSpace(m.Reason) == "":
			wrong = append(wrong, fmt.Errorf("mute %s: it has no reason", m.ID))
		case err != nil:
			wrong = append(wrong, fmt.Errorf("mute %s: until %q: give a day, such as 2026-12-31, or a time in RFC 3339", m.ID, m.Until))
		default:
			out = append(out, Mute{strings.TrimPrefix(m.ID, "@"), m.Reason, until})
		}
	}
	return out, errors.Join(wrong...)
}

// day is a time, or the end of a day.
func day(text string) (time.Time, error) {
	if t, err := time.Parse(time.RFC3339, text); err == nil {
		return t, nil
	}
	t, err := time.Parse(time.DateOnly, text)
	return t.AddDate(0, 0, 1), err
}

// Apply marks the findings that are muted at a time. It returns what is to be
// said of mutes that have ended and would have fitted.
func Apply(all []*finding.Finding, mutes []Mute, now time.Time) (ended []string) {
	for _, m := range mutes {
		i := slices.IndexFunc(all, func(f *finding.Finding) bool { return f.ID == m.ID })
		switch {
		case i < 0:
		case !now.Before(m.Until):
			ended = append(ended, fmt.Sprintf("the mute of %s (%s) ended on %s", m.ID, m.Reason, m.Until.UTC().Format(time.DateOnly)))
		default:
			f := all[i]
			f.Muted = &finding.Muted{Reason: m.Reason, Until: m.Until}
			f.Title = "Muted (" + m.Reason + "): " + f.Title
		}
	}
	return ended
}
