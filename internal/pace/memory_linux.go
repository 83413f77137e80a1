package pace

import (
	"os"
	"syscall"
)

// inMemory is where the system keeps files in memory.
const inMemory = "/dev/shm"

// Memory keeps the temporary files of a test binary in memory, where there is 1 GiB of it for
// files: a test that writes and syncs a thousand small archives waits for the disk, and it is
// not the disk that it tests. With LONG=1, or where TMPDIR says a place, nothing changes.
// TestMain calls it.
func Memory() {
	var fs syscall.Statfs_t
	if os.Getenv("LONG") != "" || os.Getenv("TMPDIR") != "" || syscall.Statfs(inMemory, &fs) != nil {
		return
	}
	if fs.Bavail*uint64(fs.Bsize) >= 1<<30 {
		os.Setenv("TMPDIR", inMemory)
	}
}
