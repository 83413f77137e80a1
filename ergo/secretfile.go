package ergo

import (
	"errors"
	"fmt"
	"io/fs"
)

// Unnamed is an error of opening the file of a secret, without its path where
// no such file can be opened: it may be the secret itself, given in its place.
func Unnamed(err error) error {
	var failed *fs.PathError
	if !errors.As(err, &failed) || errors.Is(err, fs.ErrPermission) {
		return err
	}
	return fmt.Errorf("%w (the name is not shown, it may be the secret: give the name of a file that holds it)", failed.Err)
}
