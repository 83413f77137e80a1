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
	// maxCells bounds the memory of a table of ever new subjects.
	maxCells = 4 << 20
	// maxShapes is how many orders of columns a table may have.
	maxShapes = 1 << 14
)

// ErrLimit: what was read is more than a limit allows.
var ErrLimit = limit.ErrOver
