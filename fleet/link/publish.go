package link

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// A Message is one for a cluster's stream. Its headers say its identity.
type Message struct {
	Subject string
	Headers map[string][]string
	Body    []byte
}

// ErrAway: no server answers.
var ErrAway = errors.New("the engine is away")

// Publish sends messages of a cluster and returns when the engine has stored each,
// or how many of the first it has stored, and why not the next.
func (l *Link) Publish(ctx context.Context, cluster string, messages []Message) (stored int, err error) {
	if !l.Connected() {
		return 0, ErrAway
	}
	acks := make([]jetstream.PubAckFuture, 0, len(messages))
	for _, m := range messages {
		ack, e := l.js.PublishMsgAsync(&nats.Msg{Subject: m.Subject, Header: m.Headers, Data: m.Body}, jetstream.WithRetryAttempts(0))
		if e != nil {
			err = e
			break
		}
		acks = append(acks, ack)
	}
	for i, ack := range acks {
		select {
		case <-ack.Ok():
			if stored == i {
				stored++
			}
		case e := <-ack.Err():
			err = errors.Join(e, l.remake(ctx, cluster, e))
		case <-ctx.Done():
			return stored, fmt.Errorf("the engine does not acknowledge: %w", context.Cause(ctx))
		}
	}
	return stored, err
}

// remake makes a stream that nobody answers for, as at the first message.
func (l *Link) remake(ctx context.Context, cluster string, why error) error {
	if !errors.Is(why, nats.ErrNoResponders) && !errors.Is(why, jetstream.ErrNoStreamResponse) {
		return nil
	}
	return l.Stream(ctx, cluster)
}
