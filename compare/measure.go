package compare

import (
	"time"
)

// A Metric is what is compared of a subject.
type Metric string

// The metrics. Those per message are of the message that is handled.
const (
	ServiceTime Metric = "service time per message" // s in callbacks
	Rate        Metric = "messages handled"         // a second, of one process on average
	Sends       Metric = "messages sent per message"
	Mailbox     Metric = "messages waiting"
	Oldest      Metric = "age of the oldest message" // s
	Processes   Metric = "processes"
	Births      Metric = "processes started" // a second
	CPU         Metric = "CPU used"          // cores
	CPUMessage  Metric = "CPU per message"   // s
	Allocation  Metric = "allocation per message"
	HeapKept    Metric = "heap kept" // bytes that collections leave
	Goroutines  Metric = "goroutines"
	Errors      Metric = "errors and panics logged" // a second
	FailedSends Metric = "deliveries that failed"   // a second
	LinkTraffic Metric = "messages over the link"   // a second
	Published   Metric = "messages published"       // a second
	Lines       Metric = "log lines"                // a second, of a template
	FunctionCPU Metric = "CPU of a function per message"
)

// A trait says how a metric is judged.
type trait struct {
	unit  string
	least float64 // the least difference that matters at all, in the unit
	rare  bool    // it counts rare events: an exact test of counts is made
	// rank orders changes of the same standing: what explains stands above what is
	// explained.
	rank int
	// load: it follows the number of messages, and is divided by the load where
	// that changed.
	load bool
}

// traits are those of each metric. The least differences are those below which
// nobody would act: a hundredth of a core, a megabyte, a message that waits.
func (m Metric) trait() trait {
	switch m {
	case ServiceTime:
		return trait{unit: "s", least: 1e-6, rank: 1}
	case HeapKept:
		return trait{unit: "B", least: 1 << 20, rank: 1}
	case Rate:
		return trait{unit: "/s", least: 0.05, rank: 2, load: true}
	case Sends:
		return trait{unit: "", least: 0.02, rank: 2}
	case Processes:
		return trait{unit: "", least: 2, rank: 2}
	case Births:
		return trait{unit: "/s", least: 0.01, rare: true, rank: 2}
	case Errors:
		return trait{unit: "/s", least: 0.005, rare: true, rank: 2}
	case Lines:
		return trait{unit: "/s", least: 0.005, rare: true, rank: 3, load: true}
	case FailedSends:
		return trait{unit: "/s", least: 0.005, rare: true, rank: 2}
	case Goroutines:
		return trait{unit: "", least: 10, rank: 2}
	case Published, LinkTraffic:
		return trait{unit: "/s", least: 0.1, rank: 3, load: true}
	case CPUMessage:
		return trait{unit: "s", least: 1e-6, rank: 4}
	case Allocation:
		return trait{unit: "B", least: 100, rank: 4}
	case CPU:
		return trait{unit: "cores", least: 0.01, rank: 5, load: true}
	case FunctionCPU:
		return trait{unit: "s", least: 1e-7, rank: 6}
	case Mailbox:
		return trait{unit: "", least: 1, rank: 5}
	case Oldest:
		return trait{unit: "s", least: 0.05, rank: 5}
	}
	return trait{rank: 9}
}

// A Subject is of what a metric is. Empty fields are left out.
type Subject struct {
	Node     string `json:"node,omitempty"` // "" for all nodes of the side
	Behavior string `json:"behavior,omitempty"`
	Peer     string `json:"peer,omitempty"`
	Event    string `json:"event,omitempty"`
	Template string `json:"template,omitempty"`
	Level    string `json:"level,omitempty"`
	Function string `json:"function,omitempty"`
}

type key struct {
	metric  Metric
	subject Subject
}

// A bit is one step of a measure: how much, over how much.
type bit struct {
	at       time.Time
	num, den float64
}

// A track is a measure over a side.
type track []bit

// tracks are all measures of a side.
type tracks map[key]track

func (t tracks) add(m Metric, s Subject, at time.Time, num, den float64) {
	k := key{m, s}
	t[k] = append(t[k], bit{at, num, den})
}

// total is the measure over the whole side.
func (t track) total() (num, den float64) {
	for _, b := range t {
		num, den = num+b.num, den+b.den
	}
	return num, den
}

// blocks are the measure in equal stretches of a side, those without anything to
// divide by left out.
func (t track) blocks(from, to time.Time, n int) []float64 {
	nums, dens := make([]float64, n), make([]float64, n)
	width := to.Sub(from) / time.Duration(n)
	_, all := t.total()
	for _, b := range t {
		i := min(max(int(b.at.Add(-1).Sub(from)/max(width, 1)), 0), n-1)
		nums[i], dens[i] = nums[i]+b.num, dens[i]+b.den
	}
	var out []float64
	for i, d := range dens {
		if d > 0 && d >= all/float64(4*n) {
			out = append(out, nums[i]/d)
		}
	}
	return out
}
