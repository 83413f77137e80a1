package ingest

import (
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo/redact"
)

// Pushed makes the record of a log line, or with an event's name of one of
// its messages, that a node pushed. The text is JSON, in the form of the data
// of an entry of sample_read.
func Pushed(node, event string, at time.Time, text []byte, opt Options) *archive.Record {
	key := archive.StreamKey{Kind: archive.Log, Node: node, Name: "log"}
	if event != "" {
		key.Kind, key.Name = archive.Event, event
	}
	return &archive.Record{
		Stream: key,
		Schema: archive.Schema{Form: archive.FormObject},
		At:     at,
		Text:   redact.Answer("sample_read", text, opt.keep()),
	}
}
