package web

import (
	"context"
	"testing"
	"testing/synctest"
	"time"
)

// Who has asked for the first page is waited for, also where it takes longer than
// one waits for somebody to ask; but not for ever.
func TestReceiveWaitsForWhoAsked(t *testing.T) {
	rec := bundled(t, "stuck")
	waited := func(t *testing.T, asked, answered time.Duration) (took time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			s := New(rec, Options{})
			ctx, cancel := context.WithCancel(t.Context())
			begin := time.Now()
			go func() {
				time.Sleep(asked)
				s.asked.Store(true)
				time.Sleep(answered - asked)
				if ctx.Err() == nil {
					close(s.shown)
				}
			}()
			s.Receive(ctx, time.Second)
			took = time.Since(begin)
			cancel()
			time.Sleep(answered) // until it is over
		})
		return took
	}
	for _, tt := range []struct{ asked, answered, want time.Duration }{
		{100 * time.Millisecond, 300 * time.Millisecond, 300 * time.Millisecond},
		{100 * time.Millisecond, 4 * time.Second, 4 * time.Second},
		{100 * time.Millisecond, time.Hour, time.Second + longestPage},
		{2 * time.Second, 3 * time.Second, time.Second},
	} {
		if got := waited(t, tt.asked, tt.answered); got != tt.want {
			t.Errorf("asked after %s, answered after %s: waited %s, want %s", tt.asked, tt.answered, got, tt.want)
		}
	}
}
