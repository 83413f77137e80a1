package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-viper/mapstructure/v2"
	"github.com/knadh/koanf/parsers/yaml"
	"github.com/knadh/koanf/providers/confmap"
	"github.com/knadh/koanf/providers/env/v2"
	"github.com/knadh/koanf/v2"
	"github.com/spf13/pflag"
	yamlv3 "go.yaml.in/yaml/v3"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/secret"
	"ergorecorder/internal/cpu"
	"ergorecorder/internal/limit"
	"ergorecorder/internal/watch"
	"ergorecorder/recorder"
	"ergorecorder/recorder/notify"
	"ergorecorder/seal"
)

// envPrefix begins the environment variables that set the configuration: the
// key in capitals, - as _ and a step down as __, as in
// ERGO_RECORD_INCIDENTS__PER_HOUR.
const envPrefix = "ERGO_RECORD_"

// A config is all that `record run` can be told, as it stands in a file.
// A preset gives the defaults; file, environment and flags override it, in
// that order.
type config struct {
	Preset      string          `yaml:"preset"`
	Endpoints   []string        `yaml:"endpoints"`
	Tokens      []string        `yaml:"token-files"` // FILE or ENDPOINT=FILE; never a token itself
	CAFile      string          `yaml:"ca-file"`
	Join        joinConfig      `yaml:"join"`
	Output      string          `yaml:"output"`
	For         time.Duration   `yaml:"for"`
	Interval    time.Duration   `yaml:"interval"`
	Timeout     time.Duration   `yaml:"timeout"`
	MaxAnswer   int64           `yaml:"max-answer"`
	Nodes       []string        `yaml:"nodes"`
	FailFast    bool            `yaml:"fail-fast"`
	Append      bool            `yaml:"append"`
	KeepEnv     bool            `yaml:"keep-env"`
	KeepSecrets bool            `yaml:"keep-secrets"`
	Discover    time.Duration   `yaml:"discover"`
	Parallel    int             `yaml:"parallel"`
	Budget      float64         `yaml:"budget"`
	Samplers    []samplerConfig `yaml:"samplers"`
	Logs        logConfig       `yaml:"logs"`
	Events      []eventConfig   `yaml:"events"`
	Pprof       pprofConfig     `yaml:"pprof"`
	Incidents   incidentConfig  `yaml:"incidents"`
	Archive     archiveConfig   `yaml:"archive"`
	Shelf       shelfConfig     `yaml:"shelf"`
	Control     controlConfig   `yaml:"control"`
	Fleet       fleetConfig     `yaml:"fleet"`
}

type samplerConfig struct {
	Tool    string         `yaml:"tool"`
	Args    map[string]any `yaml:"args,omitempty"`
	Every   time.Duration  `yaml:"every"`
	Nodes   []string       `yaml:"nodes,omitempty"`
	Targets []string       `yaml:"targets,omitempty"`
}

type logConfig struct {
	Levels []string      `yaml:"levels"`
	Every  time.Duration `yaml:"every"`
	Buffer int           `yaml:"buffer"`
	Renew  time.Duration `yaml:"renew"`
}

type eventConfig struct {
	Event string   `yaml:"event"`
	Nodes []string `yaml:"nodes,omitempty"`
}

type pprofConfig struct {
	Nodes []string      `yaml:"nodes"` // NODE=URL
	Every time.Duration `yaml:"every"`
}

type incidentConfig struct {
	Detect     bool          `yaml:"detect"`
	Rules      string        `yaml:"rules"` // a file; see docs/rules.md
	LogMatch   string        `yaml:"log-match"`
	Every      time.Duration `yaml:"every"`
	Share      float64       `yaml:"share"` // of a core's time that detectors may use: where they need more they are asked less often
	Before     time.Duration `yaml:"before"`
	After      time.Duration `yaml:"after"`
	Faster     float64       `yaml:"faster"`
	Cooldown   time.Duration `yaml:"cooldown"`
	PerHour    int           `yaml:"per-hour"`
	Dir        string        `yaml:"dir"`
	Recipients []string      `yaml:"recipients"` // public keys to which the files in dir are encrypted, or files of them
	Command    []string      `yaml:"command"`
	URL        string        `yaml:"url"`
	SecretFile string        `yaml:"secret-file"`
}

type archiveConfig struct {
	KeepAge     time.Duration `yaml:"keep-age"`
	KeepBytes   int64         `yaml:"keep-bytes"`
	MaxBytes    int64         `yaml:"max-bytes"`
	RotateAge   time.Duration `yaml:"rotate-age"`
	RotateBytes int64         `yaml:"rotate-bytes"`
}

type controlConfig struct {
	Listen    string `yaml:"listen"`
	TokenFile string `yaml:"token-file"`
	Socket    bool   `yaml:"socket"` // readers of this machine and user are answered
}

// presetConfig is the configuration that a preset stands for.
func presetConfig(name string) (config, error) {
	var o recorder.Options
	switch name {
	case "standard":
		o = recorder.Standard()
	case "light":
		o = recorder.Light()
	default:
		return config{}, fmt.Errorf("preset %q: there are standard and light", name)
	}
	c := config{
		Preset: name, Timeout: o.Timeout, MaxAnswer: limit.MostAnswer, Discover: o.Discover, Parallel: o.Parallel, Budget: o.Budget,
		Logs:  logConfig{o.Logs.Levels, o.Logs.Every, o.Logs.Buffer, o.Logs.Renew},
		Pprof: pprofConfig{Every: o.PprofAll}, Control: controlConfig{Socket: true}, Fleet: standardFleet(),
		Incidents: incidentConfig{
			Detect: true, Every: o.Incidents.Every, Share: o.Incidents.Share, Before: o.Incidents.Before, After: o.Incidents.After,
			Faster: o.Incidents.Faster, Cooldown: o.Incidents.Cooldown, PerHour: o.Incidents.PerHour,
		},
	}
	for _, s := range o.Samplers {
		c.Samplers = append(c.Samplers, samplerConfig{s.Tool, s.Args, s.Every, s.Nodes, s.Targets})
	}
	return c, nil
}

// flagKeys are the keys of the flags that are not called as their key is.
var flagKeys = map[string]string{
	"endpoint": "endpoints", "token-file": "token-files", "node": "nodes", "pprof": "pprof.nodes",
	"log-level": "logs.levels", "log-match": "incidents.log-match", "incident-dir": "incidents.dir",
	"on-incident": "incidents.command", "detect": "incidents.detect", "recipient": "incidents.recipients",
	"incident-url": "incidents.url", "incident-secret-file": "incidents.secret-file", "rules": "incidents.rules",
	"keep-age": "archive.keep-age", "keep-bytes": "archive.keep-bytes", "max-bytes": "archive.max-bytes",
	"join": "join.nodes", "cookie-file": "join.cookie-file", "node-name": "join.node-name",
	"shelf": "shelf.url", "shelf-endpoint": "shelf.endpoint", "shelf-keep-age": "shelf.keep-age", "shelf-keep-bytes": "shelf.keep-bytes", "shelf-drop-local": "shelf.drop-local",
	"tls": "join.tls", "follow-routes": "join.follow-routes",
	"control": "control.listen", "control-token-file": "control.token-file", "socket": "control.socket",
	"fleet": "fleet.name", "engine": "fleet.engine", "cluster": "fleet.cluster", "recorder-name": "fleet.recorder", "witnesses": "fleet.witnesses",
	"engine-creds": "fleet.creds-file", "engine-token-file": "fleet.token-file", "engine-ca": "fleet.ca-file", "engine-cert": "fleet.cert-file", "engine-key": "fleet.key-file",
}

// loadConfig puts the configuration together: the preset, the file at path
// ("" for none), the environment and the flags that were given.
func loadConfig(path string, environ []string, flags *pflag.FlagSet) (config, error) {
	over := koanf.New(".")
	if path != "" {
		text, err := limit.Settings.ReadFile(path)
		if err == nil {
			err = loadYAML(over, text)
		}
		if err != nil {
			return config{}, fmt.Errorf("read configuration %s: %w", path, err)
		}
	}
	fromEnv := env.Provider(".", env.Opt{Prefix: envPrefix, EnvironFunc: func() []string { return environ }, TransformFunc: envKey})
	if err := over.Load(fromEnv, nil); err != nil {
		return config{}, fmt.Errorf("read configuration from the environment: %w", err)
	}
	if err := over.Load(confmap.Provider(given(flags), "."), nil); err != nil {
		return config{}, fmt.Errorf("read configuration from flags: %w", err)
	}
	preset := "standard"
	if over.Exists("preset") {
		preset = over.String("preset")
	}
	c, err := presetConfig(preset)
	if err != nil {
		return config{}, err
	}
	if err := unmarshal(over, &c); err != nil {
		return config{}, fmt.Errorf("configuration: %w (record config --help shows what there is)", err)
	}
	return c, nil
}

func loadYAML(k *koanf.Koanf, text []byte) error {
	values, err := yaml.Parser().Unmarshal(text)
	if err != nil {
		return err
	}
	return k.Load(confmap.Provider(values, ""), nil)
}

// unmarshal sets what k holds, and refuses keys that do not exist.
func unmarshal(k *koanf.Koanf, c *config) error {
	return k.UnmarshalWithConf("", c, koanf.UnmarshalConf{
		Tag: "yaml",
		DecoderConfig: &mapstructure.DecoderConfig{
			Result:           c,
			TagName:          "yaml",
			WeaklyTypedInput: true,
			ErrorUnused:      true,
			ZeroFields:       true, // a list replaces the preset's
			DecodeHook: mapstructure.ComposeDecodeHookFunc(
				mapstructure.StringToTimeDurationHookFunc(),
				commaList,
			),
		},
	})
}

// commaList splits the text of a list, as it stands in the environment.
func commaList(from, to reflect.Type, v any) (any, error) {
	if from.Kind() != reflect.String || to.Kind() != reflect.Slice || to.Elem().Kind() != reflect.String {
		return v, nil
	}
	text := v.(string)
	if text == "" {
		return []string{}, nil
	}
	return strings.Split(text, ","), nil
}

func envKey(name, value string) (string, any) {
	key := strings.TrimPrefix(name, envPrefix)
	key = strings.ReplaceAll(strings.ToLower(key), "__", ".")
	return strings.ReplaceAll(key, "_", "-"), value
}

// given are the values of the flags that were given, by key.
func given(flags *pflag.FlagSet) map[string]any {
	values := map[string]any{}
	flags.Visit(func(f *pflag.Flag) {
		key := f.Name
		if k, ok := flagKeys[key]; ok {
			key = k
		}
		if !slices.Contains(configKeys(), key) {
			return // of another part of the program
		}
		if list, ok := f.Value.(pflag.SliceValue); ok {
			values[key] = list.GetSlice()
		} else {
			values[key] = f.Value.String()
		}
	})
	return values
}

// configKeys are the keys of a configuration, down to the second step.
func configKeys() []string {
	var keys []string
	t := reflect.TypeFor[config]()
	for i := range t.NumField() {
		name := t.Field(i).Tag.Get("yaml")
		keys = append(keys, name)
		if inner := t.Field(i).Type; inner.Kind() == reflect.Struct {
			for j := range inner.NumField() {
				keys = append(keys, name+"."+inner.Field(j).Tag.Get("yaml"))
			}
		}
	}
	return keys
}

// noSecrets refuses addresses that may hold a secret, and names of secrets'
// files where no file is: somebody may have given the secret itself.
func (c *config) noSecrets() error {
	for _, e := range c.Endpoints {
		if _, err := parseSource(e); err != nil {
			return err
		}
	}
	for i, t := range c.Tokens {
		_, file, err := splitTokenFile(t)
		if err == nil {
			_, err = os.Stat(file)
		}
		if err != nil {
			return fmt.Errorf("token-files: entry %d: %w", i+1, secret.Unnamed(err))
		}
	}
	if _, err := seal.Keys(c.Incidents.Recipients); err != nil {
		return fmt.Errorf("incidents.recipients: %w", err)
	}
	if c.Incidents.URL != "" {
		if _, err := notify.ParseURL(c.Incidents.URL); err != nil {
			return fmt.Errorf("incidents.url: %w", err)
		}
	}
	if file := c.Incidents.SecretFile; file != "" {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("incidents.secret-file: %w", secret.Unnamed(err))
		}
	}
	if file := c.Join.CookieFile; file != "" {
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("join.cookie-file: %w", secret.Unnamed(err))
		}
	}
	if err := c.Fleet.noSecrets(); err != nil {
		return err
	}
	if file := c.Control.TokenFile; file != "" {
		_, err := os.Stat(file)
		if err != nil && !inNamedFolder(file) { // else record run makes it
			return fmt.Errorf("control.token-file: %w", secret.Unnamed(err))
		}
	}
	return nil
}

// inNamedFolder reports whether a path names a folder that is there, as no
// secret does.
func inNamedFolder(path string) bool {
	dir := filepath.Dir(path)
	if dir == "." || dir == string(filepath.Separator) {
		return false
	}
	info, err := os.Stat(dir)
	return err == nil && info.IsDir()
}

// text is the configuration as a file would hold it.
func (c *config) text() ([]byte, error) {
	b, err := yamlv3.Marshal(c)
	if err != nil {
		return nil, fmt.Errorf("print configuration: %w", err)
	}
	return b, nil
}

// recorderOptions are those of the recorder.
func (c *config) recorderOptions() (recorder.Options, error) {
	in := c.Incidents
	o := recorder.Options{
		Version: version(),
		Logs:    recorder.Listening{Levels: c.Logs.Levels, Every: c.Logs.Every, Buffer: c.Logs.Buffer, Renew: c.Logs.Renew},
		Nodes:   c.Nodes, Discover: c.Discover, Timeout: c.Timeout, Parallel: c.Parallel, Budget: c.Budget,
		For: c.For, FailFast: c.FailFast, Append: c.Append, KeepEnv: c.KeepEnv, KeepSecrets: c.KeepSecrets, PprofAll: c.Pprof.Every,
		Incidents: recorder.Incidents{
			Every: in.Every, Share: in.Share, CPU: cpu.Spent, Before: in.Before, After: in.After, Faster: in.Faster, Cooldown: in.Cooldown, PerHour: in.PerHour,
		},
	}
	for _, s := range c.Samplers {
		o.Samplers = append(o.Samplers, recorder.Sampler{Tool: s.Tool, Args: ergo.Args(s.Args), Every: s.Every, Nodes: s.Nodes, Targets: s.Targets})
	}
	for _, e := range c.Events {
		o.Events = append(o.Events, recorder.EventListener{Event: e.Event, Nodes: e.Nodes})
	}
	if c.Interval > 0 {
		o.Scale(c.Interval)
	}
	rules, err := readRules(in.Rules)
	switch {
	case err != nil:
		return o, err
	case rules != nil && !in.Detect:
		return o, errors.New("incidents.rules: nobody asks the rules without incidents.detect")
	case in.Detect:
		o.Incidents.Detectors = []recorder.Detector{&watch.Detector{Rules: rules}}
	}
	if in.LogMatch != "" {
		if o.Incidents.LogMatch, err = regexp.Compile(in.LogMatch); err != nil {
			return o, fmt.Errorf("incidents.log-match: %w", err)
		}
	}
	o.Pprof, err = profilers(c.Pprof.Nodes)
	return o, err
}

// archiveOptions are those of the archive's writer.
func (c *config) archiveOptions() *archive.Options {
	a := c.Archive
	if a.RotateAge == 0 && c.Shelf.URL != "" {
		a.RotateAge = shelfRotate
	}
	return &archive.Options{
		KeepAge: a.KeepAge, KeepBytes: a.KeepBytes, MaxBytes: a.MaxBytes,
		RotateAge: a.RotateAge, RotateBytes: a.RotateBytes,
	}
}

// environment is that of the process.
func environment() []string { return os.Environ() }
