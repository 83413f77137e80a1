package bolt

import (
	"bytes"
	"errors"
	"io"
	"math"
	"os"
	"syscall"

	"ergorecorder/archive/internal/record"
)

// A File is a file that nobody writes, read without bbolt: its tree is walked once, which tells where each value
// lies. It costs a descriptor and no mapped memory.
type File struct {
	file  *os.File
	Size  int64
	whole []byte // until Opened, where the file is small
}

// A Place is where a value lies in a file.
type Place struct {
	Key  []byte
	At   int64 // 0: the bucket that should hold the value does not
	Size int
}

// Places are where the values of each bucket lie, in the order of the keys.
type Places map[string][]Place

// wholeFile is up to which size a file is read at once to walk its tree.
const wholeFile = 128 << 10

// OpenFile opens a file for reading, and holds bbolt's lock of those who read. room is memory that one file
// after the other may use. Any error says no more than that bbolt should have a look.
func OpenFile(path string, room *[]byte) (*File, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	x := &File{file: f}
	if err := x.open(room); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	return x, nil
}

func (f *File) open(room *[]byte) error {
	if err := f.lock(); err != nil {
		return err
	}
	st, err := f.file.Stat()
	if err != nil {
		return err
	}
	f.Size = st.Size()
	if !st.Mode().IsRegular() || f.Size == 0 || f.Size > wholeFile {
		return nil
	}
	if int64(cap(*room)) < f.Size {
		*room = make([]byte, wholeFile)
	}
	b := (*room)[:f.Size]
	if err := f.ReadAt(b, 0); err != nil {
		return err
	}
	f.whole = b
	return nil
}

func (f *File) lock() error {
	c, err := f.file.SyscallConn()
	if err != nil {
		return err
	}
	held := error(nil)
	if err := c.Control(func(fd uintptr) { held = syscall.Flock(int(fd), syscall.LOCK_SH|syscall.LOCK_NB) }); err != nil {
		return err
	}
	if held != nil {
		return record.ErrLocked
	}
	return nil
}

// Opened ends the use of the room: what is read from here on comes from the disk.
func (f *File) Opened() { f.whole = nil }

// Close closes the file.
func (f *File) Close() error { return f.file.Close() }

// ReadAt fills b from a place of the file.
func (f *File) ReadAt(b []byte, at int64) error {
	if f.whole != nil && at <= f.Size && copy(b, f.whole[at:]) == len(b) {
		return nil
	}
	_, err := f.file.ReadAt(b, at)
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Section reads a stretch of the file piece by piece.
func (f *File) Section(at, size int64) io.ReaderAt { return io.NewSectionReader(f.file, at, size) }

// Value reads a value.
func (f *File) Value(p Place) ([]byte, error) { return f.ValueIn(p, new([]byte)) }

// ValueIn is Value with memory for it, which is grown as it needs to be.
func (f *File) ValueIn(p Place, room *[]byte) ([]byte, error) {
	if p.At == 0 {
		return nil, ErrNoValue
	}
	if cap(*room) < p.Size {
		*room = make([]byte, p.Size)
	}
	b := (*room)[:p.Size]
	if err := f.ReadAt(b, p.At); err != nil {
		return nil, err
	}
	return b, nil
}

// Walk checks the file's tree and tells where its values lie.
func (f *File) Walk() (Places, error) {
	t := &tree{f: f.file, size: f.Size, whole: f.whole, places: Places{}}
	return t.places, t.walk()
}

// A bucket is where a walk is: in a bucket of the root, and there perhaps in the one of a value alone.
type bucket struct {
	name  string
	alone bool
	deep  bool // further in: nothing is stored there
}

// enter notes that a bucket begins.
func (t *tree) enter(in bucket, key []byte) bucket {
	switch {
	case t.places == nil:
	case in.name == "":
		in.name = string(key)
		t.places[in.name] = nil
	case !in.alone:
		in.alone = true
		t.places[in.name] = append(t.places[in.name], Place{Key: bytes.Clone(key)})
	default:
		in.deep = true
	}
	return in
}

// note notes where a value lies.
func (t *tree) note(in bucket, key []byte, at, size int64) {
	if t.places == nil || in.name == "" || in.deep || size > math.MaxInt32 {
		return
	}
	list := t.places[in.name]
	switch {
	case !in.alone:
		t.places[in.name] = append(list, Place{bytes.Clone(key), at, int(size)})
	case bytes.Equal(key, AloneKey):
		list[len(list)-1].At, list[len(list)-1].Size = at, int(size)
	}
}
