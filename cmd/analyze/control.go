package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"ergorecorder/ergo/live"
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

// local puts a file in place of every control URL: what that recorder has
// recorded so far. remove takes the files away again; those that are open stay
// readable.
func local(paths []string) (files []string, remove func(), err error) {
	remove = func() {}
	var dir string
	for i, p := range paths {
		if !isControl(p) {
			files = append(files, p)
			continue
		}
		if dir == "" {
			if dir, err = os.MkdirTemp("", "ergo-live-"); err != nil {
				return nil, remove, fmt.Errorf("fetch %s: %w", p, err)
			}
			remove = func() { os.RemoveAll(dir) }
		}
		file := filepath.Join(dir, fmt.Sprintf("%d.erg", i))
		if err := fetchDump(p, file); err != nil {
			remove()
			return nil, func() {}, err
		}
		files = append(files, file)
	}
	return files, remove, nil
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
	resp, err := http.DefaultClient.Do(req)
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
