package recorder

import "time"

// Incidents says when detectors are asked and what an incident costs at most.
type Incidents struct {
	Every    time.Duration // how often the detectors are asked
	Before   time.Duration // how much before the onset is pinned
	After    time.Duration // how much after the trigger is pinned, and sampled faster
	Faster   float64       // by how much
	Cooldown time.Duration // between two incidents of the same kind and subject
	PerHour  int           // incidents at most
}

func (i *Incidents) complete() {
	fallback := func(d *time.Duration, v time.Duration) {
		if *d <= 0 {
			*d = v
		}
	}
	fallback(&i.Every, 15*time.Second)
	fallback(&i.Before, 5*time.Minute)
	fallback(&i.After, time.Minute)
	fallback(&i.Cooldown, 10*time.Minute)
	if i.Faster < 1 {
		i.Faster = 1
	}
	if i.PerHour <= 0 {
		i.PerHour = 6
	}
}
