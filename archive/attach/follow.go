package attach

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"

	"ergorecorder/archive"
)

// A Following is an archive that is read as it grows.
type Following struct {
	Readers []*archive.Reader // of one timeline: what was there, and what comes; Close closes them

	f *follower
}

// Live reports whether the archive may still grow.
func (f *Following) Live() bool { return f.f != nil }

// Close ends it. The readers are the caller's to close, before.
func (f *Following) Close() error {
	if f.f == nil {
		return nil
	}
	defer f.f.copy.Remove()
	return f.f.more.Close()
}

// Follow opens the archive at path. If somebody who writes it answers, each
// reading sees what was appended up to a second before, by the clock now.
func Follow(ctx context.Context, path string, p Place, now func() time.Time) (*Following, error) {
	c, failed := Local(ctx, path, p)
	r, err := archive.Open(c.Path)
	if err != nil {
		c.Remove()
		return nil, errors.Join(err, failed)
	}
	if c.temp == "" {
		return &Following{Readers: []*archive.Reader{r}}, nil
	}
	more, err := archive.OpenWriter(c.Path+".more", &archive.Options{Now: now})
	if err != nil {
		c.Remove()
		return nil, errors.Join(err, r.Close())
	}
	f := &follower{path: path, copy: c, more: more, seq: c.Seq, now: now, asked: now(), wait: followEvery}
	return &Following{Readers: []*archive.Reader{r, more.FollowingView(f.fetch)}, f: f}, nil
}

// A follower fetches what an archive grows by.
type follower struct {
	path string
	copy *Copy
	more *archive.Writer
	now  func() time.Time

	mu     sync.Mutex
	seq    uint64 // of the newest record that was fetched
	lost   uint64 // records that did not come
	asked  time.Time
	wait   time.Duration // until it is asked again
	unread string
	ended  bool // nobody writes any more, and all was read
}

const (
	followEvery = time.Second      // how fresh what is seen is at least
	followAgain = 10 * time.Second // when it is asked again that did not answer
	followTime  = 5 * time.Second  // how long one look may take
)

// fetch appends what is new, and says what could not be had.
func (f *follower) fetch() string {
	f.mu.Lock()
	defer f.mu.Unlock()
	if t := f.now(); !f.ended && t.Sub(f.asked).Abs() >= f.wait {
		f.asked, f.wait, f.unread = t, followEvery, ""
		if err := f.look(); err != nil {
			f.wait = followAgain
			f.unread = fmt.Sprintf("what came after record %d: %v", f.seq, err)
		} else if f.lost > 0 {
			f.unread = fmt.Sprintf("%d records that the recorder cannot give any more", f.lost)
		}
	}
	return f.unread
}

// look asks the recorder, or reads what it left.
func (f *follower) look() error {
	ctx, cancel := context.WithTimeout(context.Background(), followTime)
	defer cancel()
	for {
		list, upTo, err := f.ask(ctx)
		if err != nil {
			if e := f.closed(ctx); e != nil {
				return errors.Join(err, e)
			}
			return nil
		}
		if err := f.take(list, min(upTo, f.seq+mostRecords)); err != nil {
			return err
		}
		if f.seq >= upTo {
			return nil
		}
	}
}

// ask has the recorder give the next records; upTo is how far it could go on.
func (f *follower) ask(ctx context.Context) (list []*archive.Record, upTo uint64, err error) {
	resp, err := get(ctx, f.copy.socket, fmt.Sprintf("/records?after=%d", f.seq))
	if err != nil {
		return nil, 0, err
	}
	defer resp.Body.Close()
	if upTo, err = strconv.ParseUint(resp.Header.Get(headSeq), 10, 64); err != nil {
		return nil, 0, errors.New("its recorder does not say how far its answer goes")
	}
	list, err = decoded(resp)
	return list, upTo, err
}

func decoded(resp *http.Response) (list []*archive.Record, err error) {
	for dec := json.NewDecoder(resp.Body); ; {
		rec := new(archive.Record)
		switch err := dec.Decode(rec); {
		case errors.Is(err, io.EOF):
			return list, nil
		case err != nil:
			return nil, fmt.Errorf("read what its recorder says: %w", err)
		}
		list = append(list, rec)
	}
}

// take appends records, the last of which has number upTo if none is missing.
func (f *follower) take(list []*archive.Record, upTo uint64) error {
	for _, rec := range list {
		if rec.Seq <= f.seq {
			continue // we have it
		}
		seq := rec.Seq
		f.lost += seq - f.seq - 1
		if _, err := f.more.Append(rec); err != nil {
			return err
		}
		f.seq = seq
	}
	if upTo > f.seq {
		f.lost, f.seq = f.lost+upTo-f.seq, upTo
	}
	return nil
}

// closed reads what the archive holds beyond what we have, once nobody writes
// it.
func (f *follower) closed(ctx context.Context) error {
	r, err := archive.Open(f.path)
	if err != nil {
		return err
	}
	defer r.Close()
	if who := r.Info().Recording; who != "" {
		return errors.New(who)
	}
	schemas := schemasOf(r)
	newest := f.seq
	for rec, err := range r.Records(ctx, archive.Query{After: f.seq}) {
		if err != nil {
			return err
		}
		newest = max(newest, rec.Seq)
		rec.Schema = schemas[rec.Stream]
		if _, err := f.more.Append(rec); err != nil {
			return err
		}
	}
	f.seq, f.ended = newest, true
	return nil
}
