package archive_test

import (
	"context"
	"fmt"
	"log"
	"os"
	"path/filepath"
	"time"

	"ergorecorder/archive"
)

// A recorder appends what a node says; afterwards anybody asks what it had said
// at a moment.
func Example() {
	dir, err := os.MkdirTemp("", "example")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	path := filepath.Join(dir, "incident.erg")

	processes := archive.StreamKey{Kind: archive.Sample, Node: "alpha@host", Name: "process_list"}
	begin := time.Date(2026, 11, 27, 3, 0, 0, 0, time.UTC)
	w, err := archive.OpenWriter(path, nil)
	if err != nil {
		log.Fatal(err)
	}
	for i, text := range []string{
		`[{"PID":"<1.0.1>","MessagesMailbox":0}]`,
		`[{"PID":"<1.0.1>","MessagesMailbox":2508}]`,
	} {
		_, err := w.Append(&archive.Record{
			Stream: processes,
			Schema: archive.Schema{Form: archive.FormTable, Key: []string{"PID"}},
			At:     begin.Add(time.Duration(i) * 5 * time.Second),
			Text:   []byte(text),
		})
		if err != nil {
			log.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		log.Fatal(err)
	}

	r, err := archive.Open(path)
	if err != nil {
		log.Fatal(err)
	}
	defer r.Close()
	for _, after := range []time.Duration{4 * time.Second, time.Minute} {
		rec, err := r.Last(processes, "", begin.Add(after))
		if err != nil {
			log.Fatal(err)
		}
		fmt.Printf("%s: %s\n", rec.At.Format(time.TimeOnly), rec.Text)
	}
	report, err := archive.Verify(context.Background(), path)
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println("damaged places:", len(report.Damage))
	// Output:
	// 03:00:00: [{"PID":"<1.0.1>","MessagesMailbox":0}]
	// 03:00:05: [{"PID":"<1.0.1>","MessagesMailbox":2508}]
	// damaged places: 0
}
