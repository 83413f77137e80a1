package codec

import (
	"ergorecorder/archive/internal/codec/body"
	"ergorecorder/archive/internal/codec/frame"
)

// Scan and Encode are the two halves of Append.
func (e *Encoder) Scan(r *Record) payload         { return e.scan(r) }
func (e *Encoder) Encode(r *Record, kind payload) { e.encode(r, kind) }

// Block lays a chunk that is a whole run out as a block.
func (c *Chunk) Block(z *frame.Zip) []byte {
	h := c.Header
	h.Whole = true
	return body.Layout(h, nil, c.streams, z)
}
