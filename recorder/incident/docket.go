// Package incident decides which claims that something is wrong open an incident:
// they are scarce, and each costs the cluster profiles and the archive a window
// that is kept. It takes no profiles and knows no clock.
package incident

import (
	"cmp"
	"slices"
	"strings"
	"time"
)

// A Claim says that something is wrong.
type Claim struct {
	Kind     string
	Node     string
	Name     string // of the process, pool, peer, …
	Behavior string
	PID      string
	Rank     int   // how severe it is: Minor, Severe, or 0 where nobody says
	Score    int   // how bad it is, 0 to 100
	Explains []Key // what else was claimed because of it
	Onset    time.Time
}

// An Absence is a node that answers nothing at present.
type Absence struct {
	Node  string
	Since time.Time
}

// Ranks of claims.
const (
	Minor  = 1
	Severe = 2
)

// A Key is what incidents are told apart by.
type Key struct{ Kind, Node, Subject string }

// Key is the kind, the node, and what is restarted: a process that dies and is
// started again has another PID, and of a family of workers each has a number
// of its own, though what is wrong is the same.
func (c Claim) Key() Key {
	subject := cmp.Or(c.Behavior, c.PID)
	if c.Name != "" {
		subject = numberless(c.Name)
	}
	return Key{c.Kind, c.Node, subject}
}

// numberless is a name with # for each of its numbers.
func numberless(name string) string {
	var b strings.Builder
	digit := false
	for _, r := range name {
		was := digit
		if digit = r >= '0' && r <= '9'; !digit {
			b.WriteRune(r)
		} else if !was {
			b.WriteByte('#')
		}
	}
	return b.String()
}

// A Verdict is what becomes of a claim.
type Verdict int

// What becomes of claims.
const (
	Known   Verdict = iota // its subject has an incident already
	Open                   // an incident of its own
	Worse                  // the incident of its subject is opened again: it got worse
	Refused                // there were too many: it is told, and opened when there is room again
	PutOff                 // a node is away, and it may be a consequence: it is told, and opened if it is claimed later as well
	Told                   // refused or put off, and told already
)

// Limits bound incidents.
type Limits struct {
	Cooldown time.Duration // between two incidents of the same kind and subject
	PerHour  int           // incidents at most
}

// How much worse a fault of the same severity, where somebody said how bad it is, has to be to have its incident
// opened again, and how often that is done within one cooldown: a fault that
// grows slowly is one incident all the same.
const (
	worseBy    = 15
	worseTimes = 2
)

// kept is the part of the hour's incidents, one in so many, that minor claims
// leave to others: many small faults must not leave a large one without.
const kept = 3

// A Docket is the incidents of late.
type Docket struct {
	limits Limits
	cases  map[Key]*entry
	opened []slot // of the last hour, the oldest first
}

// An entry is what is known of a subject within its cooldown.
type entry struct {
	opened time.Time // zero: refused so far
	told   time.Time
	rank   int
	score  int
	again  int // how often it was opened again
}

// A slot is one of the hour's incidents, and whose it is.
type slot struct {
	at  time.Time
	key Key
}

// NewDocket makes an empty docket.
func NewDocket(l Limits) *Docket { return &Docket{limits: l, cases: map[Key]*entry{}} }

// While a node is away, for how long claims about others that began with it wait:
// whether one explains the other is known when it is back, or was away for so long. And by how
// much its absence may have begun before it was noticed.
const (
	patience = time.Minute
	noticed  = 5 * time.Second
)

// follows reports whether a claim may be the consequence of a node that is away.
func (c Claim) follows(away []Absence, now time.Time) bool {
	return c.Rank != 0 && slices.ContainsFunc(away, func(a Absence) bool {
		return a.Node != c.Node && now.Sub(a.Since) < patience && !c.Onset.Before(a.Since.Add(-noticed))
	})
}

// Consider decides on a claim that is made at the given time, while some nodes
// are away.
func (d *Docket) Consider(c Claim, now time.Time, away []Absence) Verdict {
	d.forget(now)
	key := c.Key()
	e := d.cases[key]
	switch {
	case e == nil || e.opened.IsZero():
	case e.rank != 0 && e.again < worseTimes && (c.Rank > e.rank || c.Score >= e.score+worseBy):
		e.rank, e.score, e.again = max(e.rank, c.Rank), max(e.score, c.Score), e.again+1
		return Worse
	default:
		return Known
	}
	refusal := Refused
	if off := c.follows(away, now); off || !d.room(c, key, now) {
		if off {
			refusal = PutOff
		}
		if e != nil {
			return Told
		}
		d.cases[key] = &entry{told: now}
		return refusal
	}
	d.cases[key] = &entry{opened: now, told: now, rank: c.Rank, score: c.Score}
	return Open
}

// room takes one of the hour's incidents for a claim, if there is one for it.
// One that explains another takes that one's place: the consequence was only
// seen first.
func (d *Docket) room(c Claim, key Key, now time.Time) bool {
	for i, s := range d.opened {
		if slices.Contains(c.Explains, s.key) {
			d.opened[i].key = key
			return true
		}
	}
	limit := d.limits.PerHour
	if c.Rank == Minor {
		limit -= limit / kept
	}
	if len(d.opened) >= limit {
		return false
	}
	d.opened = append(d.opened, slot{now, key})
	return true
}

// forget drops what is over.
func (d *Docket) forget(now time.Time) {
	for k, e := range d.cases {
		if now.Sub(e.told) >= d.limits.Cooldown {
			delete(d.cases, k)
		}
	}
	d.opened = slices.DeleteFunc(d.opened, func(s slot) bool { return now.Sub(s.at) >= time.Hour })
}

// Remembered is how many subjects the docket keeps in mind.
func (d *Docket) Remembered() int { return len(d.cases) }
