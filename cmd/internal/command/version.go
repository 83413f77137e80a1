package command

import (
	"fmt"
	"runtime/debug"

	"ergorecorder/archive"
)

// A Build is what a program says of itself.
type Build struct {
	Version string // of the module; (devel) where it was not built from a commit
	Commit  string // 12 digits, with + where files had been changed; empty where not known
	Go      string // the toolchain
}

// ReadBuild reads what the toolchain wrote into the program.
func ReadBuild() Build {
	b := Build{Version: "(devel)"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return b
	}
	b.Go = info.GoVersion
	if info.Main.Version != "" {
		b.Version = info.Main.Version
	}
	changed := ""
	for _, s := range info.Settings {
		switch s.Key {
		case "vcs.revision":
			b.Commit = s.Value[:min(12, len(s.Value))]
		case "vcs.modified":
			if s.Value == "true" {
				changed = "+"
			}
		}
	}
	if b.Commit != "" {
		b.Commit += changed
	}
	return b
}

// String is the line that --version prints behind the command's name.
func (b Build) String() string {
	commit := "commit unknown"
	if b.Commit != "" {
		commit = "commit " + b.Commit
	}
	return fmt.Sprintf("%s, %s, %s, archive format %d (reads 1 to %[4]d)", b.Version, commit, b.Go, archive.FormatVersion)
}
