package rows

import (
	"bytes"
	"cmp"
	"encoding/json"
	"maps"
	"slices"

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

// Together is a listing of rows, in the order of their PIDs.
func Together(all map[string]Piece) []byte {
	list := make([]Piece, 0, len(all))
	for _, pid := range slices.Sorted(maps.Keys(all)) {
		list = append(list, all[pid])
	}
	return Joined(list)
}

// Ordered is a listing in the order of what its rows are the most by; nil where it is
// none, or has as many rows as were asked for: then there are more.
func Ordered(table []byte, most Most, limit int) []byte {
	list, err := ParsePieces(table)
	if err != nil || len(list) >= limit {
		return nil
	}
	slices.SortStableFunc(list, func(a, b Piece) int { return cmp.Compare(most.Of(b), most.Of(a)) })
	return Joined(list)
}
