package bolt

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"strings"
	"syscall"
)

// holder says which process has the file locked, as far as the system tells.
func holder(path string) string {
	var st syscall.Stat_t
	if err := syscall.Stat(path, &st); err != nil {
		return ""
	}
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return " by another process"
	}
	inode := ":" + strconv.FormatUint(st.Ino, 10)
	for line := range bytes.Lines(locks) {
		// 1: FLOCK ADVISORY WRITE 4711 fe:01:12345 0 EOF
		f := strings.Fields(string(line))
		if len(f) < 6 || !strings.HasSuffix(f[5], inode) {
			continue
		}
		how := "is reading"
		if f[3] == "WRITE" {
			how = "is writing"
		}
		pid, _ := strconv.Atoi(f[4])
		if pid == os.Getpid() {
			return ": this process " + how
		}
		name, _ := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid))
		return fmt.Sprintf(": process %d (%s) %s", pid, strings.TrimSpace(string(name)), how)
	}
	return " by another process"
}
