// Package inorder does the same to many things, on all processors, and hands them
// on in their order.
package inorder

import (
	"iter"
	"runtime"
	"sync"
)

// mostAtOnce is how many things are worked at beside each other: each may be large.
const mostAtOnce = 4

// Map yields what do makes of each item, in the order of the items. do runs on
// several goroutines, apart from who walks and from who gives the items, and is
// handed something that was yielded before, or nothing, as room for what it makes.
// What is yielded is valid until the next step. At most six items are held, and five
// of what is made.
// When the walk is over nobody asks for items any more.
func Map[I, O any](items iter.Seq[I], do func(I, O) O) iter.Seq[O] {
	return func(yield func(O) bool) {
		workers := min(mostAtOnce, runtime.GOMAXPROCS(0))
		m := &mapping[I, O]{
			do:   do,
			free: make(chan *job[I, O], workers+1), todo: make(chan *job[I, O], workers+1), order: make(chan *job[I, O], workers+1),
			quit: make(chan struct{}),
		}
		for range workers + 1 {
			m.free <- &job[I, O]{done: make(chan struct{}, 1)}
		}
		m.running.Go(func() { m.read(items) })
		for range workers {
			m.running.Go(m.work)
		}
		defer m.running.Wait()
		defer close(m.quit)
		for j := range m.order {
			<-j.done
			if !yield(j.out) {
				return
			}
			m.free <- j
		}
	}
}

// A mapping hands items from who gives them to the workers, and on in their order.
// Its channels have room for all jobs that there are.
type mapping[I, O any] struct {
	do                func(I, O) O
	free, todo, order chan *job[I, O]
	quit              chan struct{}
	running           sync.WaitGroup
}

// A job is one item, and what was made of it.
type job[I, O any] struct {
	item I
	out  O
	done chan struct{}
}

func (m *mapping[I, O]) read(items iter.Seq[I]) {
	defer close(m.order)
	defer close(m.todo)
	for item := range items {
		select {
		case j := <-m.free:
			j.item = item
			m.todo <- j
			m.order <- j
		case <-m.quit:
			return
		}
	}
}

func (m *mapping[I, O]) work() {
	for j := range m.todo {
		var none I
		j.out = m.do(j.item, j.out)
		j.item = none
		j.done <- struct{}{}
	}
}
