package live

import (
	"crypto/sha256"
	"crypto/subtle"
	"fmt"
	"log/slog"
	"os"
	"strings"
)

// notShown is what every way of printing a Token gives.
const notShown = "(token not shown)"

// A Token is a bearer token. The zero value is none. However it is printed,
// encoded or logged, the secret itself does not appear.
type Token struct{ secret *string }

// NewToken makes a token of its text; surrounding white space is dropped.
func NewToken(text string) Token {
	text = strings.TrimSpace(text)
	if text == "" {
		return Token{}
	}
	return Token{&text}
}

// ReadToken reads a token from a file that holds nothing else.
func ReadToken(path string) (Token, error) {
	b, err := os.ReadFile(path)
	if err != nil {
		return Token{}, fmt.Errorf("read token: %w", err)
	}
	t := NewToken(string(b))
	if t.IsZero() {
		return t, fmt.Errorf("read token: %s: the file is empty", path)
	}
	if strings.ContainsAny(*t.secret, "\r\n\x00") {
		return Token{}, fmt.Errorf("read token: %s: more than one line", path)
	}
	return t, nil
}

// IsZero reports whether there is no token.
func (t Token) IsZero() bool { return t.secret == nil }

// Equal reports whether both are the same token. It compares digests, so that
// the time it takes says nothing of the secret, not even its length.
func (t Token) Equal(u Token) bool {
	if t.IsZero() || u.IsZero() {
		return t.IsZero() && u.IsZero()
	}
	a, b := sha256.Sum256([]byte(*t.secret)), sha256.Sum256([]byte(*u.secret))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1
}

// header is the value of the Authorization header, the one place where the
// secret is used.
func (t Token) header() string { return "Bearer " + *t.secret }

// String hides the token.
func (t Token) String() string {
	if t.IsZero() {
		return ""
	}
	return notShown
}

// Format hides the token from every formatting verb.
func (t Token) Format(s fmt.State, _ rune) { fmt.Fprint(s, t.String()) }

// MarshalText hides the token from encoders.
func (t Token) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// LogValue hides the token from loggers.
func (t Token) LogValue() slog.Value { return slog.StringValue(t.String()) }
