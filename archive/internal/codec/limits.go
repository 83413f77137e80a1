package codec

import "ergorecorder/internal/limit"

// Limits on what is read and written, so that no input costs more than it
// weighs. Package archive documents them for its callers.
const (
	// MaxColumns is how many columns a table or object stream may have at a
	// time. An answer with more is kept as text; a table that has had as many is
	// begun anew.
	MaxColumns = limit.MostColumns
	// MaxText is the longest text of a record.
	MaxText = limit.MostRecord
	// FreeExpand and ExpandFactor bound what a compressed frame may hold: the
	// first for nothing, and the second for each byte of the frame.
	FreeExpand   = limit.MostPiece
	ExpandFactor = 1024

	// maxRaw bounds what one block may claim to hold.
	maxRaw = 1 << 30
	// maxList is the most that a compressed list holds.
	maxList = 64 << 20
	// maxUnsaid is the longest frame that need not say what it holds.
	maxUnsaid = 512
	// maxDepth is how deep a value may be nested.
	maxDepth = 500
	// maxWords is how much longer words may be than they are told. Runs end long
	// before.
	maxWords = 16 << 20
	// maxCells bounds the memory of a table of ever new subjects.
	maxCells = 4 << 20
	// maxShapes is how many orders of columns a table may have.
	maxShapes = 1 << 14
)

// ErrLimit: what was read is more than a limit allows.
var ErrLimit = limit.ErrOver

// mayHold is the most that a frame of so many bytes may hold.
func (z *Zip) mayHold(frame int) int {
	return min(maxRaw, z.free+ExpandFactor*frame)
}

func (z *Zip) tooLarge(frame, says int) error {
	return limit.Piece.OverSet(int64(says), int64(z.mayHold(frame)))
}

// SetExpand sets how much a frame may hold for nothing, in place of FreeExpand.
// It comes before the Zip is used.
func (z *Zip) SetExpand(free int) { z.free = min(free, maxRaw) }
