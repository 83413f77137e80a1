package attach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"

	"ergorecorder/archive"
)

// A Copy is what can be opened in place of an archive.
type Copy struct {
	Path string // to open: the archive's own where nobody answers for it
	Seq  uint64 // of the newest record in it; 0 where the path is the archive's own

	socket string
	temp   string
}

// Remove removes what was copied. What is open stays readable.
func (c *Copy) Remove() {
	if c.temp != "" {
		_ = os.RemoveAll(c.temp)
	}
}

// Local finds whether somebody who writes the archive at path answers, and
// makes of what is on disk and of what it says an archive that can be opened.
// An error says why what it answered cannot be used: Local gives the path as it
// is then too.
func Local(ctx context.Context, path string, p Place) (*Copy, error) {
	own := &Copy{Path: path}
	socket := find(ctx, path, p)
	if socket == "" {
		return own, nil
	}
	temp, err := os.MkdirTemp(p.TempDir, "ergo-live-")
	if err != nil {
		return own, fmt.Errorf("read %s as it is written: %w", path, err)
	}
	c := &Copy{socket: socket, temp: temp, Path: filepath.Join(temp, filepath.Base(filepath.Clean(path)))}
	if err := c.fill(ctx, path); err != nil {
		c.Remove()
		return own, fmt.Errorf("read %s as it is written: %w", path, err)
	}
	return c, nil
}

// find is the socket of who writes the archive at path, "" where nobody
// answers.
func find(ctx context.Context, path string, p Place) string {
	want, err := identify(path)
	if err != nil {
		return ""
	}
	near, err := beside(path)
	if err != nil {
		return ""
	}
	for _, socket := range append([]string{near}, p.sockets()...) {
		if st, err := os.Lstat(socket); err != nil || st.Mode()&os.ModeSocket == 0 {
			continue
		}
		if got, err := asked(ctx, socket); err == nil && got == want {
			return socket
		}
	}
	return ""
}

// identify numbers what a path leads to.
func identify(path string) (identity, error) {
	st, err := os.Stat(path)
	if err != nil {
		return identity{}, err
	}
	sys, ok := st.Sys().(*syscall.Stat_t)
	if !ok {
		return identity{}, errors.New("the system does not number files")
	}
	return identity{uint64(sys.Dev), sys.Ino}, nil
}

// asked is what the one behind a socket writes.
func asked(ctx context.Context, socket string) (id identity, err error) {
	ctx, cancel := context.WithTimeout(ctx, dialTime)
	defer cancel()
	resp, err := get(ctx, socket, "/archive")
	if err != nil {
		return id, err
	}
	defer resp.Body.Close()
	err = json.NewDecoder(io.LimitReader(resp.Body, maxReason)).Decode(&id)
	return id, err
}

// maxReason bounds what is read of a short answer.
const maxReason = 4 << 10

// get asks the one behind a socket.
func get(ctx context.Context, socket, what string) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://recorder"+what, nil)
	if err != nil {
		return nil, err
	}
	resp, err := dial(socket).Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask its recorder: %w", err)
	}
	if resp.StatusCode != http.StatusOK {
		defer resp.Body.Close()
		why, _ := io.ReadAll(io.LimitReader(resp.Body, maxReason)) // what came of it is enough
		return nil, fmt.Errorf("its recorder says: %s", strings.TrimSpace(string(why)))
	}
	return resp, nil
}

// fill copies the segment being written. Those that are closed are linked.
func (c *Copy) fill(ctx context.Context, path string) error {
	resp, err := get(ctx, c.socket, "/segment")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	if c.Seq, err = strconv.ParseUint(resp.Header.Get(headSeq), 10, 64); err != nil {
		return errors.New("its recorder does not say how far its answer goes")
	}
	name := resp.Header.Get(headSegment)
	if name != filepath.Base(name) || name == "." || name == ".." {
		return fmt.Errorf("its recorder names a segment %q", name)
	}
	st, err := os.Stat(path)
	if err != nil {
		return err
	}
	if !st.IsDir() {
		return save(c.Path, resp)
	}
	if err := os.Mkdir(c.Path, 0o700); err != nil {
		return err
	}
	if err := save(filepath.Join(c.Path, name), resp); err != nil {
		return err
	}
	return c.link(path, name)
}

// save writes an answer to a new file, and refuses one that was cut off.
func save(path string, resp *http.Response) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	n, err := io.Copy(f, resp.Body)
	if err == nil && resp.ContentLength >= 0 && n != resp.ContentLength {
		err = fmt.Errorf("the answer of its recorder ends after %d of %d bytes", n, resp.ContentLength)
	}
	return errors.Join(err, f.Close())
}

// link makes the segments before the newest one part of the copy.
func (c *Copy) link(path, newest string) error {
	whole, err := filepath.Abs(path)
	if err != nil {
		return err
	}
	paths, err := archive.Segments(whole)
	if err != nil {
		return err
	}
	for _, p := range slices.DeleteFunc(paths, func(p string) bool { return filepath.Base(p) >= newest }) {
		if err := os.Symlink(p, filepath.Join(c.Path, filepath.Base(p))); err != nil {
			return err
		}
	}
	return nil
}
