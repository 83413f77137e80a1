package catalog

import (
	"os"
	"path/filepath"
	"strings"
)

// DroppedSuffix ends the name of a mark: an emptied file that says in the place
// of a note that its segment was dropped.
const DroppedSuffix = ".dropped"

// SetAsideIn are the numbers of the segments that marks in a directory name.
func SetAsideIn(dir string) (out Numbers, marks []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), DroppedSuffix)
		if n, is := SegmentNumber(name + segmentSuffix); ok && is {
			out = append(out, [2]int{n, n})
			marks = append(marks, filepath.Join(dir, e.Name()))
		}
	}
	return Joined(out), marks
}
