package main

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"time"
	"unicode"

	"ergorecorder/fleet/shape"
	"ergorecorder/fleet/view"
)

// planted is in every text of a heartbeat, which any recorder of the fleet may write.
const planted = "x\x1b]52;c;aGk=\x07\u202e\u009b\n# head"

// plant puts it into every text of a value.
func plant(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString(planted)
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() && v.Field(i).Type() != reflect.TypeFor[time.Time]() {
				plant(v.Field(i))
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			plant(v.Index(i))
		}
	case reflect.Map:
		for _, k := range v.MapKeys() {
			v.SetMapIndex(reflect.ValueOf(planted), v.MapIndex(k))
		}
	}
}

// TestHostileNames: what recorders say of themselves steers no terminal and begins no line
// of fleet status.
func TestHostileNames(t *testing.T) {
	now := time.Unix(1_790_000_000, 0)
	r := view.Recorder{Recorder: shape.Recorder{Nodes: []string{""}, Lost: []string{""}, HeardAgo: map[string]float64{"": 1}, Open: []shape.Incident{{}}, Unsure: now}, Heard: now}
	v := &view.Fleet{Now: now, Clusters: []view.Cluster{{
		Recorders: []view.Recorder{r}, Nodes: []view.Node{{Recorders: []string{""}, Offered: []string{""}, Lost: true}},
	}}}
	plant(reflect.ValueOf(v).Elem())
	v.Clusters[0].Recorders[0].State = view.Silent
	var out bytes.Buffer
	if err := show(&out, v); err != nil {
		t.Fatal(err)
	}
	for _, r := range out.String() {
		if r != '\n' && (unicode.IsControl(r) || unicode.Is(unicode.Bidi_Control, r)) {
			t.Fatalf("%U comes through: %q", r, out.String())
		}
	}
	if strings.Contains(out.String(), "\n# head") || strings.Count(out.String(), `\x1b`) < 6 {
		t.Errorf("it says %s", out.String())
	}
}
