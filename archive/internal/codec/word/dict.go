package word

import (
	"slices"

	"github.com/cespare/xxhash/v2"
)

// A Dict numbers byte strings in the order in which they first came.
type Dict struct {
	Arena []byte
	Ends  []uint32
	table []uint32 // number + 1 by hash, open addressing; a power of two long
	Sent  int      // how many have been written to chunks

	Arranged int // how many have the number that they keep
}

// Len is how many words there are.
func (d *Dict) Len() int { return len(d.Ends) }

// At is the word of that number.
func (d *Dict) At(id int) []byte {
	start := uint32(0)
	if id > 0 {
		start = d.Ends[id-1]
	}
	return d.Arena[start:d.Ends[id]]
}

// Find is the number of s, or where in the table it belongs.
func (d *Dict) Find(s []byte) (id int, place uint64, ok bool) {
	if len(d.table) == 0 {
		return 0, 0, false
	}
	mask := uint64(len(d.table) - 1)
	place = xxhash.Sum64(s) & mask
	for d.table[place] != 0 {
		if id := int(d.table[place] - 1); string(d.At(id)) == string(s) {
			return id, place, true
		}
		place = (place + 1) & mask
	}
	return 0, place, false
}

// Add numbers s, which must be new.
func (d *Dict) Add(s []byte) int {
	d.Arena = append(d.Arena, s...)
	d.Ends = append(d.Ends, uint32(len(d.Arena)))
	if len(d.Ends)*4 > len(d.table)*3 {
		d.grow()
	} else {
		_, place, _ := d.Find(s)
		d.table[place] = uint32(len(d.Ends))
	}
	return len(d.Ends) - 1
}

func (d *Dict) grow() {
	d.table = make([]uint32, max(8, 2*len(d.table)))
	for id := range d.Ends {
		_, place, _ := d.Find(d.At(id))
		d.table[place] = uint32(id + 1)
	}
}

// Put is the number of s, old or new.
func (d *Dict) Put(s []byte) int {
	if id, _, ok := d.Find(s); ok {
		return id
	}
	return d.Add(s)
}

// Reorder gives the words from first on new numbers: the i-th of them is the one
// that was first + order[i].
func (d *Dict) Reorder(first int, order []int) {
	words := make([][]byte, len(order))
	places := make([]uint64, len(order))
	for i, old := range order {
		words[i] = slices.Clone(d.At(first + old))
		_, places[i], _ = d.Find(words[i])
	}
	d.Ends = d.Ends[:first]
	d.Arena = d.Arena[:0]
	if first > 0 {
		d.Arena = d.Arena[:d.Ends[first-1]]
	}
	for i, w := range words {
		d.Arena = append(d.Arena, w...)
		d.Ends = append(d.Ends, uint32(len(d.Arena)))
		d.table[places[i]] = uint32(first + i + 1)
	}
}

// Reset forgets all words.
func (d *Dict) Reset() { *d = Dict{Arena: d.Arena[:0], Ends: d.Ends[:0]} }
