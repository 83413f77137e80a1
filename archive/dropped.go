package archive

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"
)

// Where there is no room to note that a segment is dropped, its file makes room:
// it is renamed and emptied, which needs none, and says in the note's place that
// it was dropped until the note is on disk.

const droppedSuffix = ".dropped"

// setAside empties a dropped segment's file and leaves its name as a mark.
func (w *Writer) setAside(s *segment) error {
	mark := strings.TrimSuffix(s.path, filepath.Ext(s.path)) + droppedSuffix
	if err := os.Rename(s.path, mark); err != nil {
		return err
	}
	w.aside = append(w.aside, mark)
	return os.Truncate(mark, 0)
}

// noteAside notes what marks say that an earlier writer left.
func (w *Writer) noteAside() error {
	if !w.dir {
		return nil
	}
	dropped, marks := setAsideIn(w.path)
	if len(marks) == 0 {
		return nil
	}
	m := w.seg.meta
	m.Gone, m.Dropped = joined(append(m.dropped(), dropped...)), nil
	if err := w.update(func(tx *bbolt.Tx) error { return putMeta(tx, m) }); err != nil {
		return fmt.Errorf("note dropped segments: %w", err)
	}
	w.seg.meta, w.aside = m, marks
	w.clearAside()
	return nil
}

// clearAside removes the marks: what they say is noted on disk.
func (w *Writer) clearAside() {
	for _, mark := range w.aside {
		_ = os.Remove(mark) // one that stays says what is so
	}
	w.aside = nil
}

// setAsideIn are the numbers of the segments that marks in a directory name.
func setAsideIn(dir string) (out numbers, marks []string) {
	entries, err := os.ReadDir(dir)
	if err != nil {
		return nil, nil
	}
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), droppedSuffix)
		if n, is := segmentNumber(name + segmentSuffix); ok && is {
			out = append(out, [2]int{n, n})
			marks = append(marks, filepath.Join(dir, e.Name()))
		}
	}
	return joined(out), marks
}
