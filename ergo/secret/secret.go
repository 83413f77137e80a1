// Package secret reads the files that hold secrets, and makes them.
package secret

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"syscall"

	"ergorecorder/internal/limit"
)

// Read reads a file that holds a secret. One that others can read or write is
// refused, and one that belongs to somebody else: what is in it may be known.
func Read(path string) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, Unnamed(err)
	}
	defer f.Close()
	if err := private(f, path); err != nil {
		return nil, err
	}
	b, err := limit.Secret.ReadAll(f)
	if err != nil {
		return nil, Unnamed(err)
	}
	return b, nil
}

// private refuses an open file that others can read or write, or that is
// another user's. What is no file, as a pipe of the shell, is not looked at.
func private(f *os.File, path string) error {
	info, err := f.Stat()
	if err != nil {
		return Unnamed(err)
	}
	if !info.Mode().IsRegular() {
		return nil
	}
	if info.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s is open to others (mode %#o): chmod 600 %s", path, info.Mode().Perm(), path)
	}
	if st, ok := info.Sys().(*syscall.Stat_t); ok && int(st.Uid) != os.Geteuid() && st.Uid != 0 {
		return fmt.Errorf("%s belongs to another user (%d): chown it, or make a file of your own", path, st.Uid)
	}
	return nil
}

// Replace puts a secret into a file that only its owner can read, in the place
// of whatever was there: that is neither read nor, where it is a link, followed.
func Replace(path string, text []byte) error {
	dir, name := filepath.Split(path)
	if dir == "" {
		dir = "."
	}
	f, err := os.CreateTemp(dir, "."+name+".*") // with O_EXCL, mode 0600
	if err != nil {
		return Unnamed(err)
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(Unnamed(err), os.Remove(f.Name()))
	}
	return nil
}

// Create makes a file with a secret, which only its owner can read. It is an
// error (os.ErrExist) if something is there.
func Create(path string, text []byte) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return Unnamed(err)
	}
	_, err = f.Write(text)
	return errors.Join(err, f.Close())
}

// Unnamed is an error of opening the file of a secret, without its path where
// no such file can be opened: it may be the secret itself, given in its place.
func Unnamed(err error) error {
	var failed *fs.PathError
	if !errors.As(err, &failed) || errors.Is(err, fs.ErrPermission) || errors.Is(err, fs.ErrExist) {
		return err
	}
	return fmt.Errorf("%w (the name is not shown, it may be the secret: give the name of a file that holds it)", failed.Err)
}
