package serve

import (
	"context"
	"sync"
	"time"
)

// The workers of the processes that answer: of the 48 tools, of an Observer, and
// of the system application of 3.3.
const (
	toolWorkers     = 5
	observerWorkers = 25
	systemWorkers   = 15
)

// A pool is the workers of a process that answers. They are fed round robin, as
// Ergo's pools are, whether or not they are busy: what takes one of them long holds
// up all that falls to it meanwhile, while the others have nothing to do.
type pool struct {
	mu      sync.Mutex
	next    int
	workers []chan struct{} // each is held while its worker works
}

func newPool(workers int) *pool {
	p := &pool{workers: make([]chan struct{}, workers)}
	for i := range p.workers {
		p.workers[i] = make(chan struct{}, 1)
	}
	return p
}

// turn is the worker whose turn it is.
func (p *pool) turn() chan struct{} {
	p.mu.Lock()
	defer p.mu.Unlock()
	w := p.workers[p.next]
	p.next = (p.next + 1) % len(p.workers)
	return w
}

// queued has a pool do some work, and waits for what comes of it. When ctx ends
// first the work is done all the same: a worker does not know that nobody waits
// for it any more. Without a pool nobody queues.
func queued[T any](ctx context.Context, p *pool, work func(context.Context) T) (result T, err error) {
	if p == nil {
		return work(ctx), nil
	}
	worker := p.turn()
	done := make(chan T, 1)
	go func() {
		worker <- struct{}{}
		defer func() { <-worker }()
		done <- work(context.WithoutCancel(ctx))
	}()
	select {
	case result = <-done:
		return result, nil
	case <-ctx.Done():
		return result, ctx.Err()
	}
}

// pools are the pools of nodes, by the process that they are of.
type pools struct {
	mu sync.Mutex
	of map[string]*pool
}

// get is the pool of a process on a node, which lives as long as the node does.
func (p *pools) get(process, node string, life time.Time, workers int) *pool {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := process + " " + node + " " + life.String()
	if p.of == nil {
		p.of = map[string]*pool{}
	}
	if p.of[key] == nil {
		p.of[key] = newPool(workers)
	}
	return p.of[key]
}

// tools is the pool of the 48 tools of a node, as its life goes.
func (c *Cluster) tools(node string) *pool {
	if c.prompt {
		return nil
	}
	return c.pools.get("mcp", node, c.rec.Life(node, c.clock.Now()), toolWorkers)
}
