package command

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"ergorecorder/internal/exit"
)

func analyzer() *cobra.Command {
	root := &cobra.Command{Use: "analyze"}
	verify := &cobra.Command{
		Use: "verify", Example: "  analyze verify incident.erg", Long: "Nobody can analyze what was not recorded; record run records.",
		RunE: func(*cobra.Command, []string) error {
			return errors.New("damaged (recover: analyze salvage a.erg -o NEW)")
		},
	}
	verify.Flags().String("format", "text", "form of the output: text, json or csv")
	root.AddCommand(verify)
	return root
}

func ran(t *testing.T, name string, args ...string) (exit.Code, string, string) {
	t.Helper()
	var out, errs bytes.Buffer
	code := Run(t.Context(), analyzer(), name, args, strings.NewReader(""), &out, &errs)
	return code, out.String(), errs.String()
}

func TestNamesAsCalled(t *testing.T) {
	for _, tt := range []struct{ name, errs, help, beside string }{
		{"analyze", "analyze: damaged (recover: analyze salvage a.erg -o NEW)\n", "  analyze verify incident.erg", "; record run records"},
		{"ergo-analyze", "ergo-analyze: damaged (recover: ergo-analyze salvage a.erg -o NEW)\n", "  ergo-analyze verify incident.erg", "; ergo-record run records"},
		{"ea", "ea: damaged (recover: ea salvage a.erg -o NEW)\n", "  ea verify incident.erg", "; record run records"},
	} {
		code, _, errs := ran(t, tt.name, "verify")
		if code != exit.Usage || errs != tt.errs {
			t.Errorf("%s verify: code %d, %q; want %q", tt.name, code, errs, tt.errs)
		}
		_, help, _ := ran(t, tt.name, "verify", "--help")
		for _, want := range []string{tt.help, tt.beside, "Nobody can analyze what", "  " + tt.name + " verify [flags]"} {
			if !strings.Contains(help, want) {
				t.Errorf("%s verify --help lacks %q:\n%s", tt.name, want, help)
			}
		}
	}
}

func TestVersion(t *testing.T) {
	_, out, _ := ran(t, "ergo-analyze", "--version")
	if !strings.HasPrefix(out, "ergo-analyze ") || !strings.Contains(out, "archive format 3 (reads 1 to 3)") || !strings.Contains(out, ", go1.") {
		t.Errorf("--version: %q", out)
	}
}

func TestManualPages(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "man1")
	if code, _, errs := ran(t, "ergo-analyze", "man", dir); code != exit.OK {
		t.Fatalf("man: code %d, %s", code, errs)
	}
	text, err := os.ReadFile(filepath.Join(dir, "ergo-analyze-verify.1"))
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(string(text), "ergo-analyze verify incident.erg") {
		t.Errorf("the page has no example:\n%s", text)
	}
}

func TestValuesComplete(t *testing.T) {
	root := analyzer()
	Complete(root, nil)
	var out bytes.Buffer
	Run(t.Context(), root, "analyze", []string{"__complete", "verify", "--format", ""}, strings.NewReader(""), &out, &out)
	if got := strings.Fields(out.String()); !slices.Equal(got[:3], []string{"text", "json", "csv"}) {
		t.Errorf("completed %q", out.String())
	}
}
