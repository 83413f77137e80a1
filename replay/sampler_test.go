package replay

import "testing"

func TestListening(t *testing.T) {
	const (
		line    = `{"level":"error","type":"process","message":"x"}`
		message = `{"event":"'ticks'@'a@h'","message":1}`
	)
	for _, tt := range []struct {
		name string
		l    Listening
		data string
		want bool
	}{
		{"a level", Listening{Levels: []string{"warning", "error"}}, line, true},
		{"another level", Listening{Levels: []string{"warning"}}, line, false},
		{"its source", Listening{Levels: []string{"error"}, Source: "process"}, line, true},
		{"another source", Listening{Levels: []string{"error"}, Source: "network"}, line, false},
		{"an event of any node", Listening{Event: "ticks"}, message, true},
		{"an event of its node", Listening{Event: "ticks", EventOf: "a@h"}, message, true},
		{"an event of another node", Listening{Event: "ticks", EventOf: "b@h"}, message, false},
		{"the beginning of a name", Listening{Event: "tick"}, message, false},
		{"lines only", Listening{Levels: []string{"error", ""}}, message, false},
		{"messages only", Listening{Event: "ticks"}, line, false},
		{"both", Listening{Levels: []string{"error"}, Event: "ticks"}, message, true},
		{"not JSON", Listening{Levels: []string{"error"}}, "x", false},
	} {
		if got := tt.l.Wants([]byte(tt.data)); got != tt.want {
			t.Errorf("%s: %v, want %v", tt.name, got, tt.want)
		}
	}
}
