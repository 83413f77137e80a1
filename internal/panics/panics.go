// Package panics makes errors of panics: for who asks many for their answer, and wants those of the
// others where one breaks.
package panics

import (
	"fmt"
	"path/filepath"
	"runtime"
	"strings"
)

// An Error is what a function panicked with, and the file and line of this module that did so.
type Error struct {
	Value any
	At    string
}

func (e *Error) Error() string { return fmt.Sprintf("internal error at %s: %v", e.At, e.Value) }

// Caught calls f, whose panic is an [*Error]. It catches none of the goroutines that f starts.
func Caught(f func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = &Error{p, origin()}
		}
	}()
	return f()
}

// origin is the place in this module that a panic came from, called while it is recovered.
func origin() string {
	pcs := make([]uintptr, 64)
	frames := runtime.CallersFrames(pcs[:runtime.Callers(3, pcs)])
	for {
		f, more := frames.Next()
		if strings.HasPrefix(f.Function, "ergorecorder/") || !more {
			return fmt.Sprintf("%s:%d", filepath.Base(f.File), f.Line)
		}
	}
}
