package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"

	"ergorecorder/archive"
	"ergorecorder/internal/exit"
)

// TestOpenIsTriedAgain: one failure of the storage while the archive is opened is told
// and survived; one that lasts ends the recorder with exit code 1; what is no failure
// of the storage is told at once.
func TestOpenIsTriedAgain(t *testing.T) {
	for _, c := range []struct {
		name  string
		err   error
		times int // that it fails
		tried int
		code  exit.Code
	}{
		{"once", syscall.EIO, 1, 2, exit.OK},
		{"full for a moment", syscall.ENOSPC, 2, 3, exit.OK},
		{"for good", syscall.EIO, 99, 3, exit.No},
		{"no archive", errors.New("not an archive"), 99, 1, exit.Usage},
	} {
		synctest.Test(t, func(t *testing.T) {
			tried := 0
			var told []string
			_, err := openArchive(t.Context(), "a.erg", func(s string) { told = append(told, s) }, func() (*archive.Writer, error) {
				if tried++; tried <= c.times {
					return nil, fmt.Errorf("open archive a.erg: %w", c.err)
				}
				return nil, nil
			})
			if code := exit.Of(err, "record", new(bytes.Buffer)); code != c.code || tried != c.tried || len(told) != c.tried-1 {
				t.Errorf("%s: %v after %d tries, told %q", c.name, err, tried, told)
			}
			for _, s := range told {
				if !strings.Contains(s, c.err.Error()) || !strings.Contains(s, "tried again") {
					t.Errorf("%s: told %q", c.name, s)
				}
			}
		})
	}
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := openArchive(ctx, "a.erg", func(string) {}, func() (*archive.Writer, error) { return nil, syscall.EIO }); !errors.Is(err, context.Canceled) {
			t.Errorf("told to stop: %v", err)
		}
	})
}
