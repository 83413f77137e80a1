package ergo

import "testing"

func TestIdentifiers(t *testing.T) {
	tests := []struct {
		text      string
		numbers   int
		canonical string
	}{
		{"alpha@localhost:1089.1763774371", 1, "<FA37B81C.0.1089>"},
		{"alpha@localhost:4294968385.1763774371", 1, "<FA37B81C.1.1089>"},
		{"alpha@localhost:54158.25512.0.1763774371", 3, "Alias#<FA37B81C.54158.25512.0>"},
		{"alpha@localhost:ticks.bnbusdt", 0, "Event#<FA37B81C:ticks.bnbusdt>"},
		{"alpha@localhost:a:b", 0, "Event#<FA37B81C:a:b>"},
	}
	for _, tt := range tests {
		g, err := ParseGlobal(tt.text, tt.numbers)
		if err != nil || g.Node != "alpha@localhost" {
			t.Errorf("%s: %+v, %v", tt.text, g, err)
			continue
		}
		if g.Canonical() != tt.canonical || g.String() != tt.text {
			t.Errorf("%s: %s and back %s, want %s", tt.text, g.Canonical(), g, tt.canonical)
		}
		if tt.numbers == 1 {
			if back, err := PID(tt.canonical).Global("alpha@localhost", 1763774371); err != nil || back.String() != tt.text {
				t.Errorf("%s: back %s, %v", tt.text, back, err)
			}
		}
		if tt.numbers == 0 && EventName(tt.canonical) != g.Name {
			t.Errorf("%s: the event's name is %q", tt.canonical, EventName(tt.canonical))
		}
	}
	for _, bad := range []string{"", "1089.5", "a@h:1089", "a@h:1089.5.6", "a@h:x.5", "a@h:5.x", ":1.2", "a@h:"} {
		if g, err := ParseGlobal(bad, 1); err == nil {
			t.Errorf("%q is read as %+v", bad, g)
		}
	}
	for _, bad := range []PID{"<A.4294967296.1>", "<A.0.4294967296>", "a"} {
		if id, err := bad.ID(); err == nil {
			t.Errorf("%s has the number %d", bad, id)
		}
	}
	if EventName("plain") != "plain" {
		t.Error("an event without node lost its name")
	}
}
