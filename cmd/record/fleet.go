package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"ergorecorder/archive"
	"ergorecorder/ergo/secret"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/member"
	"ergorecorder/fleet/shape"
	"ergorecorder/recorder"
)

// fleetConfig says which fleet the recorder is one of, if any; see docs/fleet.md.
type fleetConfig struct {
	Name      string        `yaml:"name"` // of the fleet; none: it stands alone
	Engine    []string      `yaml:"engine"`
	Cluster   string        `yaml:"cluster"`
	Recorder  string        `yaml:"recorder"` // its name in the fleet; none: the machine's
	Witnesses int           `yaml:"witnesses"`
	Within    time.Duration `yaml:"within"` // runs that go on for longer are ended, to be shipped
	CredsFile string        `yaml:"creds-file"`
	TokenFile string        `yaml:"token-file"`
	CAFile    string        `yaml:"ca-file"`
	CertFile  string        `yaml:"cert-file"`
	KeyFile   string        `yaml:"key-file"`
	KeepAge   time.Duration `yaml:"keep-age"` // of what the engine keeps
	MaxBytes  int64         `yaml:"max-bytes"`
	Replicas  int           `yaml:"replicas"`
}

// standardFleet is what stands where nothing is said. Data are with the engine some
// minutes after they were recorded, and for a month.
func standardFleet() fleetConfig {
	return fleetConfig{Cluster: "main", Witnesses: 1, Within: 5 * time.Minute, KeepAge: 30 * 24 * time.Hour}
}

func addFleetFlags(fl *pflag.FlagSet) {
	fl.String("fleet", "", "share the cluster's nodes with the other recorders of this fleet, and ship what is recorded to its engine; see docs/fleet.md")
	fl.StringSlice("engine", nil, "where the fleet's engine is: nats://HOST:PORT (repeatable)")
	fl.String("cluster", "main", "the cluster's name in the fleet")
	fl.String("recorder-name", "", "this recorder's name in the fleet (default: the machine's)")
	fl.Int("witnesses", 1, "how many recorders of the fleet are to record each node")
	fl.String("engine-creds", "", "file with NATS credentials for the engine")
	fl.String("engine-token-file", "", "file with the engine's token")
	fl.String("engine-ca", "", "file with the certificates of who signed the engine's")
	fl.String("engine-cert", "", "file with a certificate of our own for the engine")
	fl.String("engine-key", "", "file with its key")
}

// sane refuses what means nothing.
func (c *fleetConfig) sane() error {
	switch {
	case c.Name == "" && len(c.Engine) > 0:
		return errors.New("fleet.engine: of which fleet? give --fleet NAME")
	case c.Name != "" && len(c.Engine) == 0:
		return errors.New("fleet.engine: where is the engine? give --engine nats://HOST:PORT (fleet engine starts one)")
	case c.Within > shape.MostRun:
		return fmt.Errorf("fleet.within %v: at most %v, so that who asks about a time knows until when blocks of it may come", c.Within, shape.MostRun)
	case c.MaxBytes < 0 || c.Replicas < 0:
		return errors.New("fleet: less than nothing means nothing")
	}
	return nil
}

// noSecrets refuses files of secrets that are not there: somebody may have given the
// secret itself.
func (c *fleetConfig) noSecrets() error {
	for key, file := range map[string]string{"creds-file": c.CredsFile, "token-file": c.TokenFile, "key-file": c.KeyFile} {
		if file == "" {
			continue
		}
		if _, err := os.Stat(file); err != nil {
			return fmt.Errorf("fleet.%s: %w", key, secret.Unnamed(err))
		}
	}
	return nil
}

// join makes the recorder to come one of its fleet; nil where it is of none.
func (c *fleetConfig) join(opts *recorder.Options, w *archive.Writer, say func(string)) (*member.Member, error) {
	if c.Name == "" {
		return nil, nil
	}
	name := c.Recorder
	if name == "" {
		name = ownName()
	}
	m, err := member.New(member.Options{
		Engine:  c.link(),
		Cluster: c.Cluster, Name: name, Witnesses: c.Witnesses, Takeover: member.Takeover(listedEvery(opts)), Within: c.Within,
		State:   strings.TrimRight(w.Path(), string(filepath.Separator)) + ".fleet",
		Version: opts.Version, Now: time.Now, Notice: say,
	}, w)
	if err != nil {
		return nil, fmt.Errorf("fleet: %w", err)
	}
	opts.Fleet = m
	return m, nil
}

// link says how the fleet's engine is reached.
func (c *fleetConfig) link() link.Options {
	return link.Options{
		Fleet: c.Name, Hosts: c.Engine, CredsFile: c.CredsFile, TokenFile: c.TokenFile, CAFile: c.CAFile, CertFile: c.CertFile, KeyFile: c.KeyFile,
		Replicas: c.Replicas, KeepAge: c.KeepAge, MaxBytes: c.MaxBytes,
	}
}

// listedEvery is how often processes are listed.
func listedEvery(o *recorder.Options) time.Duration {
	if i := slices.IndexFunc(o.Samplers, func(s recorder.Sampler) bool { return s.Tool == "process_list" }); i >= 0 {
		return o.Samplers[i].Every
	}
	return 0
}

// ownName is the machine's name, as fleets spell names.
func ownName() string {
	name, err := os.Hostname()
	if err != nil {
		return "recorder"
	}
	name, _, _ = strings.Cut(name, ".")
	return strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' {
			return r
		}
		return '-'
	}, name)
}
