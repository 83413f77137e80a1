package redact

import (
	"encoding/binary"
	"errors"
)

// Profile returns a raw pprof profile, unpacked, whose strings hold no
// secrets: labels, comments and names of files are where they could be. A
// label whose name names a secret is not told from others; what is no profile
// is returned as it is.
func Profile(raw []byte) []byte {
	if !suspicious(raw) {
		return raw
	}
	var out []byte
	changed := false
	for rest := raw; len(rest) > 0; {
		field, value, n, err := protoField(rest)
		if err != nil {
			return raw
		}
		if text := Text(string(value)); field == stringTable && text != string(value) {
			changed = true
			out = binary.AppendUvarint(out, stringTable<<3|2)
			out = binary.AppendUvarint(out, uint64(len(text)))
			out = append(out, text...)
		} else {
			out = append(out, rest[:n]...)
		}
		rest = rest[n:]
	}
	if !changed {
		return raw
	}
	return out
}

// stringTable is the number of that field in a profile.
const stringTable = 6

var errProto = errors.New("no protocol buffer")

// protoField reads one field: its number, its bytes if it has any, and how
// long it is.
func protoField(b []byte) (field uint64, value []byte, n int, err error) {
	key, k := binary.Uvarint(b)
	if k <= 0 {
		return 0, nil, 0, errProto
	}
	switch key & 7 {
	case 0:
		_, m := binary.Uvarint(b[k:])
		if m <= 0 {
			return 0, nil, 0, errProto
		}
		return key >> 3, nil, k + m, nil
	case 1, 5:
		n = k + 8
		if key&7 == 5 {
			n = k + 4
		}
		if n > len(b) {
			return 0, nil, 0, errProto
		}
		return key >> 3, nil, n, nil
	case 2:
		size, m := binary.Uvarint(b[k:])
		if m <= 0 || size > uint64(len(b)-k-m) {
			return 0, nil, 0, errProto
		}
		return key >> 3, b[k+m : k+m+int(size)], k + m + int(size), nil
	}
	return 0, nil, 0, errProto
}
