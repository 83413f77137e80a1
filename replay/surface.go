package replay

import (
	"context"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
)

// Nodes returns every node that was recorded, by name.
func (r *Recording) Nodes() []Node { return nil }

// Gaps returns the stretches that were not recorded, by time: marked ones, and
// those in which a node's samples fail or stay away for over three intervals.
func (r *Recording) Gaps(ctx context.Context) ([]Gap, error) { return nil, nil }

// Marks returns the marks whose window meets [from, to].
func (r *Recording) Marks(ctx context.Context, from, to time.Time) ([]archive.Mark, error) {
	return nil, nil
}

// At is the cluster at an instant: the tools answer as they would have then,
// as far as they were recorded, and say so where they were not.
func (r *Recording) At(t time.Time) ergo.Caller { return nil }
