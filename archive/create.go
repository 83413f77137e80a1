package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"syscall"
)

// makeDir makes a directory, and those above it, that a power cut does not
// take away.
func (o *Options) makeDir(path string) error {
	if isDir(path) {
		return nil
	}
	above := filepath.Dir(filepath.Clean(path))
	if err := o.makeDir(above); err != nil {
		return err
	}
	if err := o.step("make the directory"); err != nil {
		return err
	}
	if err := os.Mkdir(path, 0o700); err != nil && !isDir(path) {
		return err
	}
	return o.syncDir(above)
}

// syncDir returns when the names in a directory are on disk, as far as its
// file system knows how.
func (o *Options) syncDir(path string) error {
	if err := o.step("sync the directory"); err != nil {
		return err
	}
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	if err := d.Sync(); err != nil && !errors.Is(err, errors.ErrUnsupported) && !errors.Is(err, syscall.EINVAL) {
		return fmt.Errorf("sync the directory: %w", err)
	}
	return nil
}
