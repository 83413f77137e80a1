package clock

import (
	"testing"
	"time"

	"ergorecorder/ergo"
)

// at is a clock that the test turns.
func at(t *testing.T) (c *Clock, pass func(time.Duration)) {
	t.Helper()
	began := time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)
	now := began
	return New(func() time.Time { return now }, func() time.Duration { return now.Sub(began) }), func(d time.Duration) { now = now.Add(d) }
}

// TestClocksOfNobody: a clock that no replay has is not followed.
func TestClocksOfNobody(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	end, late := day.Add(time.Hour), time.Date(9999, 12, 31, 23, 59, 59, 0, time.UTC)
	for name, announced := range map[string]ergo.Clock{
		"the year 9999": {Now: late, Speed: 1, End: late}, "the end of time": {Now: day, Speed: 1, End: late}, "the year 1": {Speed: 1, End: end},
		"too fast": {Now: day, Speed: 1e300, End: end}, "almost still": {Now: day, Speed: 1e-7, End: end}, "backwards": {Now: day, Speed: -1, End: end},
	} {
		c, _ := at(t)
		if c.Hear(&announced); c.Replayed() || c.Now().Year() != 2026 {
			t.Errorf("%s is followed: %v", name, c.Now())
		}
	}
}

// TestOneReplayIsFollowed: what does not fit the replay that is followed counts for
// nothing; a node that announces no clock ends it, and the steady time goes on.
func TestOneReplayIsFollowed(t *testing.T) {
	c, pass := at(t)
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	c.Hear(&ergo.Clock{Now: day, Speed: 10, End: day.Add(time.Hour)})
	pass(time.Second)
	for _, other := range []ergo.Clock{
		{Now: day.Add(time.Hour), Speed: 10, End: day.Add(time.Hour)}, {Now: day, Speed: 1000, End: day.Add(time.Hour)}, {Now: day, Speed: 10, End: day.Add(2 * time.Hour)},
	} {
		if c.Hear(&other); !c.Now().Equal(day.Add(10 * time.Second)) {
			t.Errorf("%v is followed: %v", other, c.Now())
		}
	}
	c.Hear(&ergo.Clock{Now: day.Add(11 * time.Second), Speed: 10, End: day.Add(time.Hour)})
	if !c.Now().Equal(day.Add(11 * time.Second)) {
		t.Errorf("the next answer is not: %v", c.Now())
	}
	steady := c.Steady()
	c.Live()
	if c.Replayed() || c.Now().Month() != time.November || !c.Steady().Equal(steady) {
		t.Errorf("live: %v, steady %v after %v", c.Now(), c.Steady(), steady)
	}
	pass(time.Second)
	if c.Hear(&ergo.Clock{Now: day, Speed: 10, End: day.Add(time.Hour)}); c.Replayed() || c.Steady().Sub(steady) != time.Second {
		t.Error("a live cluster is taken for a replay")
	}
}

// TestStamp: what an answer says of its time counts where it can be so, of a replay.
func TestStamp(t *testing.T) {
	day := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	replay := &ergo.Clock{Now: day, Speed: 1, End: day.Add(time.Hour)}
	late := time.Date(9999, 1, 1, 0, 0, 0, 0, time.UTC)
	live, _ := at(t)
	of, _ := at(t)
	of.Hear(replay)
	for name, tt := range map[string]struct {
		c        *Clock
		answer   ergo.Answer
		at       time.Time
		observed bool
	}{
		"a live node":                    {live, ergo.Answer{At: day}, day, false},
		"a live node that dates back":    {live, ergo.Answer{At: day, Observed: true}, live.Now(), false},
		"a live node with a clock":       {live, ergo.Answer{At: late, Clock: replay}, live.Now(), false},
		"a replay":                       {of, ergo.Answer{At: day.Add(-time.Minute), Observed: true, Clock: replay}, day.Add(-time.Minute), true},
		"a replay behind its end":        {of, ergo.Answer{At: late, Observed: true, Clock: replay}, day, false},
		"a replay before there was time": {of, ergo.Answer{At: time.Time{}, Observed: true, Clock: replay}, day, false},
	} {
		if tt.c.Stamp(&tt.answer); !tt.answer.At.Equal(tt.at) || tt.answer.Observed != tt.observed {
			t.Errorf("%s: %v %v", name, tt.answer.At, tt.answer.Observed)
		}
	}
}
