package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"

	"ergorecorder/ergo/secret"
	"ergorecorder/internal/limit"
)

// A Recipient is somebody who may open what is encrypted.
type Recipient = age.Recipient

// An Identity is a key that opens.
type Identity = age.Identity

// Recipients reads those who may open what is encrypted: each is a key, or the
// name of a file with a key a line.
func Recipients(from []string) ([]age.Recipient, error) {
	keys, err := Keys(from)
	if err != nil {
		return nil, err
	}
	var out []age.Recipient
	for _, k := range keys {
		r, err := recipient(k)
		if err != nil {
			return nil, err
		}
		out = append(out, r)
	}
	return out, nil
}

// Keys are the public keys of recipients, those in files too, as text: what
// another program may be told.
func Keys(from []string) ([]string, error) {
	var out []string
	for _, s := range from {
		switch {
		case strings.HasPrefix(s, secretKey):
			return nil, errors.New("read recipient: it is a secret key: recipients are public keys")
		case IsKey(s):
			if _, err := recipient(s); err != nil {
				return nil, err
			}
			out = append(out, s)
			continue
		}
		keys, err := keysIn(s)
		if err != nil {
			return nil, err
		}
		out = append(out, keys...)
	}
	return out, nil
}

// secretKey begins the secret half of a key.
const secretKey = "AGE-SECRET-KEY-"

// keysIn are the keys in a file, one a line.
func keysIn(file string) ([]string, error) {
	text, err := limit.Settings.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("read recipient %q: it is no key (age1…, ssh-…), and no file: %w", file, err)
	}
	var out []string
	for n, line := range strings.Split(string(text), "\n") {
		if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
			continue
		}
		if strings.HasPrefix(line, secretKey) {
			return nil, fmt.Errorf("read recipients %s: line %d is a secret key: recipients are public keys", file, n+1)
		}
		if _, err := recipient(line); err != nil {
			return nil, fmt.Errorf("read recipients %s: line %d: %w", file, n+1, err)
		}
		out = append(out, line)
	}
	if out == nil {
		return nil, fmt.Errorf("read recipients %s: there is no key in it", file)
	}
	return out, nil
}

// IsKey reports whether a text is a key of a recipient, and no name of a file.
func IsKey(s string) bool { return strings.HasPrefix(s, "age1") || strings.HasPrefix(s, "ssh-") }

func recipient(s string) (age.Recipient, error) {
	if strings.HasPrefix(s, "ssh-") {
		r, err := agessh.ParseRecipient(s)
		if err != nil {
			return nil, fmt.Errorf("read recipient: %w", err)
		}
		return r, nil
	}
	rs, err := age.ParseRecipients(strings.NewReader(s))
	if err != nil {
		return nil, fmt.Errorf("read recipient: %w", err)
	}
	return rs[0], nil
}

// Identities reads the keys that open: files with AGE-SECRET-KEY-… lines, or
// private keys of SSH without a pass phrase.
func Identities(files []string) ([]age.Identity, error) {
	var out []age.Identity
	for _, f := range files {
		text, err := secret.Read(f)
		if err != nil {
			return nil, fmt.Errorf("read identity: %w", err)
		}
		if bytes.Contains(text, []byte("-----BEGIN")) {
			id, err := agessh.ParseIdentity(text)
			if err != nil {
				return nil, fmt.Errorf("read identity %s: %w", f, err)
			}
			out = append(out, id)
			continue
		}
		ids, err := age.ParseIdentities(bufio.NewReader(bytes.NewReader(text)))
		if err != nil {
			return nil, fmt.Errorf("read identity %s: %w", f, hideKey(err))
		}
		out = append(out, ids...)
	}
	return out, nil
}

// hideKey is an error of reading keys without what stood in the file.
func hideKey(err error) error {
	if strings.Contains(err.Error(), "AGE-") {
		return errors.New("a line is no key of age")
	}
	return err
}
