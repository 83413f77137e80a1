package attach

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

// A Place says where sockets may lie that cannot lie beside their archive.
type Place struct {
	RunDir  string // of the user, such as $XDG_RUNTIME_DIR; "" where there is none
	TempDir string // in which a directory of the user's own is made instead
}

// suffix ends the name of a socket beside its archive.
const suffix = ".sock"

// beside is where the socket of an archive lies.
func beside(archive string) (string, error) {
	whole, err := filepath.Abs(archive)
	if err == nil {
		whole, err = filepath.EvalSymlinks(whole)
	}
	return whole + suffix, err
}

// dir is the directory of the user's own sockets; it belongs to the user, and
// nobody else may look into it.
func (p Place) dir() string {
	if p.RunDir != "" {
		return filepath.Join(p.RunDir, "ergorecorder")
	}
	return filepath.Join(p.TempDir, fmt.Sprintf("ergorecorder-%d", os.Getuid()))
}

// private refuses a directory that others own or may look into.
func private(dir string) error {
	st, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	own, ok := st.Sys().(*syscall.Stat_t)
	if !st.IsDir() || st.Mode().Perm()&0o077 != 0 || !ok || int(own.Uid) != os.Getuid() {
		return fmt.Errorf("%s is not a directory of this user alone (mode 0700)", dir)
	}
	return nil
}

// sockets are the sockets in the user's run directory.
func (p Place) sockets() []string {
	dir := p.dir()
	if private(dir) != nil {
		return nil
	}
	list, err := filepath.Glob(filepath.Join(escaped(dir), "*"+suffix))
	if err != nil {
		return nil // a directory whose name cannot be searched holds none of ours
	}
	return list
}

// escaped is a path with nothing in it that a pattern means.
func escaped(path string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`).Replace(path)
}

// listen opens the socket of an archive: beside it, else in the run directory.
func listen(ctx context.Context, archive, id string, p Place) (net.Listener, error) {
	path, err := beside(archive)
	if err == nil {
		var l net.Listener
		if l, err = bind(ctx, path); err == nil {
			return l, nil
		}
	}
	dir := p.dir()
	if e := os.Mkdir(dir, 0o700); e != nil && !errors.Is(e, os.ErrExist) {
		return nil, errors.Join(err, e)
	}
	if e := private(dir); e != nil {
		return nil, errors.Join(err, e)
	}
	for _, s := range p.sockets() {
		removeDead(ctx, s)
	}
	l, e := bind(ctx, filepath.Join(dir, id+suffix))
	if e != nil {
		return nil, errors.Join(err, e)
	}
	return l, nil
}

// bind opens a socket for this user alone, in place of one whose process is
// gone.
func bind(ctx context.Context, path string) (net.Listener, error) {
	removeDead(ctx, path)
	lc := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		// The socket's file has these permissions from its first moment on.
		return c.Control(func(fd uintptr) { _ = syscall.Fchmod(int(fd), 0o600) })
	}}
	l, err := lc.Listen(ctx, "unix", path)
	if err != nil {
		return nil, err
	}
	if err := os.Chmod(path, 0o600); err != nil {
		return nil, errors.Join(err, l.Close())
	}
	return l, nil
}

// dialTime is how long a socket of this machine may take to let somebody in.
const dialTime = 2 * time.Second

// removeDead removes a socket at which nobody listens. Anything else stays.
func removeDead(ctx context.Context, path string) {
	st, err := os.Lstat(path)
	if err != nil || st.Mode()&os.ModeSocket == 0 {
		return
	}
	c, err := (&net.Dialer{Timeout: dialTime}).DialContext(ctx, "unix", path)
	if err == nil {
		c.Close()
		return
	}
	if errors.Is(err, syscall.ECONNREFUSED) {
		_ = os.Remove(path) // else binding says why it cannot
	}
}
