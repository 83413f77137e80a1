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
	if err := l.Stream(ctx, cluster); err != nil {
		return 0, fmt.Errorf("make the stream of cluster %s: %w", cluster, err)
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
			err = e
			if errors.Is(e, nats.ErrNoResponders) || errors.Is(e, jetstream.ErrNoStreamResponse) { // it may be gone
				l.made.Delete(cluster)
			}
		case <-ctx.Done():
			return stored, fmt.Errorf("the engine does not acknowledge: %w", context.Cause(ctx))
		}
	}
	return stored, err
}
