package terminal

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	tea "charm.land/bubbletea/v2"

	"ergorecorder/internal/words"
	"ergorecorder/replay"
)

// A binding is what some keys do.
type binding struct {
	keys string // names as Bubble Tea has them, separated by blanks
	what string
	do   func(m *model, key string) tea.Cmd
}

// bindings are all keys, in the order of the help.
func bindings() []binding {
	plain := func(do func(*model) tea.Cmd) func(*model, string) tea.Cmd {
		return func(m *model, _ string) tea.Cmd { return do(m) }
	}
	see := func(v View) func(*model, string) tea.Cmd {
		return func(m *model, _ string) tea.Cmd { return m.show(place{view: v, node: m.node}) }
	}
	ask := func(kind int) func(*model, string) tea.Cmd {
		return func(m *model, _ string) tea.Cmd { m.prompt = &prompt{kind: kind}; return nil }
	}
	moving := func(by func(*model) int) func(*model, string) tea.Cmd {
		return func(m *model, _ string) tea.Cmd { m.move(by(m)); return nil }
	}
	return []binding{
		{"N", "nodes", func(m *model, _ string) tea.Cmd { return m.show(place{view: Nodes}) }},
		{"P", "processes", see(Processes)},
		{"X", "supervision tree", see(Tree)},
		{"L", "links between nodes", see(Links)},
		{"E", "events", see(Events)},
		{"O", "log lines before the moment", see(Logs)},
		{"F", "findings", see(Findings)},
		{"W", "who waits", see(Waits)},
		{"A", "all nodes, where a view is of one", func(m *model, _ string) tea.Cmd { return m.show(place{view: m.view}) }},
		{"enter", "look closer: at a node, a process, a finding", plain((*model).open)},
		{"esc backspace", "back", plain((*model).goBack)},
		{"t T", "a step forward, a step back", step},
		{"[ ]", "shorter and longer steps", stepLength},
		{"b", "to a time: 15:04:05, -10m, 30s, F1", ask(askTime)},
		{"n", "to the next finding", func(m *model, _ string) tea.Cmd { return m.nextFinding(1) }},
		{"p", "to the finding before", func(m *model, _ string) tea.Cmd { return m.nextFinding(-1) }},
		{"space", "let time run, or stop it", plain((*model).play)},
		{"+ -", "faster, slower", speed},
		{"g", "to the start", func(m *model, _ string) tea.Cmd { from, _ := m.src.Recording.Window(); return m.goTo(from) }},
		{"G", "to the end; live: follow it", func(m *model, _ string) tea.Cmd { _, to := m.src.Recording.Window(); return m.goTo(to) }},
		{"< >", "sort by the column to the left, to the right", sortBy},
		{"r", "sort the other way round", func(m *model, _ string) tea.Cmd { return m.reorder(m.orders[m.view].column, true) }},
		{"/", "show only rows that hold a text", ask(askFilter)},
		{"c", "choose columns", ask(askColumns)},
		{"up k", "a row up", moving(func(*model) int { return -1 })},
		{"down j", "a row down", moving(func(*model) int { return 1 })},
		{"pgup pgdown", "a page up, a page down", func(m *model, key string) tea.Cmd {
			m.move(map[string]int{"pgup": -m.room(), "pgdown": m.room()}[key])
			return nil
		}},
		{"home", "the first row", moving(func(m *model) int { return -len(m.rows) })},
		{"end", "the last row", moving(func(m *model) int { return len(m.rows) })},
		{"?", "this help", func(m *model, _ string) tea.Cmd { m.help = !m.help; return nil }},
		{"q ctrl+c", "quit", func(*model, string) tea.Cmd { return tea.Quit }},
	}
}

func step(m *model, key string) tea.Cmd {
	if key == "T" {
		return m.goTo(m.at.Add(-m.step))
	}
	return m.goTo(m.at.Add(m.step))
}

func stepLength(m *model, key string) tea.Cmd {
	m.step = min(m.step*2, time.Hour)
	if key == "[" {
		m.step = max(m.step/4, 500*time.Millisecond)
	}
	m.said = "steps of " + words.Short(m.step)
	return nil
}

func speed(m *model, key string) tea.Cmd {
	m.speed = min(m.speed*2, mostRun)
	if key == "-" {
		m.speed = max(m.speed/4, leastRun)
	}
	m.said = fmt.Sprintf("time runs %g times as fast", m.speed)
	return nil
}

func sortBy(m *model, key string) tea.Cmd {
	column := m.orders[m.view].column + 1
	if key == "<" {
		column -= 2
	}
	return m.reorder(column, false)
}

// reorder sorts by a column, from 1, or as rows come (0); turned, the other way round.
func (m *model) reorder(column int, turn bool) tea.Cmd {
	if m.table == nil || m.table.Fixed {
		m.said = "this view has an order of its own"
		return nil
	}
	o := m.orders[m.view]
	o.column = max(0, min(column, len(m.table.Columns)))
	o.reverse = o.reverse != turn
	m.orders[m.view] = o
	m.sort()
	m.move(0)
	return nil
}

func (m *model) pressed(msg tea.KeyPressMsg) tea.Cmd {
	if m.prompt != nil {
		return m.typed(msg)
	}
	key := msg.String()
	m.said = ""
	if m.help && key != "q" && key != "ctrl+c" {
		m.help = false
		return nil
	}
	for _, b := range bindings() {
		if slices.Contains(strings.Fields(b.keys), key) {
			return b.do(m, key)
		}
	}
	m.said = key + " does nothing here; ? shows the keys"
	return nil
}

func (m *model) play() tea.Cmd {
	if m.playing = !m.playing; !m.playing {
		return nil
	}
	if _, to := m.src.Recording.Window(); !m.at.Before(to) {
		m.playing = false
		m.said = "this is the end of the recording; g goes to its start"
		return nil
	}
	return tick(playTick, playMsg{})
}

// clicked sorts by the heading, and opens the row, that was clicked at.
func (m *model) clicked(at tea.Mouse) tea.Cmd {
	if row := at.Y - headLines + m.top; at.Y >= headLines && row < len(m.rows) && at.Y < headLines+m.room() {
		again := row == m.cursor
		m.cursor = row
		if again {
			return m.open()
		}
		return nil
	}
	if at.Y != headLines-1 || m.table == nil {
		return nil
	}
	x := 1
	for _, c := range m.shownColumns() {
		if at.X >= x && at.X <= x+m.widths[c] {
			return m.reorder(c+1, m.orders[m.view].column == c+1)
		}
		x += m.widths[c] + 1
	}
	return nil
}

// A prompt is a question at the foot of the screen.
type prompt struct {
	kind   int
	text   string
	cursor int // of the columns
}

const (
	askTime = iota
	askFilter
	askColumns
)

func (m *model) typed(msg tea.KeyPressMsg) tea.Cmd {
	p := m.prompt
	if p.kind == askColumns {
		m.toggled(msg.String())
		return nil
	}
	switch key := msg.String(); key {
	case "esc", "ctrl+c":
		m.prompt = nil
		if p.kind == askFilter {
			m.filter("")
		}
	case "enter":
		m.prompt = nil
		if p.kind == askTime {
			return m.timed(p.text)
		}
	case "backspace":
		_, n := utf8.DecodeLastRuneInString(p.text)
		p.text = p.text[:len(p.text)-n]
	default:
		p.text += msg.Key().Text
	}
	if m.prompt != nil && p.kind == askFilter {
		m.filter(p.text)
	}
	return nil
}

func (m *model) filter(text string) {
	o := m.orders[m.view]
	o.filter = text
	m.orders[m.view] = o
	m.sort()
	m.cursor, m.top = 0, 0
}

// timed goes to a moment that was typed: as [replay.When] reads it, or the onset of a finding.
func (m *model) timed(text string) tea.Cmd {
	label := strings.TrimPrefix(text, "@")
	if m.src.Report != nil {
		for _, f := range m.src.Report.Findings {
			if strings.EqualFold(f.Display, label) || f.ID == label {
				return m.goTo(f.Onset)
			}
		}
	}
	from, to := m.src.Recording.Window()
	at, err := replay.When(text, from, to)
	if err != nil {
		m.said = err.Error()
		return nil
	}
	return m.goTo(at)
}

// toggled moves through the columns and shows or hides one.
func (m *model) toggled(key string) {
	p := m.prompt
	if m.table == nil && key != "esc" { // it is still being read
		return
	}
	switch key {
	case "left", "h", "up", "k":
		p.cursor = max(p.cursor-1, 0)
	case "right", "l", "down", "j":
		p.cursor = min(p.cursor+1, len(m.table.Columns)-1)
	case "space":
		if m.hidden[m.view] == nil {
			m.hidden[m.view] = map[string]bool{}
		}
		name := m.table.Columns[min(p.cursor, len(m.table.Columns)-1)].Name
		m.hidden[m.view][name] = !m.hidden[m.view][name]
		m.lay()
	default:
		m.prompt = nil
	}
}
