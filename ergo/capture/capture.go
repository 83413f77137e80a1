// Package capture is the exchange format of recordings: one JSON object per
// line, each one call on one node and what came of it. It reads and writes
// lines; it knows no archive and no files.
//
//	{"t":"2026-11-22T01:12:57.085936843Z","node":"alpha@localhost",
//	 "tool":"cluster_nodes","args":{"timeout":10},"ms":0.903,
//	 "text":"[…]","is_error":false,"rpc_error":null}
//
// t is when the answer had arrived, UTC with nine fractional digits; ms how
// long the call took; text the exact text of the answer's one content item,
// null if there was none; rpc_error the JSON-RPC error {code, message}, or
// null. Lines need not be in order of t.
package capture

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"iter"
	"math"
	"time"

	"github.com/klauspost/compress/gzip"

	"ergorecorder/ergo"
	"ergorecorder/internal/limit"
)

// TimeFormat is the form of t.
const TimeFormat = "2006-01-02T15:04:05.000000000Z"

// A Line is one call and what came of it.
type Line struct {
	Call    ergo.Call
	Args    []byte // the literal text of the arguments
	Answer  ergo.Answer
	Refused *ergo.ToolError
}

// wire is a line as it is written.
type wire struct {
	T       string          `json:"t"`
	Node    string          `json:"node"`
	Tool    string          `json:"tool"`
	Args    json.RawMessage `json:"args"`
	MS      json.Number     `json:"ms"`
	Text    *string         `json:"text"`
	IsError bool            `json:"is_error"`
	Error   *ergo.ToolError `json:"rpc_error"`
}

// A LineError says which line could not be read, and why. Reading goes on
// behind it.
type LineError struct {
	Line int // from 1
	Err  error
}

func (e *LineError) Error() string { return fmt.Sprintf("line %d: %v", e.Line, e.Err) }
func (e *LineError) Unwrap() error { return e.Err }

// Read walks the lines of a capture, gzipped or plain. What is broken is
// yielded as a [*LineError] and passed over; an error of r itself ends the
// walk and is yielded as it is.
func Read(r io.Reader) iter.Seq2[*Line, error] {
	return func(yield func(*Line, error) bool) {
		for n, text := range lines(r) {
			if text.err != nil {
				yield(nil, text.err)
				return
			}
			l, err := asker(nil).parseLine(n, text.line, nil)
			if !yield(l, err) {
				return
			}
		}
	}
}

// A lineText is the text of a line, or why no further one could be read.
type lineText struct {
	line []byte
	err  error
}

// lines walks the lines that are not empty, by their numbers.
func lines(r io.Reader) iter.Seq2[int, lineText] {
	return func(yield func(int, lineText) bool) {
		br := bufio.NewReaderSize(r, 1<<16)
		plain := io.Reader(br)
		if magic, _ := br.Peek(2); bytes.Equal(magic, []byte{0x1f, 0x8b}) {
			z, err := gzip.NewReader(br)
			if err != nil {
				yield(0, lineText{err: fmt.Errorf("read gzip: %w", err)})
				return
			}
			defer z.Close()
			plain = z
		}
		sc := bufio.NewScanner(plain)
		sc.Buffer(make([]byte, 1<<20), int(limit.Line.Most())) // many lines: what of one is there is moved when it is full
		sc.Split(wholeLines())
		n := 0
		for sc.Scan() {
			n++
			if len(bytes.TrimSpace(sc.Bytes())) > 0 && !yield(n, lineText{line: sc.Bytes()}) {
				return
			}
		}
		err := sc.Err()
		if errors.Is(err, bufio.ErrTooLong) {
			err = limit.Line.Over(0)
		}
		if err != nil {
			yield(n, lineText{err: fmt.Errorf("read after line %d: %w", n, err)})
		}
	}
}

// wholeLines is bufio.ScanLines that looks at each byte of a line once for its end,
// however small the pieces in which it comes: one of many megabytes out of a pipe, or
// unpacked, comes in hundreds.
func wholeLines() bufio.SplitFunc {
	seen := 0 // bytes of the line in which its end is not
	return func(data []byte, atEOF bool) (advance int, token []byte, err error) {
		if !atEOF && bytes.IndexByte(data[seen:], '\n') < 0 {
			seen = len(data)
			return 0, nil, nil
		}
		seen = 0
		return bufio.ScanLines(data, atEOF)
	}
}

func (a asker) parseLine(n int, text, room []byte) (*Line, error) {
	l, err := a.parse(text, room)
	if err != nil {
		return nil, &LineError{n, err}
	}
	return l, nil
}

// Parse reads one line.
func Parse(text []byte) (*Line, error) { return asker(nil).parse(text, nil) }

// parse is Parse with memory for the answer's text.
func (a asker) parse(text, room []byte) (*Line, error) {
	c, isCut := cutText(text, room)
	w, plain := wire{}, false
	if isCut {
		w, plain = c.plain(a)
	}
	if !plain {
		var err error
		if w, err = decode(text, &c, isCut); err != nil {
			return nil, err
		}
	}
	l, err := a.line(&w)
	if err == nil && isCut {
		l.Answer.Text = c.text
	}
	return l, err
}

// decode reads a line as JSON in general, without its text where that was cut out.
func decode(text []byte, c *cut, isCut bool) (w wire, err error) {
	if isCut {
		if json.Unmarshal(c.rest(text), &w) == nil {
			return w, nil
		}
		w = wire{} // the places of an error are those of the line
	}
	err = json.Unmarshal(text, &w)
	return w, err
}

// line is the line that was read, if it makes sense.
func (a asker) line(w *wire) (*Line, error) {
	at, err := time.Parse(time.RFC3339Nano, w.T)
	if err != nil {
		return nil, fmt.Errorf("t: %w", err)
	}
	if !time.Unix(0, at.UnixNano()).Equal(at) {
		return nil, fmt.Errorf("t: %s is out of range: 1678 to 2262", w.T)
	}
	if w.Node == "" || w.Tool == "" {
		return nil, errors.New("no node or no tool")
	}
	args, err := a.args(w.Args)
	if err != nil {
		return nil, err
	}
	var ms float64
	if w.MS != "" {
		if ms, err = w.MS.Float64(); err != nil {
			return nil, fmt.Errorf("ms: %w", err)
		}
		if ms < 0 || ms*1e6 >= math.MaxInt64 {
			return nil, fmt.Errorf("ms: %s is out of range", w.MS)
		}
	}
	l := &Line{
		Call:    ergo.Call{Node: w.Node, Tool: w.Tool, Args: args},
		Args:    bytes.Clone(w.Args),
		Answer:  ergo.Answer{At: at.UTC(), Took: time.Duration(ms*1e6 + 0.5), IsError: w.IsError},
		Refused: w.Error,
	}
	if w.Text != nil {
		l.Answer.Text = []byte(*w.Text)
	}
	return l, nil
}
