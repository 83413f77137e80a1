package catalog

import (
	"sync"

	"ergorecorder/archive/internal/codec"
)

// A Room is memory that one scan after the other uses.
type Room struct {
	Unpacked codec.Memory // for the streams of blocks
	blocks   [2][]byte    // who reads one still holds it while the next is opened
	opened   int
}

// Next is memory for the next block.
func (x *Room) Next() *[]byte {
	x.opened++
	return &x.blocks[x.opened%2]
}

// Rooms keeps a room for the next scan. It is safe for concurrent use.
type Rooms struct {
	mu    sync.Mutex
	spare *Room
}

// Take is the room of the scan before, if it is free.
func (r *Rooms) Take() *Room {
	r.mu.Lock()
	defer r.mu.Unlock()
	x := r.spare
	if r.spare = nil; x == nil {
		x = &Room{}
	}
	return x
}

// Keep keeps a room for the next scan, unless it is much.
func (r *Rooms) Keep(x *Room) {
	const most = 4 << 20
	if cap(x.blocks[0])+cap(x.blocks[1]) > most {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = x
}
