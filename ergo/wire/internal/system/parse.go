package system

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
)

// The way back of basic.go: from the words of JSON to what travels.

// numbered is the number of a word, where word says the words of the numbers,
// or the number that the text itself is.
func numbered(text []byte, numbers []int64, word func(n int64) string) (int64, error) {
	for _, n := range numbers {
		if word(n) == string(text) {
			return n, nil
		}
	}
	n, err := strconv.ParseInt(string(text), 10, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a known word nor a number", text)
	}
	return n, nil
}

// UnmarshalText reads the word.
func (s *State) UnmarshalText(text []byte) error {
	n, err := numbered(text, []int64{1, 2, 4, 8, 16, 32}, func(n int64) string { return wordOf(State(n)) })
	*s = State(n)
	return err
}

// UnmarshalText reads the word.
func (l *Level) UnmarshalText(text []byte) error {
	n, err := numbered(text, []int64{-2, -1, 1, 2, 3, 4, 5}, func(n int64) string { return LevelWord(int(n)) })
	*l = Level(n)
	return err
}

// UnmarshalText reads the word.
func (m *Mode) UnmarshalText(text []byte) error {
	n, err := numbered(text, []int64{1, 2, 3}, func(n int64) string { return wordOf(Mode(n)) })
	*m = Mode(n)
	return err
}

// UnmarshalText reads the word.
func (s *AppState) UnmarshalText(text []byte) error {
	if string(text) == "stopped" { // as the 48 tools say of one that was loaded and does not run
		text = []byte(ergo.ApplicationLoaded)
	}
	n, err := numbered(text, []int64{1, 2, 3, 10}, func(n int64) string { return wordOf(AppState(n)) })
	*s = AppState(n)
	return err
}

// UnmarshalText reads the word.
func (m *NetMode) UnmarshalText(text []byte) error {
	n, err := numbered(text, []int64{0, 1, -1}, func(n int64) string { return wordOf(NetMode(n)) })
	*m = NetMode(n)
	return err
}

// UnmarshalText reads the word.
func (p *Priority) UnmarshalText(text []byte) error {
	n, err := numbered(text, []int64{0, 1, 2}, func(n int64) string { return wordOf(Priority(n)) })
	*p = Priority(n)
	return err
}

// wordOf is the word of a number that has one.
func wordOf(v interface{ MarshalText() ([]byte, error) }) string {
	b, err := v.MarshalText()
	if err != nil {
		return ""
	}
	return string(b)
}

// UnmarshalText reads node:ID.Creation; "" is nobody. So is <CRC.hi.lo>, which a
// recording has of a process on a node that nobody named: what travels needs
// the name.
func (p *PID) UnmarshalText(text []byte) error {
	*p = PID{}
	if len(text) == 0 || text[0] == '<' {
		return nil
	}
	g, err := ergo.ParseGlobal(string(text), 1)
	if err == nil {
		*p = PID{edf.Atom(g.Node), g.IDs[0], g.Creation}
	}
	return err
}

// UnmarshalText reads node:ID.ID.ID.Creation; "" is none.
func (a *Alias) UnmarshalText(text []byte) error {
	*a = Alias{}
	if len(text) == 0 {
		return nil
	}
	g, err := ergo.ParseGlobal(string(text), 3)
	if err == nil {
		*a = Alias{edf.Atom(g.Node), g.Creation, [3]uint64(g.IDs)}
	}
	return err
}

// UnmarshalText reads node:name; "" is none.
func (e *Event) UnmarshalText(text []byte) error {
	*e = Event{}
	if len(text) == 0 {
		return nil
	}
	g, err := ergo.ParseGlobal(string(text), 0)
	if err == nil {
		*e = Event{edf.Atom(g.Node), edf.Atom(g.Name)}
	}
	return err
}

// UnmarshalJSON reads the flags that are spelled out, or the bytes themselves.
func (f *Flags) UnmarshalJSON(text []byte) error {
	*f = nil
	if string(text) == "null" {
		return nil
	}
	if len(text) > 0 && text[0] == '"' {
		return json.Unmarshal(text, (*[]byte)(f))
	}
	var said map[string]any
	if err := json.Unmarshal(text, &said); err != nil {
		return err
	}
	var v uint64
	for bit, name := range flagBits() {
		if on, _ := said[name].(bool); on {
			v |= 1 << bit
		}
	}
	if seconds, ok := said[keepAliveFlag].(float64); ok && seconds >= 0 && seconds < 256 {
		v |= uint64(seconds) << 8
	}
	*f = binary.BigEndian.AppendUint64(nil, v)
	return nil
}

// keepAliveFlag is the one of the flags that is a number.
const keepAliveFlag = "EnableSoftwareKeepAlive"

// flagBits are the names of the flags, by the bit that each is.
func flagBits() map[int]string {
	return map[int]string{
		0: "Enable", 1: "EnableRemoteSpawn", 2: "EnableRemoteApplicationStart", 3: "EnableFragmentation",
		4: "EnableProxyTransit", 5: "EnableProxyAccept", 6: "EnableImportantDelivery", 7: "EnableSimultaneousConnect",
		16: "EnableClockSkew", 17: "EnableTracing", 18: "EnableWrappedErrors", 19: "EnableSchemaEvolution",
	}
}

// UnmarshalJSON reads the values, which are texts.
func (e *Env) UnmarshalJSON(text []byte) error {
	var said map[string]any
	if err := json.Unmarshal(text, &said); err != nil {
		return err
	}
	*e = Env{}
	for k, v := range said {
		if s, ok := v.(string); ok {
			(*e)[k] = s
			continue
		}
		(*e)[k] = strings.TrimSpace(fmt.Sprint(v))
	}
	return nil
}
