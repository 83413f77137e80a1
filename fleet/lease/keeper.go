package lease

import (
	"context"
	"encoding/json"
	"maps"
	"slices"
	"sync"
	"time"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

// A Store is a bucket of the engine; [link.Bucket] is one.
type Store interface {
	// Put writes a value if the key still has that revision (0: none); else it is [link.ErrStale].
	Put(ctx context.Context, key string, value []byte, revision uint64) (uint64, error)
	Get(ctx context.Context, key string) (link.Entry, error)
	Watch(ctx context.Context, each func(link.Entry), all func()) error
}

// Options of a Keeper.
type Options struct {
	Cluster, Name, Archive string
	Takeover               time.Duration // within which a dead recorder's nodes are taken over
	Witnesses              int           // how many recorders are to record each node
	Recorders, Leases      Store
	Before                 []string // the nodes that this recorder had when it last ran
	// Self fills in what else the fleet is told of this recorder.
	Self    func(*shape.Recorder)
	Session func() string // a new name for one life
	Now     func() time.Time
	Elapsed func() time.Duration // a steady time
	Hear    func(Event)          // what became of nodes; called by one goroutine at a time
}

// An Event is what became of a node, or of the engine.
type Event struct {
	What What
	Node string
	From string // of whom the node was taken, or to whom it went
	// Since is when From last heard the node, as far as it told, by our clock: of a node that
	// was taken of a dead recorder and that nobody else records. Since and To are when the engine was away.
	Since, To time.Time
}

// What became of it.
type What int

// What can become of it.
const (
	Taken   What = iota // the node is recorded here now
	Left                // it is not any more
	Unsure              // the engine does not answer: others may record our nodes as well
	Sure                // it does again
	Refused             // a recorder of our name lives
)

// A Keeper keeps one recorder's leases. Make one with [New].
type Keeper struct {
	o   Options
	ttl time.Duration
	key string

	change chan struct{}

	mu      sync.Mutex
	known   map[string]time.Duration // nodes that are there: the steady time when they were last named
	peers   map[string]*peer         // recorders of the cluster, ourselves as well
	leases  map[string]*leased       // by key
	mine    map[string]*holding      // by node
	free    map[string]time.Duration // since when a node is nobody's
	primed  [2]bool                  // the buckets were read once
	session string
	rev     uint64        // of our key
	until   time.Duration // we are sure
	met     bool          // the engine answered once
	unsure  time.Time     // since when we are not
	began   time.Time
	start   time.Duration
	offset  time.Duration // of the engine's clock before ours, as we were then
	then    time.Time     // what our clock said when our steady time was 0, at that heartbeat
	told    bool          // the offset is known
	events  []Event
	refused bool
}

// peer is a recorder, as its last heartbeat told.
type peer struct {
	shape.Recorder
	rev  uint64
	seen time.Duration // the steady time when it arrived
	put  time.Time     // by the engine's clock
}

type leased struct {
	shape.Lease
	rev uint64
}

// holding is a node that we record.
type holding struct {
	slot    int           // of our lease; -1: we have none
	arrives time.Duration // of an offer: when we take the lease
	session string        // under which we have it
	offered bool          // to another, who may have taken it
}

// Parts of the time within which nodes are taken over: a session lives for sixTenths of it, so that there
// is time left to notice its end, and to begin.
const (
	sixTenths  = 6
	tenths     = 10
	beats      = 3                // heartbeats within a session's time
	lookEvery  = time.Second / 4  // at what is to be done
	overlap    = time.Second      // for which the old and the new one record a node that goes over
	againAfter = time.Second      // a watch that ended is begun again
	forgotten  = 2 * time.Hour    // a node that nobody names is given up
	leastTime  = 15 * time.Second // to take over
)

// Takeover is the time within which a dead recorder's nodes are taken over, where processes are listed so often.
func Takeover(interval time.Duration) time.Duration { return max(3*interval, leastTime) }

// New makes a keeper.
func New(o Options) *Keeper {
	o.Witnesses = max(o.Witnesses, 1)
	return &Keeper{
		o: o, ttl: o.Takeover * sixTenths / tenths, key: shape.RecorderKey(o.Cluster, o.Name), change: make(chan struct{}, 1),
		known: map[string]time.Duration{}, peers: map[string]*peer{}, leases: map[string]*leased{}, mine: map[string]*holding{}, free: map[string]time.Duration{},
		session: o.Session(), began: o.Now(), start: o.Elapsed(),
	}
}

// Run keeps the leases until ctx ends, and then leaves them to others.
func (k *Keeper) Run(ctx context.Context) {
	var loops sync.WaitGroup
	loops.Go(func() { k.watch(ctx, 0, k.o.Recorders, k.hearRecorder) })
	loops.Go(func() { k.watch(ctx, 1, k.o.Leases, k.hearLease) })
	next := time.Duration(0)
	for ctx.Err() == nil {
		if k.o.Elapsed() >= next {
			next = k.o.Elapsed() + k.ttl/beats
			k.beat(ctx, "")
		}
		k.settle(ctx)
		k.tell()
		select {
		case <-ctx.Done():
		case <-time.After(lookEvery):
		}
	}
	loops.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), k.ttl/beats)
	defer cancel()
	k.beat(last, "it was stopped")
}

// watch keeps a bucket watched.
func (k *Keeper) watch(ctx context.Context, which int, s Store, each func(link.Entry)) {
	for ctx.Err() == nil {
		_ = s.Watch(ctx, each, func() { // why it ended shows in the heartbeats
			k.mu.Lock()
			defer k.mu.Unlock()
			k.primed[which] = true
		})
		select {
		case <-ctx.Done():
		case <-time.After(againAfter):
		}
	}
}

func (k *Keeper) hearRecorder(e link.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var r shape.Recorder
	if e.Value == nil || json.Unmarshal(e.Value, &r) != nil || e.Key != shape.RecorderKey(r.Cluster, r.Name) || r.Cluster != k.o.Cluster {
		return
	}
	if was := k.peers[r.Name]; was != nil && was.rev >= e.Revision {
		return // a watch that began again
	}
	put := e.Created
	if !r.Heard.IsZero() {
		put = r.Heard
	}
	k.peers[r.Name] = &peer{r, e.Revision, k.o.Elapsed(), put}
	if r.Name == k.o.Name && r.Session == k.session {
		k.offset, k.then, k.told = e.Created.Sub(r.Now), k.zero(), true
	}
}

func (k *Keeper) hearLease(e link.Entry) {
	k.mu.Lock()
	defer k.mu.Unlock()
	var l shape.Lease
	if e.Value == nil || json.Unmarshal(e.Value, &l) != nil {
		return
	}
	k.heard(e.Key, l, e.Revision)
}

// heard notes a lease as it is. One of ours that is another's now is left. Locked by the caller.
func (k *Keeper) heard(key string, l shape.Lease, rev uint64) {
	if was := k.leases[key]; was != nil && was.rev >= rev {
		return
	}
	k.leases[key] = &leased{l, rev}
	h := k.mine[l.Node]
	if h != nil && h.slot >= 0 && key == shape.LeaseKey(l.Node, h.slot) && (l.Recorder != k.o.Name || l.Freed) {
		k.leave(l.Node, l.Recorder)
	}
}

// leave gives up a node. Locked by the caller.
func (k *Keeper) leave(node, to string) {
	delete(k.mine, node)
	k.events = append(k.events, Event{What: Left, Node: node, From: to})
	k.changed()
}

// take begins with a node. Locked by the caller.
func (k *Keeper) take(node string, h holding, e Event) {
	if was := k.mine[node]; was != nil {
		*was = h
		return
	}
	k.mine[node] = &h
	e.What, e.Node = Taken, node
	k.events = append(k.events, e)
	k.changed()
}

func (k *Keeper) changed() {
	select {
	case k.change <- struct{}{}:
	default:
	}
}

// tell hands on what happened.
func (k *Keeper) tell() {
	k.mu.Lock()
	events := k.events
	k.events = nil
	k.mu.Unlock()
	for _, e := range events {
		k.o.Hear(e)
	}
}

// There hears which nodes the cluster has.
func (k *Keeper) There(nodes []string) {
	k.mu.Lock()
	defer k.mu.Unlock()
	now := k.o.Elapsed()
	for _, n := range nodes {
		k.known[n] = now
	}
	maps.DeleteFunc(k.known, func(_ string, at time.Duration) bool { return now-at > forgotten })
	k.goAlone()
}

// goAlone records, where the engine has been away for the time of a takeover, what
// nobody is known to have; if it never answered, of that what we had before, or all
// that is there. Locked by the caller.
func (k *Keeper) goAlone() {
	since := k.start
	if k.met {
		since = k.until
	}
	if k.o.Elapsed()-since < k.o.Takeover {
		return
	}
	for _, n := range slices.Sorted(maps.Keys(k.known)) {
		before := k.met || len(k.o.Before) == 0 || slices.Contains(k.o.Before, n)
		if before && k.mine[n] == nil && !k.taken(n) {
			k.take(n, holding{slot: -1}, Event{})
		}
	}
}

// taken reports whether a lease of a node holds. Locked by the caller.
func (k *Keeper) taken(node string) bool {
	for i := range k.o.Witnesses {
		if k.holds(k.leases[shape.LeaseKey(node, i)]) {
			return true
		}
	}
	return false
}

// Ours reports whether we record a node.
func (k *Keeper) Ours(node string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.mine[node] != nil
}

// Nodes are those that we record.
func (k *Keeper) Nodes() []string {
	k.mu.Lock()
	defer k.mu.Unlock()
	return slices.Sorted(maps.Keys(k.mine))
}

// Changes is filled when Ours may say something else.
func (k *Keeper) Changes() <-chan struct{} { return k.change }

// Alone reports whether nobody records a node but we, and who else has a lease of it:
// our session lives, and the lease is of it and was offered to nobody.
func (k *Keeper) Alone(node string) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	h := k.mine[node]
	return h != nil && h.slot >= 0 && h.session == k.session && !h.offered && k.sure()
}

// Offset is how far the engine's clock is before ours, by our last heartbeat and by how
// far ours was set since; not known before the first.
func (k *Keeper) Offset() (d time.Duration, known bool) {
	k.mu.Lock()
	defer k.mu.Unlock()
	return k.offset - k.zero().Sub(k.then), k.told
}

// zero is what our clock would have said when our steady time was 0, had it gone since as
// it goes now.
func (k *Keeper) zero() time.Time { return k.o.Now().Add(-k.o.Elapsed()).Round(0) }

// Away is since when the engine has not answered for so long that others may have
// taken our nodes; zero while it answers.
func (k *Keeper) Away() time.Time {
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.sure() || !k.unsure.IsZero() {
		return k.unsure
	}
	return k.wall(k.until)
}

// sure reports whether our session cannot have been ended. Locked by the caller.
func (k *Keeper) sure() bool { return k.o.Elapsed() < k.until }

// wall is a steady time by our own clock. Locked by the caller.
func (k *Keeper) wall(steady time.Duration) time.Time {
	if !k.met {
		return k.began
	}
	return k.o.Now().Add(steady - k.o.Elapsed())
}
