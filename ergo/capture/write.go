package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"

	"ergorecorder/escape"
	"ergorecorder/internal/inorder"
)

// WriteAll writes the lines that read hands to its emit, in their order, some made
// while others are read and written. At most six lines are held.
func WriteAll(w io.Writer, read func(emit func(*Line) error) error) error {
	var failed error
	lines := func(yield func(*Line) bool) {
		failed = read(func(l *Line) error {
			if !yield(l) {
				return errNotWanted
			}
			return nil
		})
	}
	type made struct {
		text []byte
		err  error
	}
	out := bufio.NewWriterSize(w, 1<<16)
	for line := range inorder.Map(lines, func(l *Line, room made) made {
		text, err := Append(room.text[:0], l)
		return made{text, err}
	}) {
		if line.err != nil {
			return line.err
		}
		if _, err := out.Write(line.text); err != nil {
			return err
		}
	}
	if failed != nil {
		return failed
	}
	return out.Flush()
}

// errNotWanted ends a walk whose lines nobody takes any more.
var errNotWanted = errors.New("nobody takes the lines")

// noText is how the place of a text begins in a line without one. Behind it no text
// of the cluster stands but in a string, which cannot hold it.
var noText = []byte(`"text":null,"is_error":`)

// Append appends one line, in which nothing steers a terminal. The text is set in by
// itself: it may be long, and all else is short.
func Append(b []byte, l *Line) ([]byte, error) {
	line := wire{
		T:       l.Answer.At.UTC().Format(TimeFormat),
		Node:    l.Call.Node,
		Tool:    l.Call.Tool,
		Args:    l.Args,
		MS:      json.Number(strconv.FormatFloat(float64(l.Answer.Took)/1e6, 'f', -1, 64)),
		IsError: l.Answer.IsError,
		Error:   l.Refused,
	}
	if line.Args == nil {
		line.Args = l.Call.Args.JSON()
	}
	var short bytes.Buffer
	e := json.NewEncoder(&short)
	e.SetEscapeHTML(false)
	if err := e.Encode(line); err != nil {
		return b, fmt.Errorf("write capture line: %w", err)
	}
	text := escape.JSON(short.Bytes())
	if l.Answer.Text == nil {
		return append(b, text...), nil
	}
	at := bytes.LastIndex(text, noText) + len(`"text":`)
	b = escape.AppendString(append(b, text[:at]...), l.Answer.Text)
	return append(b, text[at+len("null"):]...), nil
}
