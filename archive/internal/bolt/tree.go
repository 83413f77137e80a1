package bolt

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
)

// A bbolt page begins with its number (8 bytes), flags (2), count of elements
// (2) and count of further pages (4). A meta page goes on with magic, version,
// page size, flags, root page, sequence, freelist, high-water mark,
// transaction and checksum.
const (
	PageHeader  = 16
	pageBranch  = 1
	pageLeaf    = 2
	pageMeta    = 4
	boltMagic   = 0xED0CDAED
	leafBucket  = 1
	elementSize = 16
)

var (
	errTree = errors.New("the file's tree is damaged")
	// ErrShort: the file ends before its tree does.
	ErrShort = fmt.Errorf("the file is cut off: %w", errTree)
	// ErrMeta: of the two meta pages one is damaged. The other leads to a sound
	// tree, but perhaps to the one before the newest commit. A power cut in
	// mid-commit leaves the same, and then nothing that was acknowledged is
	// missing.
	ErrMeta = errors.New("one of the two meta pages is damaged: the newest commit may be missing")
)

// CheckTree walks a bbolt file's tree without trusting it: every page must
// lie within the file, say its own number, be reached once, and hold its
// elements. bbolt itself takes all that for granted, and would crash or go
// in circles. Values are not read.
func CheckTree(f io.ReaderAt, size int64) error {
	t := &tree{f: f, size: size}
	root, err := t.root()
	if err != nil {
		return err
	}
	if err := t.page(root, 0); err != nil {
		return err
	}
	if t.metas < 2 {
		return ErrMeta
	}
	return nil
}

type tree struct {
	f        io.ReaderAt
	size     int64
	pageSize uint64
	pages    uint64   // high-water mark
	metas    int      // valid meta pages
	seen     []uint64 // bitmap of the pages that were reached
}

// see notes that a page was reached, and reports whether it was before.
func (t *tree) see(id uint64) (again bool) {
	word, bit := &t.seen[id>>6], uint64(1)<<(id&63)
	again = *word&bit != 0
	*word |= bit
	return again
}

// meta reads the meta page at a place of the file, nil where that is none.
func (t *tree) meta(at int64) []byte {
	m := make([]byte, 80)
	if _, err := t.f.ReadAt(m, at); err != nil {
		return nil
	}
	m = m[PageHeader:]
	if binary.LittleEndian.Uint32(m) != boltMagic || fnv64(m[:56]) != binary.LittleEndian.Uint64(m[56:]) {
		return nil
	}
	return m
}

// findPageSize asks the meta pages: where the first is damaged, the second
// lies a page behind it.
func (t *tree) findPageSize() bool {
	const least, most = 1 << 10, 64 << 10
	if m := t.meta(0); m != nil {
		t.pageSize = uint64(binary.LittleEndian.Uint32(m[8:]))
		return t.pageSize >= least && t.pageSize <= most
	}
	for t.pageSize = least; t.pageSize <= most; t.pageSize *= 2 {
		if m := t.meta(int64(t.pageSize)); m != nil && uint64(binary.LittleEndian.Uint32(m[8:])) == t.pageSize {
			return true
		}
	}
	return false
}

// root finds the root page of the newest valid meta page, as bbolt does.
func (t *tree) root() (root uint64, err error) {
	if !t.findPageSize() {
		return 0, fmt.Errorf("no valid meta page: %w", errTree)
	}
	newest := uint64(0)
	for i := range uint64(2) {
		m := t.meta(int64(i * t.pageSize))
		if m == nil {
			continue
		}
		t.metas++
		if tx := binary.LittleEndian.Uint64(m[48:]); t.metas == 1 || tx > newest {
			newest, root, t.pages = tx, binary.LittleEndian.Uint64(m[16:]), binary.LittleEndian.Uint64(m[40:])
		}
	}
	if t.pages > uint64(t.size)/t.pageSize {
		return 0, fmt.Errorf("%d bytes of %d are missing: %w", int64(t.pages*t.pageSize)-t.size, t.pages*t.pageSize, ErrShort)
	}
	t.seen = make([]uint64, t.pages/64+1)
	return root, nil
}

// fnv64 is FNV-1a, bbolt's checksum of meta pages.
func fnv64(b []byte) uint64 {
	h := uint64(14695981039346656037)
	for _, c := range b {
		h = (h ^ uint64(c)) * 1099511628211
	}
	return h
}

const maxTreeDepth = 32

func (t *tree) page(id uint64, depth int) error {
	bad := func(why string) error { return fmt.Errorf("page %d: %s: %w", id, why, errTree) }
	if id < 2 || id >= t.pages || depth > maxTreeDepth || t.see(id) {
		return bad("reached wrongly")
	}
	head := make([]byte, t.pageSize) // most pages hold all their elements in it
	if _, err := t.f.ReadAt(head, int64(id*t.pageSize)); err != nil {
		return bad("not there")
	}
	if binary.LittleEndian.Uint64(head) != id {
		return bad("says another number")
	}
	overflow := uint64(binary.LittleEndian.Uint32(head[12:]))
	if id+overflow >= t.pages {
		return bad("ends behind the file")
	}
	for i := range overflow {
		if t.see(id + 1 + i) {
			return bad("overlaps another")
		}
	}
	flags, count := binary.LittleEndian.Uint16(head[8:]), int(binary.LittleEndian.Uint16(head[10:]))
	limit := int64((overflow + 1) * t.pageSize)
	if flags != pageBranch && flags != pageLeaf || int64(PageHeader+count*elementSize) > limit {
		return bad("is no page of a tree")
	}
	elements := head[PageHeader:]
	if count*elementSize > len(elements) {
		elements = make([]byte, count*elementSize)
		if _, err := t.f.ReadAt(elements, int64(id*t.pageSize)+PageHeader); err != nil {
			return bad("not there")
		}
	}
	elements = elements[:count*elementSize]
	pos := leafPos
	if flags == pageBranch {
		pos = branchPos
	}
	if count == 0 && depth > 0 || !counted(elements, pos) {
		return bad("counts its elements wrongly")
	}
	if flags == pageBranch {
		return t.branch(id, elements, limit, depth)
	}
	return t.leaf(id, elements, limit, depth)
}

// Where an element says how far behind it its key lies.
const (
	branchPos = 0
	leafPos   = 4
)

// counted reports whether a page holds as many elements as when it was
// written: the first key lies right behind the last element. (A page without
// any is only kept as the file's root; other empty buckets lie in their parent.)
func counted(elements []byte, pos int) bool {
	return len(elements) == 0 || int(binary.LittleEndian.Uint32(elements[pos:])) == len(elements)
}

// A branch element: position of its key (4), size of its key (4), page (8).
func (t *tree) branch(id uint64, elements []byte, limit int64, depth int) error {
	if len(elements) == 0 {
		return fmt.Errorf("page %d: branch without elements: %w", id, errTree)
	}
	for at := int64(PageHeader); len(elements) > 0; at, elements = at+elementSize, elements[elementSize:] {
		pos, size := int64(binary.LittleEndian.Uint32(elements)), int64(binary.LittleEndian.Uint32(elements[4:]))
		if at+pos+size > limit {
			return fmt.Errorf("page %d: key behind the page: %w", id, errTree)
		}
		if err := t.page(binary.LittleEndian.Uint64(elements[8:]), depth+1); err != nil {
			return err
		}
	}
	return nil
}

// A leaf element: flags (4), position of its key (4), sizes of its key (4) and
// value (4). The value of a bucket begins with its root page (8); 0 means
// that the bucket's one page follows inside the value.
func (t *tree) leaf(id uint64, elements []byte, limit int64, depth int) error {
	for at := int64(PageHeader); len(elements) > 0; at, elements = at+elementSize, elements[elementSize:] {
		flags, pos := binary.LittleEndian.Uint32(elements), int64(binary.LittleEndian.Uint32(elements[4:]))
		key, value := int64(binary.LittleEndian.Uint32(elements[8:])), int64(binary.LittleEndian.Uint32(elements[12:]))
		if at+pos+key+value > limit || flags > leafBucket {
			return fmt.Errorf("page %d: element behind the page: %w", id, errTree)
		}
		if flags != leafBucket {
			continue
		}
		b := make([]byte, value)
		if _, err := t.f.ReadAt(b, int64(id*t.pageSize)+at+pos+key); err != nil || value < 16 {
			return fmt.Errorf("page %d: bucket: %w", id, errTree)
		}
		if root := binary.LittleEndian.Uint64(b); root != 0 {
			if err := t.page(root, depth+1); err != nil {
				return err
			}
		} else if err := t.inline(id, b[16:]); err != nil {
			return err
		}
	}
	return nil
}

// inline checks a bucket that lies within its parent's leaf.
func (t *tree) inline(id uint64, b []byte) error {
	if len(b) < PageHeader || binary.LittleEndian.Uint16(b[8:]) != pageLeaf {
		return fmt.Errorf("page %d: bucket within it: %w", id, errTree)
	}
	count := int(binary.LittleEndian.Uint16(b[10:]))
	end := PageHeader + count*elementSize
	if end > len(b) || !counted(b[PageHeader:end], leafPos) || count == 0 && len(b) > PageHeader {
		return fmt.Errorf("page %d: bucket within it: %w", id, errTree)
	}
	for i := range count {
		at := PageHeader + i*elementSize
		e := b[at:]
		end := int64(at) + int64(binary.LittleEndian.Uint32(e[4:])) + int64(binary.LittleEndian.Uint32(e[8:])) + int64(binary.LittleEndian.Uint32(e[12:]))
		if end > int64(len(b)) || binary.LittleEndian.Uint32(e) != 0 {
			return fmt.Errorf("page %d: bucket within it: %w", id, errTree)
		}
	}
	return nil
}
