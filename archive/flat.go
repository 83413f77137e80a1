package archive

import (
	"bytes"
	"cmp"
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"time"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/codec"
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

// flatFile is an open flat file.
type flatFile struct {
	Object
	file  *os.File // to be closed with the segment, or nil
	index []byte   // behind the meta
}

// OpenObjects opens flat files as one archive, whose segments they are. Each
// is asked for its index, and then for the blocks that are read. What objects
// are missing between them, and those whose index cannot be read, is damage; none need
// follow the last. The caller keeps the sources open as long as the reader.
func OpenObjects(objects ...Object) (*Reader, error) {
	r := newReader()
	var first error
	for _, o := range objects {
		s := &segment{path: o.Name, flat: &flatFile{Object: o}}
		if err := s.openFlat(r.zip); err != nil {
			err = fmt.Errorf("open %s: %w", o.Name, err)
			if first = cmp.Or(first, err); errors.Is(err, ErrVersion) {
				return nil, err
			}
			r.cat.damage = append(r.cat.damage, &CorruptionError{Segment: s.name(), From: o.From, To: o.To, Err: err})
			continue
		}
		r.cat.segments = append(r.cat.segments, s)
	}
	if len(r.cat.segments) == 0 && first != nil {
		return nil, first
	}
	if len(r.cat.segments) == 0 {
		return nil, fmt.Errorf("open objects: there is none: %w", ErrNotArchive)
	}
	slices.SortFunc(r.cat.segments, func(a, b *segment) int { return cmp.Compare(a.meta.Segment, b.meta.Segment) })
	r.cat.after = r.cat.segments[0].meta.Segment - 1
	newest := &r.cat.segments[len(r.cat.segments)-1].meta
	for _, o := range objects {
		for _, n := range o.Gone {
			newest.Gone, newest.Dropped = newest.dropped().with(n), nil
		}
	}
	return r, r.load()
}

// OpenFlat opens a file that is flat by itself: it may hold the middle of an
// archive, and no other segment is missed.
func OpenFlat(path string) (*Reader, error) {
	s, err := openFlatFile(path)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	r := newReader()
	r.cat.segments, r.cat.after = []*segment{s}, s.meta.Segment-1
	return r, r.load()
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

// openFlatFile opens a segment's file that is flat.
func openFlatFile(path string) (*segment, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	st, err := f.Stat()
	if err != nil {
		return nil, errors.Join(err, f.Close())
	}
	s := &segment{path: path, flat: &flatFile{Object: Object{Name: path, Src: f, Size: st.Size()}, file: f}}
	if err := s.openFlat(codec.NewZip()); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return s, nil
}

// openFlat reads the index by two reads at most, and the meta in it.
func (s *segment) openFlat(z *codec.Zip) error {
	f := s.flat
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
	if err := json.Unmarshal(meta, &s.meta); err != nil {
		return fmt.Errorf("index: meta: %w", err)
	}
	f.index = rest
	return s.meta.check()
}

func (f *flatFile) readIndex() ([]byte, error) {
	tail := make([]byte, min(f.Size, firstRead))
	if len(tail) < flatHead+footerLen {
		return nil, fmt.Errorf("a flat file of %d bytes: %w", f.Size, ErrNotArchive)
	}
	if _, err := f.Src.ReadAt(tail, f.Size-int64(len(tail))); err != nil && !errors.Is(err, io.EOF) {
		return nil, fmt.Errorf("read the end: %w", err)
	}
	foot := tail[len(tail)-footerLen:]
	if string(foot[:4]) != footerMagic || xxhash.Sum64(foot[:24]) != binary.LittleEndian.Uint64(foot[24:]) {
		return nil, fmt.Errorf("no footer: the file is cut off or damaged: %w", ErrNotArchive)
	}
	if foot[4] > FormatVersion {
		return nil, fmt.Errorf("version %d, this program reads up to %d: %w", foot[4], FormatVersion, ErrVersion)
	}
	n := binary.LittleEndian.Uint64(foot[8:])
	if n > uint64(f.Size)-flatHead-footerLen {
		return nil, errFlat
	}
	var index []byte
	if end := len(tail) - footerLen; n <= uint64(end) {
		index = tail[end-int(n) : end]
	} else {
		index = make([]byte, n)
		if _, err := f.Src.ReadAt(index, f.Size-footerLen-int64(n)); err != nil && !errors.Is(err, io.EOF) {
			return nil, fmt.Errorf("read the index: %w", err)
		}
	}
	if xxhash.Sum64(index) != binary.LittleEndian.Uint64(foot[16:]) {
		return nil, fmt.Errorf("index: %w", errSeal)
	}
	return index, nil
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
func (c *catalog) loadFlat(s *segment) error {
	defs, b, ok := cutBytes(s.flat.index)
	if !ok {
		return errFlat
	}
	streams := map[uint32]*streamRuns{}
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
		r.seg, r.Archive, r.key = s, s.meta.ID, nil
		sr := streams[r.Stream]
		if sr == nil || r.at < flatHead || r.at+int64(r.size) > s.flat.Size-footerLen {
			return fmt.Errorf("index: %w", errEntry)
		}
		sr.add(r)
	}
	return nil
}

// readFlat fetches the run's block by one read.
func (r *run) readFlat() ([]byte, error) {
	b := make([]byte, r.size)
	if n, err := r.seg.flat.Src.ReadAt(b, r.at); n < len(b) {
		return nil, fmt.Errorf("read the block at %d: %w", r.at, err)
	}
	return b, nil
}

// WriteFlat writes the archive, which must be of one segment, as a flat file.
// Every block is checked on the way.
func (r *Reader) WriteFlat(ctx context.Context, w io.Writer) error {
	if len(r.cat.segments) != 1 {
		return fmt.Errorf("write a flat file: the archive has %d segments: open one of them", len(r.cat.segments))
	}
	f := newFlatWriter(w, r.zip)
	meta := r.cat.segments[0].meta
	meta.Version, meta.Gone, meta.Dropped = FormatVersion, meta.dropped(), nil
	text, err := json.Marshal(meta)
	if err != nil {
		return err
	}
	defs := map[uint32][]byte{}
	for _, sr := range r.cat.sorted() {
		for part := range sr.parts {
			for _, x := range r.cat.runs(sr.key, part) {
				if err := ctx.Err(); err != nil {
					return err
				}
				b, _, err := r.blockOf(sr.key, &x)
				if err == nil {
					err = f.block(b)
				}
				if err != nil {
					return fmt.Errorf("write a flat file: %w", err)
				}
				defs[x.Stream] = definition(sr.key, sr.schema)
			}
		}
	}
	if err := f.finish(text, defs); err != nil {
		return fmt.Errorf("write a flat file: %w", err)
	}
	return nil
}

// A flatWriter writes a flat file. Its first error stays.
type flatWriter struct {
	w       io.Writer
	z       *codec.Zip
	at      int64
	entries [][]byte // of the index, in the order of the blocks; nil for one that another took the place of
	err     error
}

func newFlatWriter(w io.Writer, z *codec.Zip) *flatWriter {
	f := &flatWriter{w: w, z: z}
	f.write(append([]byte(flatMagic), FormatVersion, 0, 0, 0))
	return f
}

func (f *flatWriter) write(b []byte) {
	if f.err == nil {
		_, f.err = f.w.Write(b)
		f.at += int64(len(b))
	}
}

// block writes a block, and its entry to the index.
func (f *flatWriter) block(b []byte) error {
	h, err := codec.HeaderOnly(b)
	if err != nil {
		return err
	}
	synopsis, err := codec.SynopsisOf(b)
	if err != nil {
		return err
	}
	entry := codec.AppendSummary(runKey(&h), &h)
	entry = binary.AppendUvarint(entry, uint64(len(b)))
	entry = binary.AppendUvarint(entry, uint64(f.at))
	f.entries = append(f.entries, append(binary.AppendUvarint(entry, uint64(len(synopsis))), synopsis...))
	f.write(b)
	return f.err
}

// finish writes the index and the footer.
func (f *flatWriter) finish(meta []byte, defs map[uint32][]byte) error {
	var b bytes.Buffer
	for _, part := range [...][]byte{meta, listStreams(defs)} {
		b.Write(binary.AppendUvarint(nil, uint64(len(part))))
		b.Write(part)
	}
	for _, e := range f.entries {
		b.Write(e)
	}
	index := f.z.Squeeze(b.Bytes())
	foot := append([]byte(footerMagic), FormatVersion, 0, 0, 0)
	foot = binary.LittleEndian.AppendUint64(foot, uint64(len(index)))
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(index))
	foot = binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(foot))
	f.write(index)
	f.write(foot)
	return f.err
}
