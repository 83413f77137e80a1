package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"filippo.io/age"

	"ergorecorder/internal/exit"
)

// TestSealed: what a command writes for a recipient is encrypted, and every
// command reads it with the key.
func TestSealed(t *testing.T) {
	if testing.Short() {
		t.Skip("every command, many times")
	}
	id, err := age.GenerateX25519Identity()
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	key := filepath.Join(dir, "key.txt")
	if err := os.WriteFile(key, []byte(id.String()+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	in := stuck(t)
	to := "--recipient=" + id.Recipient().String()
	command := func(want exit.Code, args ...string) (string, string) {
		t.Helper()
		var out, errs bytes.Buffer
		if code := run(t.Context(), args, nil, &out, &errs); code != want {
			t.Fatalf("%v: exit code %d, want %d: %s", args, code, want, errs.String())
		}
		return out.String(), errs.String()
	}
	copied := filepath.Join(dir, "public.erg")
	if out, _ := command(exit.OK, "scrub", in, "-o", copied, to); !strings.Contains(out, "public.erg.age") {
		t.Errorf("scrub says %s", out)
	}
	command(exit.OK, "report", in, "--format", "html", "-o", filepath.Join(dir, "report.html"), to)
	command(exit.OK, "export", in, "--to", "3s", "-o", filepath.Join(dir, "capture.jsonl"), to)
	for _, form := range []string{"parquet", "otlp", "pprof"} {
		into := filepath.Join(t.TempDir(), form)
		command(exit.OK, "export", in, "--format", form, "-o", into, to)
		parts, err := os.ReadDir(into)
		if err != nil || len(parts) < 2 && form != "pprof" {
			t.Errorf("%s: %d files, %v", form, len(parts), err)
		}
		for _, part := range parts {
			text, err := os.ReadFile(filepath.Join(into, part.Name()))
			if err != nil || !strings.HasSuffix(part.Name(), ".age") || !bytes.HasPrefix(text, []byte("age-encryption.org/v1")) {
				t.Errorf("%s is there, unencrypted (%v)", part.Name(), err)
			}
		}
	}
	sealed, _ := command(exit.OK, "report", in, to)
	if !strings.HasPrefix(sealed, "age-encryption.org/v1") {
		t.Error("a report on standard output is not encrypted")
	}
	files, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(filepath.Join(dir, f.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if f.Name() != "key.txt" && (!strings.HasSuffix(f.Name(), ".age") || !bytes.HasPrefix(text, []byte("age-encryption.org/v1"))) {
			t.Errorf("%s is there, unencrypted", f.Name())
		}
	}
	sealedCopy := copied + ".age"
	if out, _ := command(exit.OK, "info", sealedCopy, "--identity", key); !strings.HasPrefix(out, sealedCopy+": ") {
		t.Errorf("info says %.100s", out)
	}
	for _, args := range [][]string{{"info", sealedCopy}, {"nodes", sealedCopy}, {"verify", sealedCopy}, {"scrub", "--audit", sealedCopy}, {"logs", sealedCopy}} {
		command(exit.OK, append(args, "--identity", key)...)
	}
	if out, _ := command(exit.OK, "report", sealedCopy, "--identity", key, "--format", "json"); !strings.Contains(out, sealedCopy) {
		t.Errorf("the report does not name %s", sealedCopy)
	}
	if _, errs := command(exit.Usage, "report", sealedCopy); !strings.Contains(errs, "--identity FILE") {
		t.Errorf("without a key: %s", errs)
	}
	if _, errs := command(exit.Usage, "report", in, "--recipient", "nobody"); !strings.Contains(errs, "nobody") {
		t.Errorf("without a recipient: %s", errs)
	}
}
