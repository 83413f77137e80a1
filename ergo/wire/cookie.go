package wire

import (
	"fmt"

	"ergorecorder/ergo/secret"
	"ergorecorder/ergo/wire/internal/cookie"
)

// A Cookie is the secret that all nodes of a cluster share. However it is
// printed, encoded or logged, the secret itself does not appear.
type Cookie = cookie.Cookie

// NewCookie makes a cookie of its text; surrounding white space is dropped.
func NewCookie(text string) (Cookie, error) { return cookie.New(text) }

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
