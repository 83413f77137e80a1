package catalog

import (
	"errors"
	"math"
	"testing"

	"ergorecorder/archive/internal/record"
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
