package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
)

// asProgram, in the environment, makes the test's own program analyze.
const asProgram = "ANALYZE_TEST_PROGRAM"

// slowToScan is a folder of damaged segments, each of which is searched block by
// block, for much longer than the test takes. They are one file under many names.
func slowToScan(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	first := filepath.Join(dir, "00000001.erg")
	whole := filepath.Join(t.TempDir(), "whole.erg")
	w := archivetest.Writer(t, whole, nil)
	if _, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Log, Name: "x"}, At: time.Unix(1, 0), Text: []byte("hello")}); err != nil {
		t.Fatal(err)
	}
	if err := w.Sync(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(whole) // as a kill leaves it
	if err != nil {
		t.Fatal(err)
	}
	clear(b[:2*os.Getpagesize()]) // no tree is found any more
	at := len(b)
	b = append(b, make([]byte, 4<<20)...)
	for ; at+32 <= len(b); at += 32 { // each looks like a block that reaches to the end
		copy(b[at:], "ErgB")
		b[at+4] = 2
		binary.LittleEndian.PutUint32(b[at+8:], uint32(len(b)-at))
	}
	if err := os.WriteFile(first, b, 0o600); err != nil {
		t.Fatal(err)
	}
	for i := 2; i <= 3000; i++ {
		if err := os.Link(first, filepath.Join(dir, fmt.Sprintf("%08d.erg", i))); err != nil {
			t.Fatal(err)
		}
	}
	return dir + string(filepath.Separator)
}

// worked is for how long a process has had a processor.
func worked(t *testing.T, pid int) time.Duration {
	t.Helper()
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		t.Fatal(err)
	}
	fields := strings.Fields(string(b[bytes.LastIndexByte(b, ')')+1:]))
	ticks, err := strconv.Atoi(fields[11]) // utime, in hundredths of a second
	if err != nil {
		t.Fatal(err)
	}
	return time.Duration(ticks) * 10 * time.Millisecond
}

// TestTermEndsEveryScan: SIGTERM ends a command in the middle of a long search
// for blocks, with an exit code that says so, and leaves no half file.
func TestTermEndsEveryScan(t *testing.T) {
	if testing.Short() {
		t.Skip("every command, in processes of their own")
	}
	dir := slowToScan(t)
	all := [][]string{{"verify", dir}, {"info", dir}, {"report", dir}, {"salvage", dir, "-o", filepath.Join(t.TempDir(), "out.erg")}}
	for _, args := range all {
		cmd := exec.CommandContext(t.Context(), os.Args[0], args...)
		cmd.Env = append(os.Environ(), asProgram+"=1")
		var said bytes.Buffer
		cmd.Stdout, cmd.Stderr = &said, &said
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		for worked(t, cmd.Process.Pid) < 100*time.Millisecond {
			time.Sleep(time.Millisecond) // another process has its own time
		}
		if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatalf("%v: it had ended already: %s", args, said.String())
		}
		told := time.Now()
		err := cmd.Wait()
		var ended *exec.ExitError
		if !errors.As(err, &ended) || ended.ExitCode() <= 0 {
			t.Errorf("%v: %v, %.300s", args, err, said.String())
		}
		if took := time.Since(told); took > endTime+10*time.Second {
			t.Errorf("%v took %v to end", args, took)
		}
		if out := args[len(args)-1]; args[0] == "salvage" {
			if _, err := os.Stat(out); err == nil {
				t.Error("half a file is left under its name")
			}
		}
	}
}
