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
		s := newSettler(at(road), "x.erg")
		if got := s.again(time.Minute); !strings.Contains(got, want[0]) || !strings.Contains(got, "--for 1m") {
			t.Errorf("over %q: %s", road, got)
		}
		if got := s.node("gamma@c"); !strings.Contains(got, want[1]) {
			t.Errorf("of another node, over %q: %s", road, got)
		}
	}
}

// TestSettleWhatARoadLacks: to record again what a road does not give gives it no
// more then.
func TestSettleWhatARoadLacks(t *testing.T) {
	for road, want := range map[string]string{"mcp": "record run ", "observer": "record check ", "link": "record check ", "system": "record check "} {
		n := Node{Name: "alpha@a", Readings: []Reading{{Reading: "runtime_stats", Road: road}}}
		s := newSettler(&Coverage{Nodes: []Node{n}}, "x.erg")
		if got := s.anew(n, false); !strings.HasPrefix(got, want) {
			t.Errorf("a column that %q did not give: %s", road, got)
		}
		if got := s.anew(n, true); !strings.HasPrefix(got, "record run ") {
			t.Errorf("too few answers over %q: %s", road, got)
		}
	}
}
