package work

import "time"

// A Point is what one listing says about a process.
type Point struct {
	At                                      time.Time
	In, Out, Mailbox, Latency, Run, Wakeups int64
	inside                                  int64 // ns inside callbacks; see [Course.timeInside]
	State                                   State
}

// Handled is how many messages the process has taken out of its mailbox.
func (p Point) Handled() int64 { return p.In - p.Mailbox }

// still reports whether nothing was done from p to q: no message taken, no
// callback ended. RunningTime and Wakeups alone would not tell (they are added
// only when the mailbox has drained), nor would the state.
func (p Point) still(q Point) bool {
	return p.Handled() == q.Handled() && p.Run == q.Run && p.Wakeups == q.Wakeups && p.Out == q.Out
}

// A State is the state of a process.
type State uint8

const (
	OtherState State = iota
	Sleeping
	Running
	Waiting // "wait response"
	Zombee
)

func StateOf(text string) State {
	switch text {
	case "sleep":
		return Sleeping
	case "running":
		return Running
	case "wait response", "wait_response":
		return Waiting
	case "zombee":
		return Zombee
	}
	return OtherState
}

func (s State) String() string {
	return [...]string{"other", "sleep", "running", "wait response", "zombee"}[s]
}

// LatencyUnknown is MailboxLatency on a node without -tags=latency.
const LatencyUnknown = -1
