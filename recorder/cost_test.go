package recorder

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"ergorecorder/ergo/capture"
)

// TestCostOfPresets: by the durations of the calls in all captures, both
// presets stay inside their budgets on the captured nodes. With -v it prints
// what a call of each tool costs.
func TestCostOfPresets(t *testing.T) {
	dir := os.Getenv("ERGO_CAPTURES")
	if dir == "" {
		t.Skip("set ERGO_CAPTURES to the folder of captures")
	}
	took := medians(t, dir)
	subjects := map[string]float64{"network_ping": 2, "process_inspect": 16, "process_info": deepest} // of a node of these clusters
	for name, o := range map[string]Options{"standard": Standard(), "light": Light()} {
		spent := took["sample_read"].Seconds() / o.Logs.Every.Seconds()
		for _, s := range o.Samplers {
			if s.Tool == "pprof_cpu" {
				continue // its sleep is no work
			}
			cost := took[s.Tool].Seconds() * max(subjects[s.Tool], 1)
			spent += cost / s.Every.Seconds()
			if name == "standard" {
				t.Logf("%-18s %8v a call, %6.3f ms a second", s.Tool, took[s.Tool].Round(10*time.Microsecond), 1000*cost/s.Every.Seconds())
			}
		}
		t.Logf("%s takes %.2f %% of a node's time, its budget is %.1f %%", name, spent*100, o.Budget*100)
		if spent > o.Budget {
			t.Errorf("%s takes %.2f %% of a node's time, more than its budget", name, spent*100)
		}
	}
}

// medians are those of the calls of every tool that answered.
func medians(t *testing.T, dir string) map[string]time.Duration {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(dir, "*.jsonl.gz"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no captures in %s: %v", dir, err)
	}
	took := map[string][]time.Duration{}
	for _, path := range files {
		f, err := os.Open(path)
		if err != nil {
			t.Fatal(err)
		}
		for l, err := range capture.Read(f) {
			if broken := (*capture.LineError)(nil); err != nil && !errors.As(err, &broken) {
				t.Fatal(err)
			}
			if err == nil && l.Refused == nil {
				took[l.Call.Tool] = append(took[l.Call.Tool], l.Answer.Took)
			}
		}
		f.Close()
	}
	out := map[string]time.Duration{}
	for tool, d := range took {
		slices.Sort(d)
		out[tool] = d[len(d)/2]
	}
	return out
}
