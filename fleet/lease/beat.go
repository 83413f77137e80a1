package lease

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

// beat puts our key anew. Where somebody changed it, it finds out what that says,
// and tries once more. With an end it ends the session.
func (k *Keeper) beat(ctx context.Context, end string) {
	limited, cancel := context.WithTimeout(ctx, k.ttl/beats)
	defer cancel()
	for range 2 {
		r, rev := k.self(end)
		value, err := json.Marshal(r)
		if err != nil {
			return // it is of texts and numbers
		}
		sent := k.o.Elapsed()
		now, err := k.o.Recorders.Put(limited, k.key, value, rev)
		if err == nil {
			k.acknowledged(sent, now)
			return
		}
		if !errors.Is(err, link.ErrStale) || !k.explain(limited) {
			break
		}
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.sure() && k.unsure.IsZero() {
		k.unsure = k.wall(k.until)
		k.events = append(k.events, Event{What: Unsure, Since: k.unsure})
	}
	k.goAlone()
}

// self is what the fleet is told of us, and the revision that it follows.
func (k *Keeper) self(end string) (shape.Recorder, uint64) {
	var r shape.Recorder
	k.o.Self(&r)
	k.mu.Lock()
	defer k.mu.Unlock()
	r.Name, r.Cluster, r.Archive, r.Session, r.TTL = k.o.Name, k.o.Cluster, k.o.Archive, k.session, k.ttl
	r.Began, r.Now, r.Ended, r.Unsure = k.began, k.o.Now(), end, k.unsure
	r.Nodes = slices.Sorted(maps.Keys(k.mine))
	return r, k.rev
}

// acknowledged notes that the engine has our heartbeat.
func (k *Keeper) acknowledged(sent time.Duration, rev uint64) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.unsure.IsZero() {
		k.events = append(k.events, Event{What: Sure, Since: k.unsure, To: k.o.Now()})
	}
	k.rev, k.until, k.met, k.unsure, k.refused = rev, sent+k.ttl, true, time.Time{}, false
}

// explain finds out what stands in the place of our heartbeat, and reports whether
// to try again.
func (k *Keeper) explain(ctx context.Context) bool {
	e, err := k.o.Recorders.Get(ctx, k.key)
	if err != nil {
		return false
	}
	var r shape.Recorder
	_ = json.Unmarshal(e.Value, &r) // what is none stands for nobody
	k.mu.Lock()
	defer k.mu.Unlock()
	switch {
	case e.Revision == 0, e.Value == nil, r.Session == k.session && r.Ended == "", r.Archive == k.o.Archive && r.Session != k.session:
		// Nothing is there, or a heartbeat of ours of which we did not hear, or one of our last life: whoever
		// writes an archive is the only one.
	case r.Session == k.session:
		k.session = k.o.Session() // ours was ended
	case r.Ended == "" && !k.silent(r):
		if !k.refused {
			k.refused = true
			k.events = append(k.events, Event{What: Refused, From: fmt.Sprintf("%s (archive %s)", r.Name, r.Archive)})
		}
		return false
	}
	k.rev = e.Revision
	return true
}

// silent reports whether nothing was heard of a recorder for longer than its
// session lives. Locked by the caller.
func (k *Keeper) silent(r shape.Recorder) bool {
	p := k.peers[r.Name]
	return p != nil && p.Session == r.Session && k.expired(p)
}

// expired reports whether a session may be ended: a little later than it may be
// sure, for steady clocks are not quite the same. Locked by the caller.
func (k *Keeper) expired(p *peer) bool {
	return k.o.Elapsed()-p.seen > max(p.TTL, k.ttl/tenths)+k.ttl/(2*tenths)
}
