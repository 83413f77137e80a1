package capture

import (
	"io"
	"iter"
	"runtime"
	"slices"
)

// mostAtOnce is how many lines are read at the same time: each holds the memory
// of a line, which may be long.
const mostAtOnce = 4

// Map walks a capture as [Read] does and yields what do makes of each line, in
// their order. do runs on several goroutines, apart from who walks. What it is
// given, and what is yielded, is valid until the next step.
func Map[T any](r io.Reader, do func(*Line) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		workers := min(mostAtOnce, runtime.GOMAXPROCS(0))
		m := &mapping[T]{do: do, free: make(chan *job[T], workers+1), todo: make(chan *job[T], workers+1), order: make(chan *job[T], workers+1), quit: make(chan struct{})}
		for range workers + 1 {
			m.free <- &job[T]{done: make(chan struct{}, 1)}
		}
		defer close(m.quit)
		go m.read(r)
		for range workers {
			go m.work()
		}
		for j := range m.order {
			<-j.done
			if !yield(j.out, j.err) {
				return
			}
			m.free <- j
		}
	}
}

// A mapping hands lines from who reads them to the workers, and on in their order.
type mapping[T any] struct {
	do                func(*Line) T
	free, todo, order chan *job[T]
	quit              chan struct{}
}

// A job is one line, and the memory for it.
type job[T any] struct {
	n    int
	line []byte
	room []byte
	out  T
	err  error
	done chan struct{}
}

// read reads lines. It may be at its reader's Read when the walk is over, and ends
// when that returns.
func (m *mapping[T]) read(r io.Reader) {
	defer close(m.order)
	defer close(m.todo)
	for n, text := range lines(r) {
		var j *job[T]
		select {
		case j = <-m.free:
		case <-m.quit:
			return
		}
		var none T
		j.n, j.out, j.err = n, none, text.err
		if text.err != nil {
			j.done <- struct{}{}
		} else {
			j.line = append(slices.Grow(j.line[:0], len(text.line)), text.line...)
			m.todo <- j // there is room for all
		}
		m.order <- j
	}
}

func (m *mapping[T]) work() {
	asked := asker{}
	for j := range m.todo {
		var l *Line
		if l, j.err = asked.parseLine(j.n, j.line, j.room); l != nil {
			j.room = l.Answer.Text
			j.out = m.do(l)
		}
		j.done <- struct{}{}
	}
}
