package shelf

import (
	"cmp"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strconv"
	"strings"
	"time"
)

// Scheme begins the address of a shelf: s3://BUCKET/PREFIX.
const Scheme = "s3://"

// IsAddress reports whether a path is the address of a shelf.
func IsAddress(p string) bool { return strings.HasPrefix(p, Scheme) }

// An Address is where a shelf is: a bucket, and what all names begin with.
type Address struct {
	Bucket, Prefix string
}

// ParseAddress reads s3://BUCKET/PREFIX; the prefix may be left out.
func ParseAddress(text string) (a Address, err error) {
	rest, ok := strings.CutPrefix(text, Scheme)
	a.Bucket, a.Prefix, _ = strings.Cut(rest, "/")
	a.Prefix = strings.Trim(a.Prefix, "/")
	if !ok || a.Bucket == "" || a.Prefix != "" && !fs.ValidPath(a.Prefix) || strings.ContainsAny(rest, "?#\\\x00 ") {
		return Address{}, fmt.Errorf("shelf %q: give s3://BUCKET or s3://BUCKET/PREFIX", text)
	}
	return a, nil
}

// String is the address as it is given.
func (a Address) String() string { return strings.TrimSuffix(Scheme+a.Bucket+"/"+a.Prefix, "/") }

const (
	suffix   = ".ergf"
	goneDir  = "gone"
	nameTime = "20060102T150405.000000000Z"
)

// An Item is an object of the shelf: a segment of an archive.
type Item struct {
	Archive  uint64
	Segment  int
	From, To time.Time
	Size     int64
	ETag     string
	object   object // as it was listed
}

// name is the item's, below the prefix.
func (i *Item) name() string {
	return fmt.Sprintf("%016x/%08d_%s_%s%s", i.Archive, i.Segment, i.From.UTC().Format(nameTime), i.To.UTC().Format(nameTime), suffix)
}

// goneName is the name of the note that a segment was removed.
func goneName(archive uint64, segment int) string {
	return fmt.Sprintf("%016x/%s/%08d", archive, goneDir, segment)
}

var errName = errors.New("it is no segment's")

// parseName reads the name of an item, or of the note that one was removed; above
// are the parts of it that the prefix may hold.
func parseName(name string) (i Item, gone bool, err error) {
	dir, base := path.Split(name)
	if path.Base(dir) == goneDir {
		dir, gone = path.Dir(path.Clean(dir)), true
	}
	if i.Archive, err = strconv.ParseUint(path.Base(path.Clean(dir)), 16, 64); err != nil {
		return i, gone, errName
	}
	if gone {
		i.Segment, err = number(base)
		return i, gone, err
	}
	parts := strings.Split(strings.TrimSuffix(base, suffix), "_")
	if len(parts) != 3 || !strings.HasSuffix(base, suffix) {
		return i, gone, errName
	}
	var err1, err2 error
	i.Segment, err = number(parts[0])
	i.From, err1 = time.Parse(nameTime, parts[1])
	i.To, err2 = time.Parse(nameTime, parts[2])
	if errors.Join(err, err1, err2) != nil || i.To.Before(i.From) {
		return i, gone, errName
	}
	return i, gone, nil
}

func number(text string) (int, error) {
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || fmt.Sprintf("%08d", n) != text {
		return 0, errName
	}
	return n, nil
}

// compare orders items by archive, then by number.
func compare(a, b Item) int {
	return cmp.Or(cmp.Compare(a.Archive, b.Archive), cmp.Compare(a.Segment, b.Segment))
}

// Name is the item's name on the shelf, for errors.
func (i *Item) Name() string { return i.name() }
