package archive

import (
	"crypto/rand"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/catalog"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/record"
	"ergorecorder/internal/limit"
)

// Options of a Writer. The zero value works.
type Options struct {
	// Now is the clock by which marks are stamped and retention decides;
	// nil means the system's.
	Now func() time.Time
	// CommitEvery is how long an append may wait for its commit; zero means
	// one second. The writer commits by itself.
	CommitEvery time.Duration
	// RotateBytes and RotateAge close a segment of a directory archive when
	// it is larger, or when its records span more; zero means 256 MiB and a
	// day, and at most an eighth of what KeepBytes and KeepAge allow.
	RotateBytes int64
	RotateAge   time.Duration
	// KeepAge and KeepBytes bound what a directory archive keeps, whole
	// segments at a time; zero means without bound. Windows pinned by a mark
	// of kind incident are kept, and count; of KeepBytes they may take half,
	// then the oldest of them are dropped. KeepAge alone does not bound them.
	KeepAge   time.Duration
	KeepBytes int64
	// MaxBytes is the size at which a file archive is full; zero means none.
	MaxBytes int64
	// RoundStateTime keeps ages in nanoseconds to the millisecond only.
	RoundStateTime bool
	// InPlace makes no second file beside the archive when it is closed: it
	// stays larger than it need be. For a file that has no directory, such as
	// memory with a name.
	InPlace bool

	fault func(step string) error // of a test: makes a step of I/O fail
	disk  Beneath                 // of a test: makes bbolt's I/O fail
}

// A Beneath is put beneath the databases of an archive to make their I/O fail.
type Beneath interface {
	Attach(db any) // a database was opened
	Begin()        // it is about to commit
	Settle()       // it has done what it was asked for
}

// Fail makes steps of I/O fail: for tests of what is built upon an archive.
func (o *Options) Fail(fault func(step string) error) { o.fault = fault }

// Beneath puts a disk beneath the archive, likewise.
func (o *Options) Beneath(d Beneath) { o.disk = d }

// step comes before each step of I/O that can fail.
func (o *Options) step(name string) error {
	if o.disk != nil && name == "commit" {
		o.disk.Begin()
	}
	if o.fault == nil {
		return nil
	}
	return o.fault(name)
}

// settle comes behind each step that bbolt takes.
func (o *Options) settle() {
	if o.disk != nil {
		o.disk.Settle()
	}
}

func (o *Options) fill() {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.CommitEvery <= 0 {
		o.CommitEvery = time.Second
	}
	if o.RotateBytes <= 0 {
		o.RotateBytes = 256 << 20
	}
	if o.RotateAge <= 0 {
		o.RotateAge = 24 * time.Hour
	}
	if o.KeepBytes > 0 {
		o.RotateBytes = min(o.RotateBytes, max(o.KeepBytes/8, bolt.AllocSize))
	}
	if o.KeepAge > 0 {
		o.RotateAge = min(o.RotateAge, o.KeepAge/8)
	}
}

// A Writer appends records to an archive. It is safe for concurrent use, and
// the only one: a second writer gets ErrLocked.
type Writer struct {
	opts Options
	path string
	dir  bool
	zip  *codec.Zip
	cat  *catalog.Catalog

	// In the order in which they are locked; behind gate comes that of a stream.
	io     sync.Mutex   // held while the disk is written
	taking sync.Mutex   // held while chunks are made of what the encoders hold
	gate   sync.RWMutex // held by whoever appends, and alone while runs end

	scratch sync.Pool // of *codec.Scratch

	mu       sync.Mutex
	seg      *catalog.Segment // the one being written
	began    int64            // time of the segment's first record, 0 while it has none
	newest   int64            // time of the segment's newest record, 0 while it has none
	streams  map[StreamKey]*stream
	dirty    map[*stream]bool // with records that no chunk holds
	ids      uint32           // of streams, given out
	next     uint64           // Seq
	durable  uint64
	saved    uint64         // of count, how many are on disk
	batch    *catalog.Batch // gathers chunks for the next commit
	chunks   [][]byte
	refs     []catalog.ChunkRef // of chunks
	waiting  []*catalog.Batch   // filled, and not on disk yet
	toPack   []*catalog.Run
	batches  uint64
	defs     []*stream // not in the segment yet
	timer    *time.Timer
	failed   error      // of the last commit
	fault    Fault      // the newest
	doubtful *commitSet // that may be on disk or not; guarded by io
	kept     error      // of the last rotation and retention
	owed     bool       // the segment's meta is to be written with the next commit; guarded by io
	aside    []string   // files that stand for segments whose drop is not noted yet; guarded by io
	begun    string     // the file of a segment that a rotation which failed began, "" if none; guarded by io
	tried    time.Time
	pins     []window
	written  atomic.Int64 // bytes
	count    uint64
	closed   bool
}

// stream is a stream that is being written.
type stream struct {
	id   uint32
	mu   sync.Mutex // of enc: one answer is encoded while other streams take theirs
	enc  *codec.Encoder
	runs *catalog.Stream
	seg  *catalog.Segment // that holds its definition
}

// window is a stretch of time.
type window struct{ from, to int64 }

func (w window) meets(from, to int64) bool { return w.from <= to && from <= w.to }

// OpenWriter creates the archive at path, or goes on appending to it. A path
// that ends in a separator, or is a directory, is a directory of segments;
// any other is one file. A file that is no archive is ErrNotArchive; one whose
// tree is damaged is refused, unless it is one meta page that a power cut tore.
func OpenWriter(path string, opts *Options) (*Writer, error) {
	zip := codec.NewZip()
	w := &Writer{path: path, zip: zip, cat: catalog.New(zip), streams: map[StreamKey]*stream{}, dirty: map[*stream]bool{}}
	w.scratch.New = func() any { return new(codec.Scratch) }
	if opts != nil {
		w.opts = *opts
	}
	w.opts.fill()
	w.dir = isDir(path) || strings.HasSuffix(path, string(filepath.Separator))
	w.cat.Dir = w.dir
	if err := w.open(); err != nil {
		w.closeSegments()
		return nil, fmt.Errorf("open archive %s: %w", path, record.FileError(err))
	}
	return w, nil
}

func isDir(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

func (w *Writer) open() error {
	paths := []string{w.path}
	if st, err := os.Stat(w.path); err == nil && !w.dir && !st.Mode().IsRegular() {
		return fmt.Errorf("it is %s: %w", catalog.Special(st.Mode()), ErrNotArchive)
	}
	if w.dir {
		err := w.opts.makeDir(w.path)
		if err != nil {
			return err
		}
		if paths, err = catalog.SegmentPaths(w.path); err != nil {
			return err
		}
		if paths, err = w.withoutBegun(paths); err != nil {
			return err
		}
		if len(paths) == 0 {
			paths = []string{filepath.Join(w.path, catalog.SegmentName(1))}
		}
	}
	newest := len(paths) - 1
	var room []byte
	for _, p := range paths[:newest] {
		s, damage, err := catalog.OpenSegment(p, &room)
		if err != nil {
			return fmt.Errorf("segment %s: %w", filepath.Base(p), err)
		}
		if damage != nil {
			return fmt.Errorf("segment %s: %w (recover what is left: analyze salvage %s -o NEW)", filepath.Base(p), damage, w.path)
		}
		w.cat.Segments = append(w.cat.Segments, s)
		if s.Meta.ID != w.cat.Segments[0].Meta.ID {
			return fmt.Errorf("segment %s: %w: move it away", s.Name(), catalog.ErrForeign)
		}
		if _, _, err := w.cat.Load(s); err != nil {
			return err
		}
	}
	if err := w.openNewest(paths[newest]); err != nil {
		return err
	}
	for _, p := range paths { // those of a writer that is at work are in use
		if err := removeLeftovers(p); err != nil {
			return err
		}
	}
	w.resume()
	if err := w.noteAside(); err != nil {
		return err
	}
	return w.joinChain()
}

// removeLeftovers removes what a rewrite of the segment left when it was
// interrupted.
func removeLeftovers(path string) error {
	err := os.Remove(path + rewriteSuffix)
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	return err
}

// openNewest opens the segment to write to, or creates it.
func (w *Writer) openNewest(path string) error {
	if _, err := os.Stat(path); err == nil && !bolt.NotBegun(path) {
		err := checkExisting(path)
		if errors.Is(err, bolt.ErrMeta) {
			err = w.mend(path)
		}
		if err != nil {
			return err
		}
	}
	db, err := w.openBolt(path, 0)
	if err == nil && db.Info().PageSize < os.Getpagesize() {
		db, err = w.widen(path, db)
	}
	if err != nil {
		return err
	}
	s := &catalog.Segment{Path: path, DB: db}
	w.seg = s
	w.cat.Segments = append(w.cat.Segments, s)
	if err := w.stillNewest(path); err != nil {
		return err
	}
	if err := s.View(func(tx *bbolt.Tx) (err error) {
		if tx.Bucket(catalog.BucketMeta) == nil && tx.Cursor().Bucket().Stats().KeyN == 0 {
			return nil
		}
		s.Meta, err = catalog.GetMeta(tx)
		return err
	}); err != nil {
		return err
	}
	if first := w.cat.Segments[0]; s.Meta.ID != 0 && s.Meta.ID != first.Meta.ID {
		return fmt.Errorf("segment %s: %w: move it away", s.Name(), catalog.ErrForeign)
	}
	if s.Meta.ID == 0 {
		var last *catalog.Segment
		if n := len(w.cat.Segments); n > 1 {
			last = w.cat.Segments[n-2]
		}
		if err := w.initialize(s, w.newMeta(last, path, math.MaxUint64)); err != nil {
			return err
		}
	}
	if rounds := w.opts.RoundStateTime && !s.Meta.Rounded; rounds || s.Meta.Version < FormatVersion {
		s.Meta.Rounded, s.Meta.Version = s.Meta.Rounded || rounds, FormatVersion
		s.Meta.Gone, s.Meta.Dropped = s.Meta.Removed(), nil
		if err := w.update(func(tx *bbolt.Tx) error { return catalog.PutMeta(tx, s.Meta) }); err != nil {
			return err
		}
	}
	w.batches, w.ids, err = w.cat.Load(s)
	return err
}

// stillNewest refuses a segment of a directory behind which another writer
// began the next meanwhile.
func (w *Writer) stillNewest(path string) error {
	if !w.dir {
		return nil
	}
	paths, err := catalog.SegmentPaths(w.path)
	if err != nil {
		return err
	}
	if newest := paths[len(paths)-1]; newest != path {
		return fmt.Errorf("%w: another process has just begun %s", ErrLocked, newest)
	}
	return nil
}

// openBolt opens a segment for writing, new or old. pageSize is that of a new
// one; zero means the system's.
func (w *Writer) openBolt(path string, pageSize int) (*bbolt.DB, error) {
	if err := w.opts.step("open a segment"); err != nil {
		return nil, err
	}
	var file *os.File
	o := bolt.Options(false, w.maxBytes())
	if w.opts.disk != nil { // what is written, and where, is to be the same each time
		o.FreelistType = bbolt.FreelistArrayType
	}
	o.PageSize = pageSize
	o.OpenFile = func(name string, flag int, perm os.FileMode) (f *os.File, err error) {
		if pageSize != 0 && file == nil { // of a file beside the segment, which nobody else made; once it is, it is ours
			flag |= os.O_EXCL
		}
		if file, err = os.OpenFile(name, flag, perm); err != nil {
			return nil, err
		}
		if err = w.opts.step("lock a segment"); err != nil {
			return nil, errors.Join(err, file.Close())
		}
		return file, nil
	}
	db, err := bolt.Open(path, o)
	if err == nil && !liesAt(path, file) {
		return nil, errors.Join(fmt.Errorf("%w: another process has just rewritten it", ErrLocked), db.Close())
	}
	if err == nil && w.opts.disk != nil {
		w.opts.disk.Attach(db)
	}
	return db, err
}

// liesAt reports whether the path still leads to the file. A lock on one that
// was rewritten since it was opened guards nothing.
func liesAt(path string, f *os.File) bool {
	here, err := f.Stat()
	if err != nil {
		return false
	}
	there, err := os.Stat(path)
	return err == nil && os.SameFile(here, there)
}

// checkExisting refuses a file that bbolt could not bear.
func checkExisting(path string) error {
	db, err := bolt.Open(path, bolt.Options(true, 0))
	if err != nil {
		return err
	}
	defer db.Close()
	if err := catalog.CheckFile(path); err != nil {
		return fmt.Errorf("%w (recover what is left: analyze salvage %s -o NEW)", err, path)
	}
	return nil
}

func (w *Writer) maxBytes() int64 {
	if w.dir {
		return 0
	}
	return w.opts.MaxBytes
}

// newMeta is for a new segment at path: the first, or the one behind last, which
// holds records up to a number.
func (w *Writer) newMeta(last *catalog.Segment, path string, upTo uint64) catalog.Meta {
	if last != nil {
		m := last.Meta
		held := w.cat.Held(last, upTo)
		number, _ := catalog.SegmentNumber(filepath.Base(path))
		return catalog.Meta{
			Version: FormatVersion, ID: m.ID, Segment: number, Rounded: w.opts.RoundStateTime,
			Gone: m.Removed(), Previous: &held,
		}
	}
	m := catalog.Meta{Version: FormatVersion, Segment: 1, Rounded: w.opts.RoundStateTime}
	if n, ok := catalog.SegmentNumber(filepath.Base(path)); ok && w.dir {
		m.Segment = n
	}
	for m.ID == 0 {
		var b [8]byte
		rand.Read(b[:])
		m.ID = binary.LittleEndian.Uint64(b[:])
	}
	return m
}

// initialize makes an empty file a segment.
func (w *Writer) initialize(s *catalog.Segment, m catalog.Meta) error {
	if err := w.opts.step("initialize a segment"); err != nil {
		return err
	}
	err := s.DB.Update(func(tx *bbolt.Tx) error {
		if err := catalog.MakeBuckets(tx); err != nil {
			return err
		}
		return catalog.PutMeta(tx, m)
	})
	w.opts.settle()
	if err == nil {
		err = w.opts.syncDir(filepath.Dir(s.Path))
	}
	if err == nil {
		s.Meta = m
	}
	return err
}

// resume brings the writer's state to where the last writer stopped.
func (w *Writer) resume() {
	for _, sr := range w.cat.Streams {
		for _, runs := range sr.Parts {
			for _, r := range runs {
				w.next = max(w.next, r.Last)
				w.ids = max(w.ids, r.Stream)
				if r.Seg == w.seg {
					w.span(r.From, r.To)
				}
				if r.Chunks == nil {
					continue
				}
				r.Ended = true
				w.toPack = append(w.toPack, r)
			}
		}
	}
	w.durable = w.next
	w.next++
	w.batch = &catalog.Batch{Key: w.batches + 1}
	w.batches++
	for m, err := range (&Reader{cat: w.cat, zip: w.zip}).Marks(background, time.Time{}, time.Time{}) {
		if err == nil {
			w.pin(m)
		}
	}
}

func (w *Writer) pin(m Mark) {
	if m.Kind == MarkIncident {
		w.pins = append(w.pins, window{m.From.UnixNano(), m.To.UnixNano()})
	}
}

// Append adds a record; its Seq is returned. It is on disk within CommitEvery, or
// when Sync returns. Its text and its arguments are the caller's again.
//
// While the disk refuses commits, nothing new is taken: Append returns why
// ([ErrFull] among others), and tries again every CommitEvery. What was taken
// before is kept, and written when there is room again.
func (w *Writer) Append(rec *Record) (seq uint64, err error) {
	s, err := w.begin(rec)
	if err != nil {
		return 0, err
	}
	w.put(s, rec)
	return rec.Seq, nil
}

// Begin is the first half of [Writer.Append], for who appends on several goroutines in an order: the record has its
// Seq and its place behind what its stream holds. The other half is put, which is to be called next: until it
// returns the stream takes nothing else.
func (w *Writer) Begin(rec *Record) (put func(), err error) {
	s, err := w.begin(rec)
	if err != nil {
		return nil, err
	}
	return func() { w.put(s, rec) }, nil
}

// begin admits a record to its stream, which is locked, and the gate held, until it is put there.
func (w *Writer) begin(rec *Record) (*stream, error) {
	if n := len(rec.Text) + len(rec.Args); n > MaxText {
		return nil, limit.Record.Over(int64(n))
	}
	if err := w.recover(); err != nil {
		return nil, err
	}
	w.gate.RLock()
	w.mu.Lock()
	s := w.stream(rec)
	w.mu.Unlock()
	s.mu.Lock()
	if err := w.admit(s, rec); err != nil {
		s.mu.Unlock()
		w.gate.RUnlock()
		return nil, err
	}
	return s, nil
}

// put encodes a record that was admitted.
func (w *Writer) put(s *stream, rec *Record) {
	defer w.gate.RUnlock()
	defer s.mu.Unlock()
	r := codec.Record{
		Seq: rec.Seq, At: rec.At.UnixNano(), Took: int64(rec.Took), Mono: int64(rec.Mono), Subject: rec.Subject, Args: rec.Args, Text: rec.Text,
		IsError: rec.IsError, Seen: int64(rec.Seen), Total: int64(rec.Total),
	}
	if f := rec.Failure; f != nil {
		r.Failed, r.Code, r.Reason = true, int64(f.Code), f.Text
	}
	desk := w.scratch.Get().(*codec.Scratch)
	s.enc.Borrow(desk)
	s.enc.Append(&r)
	w.scratch.Put(desk)
}

// admit numbers a record, which is put before the stream's lock is let go.
func (w *Writer) admit(s *stream, rec *Record) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.closed {
		return ErrClosed
	}
	rec.Seq = w.next
	w.next++
	w.count++
	w.dirty[s] = true
	w.span(rec.At.UnixNano(), rec.At.UnixNano())
	if w.timer == nil {
		w.timer = time.AfterFunc(w.opts.CommitEvery, func() { _ = w.Sync() })
	}
	return nil
}

// span widens what the segment being written covers. Locked by the caller.
func (w *Writer) span(from, to int64) {
	if w.began == 0 {
		w.began, w.newest = from, to
	}
	w.began, w.newest = min(w.began, from), max(w.newest, to)
}

// recover tries a commit again after one failed, at most every CommitEvery.
func (w *Writer) recover() error {
	w.mu.Lock()
	failed := w.failed
	early := w.opts.Now().Sub(w.tried) < w.opts.CommitEvery
	w.mu.Unlock()
	if failed == nil || early {
		return failed
	}
	return w.Sync()
}

// stream is the record's stream, made where it is new. Locked by the caller.
func (w *Writer) stream(rec *Record) *stream {
	s := w.streams[rec.Stream]
	if s == nil {
		w.ids++
		s = &stream{id: w.ids}
		w.cat.Mu.Lock()
		s.runs = w.cat.Stream(rec.Stream, rec.Schema)
		w.cat.Mu.Unlock()
		s.enc = codec.NewEncoder(record.Desc(w.seg.Meta.ID, s.id, rec.Stream, s.runs.Schema, w.opts.RoundStateTime), codec.DefaultLimits(), nil)
		w.streams[rec.Stream] = s
	}
	if s.seg != w.seg {
		s.seg = w.seg
		w.defs = append(w.defs, s)
	}
	return s
}

// Mark appends a mark.
func (w *Writer) Mark(m Mark) (seq uint64, err error) {
	if m.To.IsZero() {
		m.To = m.From
	}
	text, err := json.Marshal(m)
	if err != nil {
		return 0, fmt.Errorf("encode mark %s: %w", m.Kind, err)
	}
	at := m.At
	if at.IsZero() {
		at = w.opts.Now()
	}
	seq, err = w.Append(&Record{Stream: StreamKey{Kind: MarkKind, Node: m.Node, Name: m.Kind}, At: at, Text: text})
	if err == nil {
		w.mu.Lock()
		w.pin(m)
		w.mu.Unlock()
	}
	return seq, err
}

// collect makes chunks of what the encoders hold and shows them to the views:
// of all that was appended before it began.
func (w *Writer) collect() {
	w.taking.Lock()
	defer w.taking.Unlock()
	w.takeDirty()
}

// alone keeps everybody from appending and collecting until done is called.
func (w *Writer) alone() (done func()) {
	w.taking.Lock()
	w.gate.Lock()
	return func() {
		w.gate.Unlock()
		w.taking.Unlock()
	}
}

// takeDirty is collect for who holds taking.
func (w *Writer) takeDirty() {
	w.mu.Lock()
	dirty := w.dirty
	w.dirty = map[*stream]bool{}
	w.mu.Unlock()
	for s := range dirty {
		w.take(s, false)
	}
}

// take makes chunks of what an encoder holds; with cut its runs end, and nothing is compressed: they
// are packed next. What belongs to one record is shown, and stored, at once.
func (w *Writer) take(s *stream, cut bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	zip := w.zip
	if cut {
		s.enc.Cut()
		zip = nil
	}
	chunks := s.enc.Take(nil)
	laid := make([][]byte, len(chunks))
	for i := range chunks {
		laid[i] = chunks[i].Bytes(zip)
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.cat.Mu.Lock()
	defer w.cat.Mu.Unlock()
	for i := range chunks {
		w.addChunk(s, &chunks[i], laid[i])
	}
	if cut {
		w.endRuns(s)
	}
}

// endRuns notes that the runs of a stream go on no more. Locked by the caller.
func (w *Writer) endRuns(s *stream) {
	for part := range s.runs.Parts {
		if r := s.runs.Last(part); r != nil && !r.Ended {
			r.Ended = true
			w.toPack = append(w.toPack, r)
		}
	}
}

// addChunk adds a chunk to the batch and the catalog. Both are locked by the caller.
func (w *Writer) addChunk(s *stream, c *codec.Chunk, b []byte) {
	before := s.runs.Last(c.Part)
	if c.Chunk == 0 && before != nil && !before.Ended {
		before.Ended = true
		w.toPack = append(w.toPack, before)
	}
	ref := catalog.ChunkRef{Batch: w.batch, I: int32(len(w.chunks)), Len: uint32(len(b))}
	if n := len(w.refs); n > 0 {
		ref.Off = w.refs[n-1].Off + w.refs[n-1].Len
	}
	w.chunks = append(w.chunks, b)
	memory := w.chunks
	w.batch.Memory.Store(&memory)
	w.refs = append(w.refs, ref)
	if err := s.runs.AddChunk(w.seg, c.Header, ref); err != nil {
		panic("archive: " + err.Error()) // the encoder broke its promise
	}
	if c.Chunk == 0 {
		s.runs.Last(c.Part).Stats = c.Stats
	}
}

// Sync returns when everything appended so far is on disk, and rotates and
// drops segments where that is due. Retention runs although there is no room:
// it may make some.
func (w *Writer) Sync() error {
	w.io.Lock()
	defer w.io.Unlock()
	err := w.commit()
	dropped, kept := w.keep()
	if dropped && errors.Is(err, ErrFull) {
		err = w.commit() // there may be room now
	}
	w.mu.Lock()
	w.kept = kept
	w.noteFault(kept)
	w.mu.Unlock()
	return errors.Join(err, kept)
}

// Rotate closes the current segment of a directory archive and begins
// another, so that others can read it. An archive of one file refuses.
func (w *Writer) Rotate() error {
	if !w.dir {
		return errors.New("rotate: the archive is one file: record to a directory (-o DIR/)")
	}
	w.io.Lock()
	defer w.io.Unlock()
	if err := w.rotate(); err != nil {
		return fmt.Errorf("rotate: %w", record.FileError(err))
	}
	return nil
}

// Stats are figures about the archive being written.
type Stats struct {
	Records      uint64 // taken by this writer: accepted, and on disk within CommitEvery or when Sync returns
	Saved        uint64 // of them, how many are on disk
	Accepted     uint64 // Seq of the newest record that was taken
	Durable      uint64 // Seq of the newest record that is on disk
	Failing      error  // why the last commit failed; nil where it did not: all else waits in memory
	Fault        Fault  // the newest storage error, also when it is over
	Bytes        int64  // size of all segments
	BytesWritten int64  // written to disk by this writer, re-packing included
	Segments     int
	Keeping      error // why the last rotation or retention failed; nil where it did not
}

// A Fault is an error of the storage, and when it was met.
type Fault struct {
	At    time.Time
	Err   error
	Count int // of all so far
}

// noteFault keeps the newest error of the storage. Locked by the caller.
func (w *Writer) noteFault(err error) {
	if err != nil {
		w.fault = Fault{At: w.opts.Now(), Err: err, Count: w.fault.Count + 1}
	}
}

// Stats returns the writer's figures.
func (w *Writer) Stats() Stats {
	w.mu.Lock()
	defer w.mu.Unlock()
	s := Stats{
		Records: w.count, Saved: w.saved, Accepted: w.next - 1, Durable: w.durable, Failing: w.failed, Fault: w.fault,
		BytesWritten: w.written.Load(), Keeping: w.kept,
	}
	w.cat.Mu.RLock()
	defer w.cat.Mu.RUnlock()
	for _, seg := range w.cat.Segments {
		s.Segments++
		s.Bytes += seg.Size()
	}
	return s
}

// View is a Reader of everything appended so far, and of what is appended
// later. Closing it leaves the writer open.
func (w *Writer) View() *Reader { return &Reader{cat: w.cat, zip: w.zip, writer: w} }

// Close packs, commits and closes the archive.
func (w *Writer) Close() error {
	w.io.Lock()
	defer w.io.Unlock()
	w.mu.Lock()
	if w.closed {
		w.mu.Unlock()
		return nil
	}
	w.closed = true
	if w.timer != nil {
		w.timer.Stop()
	}
	w.mu.Unlock()
	err := w.finish()
	return errors.Join(err, w.closeSegments())
}

func (w *Writer) closeSegments() error {
	var errs []error
	for _, s := range w.cat.Segments {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
