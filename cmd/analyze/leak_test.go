package main

import (
	"os"
	"testing"

	"go.uber.org/goleak"
)

// TestMain: no test leaves a goroutine behind. As a child it is the program.
func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}
