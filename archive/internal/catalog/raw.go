package catalog

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/internal/limit"
)

// A segment whose tree is damaged is read raw: every block and chunk begins
// with a magic and carries a checksum, the archive's identity, its stream and
// its place in its run, so they are found wherever they lie in the file.
// Chunks that were packed since may still lie in free pages; they say the
// same as their block, and the block wins.

// A damaged file is searched for blocks. searchFactor bounds, in sizes of the
// file, how much may be looked at that then proves to be none.
const (
	searchFactor = limit.MostSearch
	searchFree   = 64 << 20
)

// IsRaw reports whether the segment is read raw.
func (s *Segment) IsRaw() bool {
	s.Mu.RLock()
	defer s.Mu.RUnlock()
	return s.raw != nil
}

// OpenRaw reads the segment raw.
func (s *Segment) OpenRaw() error {
	b, err := os.ReadFile(s.Path)
	if err != nil {
		return err
	}
	s.Mu.Lock()
	defer s.Mu.Unlock()
	s.raw = b
	if s.raw == nil {
		s.raw = []byte{}
	}
	s.Found, s.Meta.ID, s.strange, s.searched = scanRaw(s.raw)
	return nil
}

// rawRun is what a raw scan found of one run.
type rawRun struct {
	whole  *rawPiece
	chunks []rawPiece
}

type rawPiece struct {
	codec.Header
	at   int64
	size int
}

// A RunID names a run among those of its archive.
type RunID struct {
	Stream uint32
	Part   int
	Run    uint64
}

// scanRaw finds the intact pieces of a file, those of other archives apart. It
// ends at searched, which is before the end where too much looked like a block
// and was none.
func scanRaw(b []byte) (runs map[RunID]*rawRun, archive uint64, foreign, searched int) {
	var found []rawPiece
	effort := searchFactor*len(b) + searchFree
	searched = len(b)
	owners := map[uint64]int{}
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(header.Magic))
		if i < 0 {
			break
		}
		at += i
		h, _, size, err := header.Parse(b[at:])
		if err != nil {
			if effort -= size; effort < 0 {
				searched = at
				break
			}
			at++
			continue
		}
		found = append(found, rawPiece{h, int64(at), size})
		owners[h.Archive] += h.Records
		at += size
	}
	for id, n := range owners {
		if n > owners[archive] || n == owners[archive] && id < archive {
			archive = id
		}
	}
	runs = map[RunID]*rawRun{}
	for i := range found {
		p := &found[i]
		if p.Archive != archive {
			foreign++
			continue
		}
		id := RunID{p.Stream, p.Part, p.Run}
		r := runs[id]
		if r == nil {
			r = &rawRun{}
			runs[id] = r
		}
		if p.Whole {
			r.whole = p
		} else {
			r.chunks = append(r.chunks, *p)
		}
	}
	return runs, archive, foreign, searched
}

// loadRaw adds what a raw segment holds to the catalog.
func (c *Catalog) loadRaw(s *Segment) error {
	c.Mu.Lock()
	defer c.Mu.Unlock()
	if s.strange > 0 {
		c.Blame(s, nil, 0, 0, fmt.Errorf("%d blocks of another archive", s.strange))
	}
	if s.searched < len(s.raw) {
		err := fmt.Errorf("searched for blocks up to byte %d of %d, then too much had looked like blocks and was none: %w", s.searched, len(s.raw), limit.Search.Over(0))
		c.Blame(s, nil, 0, 0, err)
	}
	defs := map[uint32]*Stream{}
	for _, r := range s.Found {
		r.load(c, s, defs)
	}
	return nil
}

// errOrder: a chunk does not go on where the one before it ended. One is of a
// commit that a power cut undid, after which its numbers were given out again.
var errOrder = errors.New("a chunk is of another run of the same number")

// load adds the run: its block, or as many of its chunks as follow each other.
func (r *rawRun) load(c *Catalog, s *Segment, defs map[uint32]*Stream) {
	if w := r.whole; w != nil {
		if sr := c.defined(defs, w.Stream, s.raw[w.at:w.at+int64(w.size)]); sr != nil {
			sr.add(&Run{Header: w.Header, Seg: s, Size: w.size, At: w.at, Ended: true})
		}
		return
	}
	slices.SortFunc(r.chunks, func(a, b rawPiece) int { return cmp.Compare(a.Chunk, b.Chunk) })
	r.chunks = slices.CompactFunc(r.chunks, func(a, b rawPiece) bool { return a.Chunk == b.Chunk })
	first := r.chunks[0]
	if first.Chunk != 0 {
		c.Blame(s, nil, first.From, first.To, fmt.Errorf("run %d of stream %d: its beginning is missing", first.Run, first.Stream))
		return
	}
	sr := c.defined(defs, first.Stream, s.raw[first.at:first.at+int64(first.size)])
	if sr == nil {
		return
	}
	for i := range r.chunks {
		p := &r.chunks[i]
		var err error
		if i > 0 && p.First <= r.chunks[i-1].Last {
			err = errOrder
		} else {
			err = sr.AddChunk(s, p.Header, ChunkRef{Batch: &Batch{raw: p.at}, Len: uint32(p.size)})
		}
		if err != nil {
			c.Blame(s, &sr.Key, p.From, p.To, err)
			return
		}
	}
}

func (c *Catalog) defined(defs map[uint32]*Stream, id uint32, piece []byte) *Stream {
	if sr := defs[id]; sr != nil {
		return sr
	}
	return c.defineFrom(defs, id, piece)
}

// readRaw is read for a raw segment.
func (r *Run) readRaw() (pieces [][]byte, moved bool, err error) {
	r.Seg.Mu.RLock()
	defer r.Seg.Mu.RUnlock()
	b := r.Seg.raw
	if r.Chunks == nil {
		return [][]byte{b[r.At : r.At+int64(r.Size)]}, false, nil
	}
	for _, c := range r.Chunks {
		pieces = append(pieces, b[c.Batch.raw:c.Batch.raw+int64(c.Len)])
	}
	return pieces, false, nil
}
