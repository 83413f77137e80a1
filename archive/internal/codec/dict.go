package codec

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// A dict numbers byte strings in the order in which they first came.
type dict struct {
	arena []byte
	ends  []uint32
	table []uint32 // number + 1 by hash, open addressing; a power of two long
	sent  int      // how many have been written to chunks

	arranged int // how many have the number that they keep
}

func (d *dict) len() int { return len(d.ends) }

func (d *dict) at(id int) []byte {
	start := uint32(0)
	if id > 0 {
		start = d.ends[id-1]
	}
	return d.arena[start:d.ends[id]]
}

// find is the number of s, or where in the table it belongs.
func (d *dict) find(s []byte) (id int, place uint64, ok bool) {
	if len(d.table) == 0 {
		return 0, 0, false
	}
	mask := uint64(len(d.table) - 1)
	place = xxhash.Sum64(s) & mask
	for d.table[place] != 0 {
		if id := int(d.table[place] - 1); string(d.at(id)) == string(s) {
			return id, place, true
		}
		place = (place + 1) & mask
	}
	return 0, place, false
}

// add numbers s, which must be new.
func (d *dict) add(s []byte) int {
	d.arena = append(d.arena, s...)
	d.ends = append(d.ends, uint32(len(d.arena)))
	if len(d.ends)*4 > len(d.table)*3 {
		d.grow()
	} else {
		_, place, _ := d.find(s)
		d.table[place] = uint32(len(d.ends))
	}
	return len(d.ends) - 1
}

func (d *dict) grow() {
	d.table = make([]uint32, max(8, 2*len(d.table)))
	for id := range d.ends {
		_, place, _ := d.find(d.at(id))
		d.table[place] = uint32(id + 1)
	}
}

// put is the number of s, old or new.
func (d *dict) put(s []byte) int {
	if id, _, ok := d.find(s); ok {
		return id
	}
	return d.add(s)
}

// reorder gives the words from first on new numbers: the i-th of them is the one
// that was first + order[i].
func (d *dict) reorder(first int, order []int) {
	words := make([][]byte, len(order))
	places := make([]uint64, len(order))
	for i, old := range order {
		words[i] = slices.Clone(d.at(first + old))
		_, places[i], _ = d.find(words[i])
	}
	d.ends = d.ends[:first]
	d.arena = d.arena[:0]
	if first > 0 {
		d.arena = d.arena[:d.ends[first-1]]
	}
	for i, w := range words {
		d.arena = append(d.arena, w...)
		d.ends = append(d.ends, uint32(len(d.arena)))
		d.table[places[i]] = uint32(first + i + 1)
	}
}

func (d *dict) reset() { *d = dict{arena: d.arena[:0], ends: d.ends[:0]} }
