package merge

import (
	"context"
	"errors"
	"slices"
	"time"

	"ergorecorder/archive"
	"ergorecorder/ergo"
	"ergorecorder/ergo/tools48"
)

// sameShare: two answers that came closer together than 1 in so many of the
// time from one answer to the next are one reading. Answers of two recorders at
// one interval lie at least that share apart then, and the longest stretch between
// two of them stays within the three usual intervals by which a gap is told.
const sameShare = 3

// delivers reports whether the answers of a tool bring entries that gathered since the
// one before. Each counts, however close.
func delivers(tool string) bool { return tools48.Spelling().Says(tool, ergo.Logs) }

// A sighting is one answer of a witness.
type sighting struct {
	at     int64 // reconciled
	failed bool
}

// thin finds the answers that two sources saw.
func (m *merger) thin(ctx context.Context) error {
	for _, key := range m.sharedKeys() {
		by := map[string][][]sighting{} // by subject, the sources' answers
		for _, s := range m.sources {
			if _, has := s.schemas[key]; !has {
				continue
			}
			err := sightings(ctx, s, key, m.opts, func(subject string, x sighting) {
				if by[subject] == nil {
					by[subject] = make([][]sighting, len(m.sources))
				}
				by[subject][s.index] = append(by[subject][s.index], x)
			})
			if err != nil {
				return err
			}
		}
		for subject, seen := range by {
			for i, drop := range thinned(seen, m.set()) {
				if len(drop) == 0 {
					continue
				}
				s := m.sources[i]
				if s.drop[key] == nil {
					s.drop[key] = map[string]map[int64]bool{}
				}
				s.drop[key][subject] = drop
			}
		}
	}
	return nil
}

// set says of which sources the clock was set meanwhile.
func (m *merger) set() (set []bool) {
	for _, s := range m.sources {
		set = append(set, s.Clock.Set)
	}
	return set
}

// sharedKeys are the streams of answers and profiles that several sources have.
func (m *merger) sharedKeys() (keys []archive.StreamKey) {
	for k, n := range m.shared {
		if n > 1 && (k.Kind == archive.Profile || k.Kind == archive.Sample && !delivers(k.Name)) {
			keys = append(keys, k)
		}
	}
	return keys
}

// sightings walks the times of a source's answers in a stream.
func sightings(ctx context.Context, s *source, key archive.StreamKey, opts Options, each func(subject string, x sighting)) error {
	from, to := s.own(opts.From), s.own(opts.To)
	if s.schemas[key].Form == archive.FormText {
		for rec, err := range s.Reader.Records(ctx, archive.Query{Streams: []archive.StreamKey{key}, From: from, To: to}) {
			if err == nil {
				each(rec.Subject, sighting{rec.At.Add(s.Shift).UnixNano(), rec.Failure != nil})
			} else if !passOver(err) {
				return err
			}
		}
		return nil
	}
	for f, err := range s.Reader.Scan(ctx, key, from, to, []string{}) {
		if err == nil {
			each(f.Subject, sighting{f.At.Add(s.Shift).UnixNano(), f.Failure != nil})
		} else if !passOver(err) {
			return err
		}
	}
	return nil
}

// passOver reports whether an error is damage, which is told where the records are
// copied.
func passOver(err error) bool { return errors.As(err, new(*archive.CorruptionError)) }

// thinned are, for each witness, the answers that another of them tells. One whose clock was set is believed
// last.
func thinned(seen [][]sighting, set []bool) []map[int64]bool {
	drop := make([]map[int64]bool, len(seen))
	for _, failed := range []bool{false, true} {
		order := make([]int, len(seen))
		times := make([][]int64, len(seen))
		for i, list := range seen {
			order[i], times[i] = i, timesOf(list, failed)
		}
		slices.SortStableFunc(order, func(a, b int) int {
			switch {
			case set[a] == set[b]:
				return len(times[b]) - len(times[a])
			case set[a]:
				return 1
			}
			return -1
		})
		kept := times[order[0]]
		usual := interval(kept)
		for _, i := range order[1:] {
			var more []int64
			for n, t := range times[i] {
				if !told(kept, t, step(times[i], n, usual)) {
					more = append(more, t)
					continue
				}
				if drop[i] == nil {
					drop[i] = map[int64]bool{}
				}
				drop[i][t] = true
			}
			kept = append(slices.Clone(kept), more...)
			slices.Sort(kept)
		}
	}
	return drop
}

func timesOf(list []sighting, failed bool) (times []int64) {
	for _, x := range list {
		if x.failed == failed {
			times = append(times, x.at)
		}
	}
	slices.Sort(times)
	return times
}

// interval is the usual time from one answer to the next, 0 where it is not known.
func interval(times []int64) int64 {
	if len(times) < 2 {
		return 0
	}
	d := make([]int64, len(times)-1)
	for i := range d {
		d[i] = times[i+1] - times[i]
	}
	slices.Sort(d)
	return d[len(d)/2]
}

// step is how often the question was asked about answer n: usually, or more
// often by this witness just then.
func step(times []int64, n int, usual int64) int64 {
	for _, d := range []int64{gapTo(times, n-1, n), gapTo(times, n, n+1)} {
		if d > 0 && (usual == 0 || d < usual) {
			usual = d
		}
	}
	return usual
}

func gapTo(times []int64, i, j int) int64 {
	if i < 0 || j >= len(times) {
		return 0
	}
	return times[j] - times[i]
}

// told reports whether one of the answers that are kept, ascending, tells the one at t.
func told(kept []int64, t, step int64) bool {
	i, same := slices.BinarySearch(kept, t)
	return same || i > 0 && (t-kept[i-1])*sameShare < step || i < len(kept) && (kept[i]-t)*sameShare < step
}

// lastBefore are the newest answers of a source's streams before a time, by
// time. What cannot be read is not there.
func lastBefore(s *source, from time.Time) (list []*archive.Record) {
	if from.IsZero() {
		return nil
	}
	for _, k := range s.keys {
		if k.Kind != archive.Sample || delivers(k.Name) {
			continue
		}
		if rec, err := s.Reader.Last(k, "", from.Add(-1)); err == nil {
			list = append(list, rec)
		}
	}
	slices.SortStableFunc(list, func(a, b *archive.Record) int { return a.At.Compare(b.At) })
	return list
}
