package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
	"ergorecorder/archive/attach"
	"ergorecorder/ergo/live"
	"ergorecorder/replay"
)

// controlTokenEnv is the environment variable with the control token of a
// running recorder.
const controlTokenEnv = "ERGO_RECORDER_TOKEN"

// dumpTime bounds the fetching of a dump.
const dumpTime = 10 * time.Minute

// isControl reports whether a path is the control URL of a running recorder.
func isControl(path string) bool {
	return strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://")
}

// local puts a path that can be opened in place of each that cannot: of a control
// URL and, with attached, of an archive that a recorder of this machine is
// writing, what has been recorded so far. remove takes what was made away again;
// what is open stays readable.
func local(paths []string, attached bool) (files []string, remove func(), err error) {
	var temps []func()
	remove = func() {
		for _, f := range temps {
			f()
		}
	}
	for _, p := range paths {
		file, done := p, func() {}
		switch {
		case isControl(p):
			file, done, err = fetched(p)
		case attached:
			var c *attach.Copy
			c, err = attach.Local(context.Background(), p, place())
			file, done = c.Path, c.Remove
			if err != nil && isFolder(p) {
				err = nil // its closed segments can be read, and the rest is said to be left out
			}
		}
		if err != nil {
			remove()
			return nil, func() {}, err
		}
		files, temps = append(files, file), append(temps, done)
	}
	return files, remove, nil
}

func isFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// onDisk is local of one path.
func onDisk(path string) (file string, remove func(), err error) {
	files, remove, err := local([]string{path}, true)
	if err != nil {
		return "", remove, err
	}
	return files[0], remove, nil
}

// fetched is what the recorder behind a control URL has recorded, as a file.
func fetched(url string) (file string, remove func(), err error) {
	dir, err := os.MkdirTemp("", "ergo-live-")
	if err != nil {
		return "", nil, fmt.Errorf("fetch %s: %w", url, err)
	}
	remove = func() { os.RemoveAll(dir) }
	file = filepath.Join(dir, "live.erg")
	if err := fetchDump(url, file); err != nil {
		remove()
		return "", nil, err
	}
	return file, remove, nil
}

// fetchDump asks a running recorder for all that it has recorded.
func fetchDump(url, file string) error {
	ctx, cancel := context.WithTimeout(context.Background(), dumpTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/dump", nil)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	live.NewToken(os.Getenv(controlTokenEnv)).Authorize(req.Header)
	resp, err := live.Staying(nil).Do(req)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // what came of it is enough
		return fmt.Errorf("fetch %s: %s (set %s to its control token)", url, strings.TrimSpace(string(why)), controlTokenEnv)
	}
	f, err := os.OpenFile(file, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	if _, err := io.Copy(f, resp.Body); err != nil {
		f.Close()
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	return f.Close()
}

// place is where recorders of this user answer for archives beside which no
// socket can lie.
func place() attach.Place {
	return attach.Place{RunDir: os.Getenv("XDG_RUNTIME_DIR"), TempDir: os.TempDir()}
}

// A followed is a recording that is read as it grows, while somebody writes it.
type followed struct {
	*replay.Recording
	live  bool
	stops []func() error
}

// followRecording is openRecording for what answers again and again: what the
// recorders of archives that are being written go on to record is seen too.
func followRecording(cmd *cobra.Command, paths ...string) (*followed, error) {
	ctx, f := cmd.Context(), &followed{}
	var readers []*archive.Reader
	fail := func(err error) (*followed, error) {
		for _, r := range readers {
			err = errors.Join(err, r.Close())
		}
		return nil, errors.Join(err, f.stop())
	}
	for _, p := range paths {
		files, remove, err := local([]string{p}, false)
		if err != nil {
			return fail(err)
		}
		one, err := attach.Follow(ctx, files[0], place(), time.Now)
		remove()
		if err != nil {
			return fail(openError(err))
		}
		readers = append(readers, one.Readers...)
		f.stops = append(f.stops, one.Close)
		f.live = f.live || one.Live()
	}
	rec, err := replay.New(readers...)
	if err != nil {
		return fail(err)
	}
	f.Recording = rec
	if err := notEmpty(rec, paths); err != nil {
		return nil, errors.Join(err, f.Close())
	}
	sayNotRead(cmd, rec)
	return f, nil
}

// Close ends it.
func (f *followed) Close() error { return errors.Join(f.Recording.Close(), f.stop()) }

func (f *followed) stop() (err error) {
	for _, stop := range f.stops {
		err = errors.Join(err, stop())
	}
	return err
}
