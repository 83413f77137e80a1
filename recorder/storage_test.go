package recorder

import (
	"context"
	"errors"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/archive/faultdisk"
)

// TestStorageErrorIsTold: a sync that fails once is told within a second of the
// commit, by the status and by a notice; then everything is stored again, and
// nothing that the status called durable is missing.
func TestStorageErrorIsTold(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		disk, err := faultdisk.New(func(int) faultdisk.Kind {
			if broken.Load() {
				return faultdisk.Sync
			}
			return faultdisk.None
		}, nil)
		if err != nil {
			t.Fatal(err)
		}
		defer disk.Close()
		var mu sync.Mutex
		var told []string
		opts := quick()
		opts.Notice = func(s string) { mu.Lock(); told = append(told, s); mu.Unlock() }
		conf := &archive.Options{}
		conf.Beneath(disk)
		path := t.TempDir() + "/a.erg"
		w := archivetest.Writer(t, path, conf)
		r, err := New(newFakeCluster("a@h"), w, opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(20 * time.Second)
		if s := r.Status().Storage; s.Failing != "" || s.Faults != 0 || s.Durable == 0 || s.Durable > s.Accepted {
			t.Errorf("of a good disk the status says %+v", s)
		}
		broken.Store(true)
		time.Sleep(3 * time.Second) // the next sample, its commit within a second, and a second to tell
		s := r.Status().Storage
		if s.Failing == "" || s.Faults == 0 || s.FaultAt.IsZero() || s.Durable >= s.Accepted {
			t.Errorf("of a disk that fails the status says %+v", s)
		}
		broken.Store(false)
		time.Sleep(3 * time.Second)
		after := r.Status().Storage
		if after.Failing != "" || after.Fault == "" || after.Durable <= s.Durable {
			t.Errorf("of a disk that works again the status says %+v", after)
		}
		cancel()
		if err := errors.Join(<-ended, w.Close()); err != nil {
			t.Error(err)
		}
		all := strings.Join(told, "\n")
		for _, want := range []string{"nothing can be stored: commit to", "everything is stored again"} {
			if strings.Count(all, want) != 1 {
				t.Errorf("%q was not told once:\n%s", want, all)
			}
		}
		rep, err := archive.Verify(t.Context(), path)
		if err != nil || int64(rep.Records) < after.Durable {
			t.Errorf("%d records of %d that were called durable: %v", rep.Records, after.Durable, err)
		}
		archivetest.Verify(t, path)
	})
}

// TestStorageThatFailsAtTheEndIsAnError: what the disk never took ends the
// recording with an error of the storage.
func TestStorageThatFailsAtTheEndIsAnError(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var broken atomic.Bool
		conf := &archive.Options{}
		conf.Fail(func(string) error {
			if broken.Load() {
				return errors.New("input/output error")
			}
			return nil
		})
		w := archivetest.Writer(t, t.TempDir()+"/a.erg", conf)
		r, err := New(newFakeCluster("a@h"), w, quick())
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan error, 1)
		go func() { ended <- r.Run(ctx) }()
		time.Sleep(10 * time.Second)
		broken.Store(true)
		time.Sleep(5 * time.Second)
		cancel()
		if err := <-ended; !errors.As(err, new(*StorageError)) {
			t.Errorf("the recording ended with %v", err)
		}
		broken.Store(false)
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
}
