package terminal

import (
	"fmt"
	"strings"

	tea "charm.land/bubbletea/v2"
	"charm.land/lipgloss/v2"
	"github.com/charmbracelet/x/ansi"

	"ergorecorder/escape"
)

// The lines above and below the rows.
const (
	headLines = 4 // name and moment, the line of time, what is shown, the headings
	footLines = 2
	leastText = 8 // to how many characters a column of text may shrink
)

// room is how many rows fit.
func (m *model) room() int { return max(m.height-headLines-footLines, 1) }

// View implements [tea.Model].
func (m *model) View() tea.View {
	v := tea.NewView(m.screen())
	v.AltScreen = true
	v.MouseMode = tea.MouseModeCellMotion
	v.WindowTitle = "analyze top " + escape.Line(m.opt.Name)
	return v
}

// screen is what stands on the screen: as many lines as it has, none longer than it is wide.
func (m *model) screen() string {
	lines := []string{m.headline(), m.timeline()}
	if m.help {
		lines = append(lines, "keys (any key goes back)", "")
		lines = append(lines, m.helpLines()...)
	} else {
		lines = append(lines, m.shown(), bold(m.headings()))
		lines = append(lines, m.rowLines()...)
	}
	for len(lines) < m.height-footLines {
		lines = append(lines, "")
	}
	lines = append(lines[:max(m.height-footLines, 1)], m.note(), m.foot())
	for i, l := range lines {
		lines[i] = ansi.Truncate(l, m.width, "…")
	}
	return strings.Join(lines, "\n")
}

func bold(s string) string { return lipgloss.NewStyle().Bold(true).Reverse(true).Render(s) }

func (m *model) headline() string {
	state := "recorded"
	switch {
	case m.playing:
		state = fmt.Sprintf("runs %gx", m.speed)
	case m.follows:
		state = "live"
	case m.opt.Live:
		state = "of a recording being made (G follows it)"
	}
	if m.loading {
		state += ", reading"
	}
	return clock(m.at) + " UTC  " + state + "  " + escape.Line(m.opt.Name)
}

// timeline is the recording from left to right: where we are, and where findings begin.
func (m *model) timeline() string {
	from, to := m.src.Recording.Window()
	wide := max(m.width-20, 10)
	line := []rune(strings.Repeat("─", wide))
	place := func(part float64) int { return max(0, min(int(part*float64(wide-1)+0.5), wide-1)) }
	whole := max(to.Sub(from).Seconds(), 1e-9)
	if m.src.Report != nil {
		for _, f := range m.src.Report.Findings {
			if f.Onset.IsZero() {
				continue
			}
			mark := '·'
			if sign := markOf(string(f.Severity)); sign != "" {
				mark = rune(sign[0])
			}
			if at := place(f.Onset.Sub(from).Seconds() / whole); line[at] != '!' {
				line[at] = mark
			}
		}
	}
	line[place(m.at.Sub(from).Seconds()/whole)] = '█'
	return from.UTC().Format("15:04:05") + " " + string(line) + " " + to.UTC().Format("15:04:05")
}

func (m *model) shown() string {
	if m.table == nil {
		return string(m.view)
	}
	s := escape.Line(m.table.Title)
	o := m.orders[m.view]
	if len(m.rows) != len(m.table.Rows) || o.filter != "" {
		s += fmt.Sprintf(", %d with %q", len(m.rows), o.filter)
	}
	if n := len(m.rows) - m.room(); n > 0 {
		s += fmt.Sprintf(", rows %d to %d", m.top+1, min(m.top+m.room(), len(m.rows)))
	}
	if n := len(m.table.Columns) - len(m.shownColumns()); n > 0 {
		s += ", " + counted(n, "column") + " not shown"
	}
	return s
}

// lay finds how wide each column is drawn.
func (m *model) lay() {
	if m.table == nil {
		return
	}
	m.widths = make([]int, len(m.table.Columns))
	for i, c := range m.table.Columns {
		m.widths[i] = len(c.Name) + 1
	}
	for _, r := range m.table.Rows {
		for i, c := range r.Cells[:min(len(r.Cells), len(m.widths))] {
			m.widths[i] = max(m.widths[i], width(c.Text))
		}
	}
	for over := m.over(); over > 0; over = m.over() {
		widest := -1
		for i, c := range m.table.Columns {
			if !c.Number && !m.hides(c) && m.widths[i] > leastText && (widest < 0 || m.widths[i] > m.widths[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		m.widths[widest] = max(leastText, m.widths[widest]-over)
	}
}

// over is by how much the columns that are not hidden are too wide together.
func (m *model) over() int {
	sum := 1
	for i, c := range m.table.Columns {
		if !m.hides(c) {
			sum += m.widths[i] + 1
		}
	}
	return sum - m.width
}

func (m *model) hides(c Column) bool { return m.hidden[m.view][c.Name] }

// shownColumns are those that are not hidden and fit.
func (m *model) shownColumns() []int {
	var shown []int
	used := 1
	for i, c := range m.table.Columns {
		if m.hides(c) {
			continue
		}
		if used += m.widths[i] + 1; used > m.width+1 && len(shown) > 0 {
			break
		}
		shown = append(shown, i)
	}
	return shown
}

func (m *model) headings() string {
	if m.table == nil {
		return strings.Repeat(" ", m.width)
	}
	var b strings.Builder
	b.WriteString(" ")
	o := m.orders[m.view]
	for _, i := range m.shownColumns() {
		c := m.table.Columns[i]
		name := c.Name
		if o.column == i+1 && !m.table.Fixed {
			name += map[bool]string{false: "▼", true: "▲"}[o.reverse]
		}
		pad(&b, name, m.widths[i], c.Number)
	}
	if rest := m.width - width(b.String()); rest > 0 {
		b.WriteString(strings.Repeat(" ", rest))
	}
	return b.String()
}

func (m *model) rowLines() []string {
	if m.table == nil {
		return nil
	}
	var lines []string
	columns := m.shownColumns()
	for i := m.top; i < min(m.top+m.room(), len(m.rows)); i++ {
		lines = append(lines, m.rowLine(m.rows[i], columns, i == m.cursor))
	}
	return lines
}

func (m *model) rowLine(r Row, columns []int, here bool) string {
	var b strings.Builder
	mark := r.Mark
	switch {
	case here:
		mark = ">"
	case mark == "":
		mark = " "
	}
	b.WriteString(mark)
	for _, i := range columns {
		pad(&b, escape.Line(r.cell(i).Text), m.widths[i], m.table.Columns[i].Number)
	}
	style := lipgloss.NewStyle()
	switch {
	case here:
		return style.Reverse(true).Render(b.String())
	case r.Mark == "!":
		return style.Foreground(lipgloss.Red).Render(b.String())
	case r.Mark == "*":
		return style.Foreground(lipgloss.Yellow).Render(b.String())
	}
	return b.String()
}

// pad writes a cell and the blank behind it.
func pad(b *strings.Builder, s string, wide int, right bool) {
	w := width(s)
	if w > wide {
		s = ansi.Truncate(s, wide, "…")
		w = width(s)
	}
	blanks := strings.Repeat(" ", max(wide-w, 0))
	if right {
		b.WriteString(blanks + s)
	} else {
		b.WriteString(s + blanks)
	}
	b.WriteByte(' ')
}

// width is how many columns of the terminal a text takes.
func width(s string) int {
	for i := range len(s) {
		if s[i] >= 0x80 || s[i] < 0x20 {
			return ansi.StringWidth(s)
		}
	}
	return len(s)
}

// note is what the last key came to, else what the table could not tell.
func (m *model) note() string {
	switch {
	case m.said != "":
		return escape.Line(m.said)
	case m.judgeErr != nil:
		return "the recording could not be judged: " + escape.Line(m.judgeErr.Error())
	case m.table == nil || len(m.table.Notes) == 0:
		return ""
	case len(m.table.Notes) == 1:
		return escape.Line(m.table.Notes[0])
	}
	return fmt.Sprintf("%s (and %d more)", escape.Line(m.table.Notes[0]), len(m.table.Notes)-1)
}

// foot is the question that is open, else the keys that are used most.
func (m *model) foot() string {
	switch p := m.prompt; {
	case p == nil:
		return "N nodes P processes X tree L links E events O log F findings W waits  t/T time  n/p finding  / filter  ? help  q quit"
	case p.kind == askTime:
		return "go to: " + escape.Line(p.text) + "_"
	case p.kind == askFilter:
		return "show rows with: " + escape.Line(p.text) + "_   (Enter keeps, Esc shows all)"
	}
	return m.columnsFoot()
}

func (m *model) columnsFoot() string {
	var b strings.Builder
	b.WriteString("columns: ")
	if m.table != nil {
		for i, c := range m.table.Columns {
			box := "[x]"
			if m.hides(c) {
				box = "[ ]"
			}
			if i == m.prompt.cursor {
				box = ">" + box
			}
			b.WriteString(box + c.Name + " ")
		}
	}
	return b.String() + " (arrows, Space, Esc)"
}

func (m *model) helpLines() []string {
	var lines []string
	half := (len(bindings()) + 1) / 2
	cell := func(i int) string {
		if i >= len(bindings()) {
			return ""
		}
		b := bindings()[i]
		return fmt.Sprintf("%-14s %s", strings.ReplaceAll(b.keys, " ", ", "), b.what)
	}
	if m.width < 100 || half > m.room() {
		for i := range bindings() {
			lines = append(lines, " "+cell(i))
		}
		return lines
	}
	for i := range half {
		lines = append(lines, fmt.Sprintf(" %-*s %s", m.width/2-2, cell(i), cell(i+half)))
	}
	return lines
}
