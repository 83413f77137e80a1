package main

import (
	"bytes"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/spf13/pflag"

	"ergorecorder/internal/exit"
)

// configOf loads a configuration from a file's text, an environment and flags.
func configOf(t *testing.T, yaml string, environ []string, args ...string) (config, error) {
	t.Helper()
	path := ""
	if yaml != "" {
		path = filepath.Join(t.TempDir(), "record.yaml")
		if err := os.WriteFile(path, []byte(yaml), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var f runFlags
	fl := pflag.NewFlagSet("run", pflag.ContinueOnError)
	f.add(fl)
	if err := fl.Parse(args); err != nil {
		t.Fatal(err)
	}
	return loadConfig(path, environ, fl)
}

// TestConfigOrder: file, environment and flags override the preset, in that
// order; a list replaces the preset's list; the rest stays.
func TestConfigOrder(t *testing.T) {
	c, err := configOf(t, `
preset: light
budget: 0.1
endpoints: [a, b]
incidents: {per-hour: 9, log-match: panic, command: [notify, "%s"]}
samplers:
  - {tool: process_list, args: {limit: 7, name: x}, every: 3s}
  - {tool: process_inspect, every: 9s, targets: [supervisors, "db*"], nodes: ["n*"]}
`, []string{"ERGO_RECORD_BUDGET=0.2", "ERGO_RECORD_INCIDENTS__PER_HOUR=8", "ERGO_RECORD_TOKEN_FILES=x,y", "OTHER=1"},
		"--budget", "0.3", "--for", "90s", "--pprof", "n=http://h:9009", "--detect=false")
	if err != nil {
		t.Fatal(err)
	}
	if c.Preset != "light" || c.Budget != 0.3 || c.For != 90*time.Second || c.Incidents.PerHour != 8 || c.Incidents.LogMatch != "panic" || c.Incidents.Detect {
		t.Errorf("%+v", c)
	}
	if c.Incidents.Before != 5*time.Minute || c.Logs.Every != 4*time.Second {
		t.Errorf("the preset's values are lost: %v, %v", c.Incidents.Before, c.Logs.Every)
	}
	for what, list := range map[string][]string{"a b": c.Endpoints, "x y": c.Tokens, "n=http://h:9009": c.Pprof.Nodes, "notify %s": c.Incidents.Command} {
		if got := strings.Join(list, " "); got != what {
			t.Errorf("list %q, want %q", got, what)
		}
	}
	o, err := c.recorderOptions()
	if err != nil {
		t.Fatal(err)
	}
	if len(o.Samplers) != 2 || o.Samplers[0].Args.String() != `{"limit":7,"name":"x"}` || o.Samplers[1].Targets[1] != "db*" || o.Samplers[1].Every != 9*time.Second {
		t.Errorf("samplers %+v", o.Samplers)
	}
	if o.Pprof["n"] == nil || !o.Incidents.LogMatch.MatchString("a panic") {
		t.Error("pprof or the log pattern did not arrive")
	}
}

// TestConfigRoundTrip: what record config prints is a configuration that means
// the same.
func TestConfigRoundTrip(t *testing.T) {
	for _, preset := range []string{"standard", "light"} {
		c, err := configOf(t, "", nil, "--preset", preset, "--endpoint", "a", "--on-incident", "x")
		if err != nil {
			t.Fatal(err)
		}
		text, err := c.text()
		if err != nil {
			t.Fatal(err)
		}
		again, err := configOf(t, string(text), nil)
		if err != nil {
			t.Fatalf("%v in\n%s", err, text)
		}
		text2, err := again.text()
		if err != nil {
			t.Fatal(err)
		}
		if !bytes.Equal(text, text2) {
			t.Errorf("printed\n%s\nread back as\n%s", text, text2)
		}
	}
}

func TestConfigErrors(t *testing.T) {
	for want, yaml := range map[string]string{
		"no-such-key":     "no-such-key: 1",
		"intervall":       "samplers: [{tool: x, every: 1s, intervall: 2s}]",
		"preset \"heavy":  "preset: heavy",
		"read config":     "a: [",
		"budget":          "budget: much",
		"invalid durat":   "discover: soon",
		"incidents.cooll": "incidents: {cooll: 1}",
	} {
		if _, err := configOf(t, yaml, nil); err == nil || !strings.Contains(err.Error(), strings.TrimPrefix(want, "incidents.")) {
			t.Errorf("%s: error %v, want %q", yaml, err, want)
		}
	}
	c, err := configOf(t, "incidents: {log-match: '('}", nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := c.recorderOptions(); err == nil || !strings.Contains(err.Error(), "log-match") {
		t.Errorf("error %v", err)
	}
}

// TestTokenInPlaceOfFile: a secret that was given where its file belongs is
// neither printed nor repeated by an error.
func TestTokenInPlaceOfFile(t *testing.T) {
	for _, secret := range []string{"s3cret", "s3cret==", "s3cret:x@y=z", "%s3cret=a", "/s3cret", "s3cret/x"} {
		for _, key := range []string{"token-files", "control.token-file", "join.cookie-file"} {
			var args []string
			switch key {
			case "token-files":
				args = []string{"--token-file", secret, "--endpoint", "h"}
			case "control.token-file":
				args = []string{"--control-token-file", secret}
			case "join.cookie-file":
				args = []string{"--cookie-file", secret, "--join", "a@h:1"}
			}
			var out bytes.Buffer
			if code := run(t.Context(), "record", append([]string{"config"}, args...), strings.NewReader(""), &out, &out); code != exit.Usage {
				t.Errorf("%s: exit code %d, want a refusal", key, code)
			}
			if strings.Contains(out.String(), "s3cret") || !strings.Contains(out.String(), key) {
				t.Errorf("config says %s", &out)
			}
			if key == "control.token-file" {
				continue // record run makes that file
			}
			out.Reset()
			run(t.Context(), "record", append([]string{"run", "-o", t.TempDir() + "/a.erg"}, args...), strings.NewReader(""), &out, &out)
			if strings.Contains(out.String(), "s3cret") {
				t.Errorf("run says %s", &out)
			}
		}
	}
	file := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(file, []byte("s3cret"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	code := run(t.Context(), "record", []string{"config", "--endpoint", "h", "--token-file", "h=" + file, "--control-token-file", file + ".to-be-made"}, strings.NewReader(""), &out, &out)
	if code != exit.OK || !strings.Contains(out.String(), "h="+file) || !strings.Contains(out.String(), file+".to-be-made") || strings.Contains(out.String(), "s3cret") {
		t.Errorf("a file that is there: exit code %d, %s", code, &out)
	}
}
