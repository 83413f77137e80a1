// Package sampled reads what passive samplers keep: log lines and messages of
// events, as sample_read prints them.
package sampled

import (
	"bytes"
	"encoding/json"
	"slices"
	"strconv"
	"strings"
	"time"
	"unicode/utf8"

	"ergorecorder/ergo"
	"ergorecorder/ergo/listing"
)

// An Entry is an entry as sample_read prints it.
type Entry struct {
	Sequence  int             `json:"sequence"`
	Timestamp time.Time       `json:"timestamp"`
	Data      json.RawMessage `json:"data"` // may lie in the text that was read
	checked   bool            // Data is known to be JSON
}

// A Line is the data of a log entry, and what is pushed of one.
type Line struct {
	Level   string    `json:"level"`
	Message string    `json:"message"`
	Source  string    `json:"source"`
	Time    time.Time `json:"time"`
	Type    string    `json:"type"`
}

// Read are the entries of the answer of a passive sampler, and its name; none of an active one.
func Read(text []byte) (sampler string, list []Entry) {
	if sampler, list, ok := scan(text); ok {
		return sampler, list
	}
	var a struct {
		SamplerID string  `json:"sampler_id"`
		Mode      string  `json:"mode"`
		Samples   []Entry `json:"samples"`
	}
	if ergo.Decode(text, &a) != nil || a.Mode == "active" {
		return "", nil
	}
	return a.SamplerID, a.Samples
}

// Pushed is an entry of what a node pushed.
func Pushed(at time.Time, text []byte) Entry {
	return Entry{Timestamp: at, Data: text, checked: json.Valid(text) && utf8.Valid(text)}
}

// Line is the log line of an entry, as far as it says one.
func (e *Entry) Line() Line {
	if e.checked {
		if l, ok := scanLine(e.Data); ok {
			return l
		}
	}
	var l Line
	_ = ergo.Decode(e.Data, &l) // what is none says nothing
	return l
}

// scan is Read without a general decoder, several times as fast; ok is false
// for a text that is not written as nodes write it, of which that one tells.
func scan(text []byte) (sampler string, list []Entry, ok bool) {
	if !json.Valid(text) || !utf8.Valid(text) {
		return "", nil, false
	}
	mode := ""
	for name, value := range listing.Row(text).Fields() {
		switch string(name) {
		case "sampler_id":
			sampler, ok = quoted(value)
		case "mode":
			mode, ok = quoted(value)
		case "samples":
			list, ok = scanSamples(value)
		default:
			ok = !isLike(name, "sampler_id", "mode", "samples")
		}
		if !ok {
			return "", nil, false
		}
	}
	if mode == "active" {
		return "", nil, ok
	}
	return sampler, list, ok
}

func scanSamples(text []byte) (list []Entry, ok bool) {
	plain := true
	rows, ok := listing.Read(text, func(row int, name, value []byte) {
		for row >= len(list) {
			list = append(list, Entry{})
		}
		e, read := &list[row], true
		switch string(name) {
		case "sequence":
			n, whole := strconv.ParseInt(string(value), 10, strconv.IntSize)
			e.Sequence, read = int(n), whole == nil
		case "timestamp":
			read = value[0] == '"' && e.Timestamp.UnmarshalJSON(value) == nil
		case "data":
			e.Data, e.checked = value, true
		default:
			read = !isLike(name, "sequence", "timestamp", "data")
		}
		plain = plain && read
	})
	for len(list) < rows {
		list = append(list, Entry{})
	}
	return list, ok && plain
}

// scanLine reads the data of a log entry likewise.
func scanLine(data []byte) (w Line, ok bool) {
	for name, value := range listing.Row(data).Fields() {
		switch string(name) {
		case "level":
			w.Level, ok = quoted(value)
		case "message":
			w.Message, ok = quoted(value)
		case "source":
			w.Source, ok = quoted(value)
		case "type":
			w.Type, ok = quoted(value)
		case "time":
			ok = value[0] == '"' && w.Time.UnmarshalJSON(value) == nil
		default:
			ok = !isLike(name, "level", "message", "source", "type", "time")
		}
		if !ok {
			return Line{}, false
		}
	}
	return w, ok
}

// quoted is the text of a string's literal.
func quoted(literal []byte) (text string, ok bool) {
	return listing.Text(literal), len(literal) > 1 && literal[0] == '"'
}

// isLike reports whether a general decoder takes a field for one of these.
func isLike(name []byte, fields ...string) bool {
	return bytes.IndexByte(name, '\\') >= 0 || slices.ContainsFunc(fields, func(f string) bool { return strings.EqualFold(string(name), f) })
}
