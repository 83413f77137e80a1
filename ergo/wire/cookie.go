package wire

import (
	"errors"
	"fmt"
	"log/slog"
	"strings"

	"ergorecorder/ergo/secret"
)

// A Cookie is the secret that all nodes of a cluster share. Whoever has it
// can do anything to them. However it is printed, encoded or logged, the
// secret itself does not appear.
type Cookie struct{ secret *string }

const notShown = "(cookie not shown)"

// NewCookie makes a cookie of its text; surrounding white space is dropped.
func NewCookie(text string) (Cookie, error) {
	text = strings.TrimSpace(text)
	if text == "" {
		return Cookie{}, errors.New("the cookie is empty")
	}
	return Cookie{&text}, nil
}

// ReadCookie reads a cookie from a file that holds nothing else and that
// others can neither read nor write.
func ReadCookie(path string) (Cookie, error) {
	b, err := secret.Read(path)
	if err != nil {
		return Cookie{}, fmt.Errorf("read cookie: %w", err)
	}
	c, err := NewCookie(string(b))
	if err != nil {
		return Cookie{}, fmt.Errorf("read cookie: %s: %w", path, err)
	}
	return c, nil
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
