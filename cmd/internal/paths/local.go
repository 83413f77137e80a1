// Package paths opens what a PATH on a command line stands for: an archive that
// lies there, one that a recorder of this machine is writing, the control URL of a
// recorder, a shelf (s3://BUCKET/PREFIX, shelf://NAME@HOST/CLUSTER), a fleet (fleet://NAME@HOST).
package paths

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ergorecorder/archive/attach"
	"ergorecorder/ergo/live"
)

// TokenEnv is the environment variable with the control token of a
// running recorder.
const TokenEnv = "ERGO_RECORDER_TOKEN"

// dumpTime bounds the fetching of a dump.
const dumpTime = 10 * time.Minute

// isControl reports whether a path is the control URL of a running recorder.
func isControl(path string) bool {
	return strings.HasPrefix(path, "http://") || strings.HasPrefix(path, "https://")
}

// Local puts a path that can be opened in place of each that cannot: of a control
// URL and, with attached, of an archive that a recorder of this machine is
// writing, what has been recorded so far. remove takes what was made away again;
// what is open stays readable.
func Local(paths []string, attached bool) (files []string, remove func(), err error) {
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
			c, err = attach.Local(context.Background(), p, Place())
			file, done = c.Path, c.Remove
			if err != nil && IsFolder(p) {
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

// IsFolder reports whether a directory is there.
func IsFolder(path string) bool {
	st, err := os.Stat(path)
	return err == nil && st.IsDir()
}

// OnDisk is Local of one path.
func OnDisk(path string) (file string, remove func(), err error) {
	files, remove, err := Local([]string{path}, true)
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
	if err := FetchDump(url, file); err != nil {
		remove()
		return "", nil, err
	}
	return file, remove, nil
}

// FetchDump asks a running recorder for all that it has recorded.
func FetchDump(url, file string) error {
	ctx, cancel := context.WithTimeout(context.Background(), dumpTime)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(url, "/")+"/dump", nil)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	live.NewToken(os.Getenv(TokenEnv)).Authorize(req.Header)
	resp, err := live.Staying(nil).Do(req)
	if err != nil {
		return fmt.Errorf("fetch %s: %w", url, err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		why, _ := io.ReadAll(io.LimitReader(resp.Body, 4<<10)) // what came of it is enough
		return fmt.Errorf("fetch %s: %s (set %s to its control token)", url, strings.TrimSpace(string(why)), TokenEnv)
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

// Place is where recorders of this user answer for archives beside which no
// socket can lie.
func Place() attach.Place {
	return attach.Place{RunDir: os.Getenv("XDG_RUNTIME_DIR"), TempDir: os.TempDir()}
}
