package finding

import (
	"slices"
	"strings"
	"sync"
)

// A Kind says what is claimed.
type Kind string

// Words is the kind in words.
func (k Kind) Words() string { return strings.ReplaceAll(string(k), "_", " ") }

// A Row is what is known of a kind before any recording is looked at.
type Row struct {
	Kind     Kind
	Playbook string // that claims it
	Subject  string // the fields of the subject that name the culprit
	Claimed  string // when it is claimed: the sentence that people read
	Excludes string // what else it might be, and why it is not, where a finding of the kind has high confidence
	Measure  Measure
	Harms    []Kind  // by whose quantities it is scored too: what it did, and all that it led to; see [Harm]
	Most     int     // that a finding of the kind scores however much there is of the quantity; 0: as every kind
	Fetch    []Fetch // what a recorder fetches when it is triggered by one
	Explains []Effect
}

// A Measure is the physical quantity that says how bad a finding of a kind is,
// and the values of it from which on it is a warning and critical. Where less
// is worse, critical is the smaller one.
type Measure struct {
	Quantity string
	Unit     string // "" for a number or a share
	Warning  float64
	Critical float64
}

// A Fetch is something that a recorder can fetch of a node beyond its plan.
type Fetch string

const (
	FetchStacks       Fetch = "stacks"        // all goroutines, grouped by stack
	FetchOwnStack     Fetch = "own stack"     // the goroutines in the code of the subject's behavior
	FetchHeap         Fetch = "heap"          // the heap by function, as text
	FetchCPU          Fetch = "cpu"           // the CPU by function, as text
	FetchRawHeap      Fetch = "raw heap"      // the heap profile itself
	FetchRawCPU       Fetch = "raw cpu"       // the CPU profile itself
	FetchRawGoroutine Fetch = "raw goroutine" // the goroutine profile itself
)

// An Effect is what a fault leads to: findings of these kinds, where the
// relation holds between the two.
type Effect struct {
	Relation Relation
	Kinds    []Kind
}

// A Relation is how a cause and its effect must stand to each other.
type Relation string

// The relations, strongest first: where several would explain a finding, the
// first decides.
const (
	TakesDown     Relation = "takes the node down"                                    // same node, within the time that a node takes to stop
	BeganAnew     Relation = "the node came back from it"                             // same node
	NodeAway      Relation = "on the node that is away, or towards it"                // while it lasted or soon after
	CallsNode     Relation = "anywhere, by calls to the node that is away"            // likewise
	CutsBoth      Relation = "between the same two nodes"                             // while the link was lost or soon after
	CutsOff       Relation = "at one of the two ends"                                 // likewise
	GivesUp       Relation = "in the application that the supervisor held"            // same node, not worse than the cause
	Dies          Relation = "on the node on which it dies"                           // same node
	DiedBefore    Relation = "of the deaths after which it was given up"              // same node, until the cause began
	SameProcess   Relation = "of the same process"                                    // while it lasted or soon after
	KilledInside  Relation = "of the same process, killed when it stood still"        // longer after than a kill takes
	PileUp        Relation = "of the same behavior on the same node"                  //
	SameCode      Relation = "in the same function, or in no other"                   // same node
	CostsMore     Relation = "of the process whose code burns the CPU"                // also where each message costs more
	LoadBurns     Relation = "of the process that gets more to do"                    // where a message costs no more than before
	HasLock       Relation = "of who waits for a lock of the type it stands still in" // same node
	UsesUp        Relation = "on the node whose CPU it uses up, or towards it"        // of what became dearer or later
	Holds         Relation = "on the same node, of nobody else"                       // while it lasted or soon after
	OnNode        Relation = "on the same node"                                       // while it lasted or soon after
	WaitingCalls  Relation = "of a process that waits for replies"                    // on any node, while it lasted or soon after
	CallersSuffer Relation = "by callers: on the same node, or soon after"            //
	SameErrors    Relation = "of the node that fails to deliver"                      // at one moment, and no more of them
	DriesUp       Relation = "of a stream that ended at the same moment"              // on any node: who is fed by whom is not known
	Leaves        Relation = "of who got what is published to nobody now"             // as many messages, at one moment
	GoesWithout   Relation = "of who got what it published"                           // on any node: as many messages, at one moment
	Floods        Relation = "of who gets what it publishes"                          // on any node: as many more messages, at one moment
	Releases      Relation = "of who gets what had waited, all at once"               // on any node, when that was over
	WaitsFor      Relation = "of a process that waits for its reply"                  // named by its log, or the only one at fault
)

// Relations are all of them, strongest first.
func Relations() []Relation {
	return []Relation{
		TakesDown, BeganAnew, NodeAway, CallsNode, CutsBoth, CutsOff, GivesUp, Dies, DiedBefore, SameProcess, KilledInside, PileUp,
		SameCode, CostsMore, LoadBurns, HasLock, Holds, UsesUp, OnNode, WaitingCalls, CallersSuffer, SameErrors, DriesUp, Leaves, GoesWithout, Floods, Releases, WaitsFor,
	}
}

// table is the table by kinds. It is a constant that is made once: thousands of findings ask for
// their rows again and again.
var table = sync.OnceValue(func() map[Kind]Row {
	rows := map[Kind]Row{}
	for _, r := range Kinds() {
		rows[r.Kind] = r
	}
	return rows
})

// RowOf is the row of a kind, which nobody changes.
func RowOf(k Kind) (Row, bool) {
	r, ok := table()[k]
	return r, ok
}

// Leads reports whether a finding of the row's kind explains one of another
// where the relation holds.
func (r Row) Leads(by Relation, to Kind) bool {
	return slices.ContainsFunc(r.Explains, func(e Effect) bool {
		return e.Relation == by && slices.Contains(e.Kinds, to)
	})
}

// ExplainedBy are the kinds that may explain a kind, and how, in the order of
// the table.
func ExplainedBy(k Kind) []Effect {
	var out []Effect
	for _, by := range Relations() {
		var from []Kind
		for _, r := range Kinds() {
			if r.Leads(by, k) {
				from = append(from, r.Kind)
			}
		}
		if from != nil {
			out = append(out, Effect{by, from})
		}
	}
	return out
}
