package scrub

import (
	"bytes"
	"fmt"
	"strings"

	"github.com/google/pprof/profile"
)

// profile goes through a raw profile. What is no profile is left out: nothing
// is known about it.
func (s *scanner) profile(raw []byte) ([]byte, error) {
	p, err := profile.ParseData(raw)
	if err != nil {
		return nil, fmt.Errorf("parse profile: %w", err)
	}
	symbol, path := place{kind: Function, stack: true}, place{kind: Word, stack: true}
	for _, f := range p.Function {
		f.Name, f.SystemName, f.Filename = s.text(f.Name, symbol), s.text(f.SystemName, symbol), s.text(f.Filename, path)
	}
	for _, m := range p.Mapping {
		m.File, m.BuildID = s.text(m.File, path), ""
	}
	for i := range p.Comments {
		p.Comments[i] = s.text(p.Comments[i], path)
	}
	for _, sample := range p.Sample {
		sample.Label = s.labels(sample.Label)
	}
	p.DropFrames, p.KeepFrames = "", ""
	if p.TimeNanos != 0 {
		p.TimeNanos += int64(s.shift)
	}
	if s.out == nil {
		return nil, nil
	}
	var b bytes.Buffer
	if err := p.WriteUncompressed(&b); err != nil {
		return nil, fmt.Errorf("write profile: %w", err)
	}
	return b.Bytes(), nil
}

func (s *scanner) labels(labels map[string][]string) map[string][]string {
	out := make(map[string][]string, len(labels))
	for k, values := range labels {
		of := place{kind: Word, named: !s.words.public(k)}
		for i := range values {
			values[i] = s.text(values[i], of)
		}
		out[s.text(k, place{kind: Field})] = values
	}
	return out
}

// text is a text with what stands for its names.
func (s *scanner) text(text string, p place) string {
	if s.out == nil {
		s.scan(text, p)
		return text
	}
	inner := *s
	inner.out = new(strings.Builder)
	inner.scan(text, p)
	return inner.out.String()
}
