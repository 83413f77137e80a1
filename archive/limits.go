package archive

import (
	"ergorecorder/archive/internal/codec"
)

// Limits. No input costs more than it weighs: what is read is bounded in
// proportion to what came in, and an error names the limit that was met.
const (
	// MaxText is the longest text that Append takes.
	MaxText = codec.MaxText
	// MaxColumns is how many columns a table or an object stream may have at a
	// time. An answer with more is kept as text.
	MaxColumns = codec.MaxColumns
	// FreeExpand and ExpandFactor bound what a compressed piece of a file may
	// hold: so many bytes for nothing, and so many for each byte of it.
	// [OpenOptions].Expand raises the first.
	FreeExpand   = codec.FreeExpand
	ExpandFactor = codec.ExpandFactor
)

// ErrTooMuch: what was read, or is to be stored, is more than a limit allows.
var ErrTooMuch = codec.ErrLimit

// OpenOptions of a Reader. The zero value works.
type OpenOptions struct {
	// Expand is how much a compressed piece may hold for nothing; zero means
	// FreeExpand.
	Expand int
}
