package sampled

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"ergorecorder/ergo"
)

// TestEntriesAsDecoded holds the quick reading of what samplers gave against the general
// decoder, and says of which texts it is left to that.
func TestEntriesAsDecoded(t *testing.T) {
	line := `{"level":"info","message":"a \u003cb\u003e \"c\" \ud83d\ude00 é","source":"\u003cFA37B81C.0.1014\u003e ('x') y.Z","time":"2026-11-22T01:11:00.380326011Z","type":"process"}`
	whole := fmt.Sprintf("{\n \"sampler_id\": \"s1\", \"mode\": \"passive\", \"sequence\": 16, \"completed\": false,\n \"samples\": [{\"sequence\": 10, \"timestamp\": \"2026-11-22T01:11:00Z\", \"data\": %s}, {}, {\"sequence\":11,\"more\":[1,{\"a\":\"]\"}]}]}", line)
	change := func(old, now string) string {
		if !strings.Contains(whole, old) {
			t.Fatalf("%q is not there", old)
		}
		return strings.Replace(whole, old, now, 1)
	}
	for text, quick := range map[string]bool{
		whole:                           true,
		change(`"passive"`, `"active"`): true,
		change(`"level":"info"`, `"level":"info","level":"error"`): true,
		change(`"samples"`, `"Samples"`):                           false,
		change(`"samples"`, `"sample\u0073"`):                      false,
		change(`"sequence": 10`, `"sequence": 1e1`):                false,
		change(`"sequence": 10`, `"sequence": null`):               false,
		change(`"s1"`, `7`):                                        false,
		change(`T01:11:00Z`, ` 01:11`):                             false,
		change(`[{"seq`, `[7,{"seq`):                               false,
		change(`é`, "\xff"):                                        false,
		whole + "}":                                                false,
		whole[:len(whole)-1]:                                       false,
		`{"sampler_id":"s1","samples":null}`:                       true,
		`null`:                                                     false,
		`[]`:                                                       false,
		``:                                                         false,
	} {
		sampler, list, ok := scan([]byte(text))
		if ok != quick {
			t.Errorf("%s: read quickly is %v", text, ok)
		}
		var a struct {
			SamplerID string  `json:"sampler_id"`
			Mode      string  `json:"mode"`
			Samples   []Entry `json:"samples"`
		}
		if ok && ergo.Decode([]byte(text), &a) != nil {
			t.Errorf("%s: it is no answer, and was read", text)
		}
		if a.Mode == "active" {
			a.SamplerID, a.Samples = "", nil
		}
		for i := range list {
			list[i].checked = false
		}
		if ok && (sampler != a.SamplerID || !reflect.DeepEqual(list, a.Samples)) {
			t.Errorf("%s:\n%q %+v\ndecoded %q %+v", text, sampler, list, a.SamplerID, a.Samples)
		}
	}
}

// TestLinesAsDecoded does so for one line, also of what is no line.
func TestLinesAsDecoded(t *testing.T) {
	for text, quick := range map[string]bool{
		`{"level":"info","message":"a","source":"b","time":"2026-11-22T01:11:00.38Z","type":"process","fields":{"a":1}}`: true,
		`{"level":"info","Message":"a"}`:      false,
		`{"level":3,"message":"a"}`:           false,
		`{"level":"info","time":null}`:        false,
		`{"level":"info","time":"yesterday"}`: false,
		`{}`:                                  false,
		`7`:                                   false,
		`"level"`:                             false,
	} {
		w, ok := scanLine([]byte(text))
		var want Line
		if _ = ergo.Decode([]byte(text), &want); ok != quick || ok && w != want {
			t.Errorf("%s: read quickly is %v: %+v, decoded %+v", text, ok, w, want)
		}
	}
	e := Pushed(time.Time{}, []byte(`{"level":"info","message":"cut o`))
	if l := e.Line(); l.Level != "" {
		t.Errorf("what was pushed is cut off, and read as %+v", l)
	}
}
