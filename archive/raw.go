package archive

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"os"
	"slices"

	"ergorecorder/archive/internal/codec"
	"ergorecorder/internal/limit"
)

// A segment whose tree is damaged is read raw: every block and chunk begins
// with a magic and carries a checksum, the archive's identity, its stream and
// its place in its run, so they are found wherever they lie in the file.
// Chunks that were packed since may still lie in free pages; they say the
// same as their block, and the block wins.

func (s *segment) isRaw() bool {
	s.mu.RLock()
	defer s.mu.RUnlock()
	return s.raw != nil
}

func (s *segment) openRaw() error {
	b, err := os.ReadFile(s.path)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.raw = b
	if s.raw == nil {
		s.raw = []byte{}
	}
	s.found, s.meta.ID, s.strange, s.searched = scanRaw(s.raw)
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

type runID struct {
	stream uint32
	part   int
	run    uint64
}

// scanRaw finds the intact pieces of a file, those of other archives apart. It
// ends at searched, which is before the end where too much looked like a block
// and was none.
func scanRaw(b []byte) (runs map[runID]*rawRun, archive uint64, foreign, searched int) {
	var found []rawPiece
	effort := searchFactor*len(b) + searchFree
	searched = len(b)
	owners := map[uint64]int{}
	for at := 0; ; {
		i := bytes.Index(b[at:], []byte(codec.Magic))
		if i < 0 {
			break
		}
		at += i
		h, _, size, err := codec.ParseHeader(b[at:])
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
	runs = map[runID]*rawRun{}
	for i := range found {
		p := &found[i]
		if p.Archive != archive {
			foreign++
			continue
		}
		id := runID{p.Stream, p.Part, p.Run}
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
func (c *catalog) loadRaw(s *segment) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if s.strange > 0 {
		c.blame(s, nil, 0, 0, fmt.Errorf("%d blocks of another archive", s.strange))
	}
	if s.searched < len(s.raw) {
		err := fmt.Errorf("searched for blocks up to byte %d of %d, then too much had looked like blocks and was none: %w", s.searched, len(s.raw), limit.Search.Over(0))
		c.blame(s, nil, 0, 0, err)
	}
	defs := map[uint32]*streamRuns{}
	for _, r := range s.found {
		r.load(c, s, defs)
	}
	return nil
}

// errOrder: a chunk does not go on where the one before it ended. One is of a
// commit that a power cut undid, after which its numbers were given out again.
var errOrder = errors.New("a chunk is of another run of the same number")

// load adds the run: its block, or as many of its chunks as follow each other.
func (r *rawRun) load(c *catalog, s *segment, defs map[uint32]*streamRuns) {
	if w := r.whole; w != nil {
		if sr := c.defined(defs, w.Stream, s.raw[w.at:w.at+int64(w.size)]); sr != nil {
			sr.add(&run{Header: w.Header, seg: s, size: w.size, at: w.at, ended: true})
		}
		return
	}
	slices.SortFunc(r.chunks, func(a, b rawPiece) int { return cmp.Compare(a.Chunk, b.Chunk) })
	r.chunks = slices.CompactFunc(r.chunks, func(a, b rawPiece) bool { return a.Chunk == b.Chunk })
	first := r.chunks[0]
	if first.Chunk != 0 {
		c.blame(s, nil, first.From, first.To, fmt.Errorf("run %d of stream %d: its beginning is missing", first.Run, first.Stream))
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
			err = sr.addChunk(s, p.Header, chunkRef{batch: &batch{raw: p.at}, len: uint32(p.size)})
		}
		if err != nil {
			c.blame(s, &sr.key, p.From, p.To, err)
			return
		}
	}
}

func (c *catalog) defined(defs map[uint32]*streamRuns, id uint32, piece []byte) *streamRuns {
	if sr := defs[id]; sr != nil {
		return sr
	}
	return c.defineFrom(defs, id, piece)
}

// readRaw is read for a raw segment.
func (r *run) readRaw() (pieces [][]byte, moved bool, err error) {
	r.seg.mu.RLock()
	defer r.seg.mu.RUnlock()
	b := r.seg.raw
	if r.chunks == nil {
		return [][]byte{b[r.at : r.at+int64(r.size)]}, false, nil
	}
	for _, c := range r.chunks {
		pieces = append(pieces, b[c.batch.raw:c.batch.raw+int64(c.len)])
	}
	return pieces, false, nil
}
