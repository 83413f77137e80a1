package frame

// A Memory is where frames are expanded, those of one run in place of those of the run
// before. The zero value has none yet; nil gives each frame memory of its own. It is not safe for concurrent use.
type Memory struct {
	room []byte // all that is kept
	free []byte // what of it was not given away since Empty
	used int    // how much was asked for since then
}

const (
	mostKept = 4 << 20
	slack    = 32 // behind what is expanded: the decoder may write there, and is quicker for it
)

// Empty takes all back that was given away.
func (m *Memory) Empty() {
	if m.used > cap(m.room) && m.used <= mostKept {
		m.room = make([]byte, 0, m.used+m.used/8)
	}
	m.free, m.used = m.room, 0
}

// take gives memory for n bytes.
func (m *Memory) take(n int) []byte {
	if m == nil || n < 0 || n > mostKept {
		return nil
	}
	n += slack
	if m.used += n; n > cap(m.free) {
		return make([]byte, 0, n)
	}
	b := m.free[:0:n]
	m.free = m.free[n:n:cap(m.free)]
	return b
}
