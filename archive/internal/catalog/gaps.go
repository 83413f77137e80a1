package catalog

import (
	"fmt"
	"math"
	"slices"

	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/record"
)

// Gaps tells of all records that are missing between those that are there.
func (c *Catalog) Gaps() (damage []*record.CorruptionError) {
	for _, sr := range c.Sorted() {
		var before *Run
		for _, x := range c.Runs(sr.Key, 0) {
			if e := c.GapBefore(sr.Key, before, &x); e != nil {
				damage = append(damage, e)
			}
			before = &x
		}
	}
	return damage
}

// GapBefore tells of records that a run says came before it, and that are not
// there. What retention dropped is not missed.
func (c *Catalog) GapBefore(k record.StreamKey, before, x *Run) *record.CorruptionError {
	c.Mu.RLock()
	defer c.Mu.RUnlock()
	// What was dropped is looked up in all segments, so last.
	if x.Prev == 0 || before == nil && c.After > 0 || before != nil && before.Last >= x.Prev || c.dropped() {
		return nil
	}
	e := &record.CorruptionError{
		Segment: x.Seg.Name(), Stream: k.String(), From: Unix(x.From), To: Unix(x.From),
		Err: fmt.Errorf("what came before record %d is missing", x.Run),
	}
	if before != nil {
		e.From, e.Err = Unix(before.To), fmt.Errorf("records %d to %d are missing", before.Last+1, x.Prev)
	}
	return e
}

// Unaccounted tells how many records are not there, by their numbers. Where a
// tree is gone, nothing else tells of what was lost with it.
func (c *Catalog) Unaccounted() (damage []*record.CorruptionError) {
	c.Mu.RLock()
	defer c.Mu.RUnlock()
	i := slices.IndexFunc(c.Segments, (*Segment).IsRaw)
	if i < 0 {
		return nil
	}
	first, last, there := uint64(math.MaxUint64), uint64(0), uint64(0)
	for _, sr := range c.Streams {
		if len(sr.Parts) == 0 {
			continue
		}
		for _, r := range sr.Parts[0] {
			first, last, there = min(first, r.Run), max(last, r.Last), there+uint64(r.Records)
		}
	}
	if !c.dropped() {
		first = 1
	}
	if last > 0 && last-first+1 > there {
		err := fmt.Errorf("records missing of those numbered %d to %d: %d (lost, or dropped by retention)", first, last, last-first+1-there)
		damage = append(damage, &record.CorruptionError{Segment: c.Segments[i].Name(), Err: err})
	}
	return damage
}

// StrayBlocks tells of blocks that the index does not know.
func (c *Catalog) StrayBlocks(s *Segment) (damage []*record.CorruptionError) {
	if s.IsRaw() || s.Foreign || s.Flat != nil {
		return nil
	}
	known := map[string]map[int]bool{}
	c.Mu.RLock()
	for _, sr := range c.Streams {
		for _, runs := range sr.Parts {
			for _, r := range runs {
				if r.Seg == s && r.Chunks == nil {
					key := string(r.In.Key)
					if known[key] == nil {
						known[key] = map[int]bool{}
					}
					known[key][int(r.At)] = true
				}
			}
		}
	}
	c.Mu.RUnlock()
	err := s.contents(func(each eachValue) {
		each(BucketBlocks, func(k, v []byte) {
			for off := 0; off < len(v); {
				h, _, size, err := header.Parse(v[off:])
				if err != nil {
					return // blamed on the run that lies there
				}
				if !known[string(k)][off] {
					damage = append(damage, &record.CorruptionError{
						Segment: s.Name(), From: Unix(h.From), To: Unix(h.To),
						Err: fmt.Errorf("blocks %x at %d: not in the index", k, off),
					})
				}
				off += size
			}
		})
	})
	if err != nil {
		damage = append(damage, &record.CorruptionError{Segment: s.Name(), Err: err})
	}
	return damage
}

// DamageInTrees is what was found damaged in segments whose trees are not.
func (c *Catalog) DamageInTrees() []*record.CorruptionError {
	sound := map[string]bool{}
	for _, s := range c.Segments {
		sound[s.Name()] = !s.IsRaw() && !s.Foreign
	}
	return slices.DeleteFunc(slices.Clone(c.Damage), func(e *record.CorruptionError) bool { return !sound[e.Segment] })
}

// Untold says that records behind the last one may be lost: the tree of the
// newest segment, which would tell, cannot be read, and no later number does.
func (c *Catalog) Untold() []*record.CorruptionError {
	newest := c.Newest()
	if newest == nil || !newest.IsRaw() {
		return nil
	}
	c.Mu.RLock()
	defer c.Mu.RUnlock()
	last := uint64(0)
	for _, sr := range c.Streams {
		if len(sr.Parts) == 0 {
			continue
		}
		for _, r := range sr.Parts[0] {
			last = max(last, r.Last)
		}
	}
	err := fmt.Errorf("its tree is damaged: records behind number %d, if there were any, are lost", last)
	return []*record.CorruptionError{{Segment: newest.Name(), Err: err}}
}
