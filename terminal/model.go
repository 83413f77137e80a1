package terminal

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	tea "charm.land/bubbletea/v2"

	"ergorecorder/analyze"
	"ergorecorder/replay"
)

// Options say what is walked through.
type Options struct {
	Name  string // of the recording, as the screen shows it
	At    time.Time
	Live  bool // it is still being made: its end moves
	Judge func(context.Context) (*analyze.Report, error)
}

// Run shows a recording until the user quits. in and out are a terminal, env is
// its environment (TERM, NO_COLOR, …).
func Run(ctx context.Context, rec *replay.Recording, opt Options, in io.Reader, out io.Writer, env []string) error {
	m := newModel(ctx, rec, opt)
	_, err := tea.NewProgram(m, tea.WithContext(ctx), tea.WithInput(in), tea.WithOutput(out), tea.WithEnvironment(env)).Run()
	if errors.Is(err, tea.ErrInterrupted) || ctx.Err() != nil {
		return nil
	}
	return err
}

// A place is what is looked at.
type place struct {
	view      View
	node, pid string
}

// A model is the state of the screen.
type model struct {
	ctx context.Context
	src Source
	opt Options

	place
	back     []place
	at       time.Time
	follows  bool // the end of a recording that is being made
	playing  bool
	speed    float64
	step     time.Duration
	orders   map[View]order
	hidden   map[View]map[string]bool
	table    *Table
	rows     []Row // of the table, in its order
	widths   []int
	cursor   int
	top      int
	width    int
	height   int
	prompt   *prompt
	help     bool
	said     string // what the last key came to
	loading  bool
	stale    bool // what is being loaded is not what is wanted any more
	judgeErr error
}

// What a tick moves, and how often.
const (
	playTick = 200 * time.Millisecond
	liveTick = 2 * time.Second
	leastRun = 0.125 // the slowest speed
	mostRun  = 1024
)

type (
	loadedMsg struct {
		table *Table
		err   error
	}
	judgedMsg struct {
		report *analyze.Report
		err    error
	}
	playMsg struct{}
	liveMsg struct{}
)

func newModel(ctx context.Context, rec *replay.Recording, opt Options) *model {
	_, to := rec.Window()
	m := &model{
		ctx: ctx, src: Source{Recording: rec}, opt: opt, place: place{view: Nodes}, at: opt.At, speed: 1, step: 10 * time.Second,
		orders: map[View]order{}, hidden: map[View]map[string]bool{}, width: 80, height: 24,
	}
	if m.at.IsZero() {
		m.at, m.follows = to, opt.Live
	}
	return m
}

// Init implements [tea.Model].
func (m *model) Init() tea.Cmd {
	cmds := []tea.Cmd{m.load(), func() tea.Msg {
		report, err := m.opt.Judge(m.ctx)
		return judgedMsg{report, err}
	}}
	if m.opt.Live {
		cmds = append(cmds, tick(liveTick, liveMsg{}))
	}
	return tea.Batch(cmds...)
}

func tick(d time.Duration, msg tea.Msg) tea.Cmd {
	return tea.Tick(d, func(time.Time) tea.Msg { return msg })
}

// load reads the table of what is looked at. One is read at a time; what is
// asked for meanwhile is read after it.
func (m *model) load() tea.Cmd {
	if m.loading {
		m.stale = true
		return nil
	}
	m.loading, m.stale = true, false
	src, q := m.src, Query{m.view, m.at, m.node, m.pid}
	return func() tea.Msg {
		t, err := src.Table(m.ctx, q)
		return loadedMsg{t, err}
	}
}

// Update implements [tea.Model].
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.width, m.height = msg.Width, msg.Height
		m.lay()
	case loadedMsg:
		return m, m.loaded(msg)
	case judgedMsg:
		m.src.Report, m.judgeErr = msg.report, msg.err
		return m, m.load()
	case playMsg:
		return m, m.played()
	case liveMsg:
		return m, m.grown()
	case tea.KeyPressMsg:
		return m, m.pressed(msg)
	case tea.MouseClickMsg:
		return m, m.clicked(msg.Mouse())
	case tea.MouseWheelMsg:
		if msg.Mouse().Button == tea.MouseWheelUp {
			m.move(-3)
		} else {
			m.move(3)
		}
	}
	return m, nil
}

func (m *model) loaded(msg loadedMsg) tea.Cmd {
	m.loading = false
	if m.stale {
		return m.load()
	}
	if msg.err != nil {
		m.said = msg.err.Error()
		m.table = &Table{Title: string(m.view)}
	} else {
		m.table = msg.table
	}
	m.sort()
	if m.table.Last {
		m.cursor = len(m.rows) - 1
	}
	m.move(0)
	return nil
}

// sort puts the rows into the order that was chosen for the view.
func (m *model) sort() {
	m.rows = m.orders[m.view].rows(m.table)
	m.lay()
}

// played moves time on by what a tick is worth.
func (m *model) played() tea.Cmd {
	if !m.playing {
		return nil
	}
	cmd := m.goTo(m.at.Add(time.Duration(float64(playTick) * m.speed)))
	_, to := m.src.Recording.Window()
	if !m.at.Before(to) {
		m.playing = false
		return cmd
	}
	return tea.Batch(cmd, tick(playTick, playMsg{}))
}

// grown follows the end of a recording that is being made.
func (m *model) grown() tea.Cmd {
	next := tick(liveTick, liveMsg{})
	if !m.follows {
		return next
	}
	_, m.at = m.src.Recording.Window()
	return tea.Batch(m.load(), next)
}

// goTo goes to a moment, no further than the recording goes.
func (m *model) goTo(at time.Time) tea.Cmd {
	from, to := m.src.Recording.Window()
	m.follows = m.opt.Live && !at.Before(to)
	switch {
	case at.Before(from):
		at = from
	case at.After(to):
		at = to
	}
	m.at = at
	return m.load()
}

// show looks at something else; Esc comes back.
func (m *model) show(p place) tea.Cmd {
	if p != m.place {
		m.back = append(m.back, m.place)
	}
	return m.look(p)
}

func (m *model) look(p place) tea.Cmd {
	m.place, m.table, m.rows, m.cursor, m.top, m.said = p, nil, nil, 0, 0, ""
	return m.load()
}

// open looks closer at the row under the cursor.
func (m *model) open() tea.Cmd {
	if m.cursor < 0 || m.cursor >= len(m.rows) {
		return nil
	}
	switch r := m.rows[m.cursor]; {
	case m.view == Findings:
		m.at, m.follows = r.Jump, false
		return m.show(place{Finding, "", r.PID})
	case r.PID != "" && r.Node != "":
		return m.show(place{Process, r.Node, r.PID})
	case r.Node != "":
		return m.show(place{Processes, r.Node, ""})
	}
	return nil
}

// goBack looks at what was looked at before.
func (m *model) goBack() tea.Cmd {
	if len(m.back) == 0 {
		return nil
	}
	p := m.back[len(m.back)-1]
	m.back = m.back[:len(m.back)-1]
	return m.look(p)
}

// nextFinding goes to the nearest onset after (way 1) or before (way -1) the moment.
func (m *model) nextFinding(way int) tea.Cmd {
	if m.src.Report == nil {
		m.said = "the recording is still being judged"
		return nil
	}
	var best time.Time
	title := ""
	for _, f := range m.src.Report.Findings {
		if f.Onset.IsZero() || f.Onset.Compare(m.at) != way {
			continue
		}
		if best.IsZero() || best.Compare(f.Onset) == way {
			best, title = f.Onset, f.Display+" begins: "+f.Title
		}
	}
	if best.IsZero() {
		m.said = fmt.Sprintf("no finding begins %s this moment", map[int]string{1: "after", -1: "before"}[way])
		return nil
	}
	cmd := m.goTo(best)
	m.said = title
	return cmd
}

// move moves the cursor.
func (m *model) move(by int) {
	m.cursor = max(0, min(m.cursor+by, len(m.rows)-1))
	room := m.room()
	if m.cursor < m.top {
		m.top = m.cursor
	}
	if m.cursor >= m.top+room {
		m.top = m.cursor - room + 1
	}
	m.top = max(0, min(m.top, len(m.rows)-room))
}
