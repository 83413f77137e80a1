package lease

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"ergorecorder/fleet/shape"
)

// A step is one change of a bucket, and what it means once it was made.
type step struct {
	store Store
	key   string
	value any
	rev   uint64
	done  func(rev uint64) // locked; nil: nothing
}

// settle does what is to be done now: sessions that ended are ended, and leases are
// taken, offered and left. It does nothing while we are not sure.
func (k *Keeper) settle(ctx context.Context) {
	for _, s := range k.steps() {
		value, err := json.Marshal(s.value)
		if err != nil {
			return // it is of texts and numbers
		}
		limited, cancel := context.WithTimeout(ctx, k.ttl/beats)
		rev, err := s.store.Put(limited, s.key, value, s.rev)
		cancel()
		if err != nil {
			continue // somebody was quicker, which the watch tells, or the engine is away
		}
		k.mu.Lock()
		if l, ok := s.value.(shape.Lease); ok {
			k.heard(s.key, l, rev)
		}
		if s.done != nil {
			s.done(rev)
		}
		k.mu.Unlock()
	}
}

// steps are what is to be done.
func (k *Keeper) steps() (out []step) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if !k.sure() || !k.primed[0] || !k.primed[1] {
		return nil
	}
	for _, name := range slices.Sorted(maps.Keys(k.peers)) {
		if p := k.peers[name]; name != k.o.Name && p.Ended == "" && k.expired(p) {
			ended := p.Recorder
			ended.Heard = p.put
			ended.Ended = fmt.Sprintf("nothing was heard of it for %.1f s, as %s says", (k.o.Elapsed() - p.seen).Seconds(), k.o.Name)
			out = append(out, step{store: k.o.Recorders, key: shape.RecorderKey(k.o.Cluster, name), value: ended, rev: p.rev, done: func(rev uint64) {
				k.peers[name] = &peer{ended, rev, p.seen, p.put}
			}})
		}
	}
	live := k.live()
	for _, node := range slices.Sorted(maps.Keys(k.known)) {
		out = append(out, k.stepsOf(node, live)...)
	}
	for node, h := range k.mine { // that nobody names any more
		if _, there := k.known[node]; !there && h.slot >= 0 {
			out = append(out, k.freed(node, h.slot))
		}
	}
	return out
}

// live are the recorders that live, we among them. Locked by the caller.
func (k *Keeper) live() []string {
	out := []string{k.o.Name}
	for name, p := range k.peers {
		if name != k.o.Name && p.Ended == "" && !k.expired(p) {
			out = append(out, name)
		}
	}
	return out
}

// holds reports whether a lease holds: its session lives, or we know nothing of its
// end. Only who reads that a session was ended may take what it has. Locked by the caller.
func (k *Keeper) holds(l *leased) bool {
	if l == nil || l.Freed {
		return false
	}
	if l.Recorder == k.o.Name {
		return l.Session == k.session
	}
	p := k.peers[l.Recorder]
	return p == nil || p.rev < l.Beat || p.Session == l.Session && p.Ended == ""
}

// stepsOf are the steps of one node. Locked by the caller.
func (k *Keeper) stepsOf(node string, live []string) []step {
	order := ranked(node, live)
	rank := slices.Index(order, k.o.Name)
	wanted := order[:min(k.o.Witnesses, len(order))]
	slots := make([]*leased, k.o.Witnesses)
	open, others, offered := -1, 0, -1
	for i := range slots {
		slots[i] = k.leases[shape.LeaseKey(node, i)]
		switch l := slots[i]; {
		case !k.holds(l):
			if open < 0 {
				open = i
			}
		case l.Recorder != k.o.Name:
			others++
			if l.Next == k.o.Name {
				offered = i
			}
		}
	}
	if open >= 0 {
		if _, ok := k.free[node]; !ok {
			k.free[node] = k.o.Elapsed()
		}
	} else {
		delete(k.free, node)
	}
	h := k.mine[node]
	switch {
	case h != nil && h.slot >= 0 && h.session != k.session:
		return k.again(node, h, slots[min(h.slot, len(slots)-1)], open)
	case h != nil && h.slot >= 0:
		return k.offer(node, h.slot, slots, wanted)
	case offered >= 0 && rank < k.o.Witnesses:
		return k.arrive(node, offered, slots[offered])
	case open >= 0 && (rank < k.o.Witnesses || k.o.Elapsed()-k.free[node] > time.Duration(rank-k.o.Witnesses+1)*k.o.Takeover):
		return []step{k.claim(node, open, slots[open], others > 0)}
	case h != nil && open < 0 && offered < 0:
		k.leave(node, slots[0].Recorder)
	}
	return nil
}

// claim takes a slot that nobody holds.
func (k *Keeper) claim(node string, slot int, was *leased, seen bool) step {
	s := k.put(node, slot, was, shape.Lease{Node: node, Recorder: k.o.Name, Session: k.session, Beat: k.rev})
	e := Event{}
	if was != nil && !was.Freed && was.Recorder != k.o.Name {
		e.From = was.Recorder
		if !seen {
			e.Since = k.lastHeard(was.Recorder, node)
		}
	}
	session := k.session
	s.done = func(uint64) {
		delete(k.free, node)
		k.take(node, holding{slot: slot, session: session}, e)
	}
	return s
}

// put is a change of a lease.
func (k *Keeper) put(node string, slot int, was *leased, l shape.Lease) step {
	s := step{store: k.o.Leases, key: shape.LeaseKey(node, slot), value: l}
	if was != nil {
		s.rev = was.rev
	}
	return s
}

// freed leaves a slot to nobody.
func (k *Keeper) freed(node string, slot int) step {
	was := k.leases[shape.LeaseKey(node, slot)]
	return k.put(node, slot, was, shape.Lease{Node: node, Recorder: k.o.Name, Session: k.session, Freed: true})
}

// lastHeard is when a recorder last heard a node, as far as it told, by our own clock;
// zero where it did not tell. Locked by the caller.
func (k *Keeper) lastHeard(recorder, node string) time.Time {
	p := k.peers[recorder]
	if p == nil {
		return time.Time{}
	}
	ago, ok := p.HeardAgo[node]
	if !ok {
		return time.Time{}
	}
	return p.put.Add(-k.offset - time.Duration(ago*float64(time.Second)))
}

// again takes the lease of a session of ours that was ended, where nobody has it since.
func (k *Keeper) again(node string, h *holding, was *leased, open int) []step {
	if was != nil && was.Recorder == k.o.Name && !was.Freed {
		return []step{k.claim(node, h.slot, was, true)}
	}
	if open >= 0 {
		h.slot = -1
		return nil
	}
	to := ""
	if was != nil {
		to = was.Recorder
	}
	k.leave(node, to)
	return nil
}

// offer offers a node of ours to who is to have it, and takes back an offer to who
// is not, or died.
func (k *Keeper) offer(node string, slot int, slots []*leased, wanted []string) []step {
	l := slots[slot]
	if l == nil || l.Recorder != k.o.Name || l.Session != k.session {
		return nil // the watch will tell
	}
	next := ""
	if !slices.Contains(wanted, k.o.Name) {
		for _, w := range wanted {
			if !slices.ContainsFunc(slots, func(o *leased) bool { return o != l && o != nil && k.holds(o) && (o.Recorder == w || o.Next == w) }) {
				next = w
				break
			}
		}
	}
	if next == l.Next {
		return nil
	}
	lease := l.Lease
	lease.Next = next
	h := k.mine[node]
	h.offered = true // before it can be taken, and until it is known that it cannot
	s := k.put(node, slot, l, lease)
	s.done = func(uint64) { h.offered = next != "" }
	return []step{s}
}

// arrive begins to record a node that was offered, and takes its lease a little later.
func (k *Keeper) arrive(node string, slot int, was *leased) []step {
	now := k.o.Elapsed()
	h := k.mine[node]
	if h == nil {
		k.take(node, holding{slot: -1, arrives: now + overlap}, Event{From: was.Recorder})
		return nil
	}
	if now < h.arrives {
		return nil
	}
	return []step{k.claim(node, slot, was, true)}
}
