package capture

import (
	"io"
	"runtime"
	"slices"
	"sync"
)

// How many goroutines read lines at the same time, and how many more jobs wait for one, so that
// none of them waits for the reader; how much of short lines makes a job; and which lines are so long that there is none
// more of them than are read.
const (
	mostAtOnce = 5
	waiting    = 2
	batchSize  = 64 << 10
	longLine   = 1 << 20
)

// InTurn walks a capture as [Read] does, on several goroutines. do is called with each line, apart from
// all others; take with what do made of it, or the error, for one line after the other, in their order; and what take
// returns, unless it is nil, is called apart from what comes next. An error of take ends the walk and
// is returned. What do is given, and what it returns, is valid until the line is done with.
func InTurn[T any](r io.Reader, do func(*Line) T, take func(T, error) (after func(), err error)) error {
	workers := min(mostAtOnce, runtime.GOMAXPROCS(0)+1)
	jobs := workers + waiting
	w := &walk[T]{
		do: do, take: take, free: make(chan *job[T], jobs), todo: make(chan *job[T], jobs),
		long: make(chan *room, workers), quit: make(chan struct{}), before: make(chan struct{}, 1),
	}
	for range jobs {
		w.free <- &job[T]{after: make(chan struct{}, 1)}
	}
	for range workers {
		w.long <- &room{}
	}
	w.before <- struct{}{}
	go w.read(r)
	var work sync.WaitGroup
	for range workers {
		work.Go(w.work)
	}
	work.Wait()
	return w.failed
}

// A walk hands lines from who reads them to the workers, each of which waits for its turn.
type walk[T any] struct {
	do         func(*Line) T
	take       func(T, error) (func(), error)
	free, todo chan *job[T]
	long       chan *room    // for long lines
	quit       chan struct{} // closed by who failed, in its turn
	failed     error

	// Of the reader alone.
	filling *job[T]
	before  chan struct{} // tells that the turn of the job before is over
}

// A room is the memory for lines and their texts.
type room struct{ lines, texts []byte }

// A job is a long line, or some short ones.
type job[T any] struct {
	own           room
	in            *room // where they lie
	lines         []numbered
	made          []made[T]
	before, after chan struct{} // tell that the turn of the job before, and its own, is over
}

// A numbered line ends there in the room, or could not be read.
type numbered struct {
	n, end int
	err    error
}

type made[T any] struct {
	out T
	err error
}

// read reads lines. It may be at its reader's Read when the walk is over, and ends
// when that returns.
func (w *walk[T]) read(r io.Reader) {
	defer close(w.todo)
	for n, text := range lines(flushing{r, w.flush}) {
		if w.filling != nil && len(w.filling.in.lines)+len(text.line) > batchSize {
			w.flush()
		}
		if w.filling == nil && !w.begin(len(text.line)) {
			return
		}
		j := w.filling
		j.in.lines = append(slices.Grow(j.in.lines, len(text.line)), text.line...)
		j.lines = append(j.lines, numbered{n, len(j.in.lines), text.err})
	}
	w.flush()
}

// A flushing reader hands on what was read before it waits for more.
type flushing struct {
	io.Reader
	flush func()
}

func (f flushing) Read(p []byte) (int, error) {
	f.flush()
	return f.Reader.Read(p)
}

// flush gives the job that is filled to a worker.
func (w *walk[T]) flush() {
	if w.filling != nil {
		w.todo <- w.filling // there is room for all
		w.filling = nil
	}
}

// begin takes a job for a line of that length. It is false where the walk is over.
func (w *walk[T]) begin(length int) bool {
	var j *job[T]
	select {
	case j = <-w.free:
	case <-w.quit:
		return false
	}
	j.in = &j.own
	if length > longLine {
		select {
		case j.in = <-w.long:
		case <-w.quit:
			return false
		}
	}
	j.lines, j.in.lines = j.lines[:0], j.in.lines[:0]
	j.before, w.before = w.before, j.after
	w.filling = j
	return true
}

func (w *walk[T]) work() {
	asked := asker{}
	for {
		select {
		case j, more := <-w.todo:
			if !more || !w.one(j, asked) {
				return
			}
		case <-w.quit:
			return
		}
	}
}

// one does a job, and reports whether to go on.
func (w *walk[T]) one(j *job[T], asked asker) bool {
	w.make(j, asked)
	select {
	case <-j.before:
	case <-w.quit:
		return false
	}
	var after func()
	for i := range j.made {
		if after != nil {
			after()
		}
		var err error
		if after, err = w.take(j.made[i].out, j.made[i].err); err != nil {
			w.failed = err
			close(w.quit)
			return false
		}
	}
	j.after <- struct{}{}
	if after != nil {
		after()
	}
	clear(j.made)
	if j.in != &j.own {
		w.long <- j.in
	}
	w.free <- j
	return true
}

// make makes of the lines of a job what is asked for.
func (w *walk[T]) make(j *job[T], asked asker) {
	j.made = j.made[:0]
	j.in.texts = slices.Grow(j.in.texts[:0], len(j.in.lines)+len(j.lines)*slack)
	from, room := 0, j.in.texts
	for _, l := range j.lines {
		if l.err != nil {
			j.made = append(j.made, made[T]{err: l.err})
			continue
		}
		text := j.in.lines[from:l.end]
		need := len(text) + slack
		line, err := asked.parseLine(l.n, text, room[:0:need])
		from, room = l.end, room[need:cap(room)]
		m := made[T]{err: err}
		if line != nil {
			m.out = w.do(line)
		}
		j.made = append(j.made, m)
	}
}
