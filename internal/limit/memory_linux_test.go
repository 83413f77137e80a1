package limit_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime/debug"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"ergorecorder/archive"
)

// inChild, in the environment, says that the test runs in a process of its own:
// how much address space it may have, in GiB.
const inChild = "LIMIT_TEST_ADDRESSES"

// bounded runs the test that calls it in a process whose address space and heap
// are bounded, and reports whether this is that process.
func bounded(t *testing.T, gib uint64) bool {
	t.Helper()
	if os.Getenv(inChild) != "" {
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: gib << 30, Max: gib << 30}); err != nil {
			t.Fatal(err)
		}
		debug.SetMemoryLimit(256 << 20)
		return true
	}
	cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run", "^"+t.Name()+"$", "-test.v")
	cmd.Env = append(os.Environ(), inChild+"=1")
	out, err := cmd.CombinedOutput()
	if err != nil || !bytes.Contains(out, []byte("--- PASS: "+t.Name())) {
		t.Errorf("within %d GiB: %v\n%s", gib, err, out)
	}
	return false
}

// inLittleMemory runs the test that calls it in a process that has no more to give, and
// reports whether this is that process. Its end holds that what brings more than a limit
// allows costs no more than some times the limit.
func inLittleMemory(t *testing.T) bool {
	t.Helper()
	if raced() { // the detector itself wants more
		return true
	}
	if !bounded(t, 4) {
		return false
	}
	t.Cleanup(func() {
		if peak := peakMiB(t); peak > 1024 {
			t.Errorf("%d MiB were in memory at a time", peak)
		}
	})
	return true
}

// raced reports whether the test was built with the race detector.
func raced() bool {
	info, ok := debug.ReadBuildInfo()
	return ok && slices.ContainsFunc(info.Settings, func(s debug.BuildSetting) bool { return s.Key == "-race" && s.Value == "true" })
}

// TestArchiveUnderAddressLimit: where the system grants 12 GB of addresses, or 2, an
// archive reserves fewer for its file, and is written and read all the same.
func TestArchiveUnderAddressLimit(t *testing.T) {
	if !bounded(t, 12) {
		return
	}
	grants := []uint64{12, 2}
	if raced() {
		grants = grants[:1] // the detector itself wants more
	}
	for _, gib := range grants {
		if err := syscall.Setrlimit(syscall.RLIMIT_AS, &syscall.Rlimit{Cur: gib << 30, Max: 12 << 30}); err != nil {
			t.Fatal(err)
		}
		path := filepath.Join(t.TempDir(), "a.erg")
		w, err := archive.OpenWriter(path, nil)
		if err != nil {
			t.Fatalf("within %d GiB: %v", gib, err)
		}
		for i := range 100 {
			rec := &archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Name: "x"}, At: time.Unix(int64(i), 0), Text: []byte(strings.Repeat(fmt.Sprint(i), 1000))}
			if _, err := w.Append(rec); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatalf("within %d GiB: %v", gib, err)
		}
		if rep, err := archive.Verify(context.Background(), path); err != nil || rep.Records != 100 {
			t.Errorf("within %d GiB: %+v, %v", gib, rep, err)
		}
	}
}

// peakMiB is the most memory that the process has had.
func peakMiB(t *testing.T) (mib int) {
	t.Helper()
	text, err := os.ReadFile("/proc/self/status")
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(text), "VmHWM:")
	if _, err := fmt.Sscan(rest, &mib); err != nil {
		t.Fatal(err)
	}
	return mib >> 10
}
