package layers_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// unverified are the tests that make archives by themselves, and why: all
// others leave it to archivetest, which verifies them when a test ends.
var unverified = map[string]string{
	"recorder/story_test.go":              "the world opens its archive again after each crash, and verifies it",
	"cmd/analyze/verify_test.go":          "the archives are damaged, which verify must say",
	"scrub/scrub_test.go":                 "what scrub wrote is verified",
	"analyze/example_test.go":             "an example has no test",
	"archive/attach/attach_test.go":       "a second writer of one that is verified",
	"archive/power_test.go":               "what a power cut left is verified after each",
	"internal/soak/world_test.go":         "the world verifies after each crash",
	"fleet/member/world_test.go":          "recorders that are killed; what each left is verified, and compared with what was shipped",
	"fleet/member/scale_test.go":          "measurements of what was written, in the gigabytes",
	"fleet/ask/month_test.go":             "likewise; its segments become objects, and are removed",
	"internal/soak/happen_test.go":        "likewise",
	"internal/limit/memory_linux_test.go": "in a process with little memory, and verified there",
}

// Every test that writes an archive ends in verify.
func TestArchivesAreVerified(t *testing.T) {
	direct := regexp.MustCompile(`archive\.OpenWriter\(`)
	used := map[string]bool{}
	root := filepath.Join("..", "..")
	err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		name, err := filepath.Rel(root, path)
		if err != nil {
			return err
		}
		if d.IsDir() && (name == "bench" || name != "." && strings.HasPrefix(d.Name(), ".")) {
			return filepath.SkipDir
		}
		name = filepath.ToSlash(name)
		if !strings.HasSuffix(name, "_test.go") || filepath.Dir(name) == "archive" && name != "archive/power_test.go" {
			return nil // the archive's own tests are about what verify says
		}
		text, err := os.ReadFile(path)
		if err != nil || !direct.Match(text) {
			return err
		}
		used[name] = true
		if unverified[name] == "" {
			t.Errorf("%s makes an archive by itself: archivetest.Writer verifies it when the test ends", name)
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	for name := range unverified {
		if !used[name] {
			t.Errorf("%s is listed and makes no archive by itself", name)
		}
	}
}
