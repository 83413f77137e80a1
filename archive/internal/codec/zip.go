package codec

import "ergorecorder/archive/internal/codec/frame"

// A Zip compresses and decompresses, see package frame.
type Zip = frame.Zip

// A Memory is what one table after the other uses for the runs of its part 0, one after the other.
type Memory struct {
	frame.Memory // where streams are unpacked
	heads        []Head
	times        times
	last         *partCursor // of the table before, which is not used any more
}

// times are the records of a run, and when they were.
type times struct {
	seqs []uint64
	ats  []int64
}

// What a compressed frame may hold, see package frame.
const (
	FreeExpand   = frame.FreeExpand
	ExpandFactor = frame.ExpandFactor
)

// NewZip makes a Zip that is fast and takes little memory.
func NewZip() *Zip { return frame.NewZip() }
