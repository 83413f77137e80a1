package system

import (
	"encoding/binary"
	"encoding/json"
	"strconv"
	"time"

	"ergorecorder/ergo"
	"ergorecorder/ergo/wire/internal/edf"
)

// A State is the state of a process: its number on the wire, a word in JSON.
type State int32

// Known reports whether processes have such a state.
func (s State) Known() bool { return s > 0 && s <= 32 && s&(s-1) == 0 }

// MarshalText is the word.
func (s State) MarshalText() ([]byte, error) {
	words := map[State]ergo.State{
		1: ergo.StateInit, 2: ergo.StateSleep, 4: ergo.StateRunning,
		8: ergo.StateWaitResponse, 16: ergo.StateTerminated, 32: ergo.StateZombee,
	}
	return word(string(words[s]), int64(s)), nil
}

// word is a word, or the number that has none.
func word(w string, n int64) []byte {
	if w == "" {
		return strconv.AppendInt(nil, n, 10)
	}
	return []byte(w)
}

// A Level is a log level.
type Level int

// MarshalText is the word.
func (l Level) MarshalText() ([]byte, error) { return word(LevelWord(int(l)), int64(l)), nil }

// LevelWord is a log level in words, "" of a number that is none.
func LevelWord(n int) string {
	words := map[int]ergo.Level{
		-2: ergo.LevelTrace, -1: ergo.LevelDebug, 1: ergo.LevelInfo, 2: ergo.LevelWarning,
		3: ergo.LevelError, 4: ergo.LevelPanic, 5: ergo.LevelDisabled,
	}
	return string(words[n])
}

// A Mode is what becomes of an application whose process ends.
type Mode int

// MarshalText is the word.
func (m Mode) MarshalText() ([]byte, error) {
	words := map[Mode]ergo.Mode{1: ergo.ModeTemporary, 2: ergo.ModeTransient, 3: ergo.ModePermanent}
	return word(string(words[m]), int64(m)), nil
}

// An AppState is the state of an application.
type AppState int32

// MarshalText is the word.
func (s AppState) MarshalText() ([]byte, error) {
	words := map[AppState]ergo.ApplicationState{
		1: ergo.ApplicationLoaded, 2: ergo.ApplicationRunning, 3: ergo.ApplicationStopping, 10: ergo.ApplicationInitializing,
	}
	return word(string(words[s]), int64(s)), nil
}

// A NetMode is the mode of a node's network.
type NetMode int

// MarshalText is the word.
func (m NetMode) MarshalText() ([]byte, error) {
	words := map[NetMode]string{0: "enabled", 1: "hidden", -1: "disabled"}
	return word(words[m], int64(m)), nil
}

// A Priority is that of the messages of a process.
type Priority int

// MarshalText is the word.
func (p Priority) MarshalText() ([]byte, error) {
	words := map[Priority]string{0: "normal", 1: "high", 2: "max"}
	return word(words[p], int64(p)), nil
}

// A PID is one in an answer; in JSON <CRC.hi.lo>, and "" for nobody.
type PID struct {
	Node     edf.Atom
	ID       uint64
	Creation int64
}

// MarshalText is the text.
func (p PID) MarshalText() ([]byte, error) {
	if p.Node == "" && p.ID == 0 {
		return nil, nil
	}
	return []byte(ergo.PIDOf(string(p.Node), p.ID)), nil
}

// An Alias is one in an answer.
type Alias struct {
	Node     edf.Atom
	Creation int64
	ID       [3]uint64
}

// MarshalText is the text.
func (a Alias) MarshalText() ([]byte, error) {
	if a.Node == "" {
		return nil, nil
	}
	return []byte(ergo.AliasOf(string(a.Node), a.ID)), nil
}

// An Event is one in an answer.
type Event struct{ Node, Name edf.Atom }

// MarshalText is the text.
func (e Event) MarshalText() ([]byte, error) {
	if e.Node == "" && e.Name == "" {
		return nil, nil
	}
	return []byte(ergo.EventOf(string(e.Node), string(e.Name))), nil
}

// A ProcessID is a process by its name.
type ProcessID struct{ Node, Name edf.Atom }

// A Version names a program.
type Version struct{ Name, Release, Commit, License string }

// Flags are NetworkFlags, which marshal themselves: 8 bytes.
type Flags []byte

// MarshalJSON spells the flags out.
func (f Flags) MarshalJSON() ([]byte, error) {
	if len(f) != 8 {
		return []byte("null"), nil
	}
	v := binary.BigEndian.Uint64(f)
	all := map[string]any{keepAliveFlag: v >> 8 & 255}
	for bit, name := range flagBits() {
		all[name] = v>>bit&1 == 1
	}
	return json.Marshal(all)
}

// An Env is the environment of a node or a process: texts in Go's syntax.
type Env map[string]any

// MarshalJSON writes the values as text.
func (e Env) MarshalJSON() ([]byte, error) {
	if e == nil {
		return []byte("{}"), nil
	}
	texts := map[string]string{}
	for k, v := range e {
		switch x := v.(type) {
		case string:
			texts[k] = x
		case edf.Atom:
			texts[k] = string(x)
		default:
			texts[k] = "(another value)"
		}
	}
	return json.Marshal(texts)
}

// An Any is a value of any type, in JSON if it has one.
type Any struct{ Value any }

// MarshalJSON writes the value if it is a plain one.
func (a Any) MarshalJSON() ([]byte, error) {
	switch v := a.Value.(type) {
	case nil, string, bool, int, int8, int16, int32, int64, uint, uint8, uint16, uint32, uint64, float32, float64, time.Time, edf.Atom:
		if b, err := json.Marshal(v); err == nil {
			return b, nil
		}
	case error:
		return json.Marshal(v.Error())
	}
	return []byte(`"(a value of another type)"`), nil
}
