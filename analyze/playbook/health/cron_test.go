package health

import (
	"fmt"
	"testing"
	"time"
)

func TestJobs(t *testing.T) {
	answer := func(run int, failed string) []byte {
		return fmt.Appendf(nil, `{"Jobs":[{"Name":"sweep","LastRun":"2026-11-22T10:%02d:00Z","LastErr":%q},{"Name":"idle","LastRun":"0001-01-01T00:00:00Z","LastErr":""}]}`, run, failed)
	}
	known := map[string]*job{}
	for i, a := range []struct {
		run    int
		failed string
	}{{1, ""}, {2, "unknown process"}, {2, "unknown process"}, {3, "unknown process"}, {4, ""}} {
		jobs(known, time.Unix(int64(60*i), 0), answer(a.run, a.failed))
	}
	j := known["sweep"]
	if j.failed != 2 || j.before || j.first != time.Unix(60, 0) || j.well != time.Unix(240, 0) || j.err != "unknown process" {
		t.Errorf("sweep: %+v", j)
	}
	if known["idle"].failed != 0 {
		t.Errorf("idle: %+v", known["idle"])
	}
}
