package main

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFilesAreTheirOwners: what is written of a recording can be read by its owner
// alone, as the recording itself.
func TestFilesAreTheirOwners(t *testing.T) {
	path, dir := stuck(t), t.TempDir()
	for name, line := range map[string]string{
		"report.json":  "report|PATH|--format|json|-o|",
		"report.html":  "report|PATH|--format|html|-o|",
		"heap.pb.gz":   "profile|PATH|--kind|heap|--node|gamma*|--raw|",
		"rows.csv":     "export|PATH|--format|csv|--reading|process_list|-o|",
		"scrubbed.erg": "scrub|PATH|-o|",
	} {
		file := filepath.Join(dir, name)
		if _, _, errs := analyzed(t, path, line+file); errs != "" {
			t.Logf("%s: %s", line, errs)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Errorf("%s: %v", line, err)
			continue
		}
		if info.Mode().Perm()&0o077 != 0 {
			t.Errorf("%s: mode %v", line, info.Mode())
		}
	}
}
