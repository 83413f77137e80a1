// Package dump copies windows of archives that are being written.
package dump

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ergorecorder/archive"
)

// Window copies a window of an archive into a new one at path, marks and
// profiles included. It returns the number of records. What cannot be read is
// left out and reported, after all else was copied.
func Window(ctx context.Context, view *archive.Reader, from, to time.Time, path string) (n int, err error) {
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, w.Close()) }()
	return Into(ctx, view, from, to, w)
}

// Into is [Window] into an archive that is open, and stays so.
func Into(ctx context.Context, view *archive.Reader, from, to time.Time, w *archive.Writer) (n int, err error) {
	schemas := map[archive.StreamKey]archive.Schema{}
	for _, s := range view.Streams() {
		schemas[s.StreamKey] = s.Schema
	}
	var damage []error
	for rec, err := range view.Records(ctx, archive.Query{From: from, To: to}) {
		if err != nil {
			if c := (*archive.CorruptionError)(nil); !errors.As(err, &c) {
				return n, fmt.Errorf("dump: %w", err)
			}
			damage = append(damage, err)
			continue
		}
		copied := *rec
		copied.Schema = schemas[rec.Stream]
		if _, err := w.Append(&copied); err != nil {
			return n, fmt.Errorf("dump: %w", err)
		}
		n++
	}
	return n, errors.Join(damage...)
}
