package live

import (
	"errors"
	"fmt"

	"ergorecorder/internal/limit"
)

var (
	// ErrUnauthorized: the endpoint wants another token (HTTP 401 or 403).
	ErrUnauthorized = errors.New("not authorized")
	// ErrNotMCP: something answered that does not speak MCP here.
	ErrNotMCP = errors.New("no MCP endpoint")
	// ErrTooLarge: the answer is larger than a limit allows, as Options.MaxAnswer.
	ErrTooLarge = limit.ErrOver
	// ErrNoWay: the router has no way that answers.
	ErrNoWay = errors.New("no entry point answers")
)

// An Error says that an endpoint gave no answer to a call.
type Error struct {
	Endpoint string // its URL
	Err      error
	Hint     string // what may help; "" where nothing is known to
}

func (e *Error) Error() string {
	s := fmt.Sprintf("call %s: %v", e.Endpoint, e.Err)
	if e.Hint != "" {
		s += " (" + e.Hint + ")"
	}
	return s
}

func (e *Error) Unwrap() error { return e.Err }
