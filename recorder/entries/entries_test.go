package entries

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/ergo"
)

// TestAsksBesideEachOther: what an entry point says is heard when it comes, not when
// those before it have answered; that one fails is no failure, that all do is one.
func TestAsksBesideEachOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		d := Desk{Live: func() {}, Caller: ergo.CallerFunc(func(_ context.Context, call ergo.Call) (ergo.Answer, error) {
			switch call.Node {
			case "stalls@h":
				time.Sleep(10 * time.Second)
				return ergo.Answer{}, errors.New("time-out")
			case "lies@h":
				return ergo.Answer{Text: []byte(`{"not":"a list"}`)}, nil
			}
			time.Sleep(time.Second)
			return ergo.Answer{Text: fmt.Appendf(nil, `[{"name":%q,"status":"self"},{"name":"","status":"x"},{"name":"b@h"}]`, call.Node)}, nil
		})}
		var at []time.Duration
		err := d.Ask(t.Context(), []string{"stalls@h", "lies@h", "a@h"}, func(s Said) {
			at = append(at, time.Since(began))
			if !slices.Equal(s.Names, []string{"a@h", "b@h"}) || s.Call.Node != "a@h" {
				t.Errorf("it said %q of %s", s.Names, s.Call.Node)
			}
		})
		if err != nil || !slices.Equal(at, []time.Duration{time.Second}) || time.Since(began) != 10*time.Second {
			t.Errorf("%v, heard after %v, all after %v", err, at, time.Since(began))
		}
		if err := d.Ask(t.Context(), []string{"stalls@h", "lies@h"}, func(Said) { t.Error("heard something") }); err == nil {
			t.Error("that none answered is no error")
		}
	})
}

func TestInTurns(t *testing.T) {
	got := InTurns([][]string{{"x1", "x2", "x3"}, nil, {"a", "x1"}, {"b"}})
	if want := []string{"x1", "a", "b", "x2", "x3"}; !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}
