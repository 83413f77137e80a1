package coverage

import (
	"strings"
	"testing"
	"time"
)

// TestSettleOverTheSameRoad: a cluster that was joined is recorded again by joining
// it, for it may have no entry point.
func TestSettleOverTheSameRoad(t *testing.T) {
	at := func(road string) *Coverage {
		return &Coverage{Nodes: []Node{
			{Name: "alpha@a", Readings: []Reading{{Reading: "node_info", Road: road}}},
			{Name: "beta@b", Readings: []Reading{{Reading: "node_info", Road: road}}},
		}}
	}
	for road, want := range map[string][2]string{
		"":         {"--endpoint a ", "--endpoint c "},
		"mcp":      {"--endpoint a ", "--endpoint c "},
		"observer": {"--endpoint a ", "--endpoint c "},
		"link":     {"--join alpha@a --join beta@b --cookie-file ", "--join gamma@c "},
		"system":   {"--join alpha@a --join beta@b --cookie-file ", "--join gamma@c "},
	} {
		s := settler{at(road), "x.erg"}
		if got := s.again(time.Minute); !strings.Contains(got, want[0]) || !strings.Contains(got, "--for 1m") {
			t.Errorf("over %q: %s", road, got)
		}
		if got := s.node("gamma@c"); !strings.Contains(got, want[1]) {
			t.Errorf("of another node, over %q: %s", road, got)
		}
	}
}
