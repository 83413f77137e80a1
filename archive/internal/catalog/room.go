package catalog

import (
	"sync"

	"ergorecorder/archive/internal/codec"
)

// A Room is memory that one scan after the other uses.
type Room struct {
	Block codec.Room // the one that is read; the table reads nothing of the one before any more
	Table codec.Memory
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
	if cap(x.Block.Bytes) > most {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.spare = x
}
