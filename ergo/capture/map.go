package capture

import (
	"io"
	"iter"
	"runtime"
	"slices"
)

// How many lines are read at the same time, and how many more wait for a worker or for who
// walks, so that none of them waits for the others; of those that are long, each of which
// holds much memory, there is none more than are read.
const (
	mostAtOnce = 4
	waiting    = 8
	longLine   = 1 << 20
)

// Map walks a capture as [Read] does and yields what do makes of each line, in
// their order. do runs on several goroutines, apart from who walks. What it is
// given, and what is yielded, is valid until the next step.
func Map[T any](r io.Reader, do func(*Line) T) iter.Seq2[T, error] {
	return func(yield func(T, error) bool) {
		workers := min(mostAtOnce, runtime.GOMAXPROCS(0))
		jobs := workers + waiting
		m := &mapping[T]{
			do: do, free: make(chan *job[T], jobs), todo: make(chan *job[T], jobs), order: make(chan *job[T], jobs),
			long: make(chan *room, workers+1), quit: make(chan struct{}),
		}
		for range jobs {
			m.free <- &job[T]{done: make(chan struct{}, 1)}
		}
		for range workers + 1 {
			m.long <- &room{}
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
			if j.in != &j.own {
				m.long <- j.in
			}
			m.free <- j
		}
	}
}

// A mapping hands lines from who reads them to the workers, and on in their order.
type mapping[T any] struct {
	do                func(*Line) T
	free, todo, order chan *job[T]
	long              chan *room // for long lines
	quit              chan struct{}
}

// A room is the memory for a line and its text.
type room struct{ line, text []byte }

// A job is one line.
type job[T any] struct {
	n    int
	own  room
	in   *room // where it lies
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
		j := m.place(len(text.line))
		if j == nil {
			return
		}
		var none T
		j.n, j.out, j.err = n, none, text.err
		if text.err != nil {
			j.done <- struct{}{}
		} else {
			j.in.line = append(slices.Grow(j.in.line[:0], len(text.line)), text.line...)
			m.todo <- j // there is room for all
		}
		m.order <- j
	}
}

// place is a job for a line of that length, nil where the walk is over.
func (m *mapping[T]) place(length int) (j *job[T]) {
	select {
	case j = <-m.free:
	case <-m.quit:
		return nil
	}
	j.in = &j.own
	if length <= longLine {
		return j
	}
	select {
	case j.in = <-m.long:
	case <-m.quit:
		return nil
	}
	return j
}

func (m *mapping[T]) work() {
	asked := asker{}
	for j := range m.todo {
		var l *Line
		if l, j.err = asked.parseLine(j.n, j.in.line, j.in.text); l != nil {
			j.in.text = l.Answer.Text
			j.out = m.do(l)
		}
		j.done <- struct{}{}
	}
}
