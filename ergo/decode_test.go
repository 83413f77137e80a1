package ergo_test

import (
	"testing"

	"ergorecorder/ergo"
)

func TestDecode(t *testing.T) {
	var rows []struct {
		Name string
		In   int64
		Up   int64
	}
	text := `[{"Name":"a","In":"7","Up":1},{"Name":"b","In":18446744073709551615,"Up":2},{"Name":"c","In":null,"Up":3.5},{"Name":"d","In":4,"Up":-5}]`
	if err := ergo.Decode([]byte(text), &rows); err != nil || len(rows) != 4 {
		t.Fatalf("%d rows, %v", len(rows), err)
	}
	for i, want := range []struct {
		name   string
		in, up int64
	}{{"a", 0, 1}, {"b", 0, 2}, {"c", 0, 0}, {"d", 4, -5}} {
		if r := rows[i]; r.Name != want.name || r.In != want.in || r.Up != want.up {
			t.Errorf("row %d: %+v, want %+v", i, r, want)
		}
	}
	for _, bad := range []string{`{"Name":"a"}`, `"text"`, `[{"Name":"a"`, ``} {
		if err := ergo.Decode([]byte(bad), &rows); err == nil {
			t.Errorf("%s decodes", bad)
		}
	}
}

func TestWhole(t *testing.T) {
	for literal, want := range map[string]int64{"7": 7, "366.0": 366, "-1": -1, "1e3": 1000, "9223372036854775807": 1<<63 - 1} {
		if v, ok := ergo.Whole(literal); !ok || v != want {
			t.Errorf("%s: %d %v", literal, v, ok)
		}
	}
	for _, odd := range []string{"18446744073709551615", "0.5", "1e300", `"7"`, "null", "NaN", "0x10", ""} {
		if v, ok := ergo.Whole(odd); ok {
			t.Errorf("%s is %d", odd, v)
		}
	}
}
