package rows

import (
	"bytes"
	"encoding/json"

	"ergorecorder/ergo"
)

// A Piece is a row of a listing, with what tells it from others.
type Piece struct {
	PID, Application, Behavior, State                string
	Uptime, MessagesMailbox, MessagesIn, RunningTime int64
	raw                                              json.RawMessage
}

// Joined are rows as one listing.
func Joined(rows []Piece) []byte {
	if len(rows) == 0 {
		return []byte("null")
	}
	var b bytes.Buffer
	sep := "[\n  "
	for _, p := range rows {
		b.WriteString(sep)
		b.Write(p.raw)
		sep = ",\n  "
	}
	b.WriteString("\n]")
	return b.Bytes()
}

// ParsePieces reads a listing.
func ParsePieces(text []byte) ([]Piece, error) {
	var raw []json.RawMessage
	if err := json.Unmarshal(text, &raw); err != nil {
		return nil, err
	}
	out := make([]Piece, len(raw))
	for i, r := range raw {
		if err := ergo.Decode(r, &out[i]); err != nil {
			return nil, err
		}
		out[i].raw = r
	}
	return out, nil
}

// EscapedSize is the size of a text as a JSON string, nearly.
func EscapedSize(text []byte) int {
	size := len(text)
	for _, c := range []byte{'"', '\n', '\\'} {
		size += bytes.Count(text, []byte{c})
	}
	return size
}
