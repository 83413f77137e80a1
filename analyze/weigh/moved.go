package weigh

import (
	"ergorecorder/analyze/finding"
	"ergorecorder/analyze/scene"
	"ergorecorder/analyze/series"
)

// fewest are the listings on either side for which a median says something.
const fewest = 8

// mostRanked is how many of a node's processes, and of its events, are compared with others.
const mostRanked = 100

// A moved is a series of a process, an event, a node or a link that moved, by the robust score of Pham, Ha and
// Zhang, "BARO: Robust Root Cause Analysis for Microservices via Multivariate
// Bayesian Online Change Point Detection" (2024): how far its median is from that
// before, in units of the spread (the middle half) before.
type moved struct {
	node          *scene.Node
	peer          string // of a link
	pid, who      string // of a process; no pid: of an event, the node or a link
	metric        string
	formula       string
	rows          finding.Source // that it is taken over
	before, since float64
	times         float64
}

// apart is how far the median of one stretch is from that of the other, by the spread of
// the first; least is the smallest spread that is felt.
func apart(was, is []float64, least float64) (before, since, times float64) {
	if len(was) < fewest || len(is) < fewest {
		return 0, 0, 0
	}
	before, since = series.Median(was), series.Median(is)
	spread := max(series.Quantile(was, 0.75)-series.Quantile(was, 0.25), least, before/20)
	return before, since, max(before-since, since-before) / spread
}
