package codec

import "ergorecorder/archive/internal/codec/frame"

// A Zip compresses and decompresses, see package frame.
type Zip = frame.Zip

// A Memory is where the streams of runs are unpacked, see package frame.
type Memory = frame.Memory

// What a compressed frame may hold, see package frame.
const (
	FreeExpand   = frame.FreeExpand
	ExpandFactor = frame.ExpandFactor
)

// NewZip makes a Zip that is fast and takes little memory.
func NewZip() *Zip { return frame.NewZip() }
