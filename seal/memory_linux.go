package seal

import (
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// Memory is memory that has a name: a file on no disk.
func Memory() (*Opened, error) {
	fd, err := unix.MemfdCreate("ergo", unix.MFD_CLOEXEC)
	if err != nil {
		return nil, fmt.Errorf("make memory that has a name: %w", err)
	}
	return &Opened{os.NewFile(uintptr(fd), "memory")}, nil
}
