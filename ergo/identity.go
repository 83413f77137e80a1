package ergo

import (
	"fmt"
	"strconv"
	"strings"
	"time"
)

// A PID is the text form of a process identifier, <CRC.hi.lo>, as nodes print
// it. It means something only together with the node's [Incarnation]: a
// restarted node hands out the same PIDs again.
type PID string

// Key is the part of the PID that identifies the process on its node: nodes
// ignore the CRC (that of the node's name) on input, and so must comparisons
// of what a user typed. A malformed PID is its own key.
func (p PID) Key() string {
	if _, hi, lo, err := p.Parts(); err == nil {
		return strconv.FormatUint(hi, 10) + "." + strconv.FormatUint(lo, 10)
	}
	return string(p)
}

// Parts splits the PID. The error's text is the framework's own.
func (p PID) Parts() (crc string, hi, lo uint64, err error) {
	bad := fmt.Errorf("incorrect PID format, expected <crc.high.low>")
	s, ok := strings.CutPrefix(string(p), "<")
	if !ok {
		return "", 0, 0, bad
	}
	s, ok = strings.CutSuffix(s, ">")
	if !ok {
		return "", 0, 0, bad
	}
	f := strings.Split(s, ".")
	if len(f) != 3 {
		return "", 0, 0, bad
	}
	if hi, err = strconv.ParseUint(f[1], 10, 64); err != nil {
		return "", 0, 0, bad
	}
	if lo, err = strconv.ParseUint(f[2], 10, 64); err != nil {
		return "", 0, 0, bad
	}
	return f[0], hi, lo, nil
}

// An Incarnation is one life of a node: cumulative counters and PIDs mean
// something only within it.
type Incarnation struct {
	Node string
	// Started is the node's start to the second: its creation where known,
	// else ServerTime - Uptime. Two starts within 2 s are the same.
	Started time.Time
}

// Same reports whether both are the same life of the same node.
func (i Incarnation) Same(other Incarnation) bool {
	return i.Node == other.Node && i.Started.Sub(other.Started).Abs() <= 2*time.Second
}

// String is the start in RFC 3339 to the second, the form used in findings.
func (i Incarnation) String() string {
	return i.Started.UTC().Truncate(time.Second).Format(time.RFC3339)
}
