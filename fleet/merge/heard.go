package merge

import (
	"encoding/json"
	"fmt"
	"hash/maphash"
	"time"

	"ergorecorder/archive"
)

// sameMessage is how far apart two recorders may have taken in one message that
// does not say when it was written.
const sameMessage = 2 * time.Second

// heard are the lines and messages that were written, so that what another
// source brings of them is passed over. Of two that say the same, and that one source
// brings, both are kept.
type heard struct {
	seed maphash.Seed
	told map[uint64][]telling
	// answers are those that delivered lines.
	answers map[uint64][]telling
}

// A telling is a line that was written: when it came, and which sources brought it.
type telling struct {
	at int64
	by uint64 // a bit a source
}

func newHeard() *heard {
	return &heard{maphash.MakeSeed(), map[uint64][]telling{}, map[uint64][]telling{}}
}

// A word is what a line says, as far as it tells one from another.
type word struct {
	Level   string
	Message string
	Source  string
	Type    string
	Time    string
}

// first reports whether no other source brought the line before.
func (h *heard) first(s *source, key archive.StreamKey, at time.Time, text []byte) bool {
	event := ""
	if key.Kind == archive.Event {
		event = key.Name
	}
	id, dated := h.identity(key.Node, event, text)
	bit, t := uint64(1)<<(s.index%64), at.UnixNano()
	for i := range h.told[id] {
		x := &h.told[id][i]
		near := dated || time.Duration(t-x.at).Abs() <= sameMessage
		if x.by&bit == 0 && near {
			x.by |= bit
			return false
		}
	}
	h.told[id] = append(h.told[id], telling{t, bit})
	return true
}

// identity is by which a line is known again, and whether it holds its own time.
func (h *heard) identity(node, event string, text []byte) (id uint64, dated bool) {
	var sum maphash.Hash
	sum.SetSeed(h.seed)
	add := func(s string) {
		sum.WriteString(s)
		sum.WriteByte(0)
	}
	add(node)
	add(event)
	var w word
	if event == "" && json.Unmarshal(text, &w) == nil && w.Time != "" {
		for _, s := range []string{w.Level, w.Message, w.Source, w.Type, w.Time} {
			add(s)
		}
		return sum.Sum64(), true
	}
	sum.Write(text)
	return sum.Sum64(), false
}

// copied reports whether another source has the very same answer: one archive
// was copied from the other.
func (h *heard) copied(s *source, rec *archive.Record) bool {
	var sum maphash.Hash
	sum.SetSeed(h.seed)
	fmt.Fprint(&sum, rec.Stream, "\x00", rec.At.UnixNano(), "\x00")
	sum.Write(rec.Text)
	id, bit := sum.Sum64(), uint64(1)<<(s.index%64)
	for i := range h.answers[id] {
		if x := &h.answers[id][i]; x.by&bit == 0 {
			x.by |= bit
			return true
		}
	}
	h.answers[id] = append(h.answers[id], telling{rec.At.UnixNano(), bit})
	return false
}

// strip takes the entries out of an answer that another source brought, and returns
// how many those are. An answer of another form stays as it is.
func (h *heard) strip(s *source, rec *archive.Record) (n int) {
	var answer struct {
		SamplerID string            `json:"sampler_id"`
		Mode      string            `json:"mode"`
		Samples   []json.RawMessage `json:"samples"`
	}
	if rec.Failure != nil || json.Unmarshal(rec.Text, &answer) != nil || answer.Mode == "active" {
		return 0
	}
	var left []json.RawMessage
	for _, e := range answer.Samples {
		if h.brought(s, rec.Stream.Node, answer.SamplerID, e) {
			n++
			continue
		}
		left = append(left, e)
	}
	if n == 0 {
		return 0
	}
	return n * replaceSamples(rec, left)
}

// brought reports whether another source brought an entry of a sampler. One that a
// source reads again counts as the first time.
func (h *heard) brought(s *source, node, sampler string, text json.RawMessage) bool {
	var e struct {
		Sequence  int             `json:"sequence"`
		Timestamp time.Time       `json:"timestamp"`
		Data      json.RawMessage `json:"data"`
	}
	if json.Unmarshal(text, &e) != nil {
		return false
	}
	id := fmt.Sprintf("%s %s %d", node, sampler, e.Sequence)
	was, known := s.entries[id]
	if !known {
		was = !h.first(s, archive.StreamKey{Kind: archive.Log, Node: node}, e.Timestamp, e.Data)
		s.entries[id] = was
	}
	return was
}

// replaceSamples puts other entries into an answer, whose other members stay.
// It is 0 where that cannot be.
func replaceSamples(rec *archive.Record, left []json.RawMessage) int {
	var all map[string]json.RawMessage
	if json.Unmarshal(rec.Text, &all) != nil {
		return 0
	}
	samples, err := json.Marshal(left)
	if err != nil {
		return 0
	}
	all["samples"] = samples
	text, err := json.Marshal(all)
	if err != nil {
		return 0
	}
	rec.Text = text
	return 1
}
