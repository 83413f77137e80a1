package ergo

import (
	"fmt"
	"hash/crc32"
	"strconv"
	"strings"
)

// nameTable is of the polynomial with which nodes sum up their names. Nobody
// changes it.
var nameTable = crc32.MakeTable(0xD5828281)

// NameSum is the sum of a node's name with which the text of its PIDs begins.
func NameSum(node string) uint32 { return crc32.Checksum([]byte(node), nameTable) }

// PIDOf is the PID of the process with that number on a node.
func PIDOf(node string, id uint64) PID {
	return PID(fmt.Sprintf("<%08X.%d.%d>", NameSum(node), id>>32, uint32(id)))
}

// ID is the number of the process on its node.
func (p PID) ID() (uint64, error) {
	_, hi, lo, err := p.Parts()
	if err != nil {
		return 0, err
	}
	if hi > 1<<32-1 || lo > 1<<32-1 {
		return 0, fmt.Errorf("read PID %s: its halves have 32 bits each", p)
	}
	return hi<<32 | lo, nil
}

// AliasOf is the text of an alias of a node.
func AliasOf(node string, id [3]uint64) string {
	return fmt.Sprintf("Alias#<%08X.%d.%d.%d>", NameSum(node), id[0], id[1], id[2])
}

// AliasID are the numbers in the text of an alias, zeros where it is none.
func AliasID(text string) (id [3]uint64) {
	var sum uint32
	inner := strings.TrimPrefix(text, "Alias#")
	if _, err := fmt.Sscanf(inner, "<%X.%d.%d.%d>", &sum, &id[0], &id[1], &id[2]); err != nil {
		return [3]uint64{}
	}
	return id
}

// EventOf is the text of an event of a node.
func EventOf(node, name string) string { return fmt.Sprintf("Event#<%08X:%s>", NameSum(node), name) }

// EventName is the name in the text of an event, Event#<CRC:name>; another
// text is its own name.
func EventName(text string) string {
	if rest, ok := strings.CutPrefix(text, "Event#<"); ok {
		if _, name, ok := strings.Cut(rest, ":"); ok {
			return strings.TrimSuffix(name, ">")
		}
	}
	return text
}

// A Global identifies a process, an alias or an event with the name of its
// node and, but for an event, the creation (the node's start in seconds since
// 1970). Ergo 3.3 writes node:ID.Creation for a PID, node:ID.ID.ID.Creation
// for an alias and node:name for an event or a named process.
type Global struct {
	Node     string
	IDs      []uint64 // one of a PID, three of an alias, none of what is named
	Creation int64
	Name     string
}

// ParseGlobal reads the text of a PID or an alias if numbers is 1 or 3, and
// that of something named if it is 0.
func ParseGlobal(text string, numbers int) (g Global, err error) {
	node, rest, ok := strings.Cut(text, ":")
	if !ok || node == "" || rest == "" {
		return g, fmt.Errorf("read identifier %q: want node:…", text)
	}
	g.Node = node
	if numbers == 0 {
		g.Name = rest
		return g, nil
	}
	parts := strings.Split(rest, ".")
	if len(parts) != numbers+1 {
		return g, fmt.Errorf("read identifier %q: it holds %d numbers, not %d", text, len(parts), numbers+1)
	}
	for _, p := range parts[:numbers] {
		n, err := strconv.ParseUint(p, 10, 64)
		if err != nil {
			return g, fmt.Errorf("read identifier %q: %q is not a decimal number", text, p)
		}
		g.IDs = append(g.IDs, n)
	}
	if g.Creation, err = strconv.ParseInt(parts[numbers], 10, 64); err != nil {
		return g, fmt.Errorf("read identifier %q: %q is not a decimal number", text, parts[numbers])
	}
	return g, nil
}

// String is the text as Ergo 3.3 writes it.
func (g Global) String() string {
	if len(g.IDs) == 0 {
		return g.Node + ":" + g.Name
	}
	var b strings.Builder
	b.WriteString(g.Node + ":")
	for _, id := range g.IDs {
		b.WriteString(strconv.FormatUint(id, 10) + ".")
	}
	return b.String() + strconv.FormatInt(g.Creation, 10)
}

// Canonical is the text as the 48 tools write it: <CRC.hi.lo> of a PID,
// Alias#<CRC.id.id.id> of an alias, Event#<CRC:name> of an event. The creation
// is not in it: it goes with the incarnation of the node.
func (g Global) Canonical() string {
	switch len(g.IDs) {
	case 1:
		return string(PIDOf(g.Node, g.IDs[0]))
	case 3:
		return AliasOf(g.Node, [3]uint64(g.IDs))
	}
	return EventOf(g.Node, g.Name)
}

// Global is the PID with the name and the creation of its node.
func (p PID) Global(node string, creation int64) (Global, error) {
	id, err := p.ID()
	return Global{Node: node, IDs: []uint64{id}, Creation: creation}, err
}
