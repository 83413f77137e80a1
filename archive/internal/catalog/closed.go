package catalog

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/record"
)

// A segment that nobody writes is read without bbolt: the walk that checks its tree tells where each value lies,
// and from then on a block is one read at its place. bbolt would map the whole file, for each of thousands of them.

// A Value is where blocks lie, end to end.
type Value struct {
	Key  []byte
	at   int64 // in the file, 0 where no walk found it; guarded by the segment's Mu, like size
	size int64
}

// value is the segment's value of a key, made where it is not known yet.
func (s *Segment) value(key []byte) *Value {
	i, found := slices.BinarySearchFunc(s.values, key, func(v *Value, key []byte) int { return bytes.Compare(v.Key, key) })
	if !found {
		s.values = slices.Insert(s.values, i, &Value{Key: bytes.Clone(key)})
	}
	return s.values[i]
}

// Put says in which value of the segment a block lies, and where in it.
func (r *Run) Put(s *Segment, key []byte, at int) { r.In, r.At = s.value(key), int64(at) }

// Anew forgets where the segment's values lie, for whoever still knows of them too: its file is another.
func (s *Segment) Anew() {
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.place(nil)
	s.values = nil
}

// openClosed opens a file that nobody writes and reads what Load adds to the catalog. An error says that bbolt
// should look at it.
func openClosed(path string, room *[]byte) (*Segment, error) {
	f, err := bolt.OpenFile(path, room)
	if err != nil {
		return nil, err
	}
	defer f.Opened()
	s := &Segment{Path: path, file: f}
	if s.held, err = f.Walk(); err == nil {
		s.Meta, err = s.metaIn(s.held)
	}
	if err == nil {
		err = s.readLists()
	}
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s.place(s.held)
	return s, nil
}

// metaIn is the segment's meta.
func (s *Segment) metaIn(places bolt.Places) (m Meta, err error) {
	for _, p := range places[string(BucketMeta)] {
		if !bytes.Equal(p.Key, keyArchive) {
			continue
		}
		v, err := s.file.Value(p)
		if err != nil {
			return m, err
		}
		return parseMeta(v)
	}
	return m, record.ErrNotArchive
}

// readLists reads the definitions and the index while they are at hand.
func (s *Segment) readLists() error {
	s.lists = map[string][][]byte{}
	for _, bucket := range []string{string(BucketStreams), string(BucketIndex)} {
		for _, p := range s.held[bucket] {
			v, err := s.file.Value(p)
			if err != nil && !errors.Is(err, bolt.ErrNoValue) {
				return err
			}
			s.lists[bucket] = append(s.lists[bucket], v)
		}
	}
	return nil
}

// place says of the segment's values where they lie.
func (s *Segment) place(places bolt.Places) {
	for _, v := range s.values {
		v.at = 0
	}
	for _, p := range places[string(BucketBlocks)] {
		v := s.value(p.Key)
		v.at, v.size = p.At, int64(p.Size)
	}
}

// eachValue calls f for every value of a bucket, in the order of the keys; the value is nil where it cannot be
// read, and valid until f returns.
type eachValue func(bucket []byte, f func(key, value []byte))

// contents hands over what reads the segment's values.
func (s *Segment) contents(f func(eachValue)) error {
	if s.file == nil {
		return s.View(func(tx *bbolt.Tx) error {
			f(func(bucket []byte, f func(key, value []byte)) { bolt.EachValue(tx, bucket, f) })
			return nil
		})
	}
	s.Mu.RLock()
	defer s.Mu.RUnlock()
	places, err := s.held, error(nil)
	if places == nil {
		if places, err = s.file.Walk(); err != nil {
			return err
		}
	}
	var room []byte
	f(func(bucket []byte, f func(key, value []byte)) {
		for i, p := range places[string(bucket)] {
			v, e := []byte(nil), error(nil)
			if l := s.lists[string(bucket)]; l != nil {
				v = l[i]
			} else if v, e = s.file.ValueIn(p, &room); e != nil && !errors.Is(e, bolt.ErrNoValue) {
				err = errors.Join(err, e)
			}
			f(p.Key, v)
		}
	})
	return err
}

// loaded drops what only Load needed.
func (s *Segment) loaded() { s.held, s.lists = nil, nil }

// HoldsNothing reports whether the segment, which was just opened, has no records.
func (s *Segment) HoldsNothing() bool {
	buckets := [][]byte{BucketStreams, BucketBlocks, BucketIndex, BucketTail}
	if s.held == nil { // bbolt has opened it
		held := 0
		err := s.contents(func(each eachValue) {
			for _, name := range buckets {
				each(name, func(_, _ []byte) { held++ })
			}
		})
		return err == nil && held == 0
	}
	for _, name := range buckets {
		if places, there := s.held[string(name)]; !there || len(places) > 0 {
			return false
		}
	}
	return true
}

// Definitions calls f for every value that holds definitions of streams, as it is stored.
func (s *Segment) Definitions(f func(key, value []byte) error) (err error) {
	e := s.contents(func(each eachValue) {
		each(BucketStreams, func(k, v []byte) {
			if err == nil {
				err = f(k, bytes.Clone(v))
			}
		})
	})
	return errors.Join(err, e)
}

// block reads a stretch of a value; nil where nothing lies there.
func (s *Segment) block(v *Value, at int64, size int, room *[]byte) (b []byte, err error) {
	grow := func() []byte {
		if cap(*room) < size {
			*room = make([]byte, 0, size+cap(*room)/4) // room for one block after the other grows seldom
		}
		*room = (*room)[:size]
		return *room
	}
	s.Mu.RLock()
	defer s.Mu.RUnlock()
	if s.file == nil {
		err = s.view(func(tx *bbolt.Tx) error {
			if v := bolt.GetValue(tx.Bucket(BucketBlocks), v.Key); at+int64(size) <= int64(len(v)) {
				b = grow()
				copy(b, v[at:])
			}
			return nil
		})
		return b, err
	}
	if v.at == 0 || at+int64(size) > v.size {
		return nil, nil
	}
	b = grow()
	return b, s.file.ReadAt(b, v.at+at)
}

// stretch hands over what reads a stretch of a value piece by piece. It does nothing where that cannot be had: who reads all of
// it is told why.
func (s *Segment) stretch(v *Value, at int64, size int, read func(io.ReaderAt)) {
	s.Mu.RLock()
	defer s.Mu.RUnlock()
	switch {
	case s.file == nil:
		_ = s.view(func(tx *bbolt.Tx) error {
			if v := bolt.GetValue(tx.Bucket(BucketBlocks), v.Key); at+int64(size) <= int64(len(v)) {
				read(bytes.NewReader(v[at : at+int64(size)]))
			}
			return nil
		})
	case v.at > 0 && at+int64(size) <= v.size:
		read(s.file.Section(v.at+at, int64(size)))
	}
}

// tailAt is where a batch of the tail lies in the file, where that is not read by bbolt.
func (s *Segment) tailAt(key []byte) int64 {
	tail := s.held[string(BucketTail)]
	i, found := slices.BinarySearchFunc(tail, key, func(p bolt.Place, key []byte) int { return bytes.Compare(p.Key, key) })
	if !found {
		return 0
	}
	return tail[i].At
}

// tail reads chunks where they lie, in memory or in the file; none where they are elsewhere by now. It is not ok where bbolt does.
func (s *Segment) tail(chunks []ChunkRef) (pieces [][]byte, ok bool, err error) {
	s.Mu.RLock()
	defer s.Mu.RUnlock()
	if s.file == nil {
		return nil, false, nil
	}
	for _, c := range chunks {
		if m := c.Batch.Memory.Load(); m != nil {
			pieces = append(pieces, (*m)[c.I])
			continue
		}
		if c.Batch.raw == 0 {
			return nil, true, nil
		}
		b := make([]byte, c.Len)
		if err := s.file.ReadAt(b, c.Batch.raw+int64(c.Off)); err != nil {
			return nil, true, err
		}
		pieces = append(pieces, b)
	}
	return pieces, true, nil
}
