package catalog

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/codec/header"
	"ergorecorder/archive/internal/record"
	"ergorecorder/internal/limit"
)

// A flat file is a closed segment in a form for shelves that are read by
// ranges: blocks, end to end, then an index that the file's last bytes lead to.

const (
	flatMagic   = "ErgF"
	footerMagic = "ErgE"
	flatHead    = 8
	footerLen   = 32
	// firstRead is how much of the end is read at once: mostly the whole index.
	firstRead = 64 << 10
	// oneRead is how long a range is at most that is read at once, before any of it has come: longer than most
	// indexes and blocks are, and short beside what reads them.
	oneRead = 4 << 20
)

var errFlat = errors.New("the index is damaged")

// An Object is a flat file wherever it lies. Src reads ranges of it.
type Object struct {
	Name string // for errors
	Src  io.ReaderAt
	Size int64
	// From and To are the times of its records, as far as they are known without
	// it: what is told to be lost where it cannot be read.
	From, To time.Time
	// Gone are numbers of segments that were removed from the shelf, as a note
	// says: they are not missed. Any of the objects may tell them.
	Gone []int
}

// FlatFile is an open flat file.
type FlatFile struct {
	Object
	file  *os.File // to be closed with the segment, or nil
	index []byte   // behind the meta
}

// isFlat reports whether a file begins as a flat one.
func isFlat(path string) bool {
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	b := make([]byte, len(flatMagic))
	_, err = io.ReadFull(f, b)
	return err == nil && string(b) == flatMagic
}

// OpenFlatFile opens a segment's file that is flat.
func OpenFlatFile(path string) (*Segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &Segment{Path: path, Flat: &FlatFile{Object: Object{Name: path, Src: f, Size: st.Size()}, file: f}}
	if err := s.OpenFlat(codec.NewZip()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// OpenFlat reads the index by two reads at most, and the meta in it.
func (s *Segment) OpenFlat(z *codec.Zip) error {
	f := s.Flat
	stored, err := f.readIndex()
	if err != nil {
		return err
	}
	if f.index, err = z.Expand(stored); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	meta, rest, ok := cutBytes(f.index)
	if !ok {
		return errFlat
	}
	if err := json.Unmarshal(meta, &s.Meta); err != nil {
		return fmt.Errorf("index: meta: %w", err)
	}
	f.index = rest
	return s.Meta.check()
}

func (f *FlatFile) readIndex() ([]byte, error) {
	if f.Size < flatHead+footerLen {
		return nil, fmt.Errorf("a flat file of %d bytes: %w", f.Size, record.ErrNotArchive)
	}
	end := min(f.Size, firstRead)
	tail, err := readRange(f.Src, f.Size-end, end)
	if err != nil {
		return nil, fmt.Errorf("read the end: %w", err)
	}
	foot := tail[len(tail)-footerLen:]
	if string(foot[:4]) != footerMagic || xxhash.Sum64(foot[:24]) != binary.LittleEndian.Uint64(foot[24:]) {
		return nil, fmt.Errorf("no footer: the file is cut off or damaged: %w", record.ErrNotArchive)
	}
	if foot[4] > FormatVersion {
		return nil, fmt.Errorf("version %d, this program reads up to %d: %w", foot[4], FormatVersion, record.ErrVersion)
	}
	n := binary.LittleEndian.Uint64(foot[8:])
	if n > uint64(f.Size)-flatHead-footerLen {
		return nil, errFlat
	}
	if n > uint64(limit.Index.Most()) {
		return nil, limit.Index.Over(int64(n))
	}
	var index []byte
	if end := len(tail) - footerLen; n <= uint64(end) {
		index = tail[end-int(n) : end]
	} else if index, err = readRange(f.Src, f.Size-footerLen-int64(n), int64(n)); err != nil {
		return nil, fmt.Errorf("read the index: %w", err)
	}
	if xxhash.Sum64(index) != binary.LittleEndian.Uint64(foot[16:]) {
		return nil, fmt.Errorf("index: %w", bolt.ErrSeal)
	}
	return index, nil
}

// readRange reads a range, by one read where it is short. Of what is longer, each read asks for at most as much
// as has come: a file that claims much and holds little costs what it holds.
func readRange(src io.ReaderAt, at, size int64) (b []byte, err error) {
	for got := int64(0); got < size; got = int64(len(b)) {
		more := min(size-got, max(got, oneRead))
		b = slices.Grow(b, int(more))[:got+more]
		if n, err := src.ReadAt(b[got:], at+got); int64(n) < more {
			return nil, fmt.Errorf("it ends early, with %d of %d bytes: %w", got+int64(n), size, cmp.Or(err, io.ErrUnexpectedEOF))
		}
	}
	return b, nil
}

// cutBytes cuts off bytes that are told behind their length.
func cutBytes(b []byte) (head, rest []byte, ok bool) {
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)-w) {
		return nil, nil, false
	}
	return b[w : w+int(n)], b[w+int(n):], true
}

// loadFlat adds what a flat file holds to the catalog. Locked by the caller.
func (c *Catalog) loadFlat(s *Segment) error {
	defs, b, ok := cutBytes(s.Flat.index)
	if !ok {
		return errFlat
	}
	streams := map[uint32]*Stream{}
	if err := c.parseStreams(streams, defs); err != nil {
		return fmt.Errorf("index: %w", err)
	}
	for len(b) > 0 {
		r, rest, err := parsePlace(b)
		if err != nil {
			return fmt.Errorf("index: %w", err)
		}
		if r.synopsis, b, ok = cutBytes(rest); !ok {
			return fmt.Errorf("index: %w", errEntry)
		}
		r.Seg, r.Archive = s, s.Meta.ID
		sr := streams[r.Stream]
		if sr == nil || r.At < flatHead || r.At+int64(r.Size) > s.Flat.Size-footerLen {
			return fmt.Errorf("index: %w", errEntry)
		}
		sr.add(r)
	}
	return nil
}

// readFlat fetches the run's block, mostly by one read.
func (r *Run) readFlat() ([]byte, error) {
	b, err := readRange(r.Seg.Flat.Src, r.At, int64(r.Size))
	if err != nil {
		return nil, fmt.Errorf("read the block at %d: %w", r.At, err)
	}
	return b, nil
}

// A FlatWriter writes a flat file. Its first error stays.
type FlatWriter struct {
	w       io.Writer
	z       *codec.Zip
	at      int64
	Entries [][]byte // of the index, in the order of the blocks; nil for one that another took the place of
	err     error
}

// NewFlatWriter begins a flat file.
func NewFlatWriter(w io.Writer, z *codec.Zip) *FlatWriter {
	f := &FlatWriter{w: w, z: z}
	f.write(append([]byte(flatMagic), FormatVersion, 0, 0, 0))
	return f
}

func (f *FlatWriter) write(b []byte) {
	if f.err == nil {
		_, f.err = f.w.Write(b)
		f.at += int64(len(b))
	}
}

// Block writes a block, and its entry to the index.
func (f *FlatWriter) Block(b []byte) error {
	h, err := header.Only(b)
	if err != nil {
		return err
	}
	synopsis, err := codec.SynopsisOf(b)
	if err != nil {
		return err
	}
	entry := header.AppendSummary(RunKey(&h), &h)
	entry = binary.AppendUvarint(entry, uint64(len(b)))
	entry = binary.AppendUvarint(entry, uint64(f.at))
	f.Entries = append(f.Entries, append(binary.AppendUvarint(entry, uint64(len(synopsis))), synopsis...))
	f.write(b)
	return f.err
}

// Finish writes the index and the footer.
func (f *FlatWriter) Finish(meta []byte, defs map[uint32][]byte) error {
	var b bytes.Buffer
	for _, part := range [...][]byte{meta, listStreams(defs)} {
		b.Write(binary.AppendUvarint(nil, uint64(len(part))))
		b.Write(part)
	}
	for _, e := range f.Entries {
		b.Write(e)
	}
	index := f.z.Squeeze(b.Bytes())
	if n := int64(len(index)); n > limit.Index.Most() {
		return limit.Index.Over(n) // nobody would read it
	}
	foot := append([]byte(footerMagic), FormatVersion, 0, 0, 0)
	foot = binary.LittleEndian.AppendUint64(foot, uint64(len(index)))
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(index))
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(foot))
	f.write(index)
	f.write(foot)
	return f.err
}
