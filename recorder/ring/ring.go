// Package ring reads what the samplers say that nodes keep for us: rings of the
// last entries of a log or an event.
package ring

import (
	"encoding/json"
	"time"
)

// ID is the name of the sampler that sample_listen started, "" if it
// did not.
func ID(text []byte) string {
	var said struct {
		ID string `json:"sampler_id"`
	}
	_ = json.Unmarshal(text, &said) // what cannot be read names none
	return said.ID
}

// A Reading is what sample_read says.
type Reading struct {
	Sequence int64 // of the next entry
	Samples  []struct {
		Sequence  int64
		Timestamp time.Time
		Data      json.RawMessage
	}
	// An Observer counts lines above the node's limit, and says that some may
	// have been lost between two readings.
	Suppressed int64
	Dropped    bool
}

// The soonest that a sampler is read again, and how much of it may fill up
// until then.
const (
	soonest  = 100 * time.Millisecond
	FillUpTo = 2
)

// Again is when a ring of the given size has to be read again, after so many entries came
// since it was read last; zero where its interval will do.
func Again(size, came int, since, every time.Duration) time.Duration {
	if came == 0 || since <= 0 || size == 0 {
		return 0
	}
	fills := time.Duration(float64(size) / FillUpTo / float64(came) * float64(since))
	if fills >= every {
		return 0
	}
	return max(fills, soonest)
}

// Known is the sequence of the last entry, counted from the first, that was
// read already.
func Known(said Reading, recent []string) int64 {
	have := make(map[string]bool, len(recent))
	for _, d := range recent {
		have[d] = true
	}
	var last int64
	for _, e := range said.Samples {
		if !have[string(e.Data)] {
			break
		}
		last = e.Sequence
	}
	return last
}

// Logged is how many lines the node says it has written.
type Logged struct {
	total int64
	at    time.Time // steady
}

// Hear takes in what node_info says, and returns how many lines a second the
// node wrote since it said so last.
func (l *Logged) Hear(byLevel []int64, now time.Time) (rate float64) {
	var total int64
	for _, n := range byLevel {
		total += n
	}
	if took := now.Sub(l.at).Seconds(); !l.at.IsZero() && took > 0 && total > l.total {
		rate = float64(total-l.total) / took
	}
	*l = Logged{total, now}
	return rate
}
