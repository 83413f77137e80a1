package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"time"

	"ergorecorder/archive"
	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shelf"
	"ergorecorder/recorder/share"
)

type shelfConfig struct {
	URL       string        `yaml:"url"` // s3://BUCKET/PREFIX, or engine: the object store of the fleet's
	Endpoint  string        `yaml:"endpoint"`
	KeepAge   time.Duration `yaml:"keep-age"`
	KeepBytes int64         `yaml:"keep-bytes"`
	DropLocal bool          `yaml:"drop-local"`
}

// shelfRotate is how long a segment is written that goes to a shelf, unless the
// configuration says: what is not closed is here only.
const shelfRotate = time.Hour

// How often closed segments are looked for, and how long the last of them may take
// when the recording ends.
const (
	shelfEvery = 15 * time.Second
	shelfLast  = 30 * time.Second
)

// A shelving puts the closed segments of a recording on a shelf; nil puts none.
type shelving struct {
	filler *shelf.Filler
	to     string
	say    func(string)
	forget func(segment int) error
	end    func()
}

// onEngine stands in place of a shelf's address for the object store of the fleet's engine.
const onEngine = "engine"

// place is the shelf, and what ends the way to it.
func (c *shelfConfig) place(f *fleetConfig) (to *shelf.Shelf, end func(), err error) {
	if c.URL == onEngine {
		o := f.link()
		o.Name = "record (shelf)"
		l, err := link.Dial(o)
		if err != nil {
			return nil, nil, fmt.Errorf("shelf: %w", err)
		}
		return shelf.OnEngine(l, f.Name, f.Cluster), l.Close, nil
	}
	home, _ := os.UserHomeDir() // where there is none, neither is a file of credentials
	o := shelf.Environment(os.Getenv, home)
	if c.Endpoint != "" {
		o.Endpoint = c.Endpoint
	}
	to, err = shelf.Open(c.URL, o)
	return to, func() {}, err
}

// open makes the shelving of an archive.
func (c *shelfConfig) open(output string, fleet *fleetConfig, say func(string)) (*shelving, error) {
	if c.URL == "" {
		return nil, nil
	}
	to, end, err := c.place(fleet)
	if err != nil {
		return nil, err
	}
	s := &shelving{to: to.String(), say: say, end: end}
	f := shelf.FillOptions{KeepAge: c.KeepAge, KeepBytes: c.KeepBytes, Now: time.Now, Notice: say}
	if c.DropLocal {
		f.Forget = func(segment int) error { return s.forget(segment) }
	}
	s.filler = shelf.NewFiller(to, output, f)
	return s, nil
}

// backlogs are what is to be told in the recorder's status.
func (s *shelving) backlogs() []func() share.Backlog {
	if s == nil {
		return nil
	}
	return []func() share.Backlog{func() share.Backlog {
		x := s.filler.State()
		return share.Backlog{To: s.to, Pieces: x.Waiting, Bytes: x.Bytes, Since: x.Since, Taken: x.Put, Failing: x.Failing, Lost: x.Lost}
	}}
}

// close ends the way to the shelf.
func (s *shelving) close() {
	if s != nil {
		s.end()
	}
}

// start fills the shelf while the archive is written. stop closes the segment
// that is being written, and puts what is left.
func (s *shelving) start(ctx context.Context, w *archive.Writer) (stop func()) {
	if s == nil {
		return func() {}
	}
	s.forget = w.Forget
	ctx, cancel := context.WithCancel(ctx)
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(shelfEvery)
		defer tick.Stop()
		for {
			_ = s.filler.Fill(ctx) // it says and counts what fails
			select {
			case <-tick.C:
			case <-ctx.Done():
				return
			}
		}
	})
	return func() {
		cancel()
		running.Wait()
		last, done := context.WithTimeout(context.WithoutCancel(ctx), shelfLast)
		defer done()
		if err := w.Rotate(); err != nil {
			s.say(fmt.Sprintf("shelf: the last segment stays here: %v", err))
		}
		_ = s.filler.Fill(last)
		if x := s.filler.State(); x.Waiting > 0 {
			s.say(fmt.Sprintf("shelf: %d segments are not on %s yet; the next record run puts them there", x.Waiting, s.to))
		}
	}
}
