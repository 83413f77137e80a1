package catalog

import (
	"cmp"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"

	"ergorecorder/archive/internal/record"
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

// Numbers is a set of numbers as ascending ranges, both ends included.
type Numbers [][2]int

func (s Numbers) has(n int) bool {
	return slices.ContainsFunc(s, func(r [2]int) bool { return r[0] <= n && n <= r[1] })
}

// With is the set and one number more.
func (s Numbers) With(n int) Numbers {
	if s.has(n) {
		return s
	}
	return Joined(append(slices.Clone(s), [2]int{n, n}))
}

// Joined sorts ranges and joins those that touch.
func Joined(out Numbers) Numbers {
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

// Removed are the segments that retention removed. Version 2 listed them one by
// one.
func (m *Meta) Removed() Numbers {
	gone := slices.Clone(m.Gone)
	for _, n := range m.Dropped {
		gone = append(gone, [2]int{n, n})
	}
	return Joined(gone)
}

// Held is what a segment holds of the records numbered up to last.
func (c *Catalog) Held(s *Segment, last uint64) link {
	return c.held(last).of(s)
}

// holdings are what segments hold of the records up to a number; those that hold
// none are not in it.
type holdings map[*Segment]link

func (h holdings) of(s *Segment) link {
	l := h[s]
	l.Segment = s.Meta.Segment
	return l
}

// held is what each segment holds, in one walk through all runs.
func (c *Catalog) held(last uint64) holdings {
	c.Mu.RLock()
	defer c.Mu.RUnlock()
	h := holdings{}
	for _, sr := range c.Streams {
		if len(sr.Parts) == 0 {
			continue
		}
		for _, r := range sr.Parts[0] {
			if r.Run > last {
				continue
			}
			l := h[r.Seg]
			if l.First == 0 || r.Run < l.First {
				l.First = r.Run
			}
			l.Last, l.Records = max(l.Last, r.Last), l.Records+r.Records
			h[r.Seg] = l
		}
	}
	return h
}

// number is the place of a segment in its archive: that of its name in a
// directory, else what it says itself.
func (c *Catalog) number(s *Segment) int {
	if c.Dir {
		if n, ok := SegmentNumber(s.Name()); ok {
			return n
		}
	}
	return s.Meta.Segment
}

// Chain tells what is absent or in the wrong place.
func (c *Catalog) Chain() (damage []*record.CorruptionError) {
	blame := func(s *Segment, err error) {
		damage = append(damage, &record.CorruptionError{Segment: s.Name(), Err: err})
	}
	byNumber := map[int]*Segment{}
	for _, s := range c.Segments {
		n := c.number(s)
		byNumber[n] = s
		if !s.Foreign && !s.IsRaw() && n != s.Meta.Segment {
			blame(s, fmt.Errorf("it is segment %d, in the place of segment %d: move it back", s.Meta.Segment, n))
		}
	}
	damage = append(damage, c.missingSegments()...)
	held := c.held(math.MaxUint64)
	for _, s := range c.Segments {
		p := s.Meta.Previous
		if p == nil || s.Foreign || s.IsRaw() {
			continue
		}
		if before := byNumber[p.Segment]; before != nil {
			if before.Meta.Next == 0 && held.of(s).Records == 0 {
				continue // of a rotation that failed: the segment before it went on
			}
			if err := c.follows(before, held.of(before), p); err != nil {
				blame(before, err)
			}
		}
	}
	return damage
}

// follows compares what a segment holds with what the one after it says.
func (c *Catalog) follows(s *Segment, got link, want *link) error {
	damaged := slices.ContainsFunc(c.Damage, func(e *record.CorruptionError) bool { return e.Segment == s.Name() })
	if damaged || s.Foreign || s.IsRaw() || s.Meta.Pinned {
		return nil // which is told, or known
	}
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
func (c *Catalog) missingSegments() (damage []*record.CorruptionError) {
	if len(c.Segments) == 0 {
		return nil
	}
	last := c.Newest()
	if last.IsRaw() || !c.Dir && slices.ContainsFunc(c.Segments, (*Segment).IsRaw) {
		return nil // its number, or what was dropped, cannot be told
	}
	there := last.Meta.Removed()
	for _, s := range c.Segments {
		n := c.number(s)
		there = append(there, [2]int{n, n})
	}
	end := c.number(last)
	if c.Dir && c.Live == "" && !c.Unbegun && !last.Foreign {
		end = max(end, last.Meta.Next)
	}
	absent := Joined(there).lacks(1+c.After, end)
	if c.Dir && len(absent) > 0 {
		aside, _ := SetAsideIn(filepath.Dir(last.Path))
		absent = Joined(append(there, aside...)).lacks(1+c.After, end)
	}
	for _, r := range absent {
		damage = append(damage, c.absent(last, r[0], r[1]))
	}
	return damage
}

// lacks are the numbers from one to another that are not in the set.
func (s Numbers) lacks(next, end int) (out Numbers) {
	for _, r := range append(slices.Clone(s), [2]int{end + 1, end + 1}) {
		if from, to := next, min(r[0]-1, end); from <= to {
			out = append(out, [2]int{from, to})
		}
		next = max(next, r[1]+1)
	}
	return out
}

// absent says that the segments of some numbers are not there.
func (c *Catalog) absent(beside *Segment, from, to int) *record.CorruptionError {
	name := filepath.Join(filepath.Dir(beside.Path), SegmentName(from))
	err := fmt.Errorf("%s: %w", name, os.ErrNotExist)
	if to > from {
		err = fmt.Errorf("%s and those after it up to number %d: %w", name, to, os.ErrNotExist)
	}
	return &record.CorruptionError{Segment: SegmentName(from), Err: err}
}

// Newest is the segment with the highest number.
func (c *Catalog) Newest() *Segment {
	number := func(s *Segment) int {
		if s.Foreign {
			return -1
		}
		return c.number(s)
	}
	return slices.MaxFunc(c.Segments, func(a, b *Segment) int { return cmp.Compare(number(a), number(b)) })
}

// dropped reports whether retention removed segments, or took runs out of one.
func (c *Catalog) dropped() bool {
	if len(c.Segments) == 0 {
		return false
	}
	last := c.Newest()
	return len(last.Meta.Gone)+len(last.Meta.Dropped) > 0 || slices.ContainsFunc(c.Segments, func(s *Segment) bool { return s.Meta.Pinned })
}

// ErrForeign: a segment's identity is not that of the others.
var ErrForeign = errors.New("it is of another archive")
