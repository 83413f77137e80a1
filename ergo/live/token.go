package live

import (
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strings"

	"ergorecorder/ergo/secret"
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

// ReadToken reads a token from a file that holds nothing else, and that others
// can neither read nor write.
func ReadToken(path string) (Token, error) {
	b, err := secret.Read(path)
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

// header is the value of the Authorization header.
func (t Token) header() string { return "Bearer " + *t.secret }

// Authorize sets the Authorization header, if there is a token.
func (t Token) Authorize(h http.Header) {
	if !t.IsZero() {
		h.Set("Authorization", t.header())
	}
}

// Bears reports whether an Authorization header bears the token.
func (t Token) Bears(authorization string) bool {
	scheme, text, ok := strings.Cut(authorization, " ")
	return ok && strings.EqualFold(scheme, "Bearer") && !t.IsZero() && t.Equal(NewToken(text))
}

// Staying is a client that follows no redirects: a token goes where it was meant
// to go, and nowhere else. A nil transport is the system's.
func Staying(transport http.RoundTripper) *http.Client {
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &http.Client{Transport: transport, CheckRedirect: stay}
}

// CreateToken makes a token that nobody can guess and writes it to a new file
// that only its owner can read; of a file that is there, it reads the token.
func CreateToken(path string) (Token, error) {
	text := rand.Text()
	err := secret.Create(path, []byte(text+"\n"))
	if errors.Is(err, os.ErrExist) {
		return ReadToken(path)
	}
	if err != nil {
		return Token{}, fmt.Errorf("create token: %w", err)
	}
	return NewToken(text), nil
}

// RenewToken makes a token likewise, and puts it in the place of whatever the
// file was: nobody knows it yet.
func RenewToken(path string) (Token, error) {
	text := rand.Text()
	if err := secret.Replace(path, []byte(text+"\n")); err != nil {
		return Token{}, fmt.Errorf("create token: %w", err)
	}
	return NewToken(text), nil
}

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
