package export

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/internal/fixture"
	"ergorecorder/recorder/ingest"
	"ergorecorder/replay"
)

// listings is a recording of process_list answers, a second apart.
func listings(t *testing.T, texts ...string) *replay.Recording {
	t.Helper()
	var records []*archive.Record
	for i, text := range texts {
		ans := ergo.Answer{Text: []byte(text), At: begin.Add(time.Duration(i) * time.Second)}
		records = append(records, ingest.Record(ergo.Call{Node: "a@h", Tool: "process_list"}, nil, ans, nil, ingest.Options{}))
	}
	return fixture.Recorded(t, records)
}

// A process that takes the place of another, or another name, is another series.
func TestOpenMetricsOfWhoComesAndGoes(t *testing.T) {
	row := func(id, name string, mailbox int) string {
		return fmt.Sprintf(`{"PID":"<A.0.%s>","Name":%q,"MessagesMailbox":%d}`, id, name, mailbox)
	}
	rec := listings(
		t,
		"["+row("1", "one", 10)+","+row("2", "two", 20)+"]",
		"["+row("3", "three", 31)+"]",
		"["+row("3", "other", 32)+","+row("1", "one", 12)+"]",
	)
	var b bytes.Buffer
	if err := OpenMetrics(t.Context(), &b, rec, all()); err != nil {
		t.Fatal(err)
	}
	var got []string
	for l := range strings.Lines(b.String()) {
		if _, l, ok := strings.Cut(l, `ergo_process_list_messages_mailbox{node="a@h",pid="<A.0.`); ok {
			got = append(got, strings.TrimSpace(l))
		}
	}
	want := `1>",name="one"} 10 1795309200.000
1>",name="one"} 12 1795309202.000
2>",name="two"} 20 1795309200.000
3>",name="other"} 32 1795309202.000
3>",name="three"} 31 1795309201.000`
	if strings.Join(got, "\n") != want {
		t.Errorf("%s", strings.Join(got, "\n"))
	}
}

// A point of a series that is known costs no memory but its own: there are many millions.
func TestOpenMetricsMakesLabelsOnce(t *testing.T) {
	cost := func(answers int) float64 {
		var texts []string
		for i := range answers {
			var rows []string
			for p := range 200 {
				rows = append(rows, fmt.Sprintf(`{"PID":"<A.0.%d>","Name":"n%d","MessagesMailbox":%d}`, p, p, (i+p)%7))
			}
			texts = append(texts, "["+strings.Join(rows, ",")+"]")
		}
		rec := listings(t, texts...)
		return testing.AllocsPerRun(2, func() {
			if err := OpenMetrics(t.Context(), io.Discard, rec, all()); err != nil {
				t.Error(err)
			}
		})
	}
	if few, many := cost(5), cost(40); many > 3*few {
		t.Errorf("of 5 answers %.0f allocations, of 40 %.0f", few, many)
	}
}
