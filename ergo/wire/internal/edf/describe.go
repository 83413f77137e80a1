package edf

import "fmt"

// A shape is a type that only a description on the wire names.
type shape struct {
	tag       byte
	name      string // of a registered type
	length    uint32 // of an array
	key, elem *shape
}

// described reads a type description and then the body that it describes.
func (r *reader) described() any {
	n := int(r.u16())
	end := r.off + n
	if r.err == nil && end > len(r.b) {
		r.fail(errShort)
	}
	s := r.shape()
	if r.err == nil && r.off != end {
		r.fail(fmt.Errorf("type description of %d bytes does not end at its end", n))
	}
	if r.err != nil {
		return nil
	}
	return r.shaped(s)
}

// shape reads a type description.
func (r *reader) shape() *shape {
	if !r.enter() {
		return nil
	}
	defer r.leave()
	s := &shape{tag: r.u8()}
	switch s.tag {
	case tagSlice:
		s.elem = r.shape()
	case tagArray:
		s.length = r.u32()
		s.elem = r.shape()
	case tagMap:
		s.key, s.elem = r.shape(), r.shape()
	case tagRegistered:
		s.name = r.typeName()
	}
	return s
}

// shaped reads the body of a described type.
func (r *reader) shaped(s *shape) any {
	if r.err != nil {
		return nil
	}
	switch s.tag {
	case tagAny:
		return r.any()
	case tagRegistered:
		return r.named(s.name)
	case tagArray:
		return r.elementsOf(s.elem, r.admit(s.length))
	case tagSlice:
		if !r.present(tagSlice) {
			return []any(nil)
		}
		return r.elementsOf(s.elem, r.admit(r.u32()))
	case tagMap:
		if !r.present(tagMap) {
			return Map(nil)
		}
		return r.entries(s)
	}
	return r.plain(s.tag)
}

func (r *reader) elementsOf(s *shape, n int) []any {
	list := make([]any, 0, grown(n))
	for ; n > 0 && r.err == nil; n-- {
		list = append(list, r.shaped(s))
	}
	return list
}

func (r *reader) entries(s *shape) Map {
	n := r.admit(r.u32())
	m := make(Map, 0, grown(n))
	for ; n > 0 && r.err == nil; n-- {
		m = append(m, Entry{Key: r.shaped(s.key), Value: r.shaped(s.elem)})
	}
	return m
}
