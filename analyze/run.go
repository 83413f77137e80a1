package analyze

import (
	"context"
	"time"

	"ergorecorder/replay"
)

// Options select what is judged. The zero value judges everything.
type Options struct {
	From, To  time.Time // zero: the recording's own
	Playbooks []string  // health, bottleneck, cpu, memory, process-leak, restart-loop, zombies, network, goroutines, events
	Node      string    // glob over node names
	Path      string    // what the report calls the archive
	Progress  func(done, total int, step string)
}

// Run judges a recording.
func Run(ctx context.Context, rec *replay.Recording, opt Options) (*Report, error) {
	return &Report{Schema: SchemaVersion}, nil
}
