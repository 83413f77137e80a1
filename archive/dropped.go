package archive

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/catalog"
)

// Where there is no room to note that a segment is dropped, its file makes room:
// it is renamed and emptied, which needs none, and says in the note's place that
// it was dropped until the note is on disk.

// setAside empties a dropped segment's file and leaves its name as a mark.
func (w *Writer) setAside(s *catalog.Segment) error {
	mark := strings.TrimSuffix(s.Path, filepath.Ext(s.Path)) + catalog.DroppedSuffix
	if err := os.Rename(s.Path, mark); err != nil {
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
	dropped, marks := catalog.SetAsideIn(w.path)
	if len(marks) == 0 {
		return nil
	}
	m := w.seg.Meta
	m.Gone, m.Dropped = catalog.Joined(append(m.Removed(), dropped...)), nil
	if err := w.update(func(tx *bbolt.Tx) error { return catalog.PutMeta(tx, m) }); err != nil {
		return fmt.Errorf("note dropped segments: %w", err)
	}
	w.seg.Meta, w.aside = m, marks
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
