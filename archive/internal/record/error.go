package record

import (
	"errors"
	"fmt"
	"strings"
	"syscall"
	"time"

	berrors "go.etcd.io/bbolt/errors"
)

var (
	// ErrNotFound: nothing was recorded for that stream at or before that time.
	ErrNotFound = errors.New("not recorded")
	// ErrNotArchive: the file is something else.
	ErrNotArchive = errors.New("not an archive")
	// ErrVersion: the archive was written by a newer version of the format.
	ErrVersion = errors.New("newer format version")
	// ErrLocked: another process is writing the archive.
	ErrLocked = errors.New("archive is being recorded")
	// ErrFull: there is no room on the disk, or the size limit is reached.
	ErrFull = errors.New("no room")
	// ErrLimit: the size limit is reached ([Options].MaxBytes); it is an ErrFull
	// that waiting does not cure.
	ErrLimit = fmt.Errorf("%w: the size limit is reached", ErrFull)
	// ErrClosed: the writer or reader was closed.
	ErrClosed = errors.New("closed")
)

// A CorruptionError says what could not be read. All else stays readable.
type CorruptionError struct {
	Segment  string
	Stream   string // "" where it could not be told
	From, To time.Time
	Err      error
}

func (e *CorruptionError) Error() string {
	s := "segment " + e.Segment
	if e.Stream != "" {
		s += ": stream " + e.Stream
	}
	if !e.From.IsZero() {
		s += fmt.Sprintf(": %s to %s", e.From.UTC().Format(time.RFC3339Nano), e.To.UTC().Format(time.RFC3339Nano))
	}
	return s + ": " + e.Err.Error()
}

// Unwrap is what was wrong.
func (e *CorruptionError) Unwrap() error { return e.Err }

// FileError gives errors of the disk their meaning. Where a file cannot grow
// bbolt passes the cause on as text only.
func FileError(err error) error {
	if err == nil || errors.Is(err, ErrFull) {
		return err
	}
	if errors.Is(err, berrors.ErrMaxSizeReached) {
		return fmt.Errorf("%w: %w", ErrLimit, err)
	}
	for _, full := range []error{syscall.ENOSPC, syscall.EDQUOT, syscall.EFBIG} {
		if errors.Is(err, full) || strings.HasSuffix(err.Error(), ": "+full.Error()) {
			return fmt.Errorf("%w: %w", ErrFull, err)
		}
	}
	return err
}
