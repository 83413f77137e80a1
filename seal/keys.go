package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"os"
	"strings"

	"filippo.io/age"
	"filippo.io/age/agessh"
)

// A Recipient is somebody who may open what is encrypted.
type Recipient = age.Recipient

// An Identity is a key that opens.
type Identity = age.Identity

// Recipients reads those who may open what is encrypted: each is a key, or the
// name of a file with a key a line.
func Recipients(from []string) ([]age.Recipient, error) {
	var out []age.Recipient
	for _, s := range from {
		if isKey(s) {
			r, err := recipient(s)
			if err != nil {
				return nil, err
			}
			out = append(out, r)
			continue
		}
		text, err := os.ReadFile(s)
		if err != nil {
			return nil, fmt.Errorf("read recipient %q: it is no key (age1…, ssh-…), and no file: %w", s, err)
		}
		before := len(out)
		for n, line := range strings.Split(string(text), "\n") {
			if line = strings.TrimSpace(line); line == "" || line[0] == '#' {
				continue
			}
			if strings.HasPrefix(line, "AGE-SECRET-KEY-") {
				return nil, fmt.Errorf("read recipients %s: line %d is a secret key: recipients are public keys", s, n+1)
			}
			r, err := recipient(line)
			if err != nil {
				return nil, fmt.Errorf("read recipients %s: line %d: %w", s, n+1, err)
			}
			out = append(out, r)
		}
		if len(out) == before {
			return nil, fmt.Errorf("read recipients %s: there is no key in it", s)
		}
	}
	return out, nil
}

func isKey(s string) bool { return strings.HasPrefix(s, "age1") || strings.HasPrefix(s, "ssh-") }

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
		text, err := os.ReadFile(f)
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
