// Package setting holds the numbers on which judgements depend: each with a
// name, a unit, a meaning, a default and the reason for it, and read from a file
// where a user wants another one.
package setting

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"ergorecorder/internal/nearest"
)

// A Setting is one number on which a judgement depends.
type Setting struct {
	Name    string  `json:"name"`    // room.name, as a file spells it
	Unit    string  `json:"unit"`    // "s" for a time; "" for a number or a share
	Meaning string  `json:"meaning"` // what it decides
	Default float64 `json:"default"`
	Why     string  `json:"why"` // the reason for the default
}

// Values are the settings that are not the defaults, by name.
type Values map[string]float64

// Of is the value of a setting.
func (v Values) Of(s Setting) float64 {
	if x, ok := v[s.Name]; ok {
		return x
	}
	return s.Default
}

// Int is the value of a setting that counts something.
func (v Values) Int(s Setting) int { return int(v.Of(s)) }

// Span is the value of a setting that is a time.
func (v Values) Span(s Setting) time.Duration {
	return time.Duration(v.Of(s) * float64(time.Second))
}

// Parse reads settings from YAML: names with their values, and times also as
// 90s or 10m. It refuses names that are not known and values that are no
// numbers above zero, all of them together.
func Parse(text []byte, known []Setting) (Values, error) {
	var file map[string]any
	if err := yaml.Unmarshal(text, &file); err != nil {
		return nil, fmt.Errorf("read settings: %w", err)
	}
	byName, names := map[string]Setting{}, []string{}
	for _, s := range known {
		names = append(names, s.Name)
		byName[s.Name] = s
	}
	given := flat("", file)
	values := Values{}
	var wrong []error
	for _, name := range slices.Sorted(maps.Keys(given)) {
		s, ok := byName[name]
		if !ok {
			wrong = append(wrong, fmt.Errorf("settings: there is no %q%s", name, nearest.Hint(name, names)))
			continue
		}
		v, err := number(s, given[name])
		if err != nil {
			wrong = append(wrong, fmt.Errorf("settings: %s: %w", name, err))
			continue
		}
		values[name] = v
	}
	return values, errors.Join(wrong...)
}

// flat spells nested names with dots.
func flat(prefix string, m map[string]any) map[string]any {
	out := map[string]any{}
	for k, v := range m {
		if inner, ok := v.(map[string]any); ok {
			maps.Copy(out, flat(prefix+k+".", inner))
			continue
		}
		out[prefix+k] = v
	}
	return out
}

// number is a value as a number in the setting's unit.
func number(s Setting, v any) (float64, error) {
	x := 0.0
	switch v := v.(type) {
	case int:
		x = float64(v)
	case float64:
		x = v
	case string:
		d, err := time.ParseDuration(v)
		if err != nil || s.Unit != "s" {
			return 0, fmt.Errorf("%q is no number (%s)", v, s.Meaning)
		}
		x = d.Seconds()
	default:
		return 0, fmt.Errorf("%v is no number (%s)", v, s.Meaning)
	}
	if !(x > 0) {
		return 0, fmt.Errorf("%v is not above 0 (%s)", v, s.Meaning)
	}
	return x, nil
}

// String is the default with its unit, for people.
func (s Setting) String() string {
	if s.Unit == "s" {
		return time.Duration(s.Default * float64(time.Second)).String()
	}
	return strings.TrimSpace(fmt.Sprintf("%g %s", s.Default, s.Unit))
}
