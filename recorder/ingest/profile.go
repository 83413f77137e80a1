package ingest

import (
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"github.com/google/pprof/profile"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/redact"
	"ergorecorder/internal/limit"
)

// Profile stores a raw pprof profile at its own time_nanos, once. Kind is heap,
// cpu, goroutine, ….
func Profile(raw []byte, node, kind string, w *archive.Writer, opt Options) error {
	rec, err := ImportedProfile(raw, node, kind, opt)
	if err != nil {
		return err
	}
	if stored(w.View(), rec) {
		return nil
	}
	_, err = w.Append(rec)
	return err
}

// Profile stores an [ImportedProfile], once: where the archive was empty before, nobody
// looks there for what this import stored itself.
func (into *Imported) Profile(rec *archive.Record, w *archive.Writer) error {
	if into.Once && stored(w.View(), rec) || into.tookIn(rec) {
		return nil
	}
	_, err := w.Append(rec)
	return err
}

// A taken is a profile that was taken in.
type taken struct {
	stream archive.StreamKey
	at     int64
	text   [sha256.Size]byte
}

// tookIn reports whether the very profile was taken in before, and notes that it is now.
func (into *Imported) tookIn(rec *archive.Record) bool {
	t := taken{rec.Stream, rec.At.UnixNano(), sha256.Sum256(rec.Text)}
	before := into.taken[t]
	if into.taken == nil {
		into.taken = map[taken]bool{}
	}
	into.taken[t] = true
	return before
}

// Goroutines stores a goroutine dump in words, as /debug/pprof/goroutine gives
// it with debug=1 or debug=2 and a crash prints it, as the answer of
// pprof_goroutines that it would have been, once. Such a dump does not say when
// it was taken: at does.
func Goroutines(text []byte, node string, at time.Time, w *archive.Writer, opt Options) error {
	call := ergo.Call{Node: node, Tool: "pprof_goroutines", Args: ergo.Args{"debug": 1}}
	if !bytes.HasPrefix(text, []byte(grouped)) {
		call.Args = ergo.Args{"debug": 2}
		n := bytes.Count(append([]byte("\n"), text...), []byte("\n"+single))
		text = append(fmt.Appendf(nil, "%s%d\n\n", grouped, n), text...)
	}
	rec := Record(call, nil, ergo.Answer{Text: text, At: at}, nil, opt)
	if stored(w.View(), rec) {
		return nil
	}
	_, err := w.Append(rec)
	return err
}

// How the forms of a goroutine dump in words begin: several goroutines by their
// stack, and one after the other. The tool heads both as the first.
const (
	grouped = "goroutine profile: total "
	single  = "goroutine "
)

// Dumped is the goroutine dump in what may be one, unpacked; ok is false where it
// is none. What stands before the first goroutine, as a crash has it, is left
// out.
func Dumped(raw []byte) (text []byte, ok bool) {
	text, err := unpacked(raw, limit.Profile.Most())
	if err != nil {
		return nil, false
	}
	text = bytes.ReplaceAll(text, []byte("\r\n"), []byte("\n"))
	if bytes.HasPrefix(text, []byte(grouped)) {
		return text, true
	}
	at := oneGoroutine.FindIndex(text)
	if at == nil {
		return nil, false
	}
	return text[at[0]:], true
}

// oneGoroutine is how a goroutine begins: goroutine 12 [chan receive, 3 minutes]:
var oneGoroutine = regexp.MustCompile(`(?m)^goroutine \d+(?: gp=\S+)?(?: m=\S+)?(?: mp=\S+)? \[.*\]:$`)

// KindOf is the kind of a raw profile, by what its samples count.
func KindOf(raw []byte) (string, error) {
	text, err := unpacked(raw, limit.Profile.Most())
	if err != nil {
		return "", err
	}
	p, err := profile.ParseData(text)
	if err != nil {
		return "", fmt.Errorf("parse profile: %w", err)
	}
	for _, s := range p.SampleType {
		switch s.Type {
		case "inuse_space", "alloc_space":
			return "heap", nil
		case "cpu", "goroutine":
			return s.Type, nil
		case "contentions":
			return "mutex", nil
		}
	}
	return "", fmt.Errorf("its samples count %v: neither heap, cpu, goroutines nor contentions", p.SampleType)
}

// ImportedProfile is the record of a raw profile that says itself when it was
// taken.
func ImportedProfile(raw []byte, node, kind string, opt Options) (*archive.Record, error) {
	rec, err := ProfileRecord(raw, node, kind, time.Time{}, 0, opt)
	if err != nil {
		return nil, err
	}
	p, err := profile.ParseData(rec.Text)
	if err != nil {
		return nil, fmt.Errorf("parse %s profile of %s: %w", kind, node, err)
	}
	if p.TimeNanos == 0 {
		return nil, fmt.Errorf("parse %s profile of %s: it has no time", kind, node)
	}
	rec.At, rec.Took = time.Unix(0, p.TimeNanos).UTC(), time.Duration(p.DurationNanos)
	return rec, nil
}

// ProfileRecord is the record of a raw profile taken at the given time. It
// holds the profile unpacked: what consecutive profiles share, the archive
// stores once, which it cannot see through gzip. Secrets in its strings, or in
// its text if it is a goroutine dump, are left out. A profile whose gzip is
// broken is kept as it came, one of more than 256 MiB is refused.
func ProfileRecord(raw []byte, node, kind string, at time.Time, took time.Duration, opt Options) (*archive.Record, error) {
	text, err := unpacked(raw, limit.Profile.Most())
	if err != nil {
		return nil, fmt.Errorf("unpack %s profile of %s: %w", kind, node, err)
	}
	if !opt.KeepSecrets {
		text = redact.Profile(text)
	}
	return &archive.Record{
		Stream: archive.StreamKey{Kind: archive.Profile, Node: node, Name: kind},
		At:     at,
		Took:   took,
		Text:   text,
	}, nil
}

// unpacked is what raw was before gzip, at most so many bytes; raw itself where
// that cannot be said.
func unpacked(raw []byte, most int64) ([]byte, error) {
	z, err := gzip.NewReader(bytes.NewReader(raw))
	if err != nil {
		return raw, nil
	}
	text, err := io.ReadAll(io.LimitReader(z, most+1))
	switch {
	case int64(len(text)) > most:
		return nil, limit.Profile.OverSet(0, most)
	case err != nil:
		return raw, nil
	}
	return text, nil
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
