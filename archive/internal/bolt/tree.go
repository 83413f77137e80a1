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
	return (&tree{f: f, size: size}).walk()
}

// walk checks the tree, and notes where its values lie if places is not nil.
func (t *tree) walk() error {
	root, err := t.root()
	if err != nil {
		return err
	}
	if err := t.page(root, bucket{}, 0); err != nil {
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
	whole    []byte // the file, where it is at hand
	places   Places // of the values; nil: nobody asks
	pageSize uint64
	pages    uint64   // high-water mark
	metas    int      // valid meta pages
	seen     []uint64 // bitmap of the pages that were reached
}

// read reads a stretch of the file.
func (t *tree) read(at, n int64) ([]byte, error) {
	if t.whole != nil {
		if at > int64(len(t.whole)) || n > int64(len(t.whole))-at {
			return nil, io.ErrUnexpectedEOF
		}
		return t.whole[at : at+n], nil
	}
	b := make([]byte, n)
	_, err := t.f.ReadAt(b, at)
	return b, err
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
	m, err := t.read(at, 80)
	if err != nil {
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

func (t *tree) page(id uint64, in bucket, depth int) error {
	bad := func(why string) error { return fmt.Errorf("page %d: %s: %w", id, why, errTree) }
	if id < 2 || id >= t.pages || depth > maxTreeDepth || t.see(id) {
		return bad("reached wrongly")
	}
	head, err := t.read(int64(id*t.pageSize), int64(t.pageSize)) // most pages hold all their elements in it
	if err != nil {
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
		if elements, err = t.read(int64(id*t.pageSize)+PageHeader, int64(count*elementSize)); err != nil {
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
		return t.branch(node{id, head, elements, limit}, in, depth)
	}
	return t.leaf(node{id, head, elements, limit}, in, depth)
}

// A node is a page and those it overflows to.
type node struct {
	id       uint64
	head     []byte // the page
	elements []byte
	limit    int64
}

// part is a stretch of a node.
func (t *tree) part(n *node, at, size int64) ([]byte, error) {
	if at+size <= int64(len(n.head)) {
		return n.head[at : at+size], nil
	}
	return t.read(int64(n.id*t.pageSize)+at, size)
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
func (t *tree) branch(n node, in bucket, depth int) error {
	if len(n.elements) == 0 {
		return fmt.Errorf("page %d: branch without elements: %w", n.id, errTree)
	}
	for at, e := int64(PageHeader), n.elements; len(e) > 0; at, e = at+elementSize, e[elementSize:] {
		pos, size := int64(binary.LittleEndian.Uint32(e)), int64(binary.LittleEndian.Uint32(e[4:]))
		if at+pos+size > n.limit {
			return fmt.Errorf("page %d: key behind the page: %w", n.id, errTree)
		}
		if err := t.page(binary.LittleEndian.Uint64(e[8:]), in, depth+1); err != nil {
			return err
		}
	}
	return nil
}

// A leaf element: flags (4), position of its key (4), sizes of its key (4) and
// value (4). The value of a bucket begins with its root page (8); 0 means
// that the bucket's one page follows inside the value.
func (t *tree) leaf(n node, in bucket, depth int) error {
	all := int64(PageHeader) // nothing lies there twice
	for at, e := int64(PageHeader), n.elements; len(e) > 0; at, e = at+elementSize, e[elementSize:] {
		flags, pos := binary.LittleEndian.Uint32(e), int64(binary.LittleEndian.Uint32(e[4:]))
		key, value := int64(binary.LittleEndian.Uint32(e[8:])), int64(binary.LittleEndian.Uint32(e[12:]))
		if all += elementSize + key + value; at+pos+key+value > n.limit || all > n.limit || flags > leafBucket {
			return fmt.Errorf("page %d: element behind the page: %w", n.id, errTree)
		}
		k, err := t.part(&n, at+pos, key)
		if err != nil {
			return fmt.Errorf("page %d: key: %w", n.id, errTree)
		}
		place := int64(n.id*t.pageSize) + at + pos + key
		if flags != leafBucket {
			t.note(in, k, place, value)
			continue
		}
		b, err := t.part(&n, at+pos+key, value)
		if err != nil || value < 16 {
			return fmt.Errorf("page %d: bucket: %w", n.id, errTree)
		}
		within := t.enter(in, k)
		if root := binary.LittleEndian.Uint64(b); root != 0 {
			if err := t.page(root, within, depth+1); err != nil {
				return err
			}
		} else if err := t.inline(n.id, b[16:], place+16, within); err != nil {
			return err
		}
	}
	return nil
}

// inline checks a bucket that lies within its parent's leaf, at that place of the file.
func (t *tree) inline(id uint64, b []byte, place int64, in bucket) error {
	if len(b) < PageHeader || binary.LittleEndian.Uint16(b[8:]) != pageLeaf {
		return fmt.Errorf("page %d: bucket within it: %w", id, errTree)
	}
	count := int(binary.LittleEndian.Uint16(b[10:]))
	end := PageHeader + count*elementSize
	if end > len(b) || !counted(b[PageHeader:end], leafPos) || count == 0 && len(b) > PageHeader {
		return fmt.Errorf("page %d: bucket within it: %w", id, errTree)
	}
	all := int64(PageHeader)
	for i := range count {
		at := PageHeader + i*elementSize
		e := b[at:]
		pos, key, value := int64(binary.LittleEndian.Uint32(e[4:])), int64(binary.LittleEndian.Uint32(e[8:])), int64(binary.LittleEndian.Uint32(e[12:]))
		if all += elementSize + key + value; int64(at)+pos+key+value > int64(len(b)) || all > int64(len(b)) || binary.LittleEndian.Uint32(e) != 0 {
			return fmt.Errorf("page %d: bucket within it: %w", id, errTree)
		}
		t.note(in, e[pos:pos+key], place+int64(at)+pos+key, value)
	}
	return nil
}
