package ingest

import (
	"fmt"
	"time"

	"ergorecorder/archive"
)

// Words is a mark in words.
func Words(m archive.Mark) string {
	s := m.Kind
	if m.Node != "" {
		s += " " + m.Node
	}
	if m.To.After(m.From) {
		s += fmt.Sprintf(" (%v)", m.To.Sub(m.From).Round(time.Millisecond))
	}
	if m.Note != "" {
		s += ": " + m.Note
	}
	return s
}
