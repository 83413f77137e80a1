package cpu

import (
	"testing"

	"ergorecorder/analyze/profiles"
)

func TestHottest(t *testing.T) {
	table := profiles.Table{Rows: []profiles.Row{
		{Function: "runtime.mallocgc", Flat: 40, Cum: 60},
		{Function: "app.(*A).scan", Flat: 30, Cum: 80},
		{Function: "app.(*A).HandleMessage", Flat: 0, Cum: 90},
		{Function: "app.(*B).HandleMessage", Flat: 5, Cum: 10},
	}}
	if r, ok := hottest(table, 100, hotShare.Default); !ok || r.Function != "app.(*A).scan" {
		t.Errorf("hottest is %+v, want the innermost that holds about as much", r)
	}
	if r, ok := hottest(table, 400, hotShare.Default); ok {
		t.Errorf("%+v is named with less than 30 %% of the CPU", r)
	}
}
