package scrub

import (
	"context"
	"errors"
	"fmt"
	"regexp"

	"ergorecorder/archive"
	"ergorecorder/ergo/redact"
)

// A Hit is something in a copy that should not be there.
type Hit struct {
	What   string `json:"what"` // name, word or secret
	Word   string `json:"word,omitempty"`
	Where  string `json:"where"`  // the stream of its first record
	Number int    `json:"number"` // how often
}

func (h Hit) String() string {
	return fmt.Sprintf("%s %q in %s (%d times)", h.What, h.Word, h.Where, h.Number)
}

var pseudonym = regexp.MustCompile(`^(?:(?:node|host|proc|app|event|field|word)_\d+(?:_?\d+)?|(?:[Tt]ype|[Ff]n)\d+x(?:_?\d+)?|left_out)$`)

// Audit looks at every word of a copy: it is of the framework, of the
// libraries or ordinary, or a pseudonym; no name of the map is among them, and
// nothing that looks like a secret. Without a map (nil) it does not know which
// ordinary words are names. It returns what it found, and how many records it
// looked at.
func Audit(ctx context.Context, r *archive.Reader, m *Map) ([]Hit, int, error) {
	a := auditor{copier: copier{words: newVocabulary(), names: newNames(Policy{})}, found: map[[2]string]int{}, original: map[string]bool{}}
	if m != nil {
		for _, n := range m.Names {
			a.original[n.Name] = true
			if n.Kind == Host.String() {
				a.copier.names.hosts[n.Name] = n.Name
			}
			if k, ok := KindNamed(n.Kind); ok && k < Function {
				a.copier.names.named[n.Name] = true
			}
		}
	}
	records := 0
	var broken *archive.CorruptionError
	for rec, err := range r.Records(ctx, archive.Query{}) {
		if errors.As(err, &broken) {
			continue // what cannot be read tells nothing
		}
		if err != nil {
			return nil, records, err
		}
		records++
		a.record(rec)
	}
	return a.hits, records, nil
}

type auditor struct {
	copier
	original map[string]bool
	found    map[[2]string]int // which hit
	hits     []Hit
}

func (a *auditor) record(rec *archive.Record) {
	where := rec.Stream.String()
	if text := string(rec.Text); rec.Stream.Kind != archive.Profile && redact.Text(text) != text {
		a.hit("secret", "", where)
	}
	s := &scanner{words: a.words, names: a.copier.names, check: func(word string) {
		stem, _ := split(word)
		switch {
		case a.original[stem] || a.original[word]:
			a.hit("name", word, where)
		case !pseudonym.MatchString(word):
			a.hit("word", word, where)
		}
	}}
	a.through(s, rec)
}

func (a *auditor) hit(what, word, where string) {
	key := [2]string{what, word}
	i, ok := a.found[key]
	if !ok {
		i = len(a.hits)
		a.found[key] = i
		a.hits = append(a.hits, Hit{What: what, Word: word, Where: where})
	}
	a.hits[i].Number++
}
