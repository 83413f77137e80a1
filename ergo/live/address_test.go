package live

import (
	"strings"
	"testing"
)

// TestAddressesWithSecretsAreRefused: and the error does not repeat them.
func TestAddressesWithSecretsAreRefused(t *testing.T) {
	for _, address := range []string{"http://bob:hunter8@h:1", "http://h:1?token=hunter8", "ftp://bob:hunter8@h", "http://bob:hunter8@%zz"} {
		_, err := NewPprof(address)
		if err == nil || strings.Contains(err.Error(), "hunter8") {
			t.Errorf("pprof %s: error %v", address, err)
		}
		_, err = ParseAddress(address)
		if err == nil || strings.Contains(err.Error(), "hunter8") {
			t.Errorf("endpoint %s: error %v", address, err)
		}
	}
}
