package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"ergorecorder/internal/exit"
)

// TestNonsenseIsRefused: what means nothing, cannot be served, or will be
// missing when something is wrong is refused at the start, with what to give
// instead, and before an archive is made.
func TestNonsenseIsRefused(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "a-file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	archive := filepath.Join(dir, "a.erg")
	for says, flags := range map[string][]string{
		"interval -1s":                        {"--interval", "-1s"},
		"100ms is the least":                  {"--interval", "1ns"},
		"for -3s":                             {"--for", "-3s"},
		"timeout -3s":                         {"--timeout", "-3s"},
		"archive.keep-bytes -1":               {"--keep-bytes", "-1"},
		"is one file, which keeps all":        {"--keep-age", "1h"},
		"budget NaN":                          {"--budget", "NaN"},
		`log level "loud": there are [trace`:  {"--log-level", "loud"},
		"incident-dir: mkdir":                 {"--incident-dir", filepath.Join(file, "x")},
		"on-incident: exec":                   {"--on-incident", "no-such-command-here"},
		"is a directory: --keep-bytes bounds": {"-o", dir, "--max-bytes", "5"},
		"for -3s: a time before the start means nothing; interval -1s": {"--for", "-3s", "--interval", "-1s"},
	} {
		var stdout, stderr bytes.Buffer
		code := run(t.Context(), "record", append([]string{"run", "--endpoint", "127.0.0.1:1", "--fail-fast", "-o", archive}, flags...), nil, &stdout, &stderr)
		if code != exit.Usage || !strings.Contains(stderr.String(), says) {
			t.Errorf("%v: exit %d, %q, want %q", flags, code, stderr.String(), says)
		}
		if _, err := os.Stat(archive); err == nil {
			t.Fatalf("%v: an archive was made", flags)
		}
	}
}

// TestIncidentDirIsMade: the directory for incidents is there before the first.
func TestIncidentDirIsMade(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "in", "cidents")
	c := incidentConfig{Dir: dir}
	if err := c.prepare(); err != nil {
		t.Fatal(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) != 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// TestServeIsRefusedBeforeItIsAnnounced: an address that may not be served is
// not announced.
func TestServeIsRefusedBeforeItIsAnnounced(t *testing.T) {
	var stdout, stderr bytes.Buffer
	code := run(t.Context(), "record", []string{
		"run", "--endpoint", "127.0.0.1:1", "--for", "1s", "-o", filepath.Join(t.TempDir(), "a.erg"), "--serve", "0.0.0.0:0",
	}, nil, &stdout, &stderr)
	if code != exit.Usage || !strings.Contains(stderr.String(), "an address other than loopback needs a bearer token") || strings.Contains(stderr.String(), "serving the recording") {
		t.Errorf("exit %d, %s", code, stderr.String())
	}
}

// TestWhatHangsIsInterrupted: a configuration that is a pipe nobody writes to,
// as a file system that does not answer, ends with the first signal.
func TestWhatHangsIsInterrupted(t *testing.T) {
	pipe := filepath.Join(t.TempDir(), "record.yaml")
	if err := syscall.Mkfifo(pipe, 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan string, 1)
	go func() {
		var stdout, stderr bytes.Buffer
		run(ctx, "record", []string{"run", "--endpoint", "127.0.0.1:1", "--config", pipe, "-o", filepath.Join(filepath.Dir(pipe), "a.erg")}, nil, &stdout, &stderr)
		ended <- stderr.String()
	}()
	cancel()
	select {
	case said := <-ended:
		if !strings.Contains(said, "read the configuration") {
			t.Errorf("said %q", said)
		}
	case <-time.After(20 * time.Second):
		t.Error("it goes on waiting")
	}
	if t.Failed() {
		return
	}
	if w, err := os.OpenFile(pipe, os.O_WRONLY, 0); err == nil { // once it waits; it is let go
		w.Close()
	}
}

// TestCalledByAnotherName: what is printed begins with the name by which the program was
// called, be it an error or a notice.
func TestCalledByAnotherName(t *testing.T) {
	var out bytes.Buffer
	if run(t.Context(), "ergo-record", []string{"check", "--endpoint", "127.0.0.1:1"}, nil, &out, &out) == exit.OK {
		t.Error("nobody answers, and that is in order")
	}
	run(t.Context(), "ergo-record", []string{"run", "--endpoint", "127.0.0.1:1", "--fail-fast", "-o", filepath.Join(t.TempDir(), "a.erg")}, nil, &out, &out)
	run(t.Context(), "ergo-record", []string{"--version"}, nil, &out, &out)
	if text := "\n" + out.String(); strings.Contains(text, "\nrecord") || strings.Count(text, "\nergo-record") < 3 {
		t.Errorf("it says\n%s", out.String())
	}
}
