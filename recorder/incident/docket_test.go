package incident

import (
	"fmt"
	"testing"
	"time"
)

var began = time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)

func at(minutes float64) time.Time { return began.Add(time.Duration(minutes * float64(time.Minute))) }

// TestRestartedIsOne: the same process under another PID, and a family under
// fresh names, are one incident in ten minutes.
func TestRestartedIsOne(t *testing.T) {
	d := NewDocket(Limits{10 * time.Minute, 6})
	opened := 0
	for i := range 9 {
		for _, c := range []Claim{
			{Kind: "restart_loop", Node: "a", Name: "gauge", PID: fmt.Sprintf("<A.0.%d>", i)},
			{Kind: "restart_loop", Node: "a", Name: fmt.Sprintf("job_%06d", i), Behavior: "app.Job"},
			{Kind: "restart_loop", Node: "a", Behavior: "app.Courier", PID: fmt.Sprintf("<A.0.%d>", 100+i)},
		} {
			if d.Consider(c, at(float64(i)), nil) == Open {
				opened++
			}
		}
	}
	if opened != 3 {
		t.Errorf("%d incidents, want one for each of the three", opened)
	}
	if v := d.Consider(Claim{Kind: "restart_loop", Node: "a", Name: "gauge"}, at(10), nil); v != Open {
		t.Errorf("after ten minutes: %v", v)
	}
	if v := d.Consider(Claim{Kind: "restart_loop", Node: "b", Name: "gauge"}, at(10), nil); v != Open {
		t.Errorf("on another node: %v", v)
	}
}

// TestWorse: a fault that gets worse has its incident opened again, a fault
// that stays as bad or that creeps has not.
func TestWorse(t *testing.T) {
	d := NewDocket(Limits{10 * time.Minute, 3})
	c := Claim{Kind: "mailbox_growth", Node: "a", Name: "p", Rank: 1, Score: 50}
	var got []Verdict
	say := func(rank, score int, minute float64) {
		c.Rank, c.Score = rank, score
		got = append(got, d.Consider(c, at(minute), nil))
	}
	say(1, 50, 0)
	say(1, 55, 1) // about the same
	say(2, 60, 2) // more severe
	say(1, 50, 3) // better
	say(2, 90, 4) // far worse
	say(2, 100, 5)
	say(2, 150, 6) // it was opened often enough
	want := []Verdict{Open, Known, Worse, Known, Worse, Known, Known}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	d.Consider(Claim{Kind: "node_frozen", Node: "b"}, at(6), nil)
	if v := d.Consider(Claim{Kind: "node_frozen", Node: "b", Rank: Severe, Score: 90}, at(7), nil); v != Known {
		t.Errorf("of the first nobody said how bad it is, so the second cannot be worse: %v", v)
	}
	if v := d.Consider(Claim{Kind: "other", Node: "a", Rank: 2}, at(7), nil); v != Open {
		t.Errorf("what was opened again took a place of the hour: %v", v)
	}
}

// TestCauseTakesThePlace: consequences that were seen first do not keep their
// cause from having an incident.
func TestCauseTakesThePlace(t *testing.T) {
	d := NewDocket(Limits{10 * time.Minute, 3})
	var effects []Key
	for _, name := range []string{"x", "y", "z"} {
		c := Claim{Kind: "stuck_call", Node: "a", Name: name, Rank: 2}
		d.Consider(c, at(0), nil)
		effects = append(effects, c.Key())
	}
	cause := Claim{Kind: "blocked_callback", Node: "b", Name: "db", Rank: 2}
	if v := d.Consider(cause, at(1), nil); v != Refused {
		t.Fatalf("the hour is used up, and it is %v", v)
	}
	cause.Explains = effects
	if v := d.Consider(cause, at(1), nil); v != Open {
		t.Errorf("the cause of what used the hour up: %v", v)
	}
	if v := d.Consider(Claim{Kind: "blocked_callback", Node: "c", Name: "db", Rank: 2, Explains: effects[1:2]}, at(2), nil); v != Open {
		t.Errorf("another cause: %v", v)
	}
}

// TestRefusedIsToldOnceAndOpenedLater: what there was no room for is told once,
// and is opened as soon as there is room; minor claims leave room to others.
func TestRefusedIsToldOnceAndOpenedLater(t *testing.T) {
	d := NewDocket(Limits{10 * time.Minute, 3})
	var got []Verdict
	for i := range 4 {
		got = append(got, d.Consider(Claim{Kind: "small", Node: "a", Name: string(rune('p' + i)), Rank: Minor}, at(float64(i)), nil))
	}
	got = append(got, d.Consider(Claim{Kind: "small", Node: "a", Name: "s", Rank: Minor}, at(5), nil))
	got = append(got, d.Consider(Claim{Kind: "large", Node: "a", Rank: Severe}, at(6), nil))
	got = append(got, d.Consider(Claim{Kind: "large", Node: "b", Rank: Severe}, at(7), nil))
	got = append(got, d.Consider(Claim{Kind: "small", Node: "a", Name: "s", Rank: Minor}, at(62), nil)) // the first two are an hour old
	want := []Verdict{Open, Open, Refused, Refused, Told, Open, Refused, Open}
	if fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
}

// TestForgotten: of subjects that are claimed once no more are remembered than
// the cooldown needs.
func TestForgotten(t *testing.T) {
	d := NewDocket(Limits{10 * time.Minute, 6})
	for i := range 200 {
		d.Consider(Claim{Kind: "k", Node: fmt.Sprintf("n%d", i)}, at(float64(i)), nil)
	}
	if n := d.Remembered(); n != 10 {
		t.Errorf("%d subjects are remembered, want the 10 of the cooldown", n)
	}
}

// TestConsequencesWait: while a node is away, what others suffer from it waits
// until it is known what explains what; what began before, what is about the node itself, and
// what somebody asked for do not.
func TestConsequencesWait(t *testing.T) {
	d := NewDocket(Limits{10 * time.Minute, 12})
	away := []Absence{{"b", at(10)}}
	caller := Claim{Kind: "delivery_errors", Node: "a", Rank: Minor, Onset: at(10.02)}
	got := []Verdict{
		d.Consider(Claim{Kind: "node_frozen", Node: "b", Rank: Severe, Onset: at(10)}, at(10.1), away),
		d.Consider(caller, at(10.2), away),
		d.Consider(caller, at(10.4), away),
		d.Consider(Claim{Kind: "memory_leak", Node: "a", Rank: Minor, Onset: at(8)}, at(10.4), away),
		d.Consider(Claim{Kind: "note", Onset: at(10.3)}, at(10.4), away),
		d.Consider(caller, at(10.7), nil), // b is back, and it explains nothing
	}
	if want := []Verdict{Open, PutOff, Told, Open, Open, Open}; fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("%v, want %v", got, want)
	}
	slow := Claim{Kind: "slow_link", Node: "a", Rank: Minor, Onset: at(10.02)}
	if v := d.Consider(slow, at(11.1), away); v != Open {
		t.Errorf("b is away for over a minute: %v", v)
	}
}
