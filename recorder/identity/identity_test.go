package identity_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/recorder/identity"
)

var began = time.Date(2026, 3, 1, 10, 0, 0, 0, time.UTC)

func info(up time.Duration, server time.Time) string {
	return fmt.Sprintf(`{"Uptime":%d,"ServerTime":%q}`, int(up.Seconds()), server.Format(time.RFC3339Nano))
}

// An archive of a@h, which ran since an hour before, and knows b@h.
func held(t *testing.T) *identity.Cluster {
	t.Helper()
	w, path := archivetest.Create(t, nil)
	for tool, text := range map[string]string{
		"node_info":     info(time.Hour, began),
		"cluster_nodes": `[{"name":"a@h"},{"name":"b@h"}]`,
	} {
		if _, err := w.Append(&archive.Record{Stream: archive.StreamKey{Kind: archive.Sample, Node: "a@h", Name: tool}, At: began, Text: []byte(text)}); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	c, err := identity.Of(archivetest.Open(t, path))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestForeign(t *testing.T) {
	later := began.Add(time.Hour)
	for _, c := range []struct {
		name, nodes, says string
		want              string
	}{
		{"the same life", "a@h", info(2*time.Hour, later), ""},
		{"the same life, and the node's clock was set", "a@h", info(2*time.Hour, later.Add(time.Hour)), ""},
		{"a new life", "a@h", info(10*time.Minute, later), ""},
		{"restarted right at the end", "a@h", info(time.Hour+20*time.Second, later), ""},
		{"only a node that was not recorded", "b@h", info(5*time.Hour, later), ""},
		{"it does not answer", "a@h", "", ""},
		{"other names", "n@x x@x", "", "it is of a@h, and the cluster's nodes are n@x, x@x"},
		{"the same name, and it ran then", "a@h", info(90*time.Minute, later), "a@h runs since 2026-03-01T09:30:00Z, and at 2026-03-01T10:00:00Z the archive saw another a@h"},
	} {
		ask := func(string) ([]byte, time.Time, error) {
			if c.says == "" {
				return nil, time.Time{}, errors.New("down")
			}
			return []byte(c.says), later, nil
		}
		if got := held(t).Foreign(strings.Fields(c.nodes), ask); got == "" != (c.want == "") || !strings.Contains(got, c.want) {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
}
