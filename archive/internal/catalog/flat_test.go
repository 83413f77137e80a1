package catalog

import (
	"encoding/binary"
	"errors"
	"io"
	"math"
	"runtime"
	"strings"
	"testing"

	"github.com/cespare/xxhash/v2"

	"ergorecorder/archive/internal/record"
	"ergorecorder/internal/limit"
)

// TestFlatSize: a store can tell any size of a flat file.
func TestFlatSize(t *testing.T) {
	for _, size := range []int64{math.MinInt64, -1, 0, flatHead + footerLen - 1} {
		f := &FlatFile{Object: Object{Size: size}}
		if _, err := f.readIndex(); !errors.Is(err, record.ErrNotArchive) {
			t.Errorf("%d bytes: %v", size, err)
		}
	}
}

// claims is an object that claims a size and ends with a footer. Of what is before its last read it holds so many
// bytes, and counts the reads.
type claims struct {
	size, holds int64
	foot        []byte
	reads       int
}

func (c *claims) ReadAt(b []byte, off int64) (int, error) {
	c.reads++
	if end := off + int64(len(b)); end == c.size {
		copy(b[len(b)-len(c.foot):], c.foot)
		return len(b), nil
	} else if end > c.holds {
		return int(max(0, c.holds-off)), io.ErrUnexpectedEOF
	}
	return len(b), nil
}

func claiming(size, holds int64, index uint64) *claims {
	foot := append([]byte(footerMagic), FormatVersion, 0, 0, 0)
	foot = binary.LittleEndian.AppendUint64(foot, index)
	foot = binary.LittleEndian.AppendUint64(foot, 0)
	return &claims{size: size, holds: holds, foot: binary.LittleEndian.AppendUint64(foot, xxhash.Sum64(foot))}
}

// allocated is how many bytes a function allocates.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

// TestFlatClaims: an object that claims much and holds little costs about what it holds, and one read's room.
func TestFlatClaims(t *testing.T) {
	const (
		size  = 1 << 40
		holds = 10 << 20
	)
	most := limit.Index.Most()
	for name, c := range map[string]struct {
		read func(c *claims) error
		at   int64 // where what is read begins
	}{
		"an index": {func(c *claims) error {
			_, err := (&FlatFile{Object: Object{Src: c, Size: size}}).readIndex()
			return err
		}, size - footerLen - most},
		"a block": {func(c *claims) error {
			_, err := (&Run{Seg: &Segment{Flat: &FlatFile{Object: Object{Src: c, Size: size}}}, At: flatHead, Size: maxBlock}).readFlat()
			return err
		}, flatHead},
	} {
		var err error
		src := claiming(size, c.at+holds, uint64(most))
		if got := allocated(func() { err = c.read(src) }); got > 4*holds+oneRead {
			t.Errorf("%s of which %d bytes came took %d", name, holds, got)
		}
		if err == nil || !strings.Contains(err.Error(), "it ends early, with 10485760 of ") {
			t.Errorf("%s: %v", name, err)
		}
	}
	over := claiming(size, size, uint64(most)+1)
	if _, err := (&FlatFile{Object: Object{Src: over, Size: size}}).readIndex(); !errors.Is(err, limit.ErrOver) || over.reads != 1 {
		t.Errorf("an index over the limit: %v after %d reads", err, over.reads)
	}
}

// TestFlatReads: a range is read at once where it is short, and whole where it is long.
func TestFlatReads(t *testing.T) {
	for size, reads := range map[int64]int{0: 0, 1: 1, oneRead: 1, oneRead + 1: 2, 2*oneRead + 1: 3, 8 * oneRead: 4} {
		text := strings.Repeat("0123456789abcdefghijklmnopqrstuvwxyz!", int(size)/37+1)[:size]
		src := &counted{ReaderAt: strings.NewReader("head" + text)}
		if b, err := readRange(src, 4, size); err != nil || string(b) != text || src.reads != reads {
			t.Errorf("of %d bytes %d came with %d reads, %v", size, len(b), src.reads, err)
		}
	}
}

type counted struct {
	io.ReaderAt
	reads int
}

func (c *counted) ReadAt(b []byte, off int64) (int, error) {
	c.reads++
	return c.ReaderAt.ReadAt(b, off)
}
