package mcp

import (
	"context"
	"sync"

	"ergorecorder/ergo"
)

// polite is a live cluster that is never asked for more than one thing at a
// time per node: a node answers with five workers, some calls hold one for
// seconds, and the recorder needs them too. Further calls wait their turn.
type polite struct {
	live ergo.Caller

	mu    sync.Mutex
	turns map[string]chan struct{}
}

func newPolite(live ergo.Caller) *polite {
	return &polite{live: live, turns: map[string]chan struct{}{}}
}

func (p *polite) Call(ctx context.Context, call ergo.Call) (ergo.Answer, error) {
	turn := p.turn(call.Node)
	select {
	case turn <- struct{}{}:
		defer func() { <-turn }()
		return p.live.Call(ctx, call)
	case <-ctx.Done():
		return ergo.Answer{}, context.Cause(ctx)
	}
}

func (p *polite) turn(node string) chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.turns[node] == nil {
		p.turns[node] = make(chan struct{}, 1)
	}
	return p.turns[node]
}
