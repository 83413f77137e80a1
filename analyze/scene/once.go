package scene

import "sync"

// mostOnce is how much that was worked out once is kept.
const mostOnce = 1 << 14

// worked is what was worked out once, or is being.
type worked struct {
	once  sync.Once
	value any
	err   error
}

// Once is what the work of a key comes to. It is done once for all that ask for
// it, beside each other too; what it comes to must depend on the key and the
// recording alone, for it is forgotten when there is too much of it.
func (s *Scene) Once(key any, work func() (any, error)) (any, error) {
	s.mu.Lock()
	w := s.once[key]
	if w == nil {
		if s.once == nil || len(s.once) >= mostOnce {
			s.once = map[any]*worked{}
		}
		w = &worked{}
		s.once[key] = w
	}
	s.mu.Unlock()
	w.once.Do(func() { w.value, w.err = work() })
	return w.value, w.err
}
