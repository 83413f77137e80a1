package recorder

import (
	"time"

	"ergorecorder/archive"
	"ergorecorder/recorder/share"
)

// A NodeStatus says how the recording of one node goes.
type NodeStatus struct {
	Node        string        `json:"node"`
	Direct      bool          `json:"direct"` // asked over its own entry point
	Way         string        `json:"way"`    // how it is asked: directly, over its link, by forwarding
	Lost        bool          `json:"lost"`
	Incarnation string        `json:"incarnation,omitempty"`
	HeardAt     time.Time     `json:"heard_at"`
	Since       time.Time     `json:"since"`  // its first answer to this recorder, since it has the node
	Lag         time.Duration `json:"lag_ns"` // how late the last call began
	Calls       int64         `json:"calls"`
	Errors      int64         `json:"errors"`
	LinesLost   int64         `json:"lines_lost"` // log lines and events lost to ring buffers
	Seen        int           `json:"seen"`       // rows of the last listing of processes …
	Total       int           `json:"total"`      // … of so many
	Spent       float64       `json:"spent"`      // of one core of the node went into our calls, and into those that it forwarded for us
	Stretch     float64       `json:"stretch"`    // by which the budget lengthens the longest-stretched interval
}

// A Status says how the recording goes.
type Status struct {
	Began     time.Time       `json:"began"`
	Now       time.Time       `json:"now"` // by the cluster's clock
	Replay    bool            `json:"replay"`
	Records   int64           `json:"records"`       // stored by this recorder
	Held      int64           `json:"held"`          // answers of a replay that were held already
	Bytes     int64           `json:"bytes"`         // of the archive
	PerDay    int64           `json:"bytes_per_day"` // about; 0 as long as it cannot be told
	Nodes     []NodeStatus    `json:"nodes"`
	Incidents int             `json:"incidents"`
	Storage   Storage         `json:"storage"`
	Refused   int             `json:"refused"`           // triggers on which nothing was done: too many within the hour
	Fleet     *share.Standing `json:"fleet,omitempty"`   // nil: the recorder is of none
	Keeping   string          `json:"keeping,omitempty"` // why segments were last not rotated or dropped as they should; "" if they were
	Backlogs  []share.Backlog `json:"backlogs,omitempty"`
}

// A Storage says what became of what the archive was given.
type Storage struct {
	Accepted int64     `json:"accepted"`          // records and marks taken by this recorder
	Durable  int64     `json:"durable"`           // of them, how many are on disk: what a power cut cannot take
	Refused  int64     `json:"refused,omitempty"` // of the outage that goes on: records and marks that were not taken
	Failing  string    `json:"failing,omitempty"` // why nothing can be stored now; "" if it can
	Faults   int       `json:"faults"`            // errors of the storage so far
	Fault    string    `json:"fault,omitempty"`   // the newest of them, also when it is over …
	FaultAt  time.Time `json:"fault_at,omitzero"` // … and when it was met
}

// forecastFrom is how long a recording has to run before its growth is told:
// at first everything is new.
const forecastFrom = 2 * time.Minute

// Status tells how the recording goes.
func (r *Recorder) Status() Status {
	now := r.clock.Now()
	stats := r.w.Stats()
	r.mu.Lock()
	s := Status{Began: r.began, Now: now, Replay: r.clock.Replayed(), Records: r.records, Held: r.skipped, Bytes: stats.Bytes, Incidents: r.opened, Refused: r.refused, Fleet: r.shares.Standing(), Backlogs: r.opts.Backlogs.Now()}
	s.Storage = storageOf(&stats, r.outage, r.failure)
	r.mu.Unlock()
	if stats.Keeping != nil {
		s.Keeping = stats.Keeping.Error()
	}
	if ran := now.Sub(s.Began); !s.Began.IsZero() && ran > forecastFrom {
		s.PerDay = int64(float64(stats.BytesWritten) / ran.Hours() * 24)
	}
	for _, n := range r.known() {
		s.Nodes = append(s.Nodes, n.status(now.Sub(s.Began)))
	}
	return s
}

// storageOf says how the archive fares that is being written.
func storageOf(stats *archive.Stats, o outage, failure error) Storage {
	s := Storage{Accepted: int64(stats.Records), Durable: int64(stats.Saved), Faults: stats.Fault.Count, FaultAt: stats.Fault.At}
	if stats.Fault.Err != nil {
		s.Fault = stats.Fault.Err.Error()
	}
	switch {
	case stats.Failing != nil:
		s.Failing = stats.Failing.Error()
	case !o.began.IsZero():
		s.Failing = o.why.Error()
	case failure != nil:
		s.Failing = failure.Error()
	}
	if !o.began.IsZero() {
		s.Refused = o.refused
	}
	return s
}

// Lost counts the nodes that do not answer.
func (s *Status) Lost() (lost int) {
	for _, n := range s.Nodes {
		if n.Lost {
			lost++
		}
	}
	return lost
}

// Lag is the longest of all nodes.
func (s *Status) Lag() (lag time.Duration) {
	for _, n := range s.Nodes {
		lag = max(lag, n.Lag)
	}
	return lag
}

// LinesLost is how many log lines and events were lost on all nodes.
func (s *Status) LinesLost() (lost int64) {
	for _, n := range s.Nodes {
		lost += n.LinesLost
	}
	return lost
}

func (n *node) status(ran time.Duration) NodeStatus {
	lag, stretch := n.schedule.Figures()
	direct, way := n.direct(), n.way()
	n.mu.Lock()
	defer n.mu.Unlock()
	s := n.stat
	s.Node, s.Direct, s.Way, s.Lag, s.Stretch = n.name, direct, way, lag, stretch
	s.Lost, s.HeardAt, s.Since, s.Total = !n.lostAt.IsZero(), n.heardAt, n.since, n.total
	if !n.life.Started.IsZero() {
		s.Incarnation = n.life.String()
	}
	if ran > 0 {
		s.Spent = n.spending.Share(ran)
	}
	return s
}

// way is how the node is asked, in words.
func (n *node) way() string {
	switch {
	case n.direct():
		return "directly"
	case n.forwarded():
		return "by forwarding"
	}
	return "over its link"
}
