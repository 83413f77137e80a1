package recheck

import (
	"encoding/json"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"ergorecorder/analyze/finding"
)

// A Check is one value of a finding, asked for again.
type Check struct {
	Finding string       `json:"finding"`
	Kind    finding.Kind `json:"kind"`
	Of      string       `json:"of"` // the evidence
	Name    string       `json:"name"`
	Call    finding.Call `json:"call"`
	Stated  any          `json:"stated"`
	Asked   any          `json:"asked"`
	Why     string       `json:"why,omitempty"` // what is wrong, "" where both are the same
}

// A named is a value by its name; those within others by both, with a point.
type named struct {
	name  string
	value any
}

func flat(values map[string]any) []named {
	var out []named
	for name, v := range values {
		if inner, ok := v.(map[string]any); ok {
			for _, n := range flat(inner) {
				out = append(out, named{name + "." + n.name, n.value})
			}
			continue
		}
		out = append(out, named{name, v})
	}
	slices.SortFunc(out, func(a, b named) int { return strings.Compare(a.name, b.name) })
	return out
}

// Same reports whether two values are the same to three figures, which is as
// many as reports have. Reckoning in another order may round a half otherwise.
func Same(stated, asked any) bool {
	a, isA := number(stated)
	b, isB := number(asked)
	if !isA || !isB {
		return !isA && !isB && fmt.Sprint(stated) == fmt.Sprint(asked)
	}
	if a == b || finding.Round(a) == finding.Round(b) {
		return true
	}
	digit := math.Pow(10, math.Floor(math.Log10(max(math.Abs(a), math.Abs(b))))-2)
	return math.Abs(a-finding.Round(b)) <= digit*1.000001 && math.Abs(a-b) <= digit*0.500001
}

func number(v any) (float64, bool) {
	switch n := v.(type) {
	case float64:
		return n, true
	case int:
		return float64(n), true
	case int64:
		return float64(n), true
	case uint64:
		return float64(n), true
	case json.Number:
		f, err := n.Float64()
		return f, err == nil
	case time.Duration:
		return n.Seconds(), true
	}
	return 0, false
}
