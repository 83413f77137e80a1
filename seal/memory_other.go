//go:build !linux

package seal

import "errors"

// Memory is memory that has a name, which this system has not.
func Memory() (*Opened, error) {
	return nil, errors.New("encrypted recordings need Linux: elsewhere they would have to be written to a disk unencrypted; decrypt with age by hand")
}
