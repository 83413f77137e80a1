package observer

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// An Ident is what an Observer calls a process, an alias or a reference by:
// node:ID.Creation, with three numbers before the creation where it is no
// process.
type Ident struct {
	Node     string
	ID       [3]uint64 // of a process the first only
	Parts    int       // how many numbers of ID count: 1 or 3
	Creation int64     // the node's start in unix seconds; 0 where it is not known
}

// ParseIdent reads node:ID.Creation or node:ID.ID.ID.Creation. The separator
// is the first colon behind the @ of the node's name.
func ParseIdent(text string) (Ident, error) {
	node, numbers, ok := strings.Cut(text, ":")
	if !ok || node == "" {
		return Ident{}, fmt.Errorf("identifier %q: want node:ID.Creation", text)
	}
	f := strings.Split(numbers, ".")
	if len(f) != 2 && len(f) != 4 {
		return Ident{}, fmt.Errorf("identifier %q: holds %d numbers, not 2 or 4", text, len(f))
	}
	id := Ident{Node: node, Parts: len(f) - 1}
	for i, n := range f[:len(f)-1] {
		v, err := strconv.ParseUint(n, 10, 64)
		if err != nil {
			return Ident{}, fmt.Errorf("identifier %q: %s is not a decimal number", text, n)
		}
		id.ID[i] = v
	}
	creation, err := strconv.ParseInt(f[len(f)-1], 10, 64)
	if err != nil {
		return Ident{}, fmt.Errorf("identifier %q: %s is not a decimal number", text, f[len(f)-1])
	}
	id.Creation = creation
	return id, nil
}

// String is the identifier as an Observer writes it.
func (i Ident) String() string {
	var b strings.Builder
	b.WriteString(i.Node)
	b.WriteByte(':')
	for _, n := range i.ID[:i.Parts] {
		b.WriteString(strconv.FormatUint(n, 10))
		b.WriteByte('.')
	}
	b.WriteString(strconv.FormatInt(i.Creation, 10))
	return b.String()
}

// nameTable is of the polynomial with which nodes sum up their names.
var nameTable = crc32.MakeTable(0xD5828281)

// CRC is the checksum of a node's name that begins the texts of its PIDs.
func CRC(node string) uint32 { return crc32.Checksum([]byte(node), nameTable) }

// PIDText is the identifier as nodes print it in their logs and the 48 tools
// in their answers: <CRC.hi.lo> for a process, Alias#<CRC.a.b.c> for the rest.
// The creation is not in it.
func (i Ident) PIDText() string {
	if i.Parts == 1 {
		return fmt.Sprintf("<%08X.%d.%d>", CRC(i.Node), i.ID[0]>>32, uint32(i.ID[0]))
	}
	return fmt.Sprintf("Alias#<%08X.%d.%d.%d>", CRC(i.Node), i.ID[0], i.ID[1], i.ID[2])
}

// PIDText is the text of the 48 tools for an identifier of an Observer. What
// is none (a name, the empty text of nobody) is returned as it is.
func PIDText(text string) string {
	id, err := ParseIdent(text)
	if err != nil {
		return text
	}
	return id.PIDText()
}

// IdentOf is the identifier of a process of a node that has the text
// <CRC.hi.lo>, or of an alias; the checksum is ignored, as nodes do. A
// creation of 0 leaves the argument's own form, without a node.
func IdentOf(node, text string, creation int64) (Ident, error) {
	inner, ok := strings.CutPrefix(strings.TrimPrefix(strings.TrimPrefix(text, "Alias#"), "Ref#"), "<")
	if ok {
		inner, ok = strings.CutSuffix(inner, ">")
	}
	f := strings.Split(inner, ".")
	if !ok || len(f) != 3 && len(f) != 4 {
		return Ident{}, fmt.Errorf("incorrect PID format, expected <crc.high.low>")
	}
	id := Ident{Node: node, Creation: creation, Parts: len(f) - 1}
	for i, n := range f[1:] {
		v, err := strconv.ParseUint(n, 10, 64)
		if err != nil {
			return Ident{}, fmt.Errorf("incorrect PID format, expected <crc.high.low>")
		}
		id.ID[i] = v
	}
	if id.Parts == 2 {
		if id.ID[0] >= 1<<32 || id.ID[1] >= 1<<32 {
			return Ident{}, fmt.Errorf("incorrect PID format, expected <crc.high.low>")
		}
		id.ID, id.Parts = [3]uint64{id.ID[0]<<32 | id.ID[1]}, 1
	}
	return id, nil
}
