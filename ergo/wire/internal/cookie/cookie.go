// Package cookie holds the secret that all nodes of a cluster share, so that no
// formatting verb, encoder or logger can print it. Only the packages that speak
// the protocol can [Reveal] it.
package cookie

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"
)

// A Cookie is the secret that all nodes of a cluster share. Whoever has it
// can do anything to them. However it is printed, encoded or logged, the
// secret itself does not appear.
type Cookie struct{ secret *string }

const notShown = "(cookie not shown)"

// New makes a cookie of its text; surrounding white space is dropped.
func New(text string) (Cookie, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Cookie{}, errors.New("the cookie is empty")
	}
	return Cookie{&text}, nil
}

// Reveal is the secret itself, "" of no cookie: handshakes are made with it.
func Reveal(c Cookie) string {
	if c.IsZero() {
		return ""
	}
	return *c.secret
}

// IsZero reports whether there is no cookie.
func (c Cookie) IsZero() bool { return c.secret == nil }

// String hides the cookie.
func (c Cookie) String() string {
	if c.IsZero() {
		return ""
	}
	return notShown
}

// Format hides the cookie from every formatting verb.
func (c Cookie) Format(s fmt.State, _ rune) { fmt.Fprint(s, c.String()) }

// MarshalText hides the cookie from encoders.
func (c Cookie) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LogValue hides the cookie from loggers.
func (c Cookie) LogValue() slog.Value { return slog.StringValue(c.String()) }
