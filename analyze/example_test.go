package analyze_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"

	"ergorecorder/analyze"
	"ergorecorder/archive"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// A capture of a real incident is imported and judged.
func ExampleRun() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "incident.erg")
	if err := importCapture("../testdata/stuck.jsonl.gz", path); err != nil {
		log.Fatal(err)
	}
	rec, err := replay.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer rec.Close()
	report, err := analyze.Run(context.Background(), rec, analyze.Options{})
	if err != nil {
		log.Fatal(err)
	}
	for _, f := range report.Findings {
		fmt.Println(f.Severity, f.Kind, f.Subject.Name, "on", f.Subject.Node)
	}
	// Output: critical blocked_callback book_eth on gamma@localhost
}

func importCapture(capture, path string) error {
	f, err := os.Open(capture)
	if err != nil {
		return err
	}
	defer f.Close()
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		return err
	}
	var sum ingest.Imported
	if err := ingest.Capture(context.Background(), f, w, ingest.Options{}, &sum); err != nil {
		return err
	}
	return w.Close()
}
