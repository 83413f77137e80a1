package profiles_test

import (
	"bytes"
	"math"
	"strings"
	"testing"

	"github.com/google/pprof/profile"

	"ergorecorder/analyze/profiles"
)

// oddProfile is a CPU profile of samples of one frame each: an address, with a
// function's name unless that is "".
func oddProfile(t *testing.T, samples map[string][]int64) *profiles.Raw {
	t.Helper()
	p := &profile.Profile{SampleType: []*profile.ValueType{{Type: "cpu", Unit: "nanoseconds"}}, DurationNanos: 5e9}
	id := uint64(0)
	for name, values := range samples {
		id++
		l := &profile.Location{ID: id, Address: 0x4000 + id}
		if name != "" {
			f := &profile.Function{ID: id, Name: name}
			p.Function = append(p.Function, f)
			l.Line = []profile.Line{{Function: f}}
		}
		p.Location = append(p.Location, l)
		for _, v := range values {
			p.Sample = append(p.Sample, &profile.Sample{Location: []*profile.Location{l}, Value: []int64{v}})
		}
	}
	var b bytes.Buffer
	if err := p.Write(&b); err != nil {
		t.Fatal(err)
	}
	r, err := profiles.ParseRaw(b.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// A profile of addresses only says so, and nobody's code is named.
func TestWithoutSymbols(t *testing.T) {
	top, err := oddProfile(t, map[string][]int64{"": {7, 8}, "app/x.(*W).HandleMessage": {5}}).Top("cpu", "")
	if err != nil {
		t.Fatal(err)
	}
	if notes := strings.Join(top.Notes, "\n"); !strings.Contains(notes, "2 of 3 samples have no symbol") {
		t.Errorf("notes: %q", notes)
	}
	for _, r := range top.Rows {
		if want := map[bool]profiles.Origin{true: profiles.Application, false: profiles.Unknown}[strings.HasPrefix(r.Function, "app/")]; profiles.OriginOf(r.Function) != want {
			t.Errorf("%s is of origin %v, want %v", r.Function, profiles.OriginOf(r.Function), want)
		}
	}
}

// Sums that 64 bits do not hold stand at the limit, and are told as such.
func TestTotalThatOverflows(t *testing.T) {
	top, err := oddProfile(t, map[string][]int64{"app/x.(*W).HandleMessage": {math.MaxInt64 / 2, math.MaxInt64 / 2, math.MaxInt64 / 2}, "app/y.F": {1}}).Top("cpu", "")
	if err != nil {
		t.Fatal(err)
	}
	if top.Total != math.MaxInt64 || top.Rows[0].Flat != math.MaxInt64 || top.Rows[1].Flat != 1 {
		t.Errorf("total %d, rows %+v", top.Total, top.Rows)
	}
	if notes := strings.Join(top.Notes, "\n"); !strings.Contains(notes, "add up to more than 64 bits hold") {
		t.Errorf("notes: %q", notes)
	}
}
