package main

import (
	"errors"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/archive/attach"
	"ergorecorder/cmd/internal/paths"
	"ergorecorder/replay"
)

// A followed is a recording that is read as it grows, while somebody writes it.
type followed struct {
	*replay.Recording
	live  bool
	stops []func() error
}

// followRecording is openRecording for what answers again and again: what the
// recorders of archives that are being written go on to record is seen too.
func followRecording(cmd *cobra.Command, given ...string) (*followed, error) {
	ctx, f := cmd.Context(), &followed{}
	var readers []*archive.Reader
	fail := func(err error) (*followed, error) {
		for _, r := range readers {
			err = errors.Join(err, r.Close())
		}
		return nil, errors.Join(err, f.stop())
	}
	for _, p := range given {
		if paths.IsFar(p) {
			more, err := paths.OpenFar(cmd, p, false)
			if err != nil {
				return fail(err)
			}
			readers = append(readers, more...)
			continue
		}
		files, remove, err := paths.Local([]string{p}, false)
		if err != nil {
			return fail(err)
		}
		one, err := attach.Follow(ctx, files[0], paths.Place(), time.Now)
		remove()
		if err != nil {
			return fail(openError(err))
		}
		readers = append(readers, one.Readers...)
		f.stops = append(f.stops, one.Close)
		f.live = f.live || one.Live()
	}
	rec, err := replay.New(readers...)
	if err != nil {
		return fail(err)
	}
	f.Recording = rec
	if err := notEmpty(rec, given); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	sayNotRead(cmd, rec)
	return f, nil
}

// Close ends it.
func (f *followed) Close() error { return errors.Join(f.Recording.Close(), f.stop()) }

func (f *followed) stop() (err error) {
	for _, stop := range f.stops {
		err = errors.Join(err, stop())
	}
	return err
}
