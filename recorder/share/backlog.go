package share

import "time"

// A Backlog is what is stored here and is still to be taken elsewhere.
type Backlog struct {
	To      string    `json:"to"` // where
	Pieces  int       `json:"pieces"`
	Bytes   int64     `json:"bytes"`
	Since   time.Time `json:"since,omitzero"`    // when the oldest of it was recorded; zero where there is none
	Taken   int       `json:"taken"`             // pieces that were taken there
	Failing string    `json:"failing,omitempty"` // why the last was not
	Lost    int       `json:"lost,omitempty"`    // pieces that retention dropped here before they were there
}

// Backlogs tell each what is so now.
type Backlogs []func() Backlog

// Now are all of them.
func (b Backlogs) Now() (out []Backlog) {
	for _, f := range b {
		out = append(out, f())
	}
	return out
}
