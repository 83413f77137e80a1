package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"os"
	"syscall"

	"ergorecorder/archive/internal/record"
)

// A file is a segment once the commit that writes its meta is on disk, and the
// file's name in its directory. What a crash or a full disk leaves of an
// earlier stage holds no record: readers pass over it, a writer begins anew.

// NotBegun reports whether nothing was ever committed to the file: it is
// empty, or has nothing but what bbolt writes first. Of that a power cut may
// have kept any part; in a file that is longer, all of it was on disk.
func NotBegun(path string) bool {
	if st, err := os.Stat(path); err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	return begunAs(f)
}

func begunAs(f *os.File) bool {
	want := FirstPages(os.Getpagesize())
	got := make([]byte, len(want)+1)
	n, err := io.ReadFull(f, got)
	if err == nil {
		n = len(want)
	} else if !errors.Is(err, io.EOF) && !errors.Is(err, io.ErrUnexpectedEOF) {
		return false
	}
	longer := err == nil
	for i, b := range got[:n] {
		if b != want[i] && (b != 0 || longer) {
			return false
		}
	}
	return true
}

// FirstPages is what bbolt writes to an empty file: two meta pages, an empty
// freelist and an empty leaf.
func FirstPages(size int) []byte {
	const (
		freelist, root = 2, 3
		pageFreelist   = 16
		boltVersion    = 2
	)
	b := make([]byte, 4*size)
	for i, kind := range []uint16{pageMeta, pageMeta, pageFreelist, pageLeaf} {
		p := b[i*size:]
		binary.LittleEndian.PutUint64(p, uint64(i))
		binary.LittleEndian.PutUint16(p[8:], kind)
		if kind != pageMeta {
			continue
		}
		m := p[PageHeader:]
		binary.LittleEndian.PutUint32(m, boltMagic)
		binary.LittleEndian.PutUint32(m[4:], boltVersion)
		binary.LittleEndian.PutUint32(m[8:], uint32(size))
		binary.LittleEndian.PutUint64(m[16:], root)
		binary.LittleEndian.PutUint64(m[32:], freelist)
		binary.LittleEndian.PutUint64(m[40:], root+1)
		binary.LittleEndian.PutUint64(m[48:], uint64(i)) // transaction
		binary.LittleEndian.PutUint64(m[56:], fnv64(m[:56]))
	}
	return b
}

// clearUnbegun empties a file that is not begun, so that bbolt takes it for
// new. It holds bbolt's lock meanwhile: another process may be beginning it.
func clearUnbegun(path string) error {
	f, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return fmt.Errorf("%w%s", record.ErrLocked, holder(path))
	}
	if !begunAs(f) {
		return nil
	}
	return f.Truncate(0)
}
