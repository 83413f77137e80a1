package scrub

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"ergorecorder/internal/limit"
)

// MapSchema is the version of the form of a map.
const MapSchema = "ergo-scrub-map/1"

// A Map leads from the pseudonyms of a copy back to the names. Whoever has it
// has the names.
type Map struct {
	Schema string   `json:"schema"`
	ShiftS float64  `json:"shift_s"`
	Names  []Mapped `json:"names"`
}

// A Mapped is one name and what stands for it. Digits at the end of a name
// are not part of it.
type Mapped struct {
	Kind      string `json:"kind"`
	Name      string `json:"name"`
	Pseudonym string `json:"pseudonym"`
}

func (n *names) mapOf(shift time.Duration) *Map {
	m := &Map{Schema: MapSchema, ShiftS: shift.Seconds()}
	add := func(kind string, of map[string]string) {
		for _, name := range slices.Sorted(maps.Keys(of)) {
			if of[name] != name {
				m.Names = append(m.Names, Mapped{kind, name, of[name]})
			}
		}
	}
	for _, name := range slices.Sorted(maps.Keys(n.stands)) {
		if p := n.stands[name]; p != name {
			m.Names = append(m.Names, Mapped{n.found[name].String(), name, p})
		}
	}
	add("host", n.hosts)
	add("address", n.addresses)
	add("number", n.numbers)
	add("sum", n.sums)
	return m
}

// Write writes a map.
func (m *Map) Write(w io.Writer) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	e.SetIndent("", " ")
	return e.Encode(m)
}

// ReadMap reads a map.
func ReadMap(r io.Reader) (*Map, error) {
	var m Map
	text, err := limit.File.ReadAll(r)
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil {
		return nil, fmt.Errorf("read map: %w", err)
	}
	if m.Schema != MapSchema {
		return nil, fmt.Errorf("read map: its schema is %q, want %q", m.Schema, MapSchema)
	}
	return &m, nil
}
