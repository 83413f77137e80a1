package record

import (
	"encoding/binary"
	"errors"
	"slices"

	"ergorecorder/archive/internal/codec"
)

// toldRoad is added to the kind where a definition tells road and reading.
const toldRoad = 0x80

// about is how blocks say which stream they are of: kind, form, node, name,
// arguments, road and reading, key columns.
func about(k StreamKey, s Schema) []byte {
	b := []byte{byte(k.Kind), byte(s.Form)}
	b = appendText(appendText(appendText(b, k.Node), k.Name), k.Args)
	if s.Road != "" || s.Reading != "" {
		b[0] |= toldRoad
		b = appendText(appendText(b, s.Road), s.Reading)
	}
	b = binary.AppendUvarint(b, uint64(len(s.Key)))
	for _, c := range s.Key {
		b = appendText(b, c)
	}
	return b
}

// Definition is about and the known columns.
func Definition(k StreamKey, s Schema) []byte {
	b := about(k, s)
	names := make([]string, 0, len(s.Columns))
	for n := range s.Columns {
		names = append(names, n)
	}
	slices.Sort(names)
	for _, n := range names {
		b = append(appendText(b, n), byte(s.Columns[n]))
	}
	return b
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

// ErrDefinition: what a stream is said to be cannot be.
var ErrDefinition = errors.New("stream's definition is impossible")

// ParseDefinition reads what about and definition wrote.
func ParseDefinition(b []byte) (k StreamKey, s Schema, err error) {
	bad := len(b) < 2
	text := func() string {
		n, w := binary.Uvarint(b)
		if w <= 0 || n > uint64(len(b)-w) {
			bad, b = true, nil
			return ""
		}
		t := string(b[w : w+int(n)])
		b = b[w+int(n):]
		return t
	}
	if bad {
		return k, s, ErrDefinition
	}
	k.Kind, s.Form = Kind(b[0]&^toldRoad), Form(b[1])
	road := b[0]&toldRoad != 0
	b = b[2:]
	k.Node, k.Name, k.Args = text(), text(), text()
	if road {
		s.Road, s.Reading = text(), text()
	}
	n, w := binary.Uvarint(b)
	if w <= 0 || n > uint64(len(b)) {
		return k, s, ErrDefinition
	}
	b = b[w:]
	for range n {
		s.Key = append(s.Key, text())
	}
	for len(b) > 0 && !bad {
		name := text()
		if len(b) == 0 {
			bad = true
			break
		}
		if s.Columns == nil {
			s.Columns = map[string]ColumnKind{}
		}
		s.Columns[name] = ColumnKind(b[0])
		b = b[1:]
	}
	if bad || s.Form > FormTable {
		return k, s, ErrDefinition
	}
	return k, s, nil
}

// Desc is what the codec has to know of a stream.
func Desc(archive uint64, id uint32, k StreamKey, s Schema, round bool) codec.Desc {
	d := codec.Desc{Archive: archive, Stream: id, About: about(k, s), Form: codec.Form(s.Form), Key: s.Key, Round: round}
	d.Columns = make(map[string]codec.ColumnKind, len(s.Columns))
	for n, c := range s.Columns {
		d.Columns[n] = codec.ColumnKind(c)
	}
	return d
}
