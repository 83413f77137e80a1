package ingest

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"ergorecorder/archive"
	"ergorecorder/ergo/capture"
)

// An Imported says what came in.
type Imported struct {
	Lines    int // calls stored
	Profiles int
	Broken   []error // what could not be read, passed over
	Nodes    map[string]bool
}

// Capture stores every line of a capture. Broken lines are counted in into
// and passed over; only an error of the archive or of ctx ends it. A capture
// that breaks off keeps what came before.
func Capture(ctx context.Context, r io.Reader, w *archive.Writer, opt Options, into *Imported) error {
	if into.Nodes == nil {
		into.Nodes = map[string]bool{}
	}
	for l, err := range capture.Read(r) {
		if err != nil {
			into.Broken = append(into.Broken, err)
			continue
		}
		if err := ctx.Err(); err != nil {
			return err
		}
		if _, err := w.Append(Record(l.Call, l.Args, l.Answer, l.Refused, opt)); err != nil {
			return fmt.Errorf("store %s at %s: %w", l.Call, l.Answer.At.Format(time.RFC3339Nano), err)
		}
		into.Lines++
		into.Nodes[l.Call.Node] = true
	}
	return nil
}

// Profile stores a raw pprof profile, its bytes unchanged, at its own
// time_nanos. Kind is heap, cpu, goroutine, ….
func Profile(raw []byte, node, kind string, w *archive.Writer) error {
	p, err := profile.ParseData(raw)
	if err != nil {
		return fmt.Errorf("parse %s profile of %s: %w", kind, node, err)
	}
	at := time.Unix(0, p.TimeNanos).UTC()
	if p.TimeNanos == 0 {
		return fmt.Errorf("parse %s profile of %s: it has no time", kind, node)
	}
	_, err = w.Append(ProfileRecord(raw, node, kind, at, time.Duration(p.DurationNanos)))
	return err
}

// ProfileRecord is the record of a raw profile taken at the given time.
func ProfileRecord(raw []byte, node, kind string, at time.Time, took time.Duration) *archive.Record {
	return &archive.Record{
		Stream: archive.StreamKey{Kind: archive.Profile, Node: node, Name: kind},
		At:     at,
		Took:   took,
		Text:   raw,
	}
}

// ProfileName splits the name of a profile file that lies beside a capture,
// NAME.NODE.KIND[_before].pb.gz, given the capture's NAME. The node is the
// part of its name before the @.
func ProfileName(file, name string) (node, kind string, ok bool) {
	rest, ok := strings.CutPrefix(file, name+".")
	if !ok {
		return "", "", false
	}
	rest, ok = strings.CutSuffix(rest, ".pb.gz")
	if !ok {
		return "", "", false
	}
	i := strings.LastIndexByte(rest, '.')
	if i <= 0 {
		return "", "", false
	}
	return rest[:i], strings.TrimSuffix(rest[i+1:], "_before"), true
}
