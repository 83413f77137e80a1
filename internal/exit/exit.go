// Package exit holds the exit codes of the commands, which are the same for
// all of them, and how an error becomes one.
package exit

import (
	"errors"
	"fmt"
	"io"
	"syscall"

	"ergorecorder/escape"
)

// A Code is an exit code. As an error, it is what a command found out and has
// said already.
type Code int

// The codes that there are.
const (
	OK       Code = 0
	No       Code = 1 // a check says no, or what was to be kept could not be
	Usage    Code = 2 // usage, input, or an error on the way
	Findings Code = 3 // --fail-on: there are findings as bad as that
)

// Error implements error.
func (c Code) Error() string {
	switch c {
	case No:
		return "the check says no"
	case Findings:
		return "there are findings"
	}
	return fmt.Sprintf("exit code %d", int(c))
}

// With is an error that is told, and ends the command with the code.
func With(code Code, err error) error { return &coded{code, err} }

type coded struct {
	code Code
	err  error
}

func (c *coded) Error() string { return c.err.Error() }
func (c *coded) Unwrap() error { return c.err }

// Of is the code of the error that a command ended with. One that was not said
// already is told on stderr, behind the command's name. That nobody reads the
// output any more is no error.
func Of(err error, name string, stderr io.Writer) Code {
	var said Code
	switch {
	case err == nil, errors.Is(err, syscall.EPIPE):
		return OK
	case errors.As(err, &said):
		return said
	}
	for _, e := range each(err) {
		escape.Fprintf(stderr, "%s: %v\n", name, e)
	}
	if c := (*coded)(nil); errors.As(err, &c) {
		return c.code
	}
	return Usage
}

// each is err, or the errors that were joined to it, one a line.
func each(err error) []error {
	if j, ok := err.(interface{ Unwrap() []error }); ok {
		if errs := j.Unwrap(); errors.Join(errs...).Error() == err.Error() {
			return errs
		}
	}
	return []error{err}
}
