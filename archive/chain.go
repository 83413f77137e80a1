package archive

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
)

// Absence is damage. Every segment of a directory knows what the one before it
// held when it was begun, and whether another was begun behind it.

// A link is what a segment knows of the one before it.
type link struct {
	Segment int    `json:"segment"`
	First   uint64 `json:"first"`
	Last    uint64 `json:"last"`
	Records int    `json:"records"`
}

// numbers is a set of numbers as ascending ranges, both ends included.
type numbers [][2]int

func (s numbers) has(n int) bool {
	return slices.ContainsFunc(s, func(r [2]int) bool { return r[0] <= n && n <= r[1] })
}

// with is the set and one number more.
func (s numbers) with(n int) numbers {
	if s.has(n) {
		return s
	}
	return joined(append(slices.Clone(s), [2]int{n, n}))
}

// joined sorts ranges and joins those that touch.
func joined(out numbers) numbers {
	if len(out) == 0 {
		return nil
	}
	slices.SortFunc(out, func(a, b [2]int) int { return cmp.Compare(a[0], b[0]) })
	n := 0
	for _, r := range out[1:] {
		if last := &out[n]; r[0] <= last[1]+1 {
			last[1] = max(last[1], r[1])
		} else {
			n++
			out[n] = r
		}
	}
	return out[:n+1]
}

// dropped are the segments that retention removed. Version 2 listed them one by
// one.
func (m *segmentMeta) dropped() numbers {
	gone := slices.Clone(m.Gone)
	for _, n := range m.Dropped {
		gone = append(gone, [2]int{n, n})
	}
	return joined(gone)
}

// held is what a segment holds of the records numbered up to last.
func (c *catalog) held(s *segment, last uint64) link {
	c.mu.RLock()
	defer c.mu.RUnlock()
	l := link{Segment: s.meta.Segment}
	for _, sr := range c.streams {
		if len(sr.parts) == 0 {
			continue
		}
		for _, r := range sr.parts[0] {
			if r.seg != s || r.Run > last {
				continue
			}
			if l.First == 0 || r.Run < l.First {
				l.First = r.Run
			}
			l.Last, l.Records = max(l.Last, r.Last), l.Records+r.Records
		}
	}
	return l
}

// number is the place of a segment in its archive: that of its name in a
// directory, else what it says itself.
func (c *catalog) number(s *segment) int {
	if c.dir {
		if n, ok := segmentNumber(s.name()); ok {
			return n
		}
	}
	return s.meta.Segment
}

// chain tells what is absent or in the wrong place.
func (c *catalog) chain() (damage []*CorruptionError) {
	blame := func(s *segment, err error) {
		damage = append(damage, &CorruptionError{Segment: s.name(), Err: err})
	}
	byNumber := map[int]*segment{}
	for _, s := range c.segments {
		n := c.number(s)
		byNumber[n] = s
		if !s.foreign && !s.isRaw() && n != s.meta.Segment {
			blame(s, fmt.Errorf("it is segment %d, in the place of segment %d: move it back", s.meta.Segment, n))
		}
	}
	damage = append(damage, c.missingSegments()...)
	for _, s := range c.segments {
		p := s.meta.Previous
		if p == nil || s.foreign || s.isRaw() {
			continue
		}
		if before := byNumber[p.Segment]; before != nil {
			if before.meta.Next == 0 && c.held(s, math.MaxUint64).Records == 0 {
				continue // of a rotation that failed: the segment before it went on
			}
			if err := c.follows(before, p); err != nil {
				blame(before, err)
			}
		}
	}
	return damage
}

// follows compares what a segment holds with what the one after it says.
func (c *catalog) follows(s *segment, want *link) error {
	damaged := slices.ContainsFunc(c.damage, func(e *CorruptionError) bool { return e.Segment == s.name() })
	if damaged || s.foreign || s.isRaw() || s.meta.Pinned {
		return nil // which is told, or known
	}
	got := c.held(s, math.MaxUint64)
	switch {
	case got.Records == 0 && want.Records == 0:
		return nil
	case got.Last > want.Last:
		return fmt.Errorf("it holds records up to %d, and the segment after it was begun behind record %d: one of them is a copy of another time", got.Last, want.Last)
	case got.Last < want.Last:
		return fmt.Errorf("it ends with record %d, and the segment after it saw it end with record %d: it is an older copy", got.Last, want.Last)
	case got.First != want.First || got.Records != want.Records:
		return fmt.Errorf("it holds %d records from %d on, and the segment after it saw %d from %d on", got.Records, got.First, want.Records, want.First)
	}
	return nil
}

// missingSegments tells of segments that are not there although nobody
// dropped them.
func (c *catalog) missingSegments() (damage []*CorruptionError) {
	if len(c.segments) == 0 {
		return nil
	}
	last := c.newest()
	if last.isRaw() || !c.dir && slices.ContainsFunc(c.segments, (*segment).isRaw) {
		return nil // its number, or what was dropped, cannot be told
	}
	there := last.meta.dropped()
	if c.dir {
		aside, _ := setAsideIn(filepath.Dir(last.path))
		there = append(there, aside...)
	}
	for _, s := range c.segments {
		n := c.number(s)
		there = append(there, [2]int{n, n})
	}
	there = joined(there)
	end := c.number(last)
	if c.dir && c.live == "" && !c.unbegun && !last.foreign {
		end = max(end, last.meta.Next)
	}
	next := 1 + c.after
	for _, r := range append(slices.Clone(there), [2]int{end + 1, end + 1}) {
		if from, to := next, min(r[0]-1, end); from <= to {
			damage = append(damage, c.absent(last, from, to))
		}
		next = max(next, r[1]+1)
	}
	return damage
}

// absent says that the segments of some numbers are not there.
func (c *catalog) absent(beside *segment, from, to int) *CorruptionError {
	name := filepath.Join(filepath.Dir(beside.path), segmentName(from))
	err := fmt.Errorf("%s: %w", name, os.ErrNotExist)
	if to > from {
		err = fmt.Errorf("%s and those after it up to number %d: %w", name, to, os.ErrNotExist)
	}
	return &CorruptionError{Segment: segmentName(from), Err: err}
}

// newest is the segment with the highest number.
func (c *catalog) newest() *segment {
	number := func(s *segment) int {
		if s.foreign {
			return -1
		}
		return c.number(s)
	}
	return slices.MaxFunc(c.segments, func(a, b *segment) int { return cmp.Compare(number(a), number(b)) })
}

// dropped reports whether retention removed segments, or took runs out of one.
func (c *catalog) dropped() bool {
	if len(c.segments) == 0 {
		return false
	}
	last := c.newest()
	return len(last.meta.Gone)+len(last.meta.Dropped) > 0 || slices.ContainsFunc(c.segments, func(s *segment) bool { return s.meta.Pinned })
}

// known is what was found damaged or absent when the archive was opened.
func (r *Reader) known() []*CorruptionError {
	r.cat.mu.RLock()
	defer r.cat.mu.RUnlock()
	return slices.Concat(r.cat.damage, r.cat.absence)
}

// errForeign: a segment's identity is not that of the others.
var errForeign = errors.New("it is of another archive")
