package terminal

import (
	"context"
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"

	"ergorecorder/analyze"
	"ergorecorder/analyze/finding"
	"ergorecorder/internal/fixture"
	"ergorecorder/replay"
)

var update = flag.Bool("update", false, "write the golden screens anew")

// stuck is the recording of a real incident.
func stuck(t testing.TB) *replay.Recording {
	t.Helper()
	return fixture.Open(t, fixture.Bare(t, fixture.Bundled(t, "stuck")))
}

// A user sits before the screen.
type user struct {
	t testing.TB
	m *model
}

func sit(t testing.TB, rec *replay.Recording, wide, high int) user {
	u := user{t, newModel(t.Context(), rec, Options{Name: "stuck.erg", Judge: func(ctx context.Context) (*analyze.Report, error) {
		return analyze.Run(ctx, rec, analyze.Options{})
	}})}
	u.tell(tea.WindowSizeMsg{Width: wide, Height: high})
	u.follow(u.m.Init())
	return u
}

// tell hands the model a message, and what comes of it.
func (u user) tell(msg tea.Msg) {
	_, cmd := u.m.Update(msg)
	u.follow(cmd)
}

// follow runs commands to their end, but for those that wait for time to pass.
func (u user) follow(cmd tea.Cmd) {
	if cmd == nil || u.m.playing {
		return
	}
	switch msg := cmd().(type) {
	case tea.BatchMsg:
		for _, c := range msg {
			u.follow(c)
		}
	case nil, tea.QuitMsg:
	default:
		u.tell(msg)
	}
}

// press types keys: names in <>, all else as it stands.
func (u user) press(keys string) {
	named := map[string]rune{"enter": tea.KeyEnter, "esc": tea.KeyEscape, "down": tea.KeyDown, "right": tea.KeyRight, "end": tea.KeyEnd, "pgdown": tea.KeyPgDown}
	for keys != "" {
		if name, rest, ok := strings.Cut(strings.TrimPrefix(keys, "<"), ">"); ok && keys[0] == '<' && named[name] != 0 {
			u.tell(tea.KeyPressMsg{Code: named[name]})
			keys = rest
			continue
		}
		r := rune(keys[0])
		u.tell(tea.KeyPressMsg{Code: r, Text: string(r)})
		keys = keys[1:]
	}
}

func (u user) screen() string {
	lines := strings.Split(ansi.Strip(u.m.View().Content), "\n")
	for i, l := range lines {
		lines[i] = strings.TrimRight(l, " ")
	}
	return strings.Join(lines, "\n") + "\n"
}

// TestScreens compares what is seen after some keys with golden screens.
func TestScreens(t *testing.T) {
	rec := stuck(t)
	for _, c := range []struct {
		name, keys string
		wide, high int
	}{
		{"nodes", "", 100, 16},
		{"processes", "P", 120, 16},
		{"processes-by-mailbox", "P>>>>>", 120, 16},
		{"processes-filtered", "P/book<enter>", 120, 16},
		{"processes-of-a-node", "<enter>", 100, 16},
		{"narrow", "P", 60, 12},
		{"columns", "Pc<right><right> ", 100, 12},
		{"tree", "X", 100, 20},
		{"links", "L", 120, 12},
		{"events", "E", 120, 16},
		{"log", "O", 120, 16},
		{"findings", "F", 100, 10},
		{"process", "P/book_eth<enter><enter>", 100, 30},
		{"waits", "W", 140, 12},
		{"finding-before", "p", 100, 10},
		{"time-asked", "b01:14:30", 100, 10},
		{"time-reached", "b01:14:30<enter>P", 100, 10},
		{"time-unknown", "byesterday<enter>", 100, 10},
		{"start", "g", 100, 10},
		{"help", "?", 120, 30},
		{"unknown-key", "Z", 100, 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			u := sit(t, rec, c.wide, c.high)
			u.press(c.keys)
			got := u.screen()
			if n := strings.Count(got, "\n"); n != c.high {
				t.Errorf("%d lines on a screen of %d", n, c.high)
			}
			for line := range strings.Lines(got) {
				if w := ansi.StringWidth(strings.TrimSuffix(line, "\n")); w > c.wide {
					t.Errorf("a line of %d on a screen of %d: %q", w, c.wide, line)
				}
			}
			file := filepath.Join("testdata", c.name+".screen")
			if *update {
				if err := os.WriteFile(file, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if got != string(want) {
				t.Errorf("the screen is\n%s\nwant\n%s", got, want)
			}
		})
	}
}

// A finding is told in full, at its onset.
func TestFindingInFull(t *testing.T) {
	u := sit(t, stuck(t), 110, 200)
	f := u.m.src.Report.Findings[0]
	u.press("F<enter>")
	for _, want := range []string{f.Title, string(f.Kind), f.Evidence[0].What, strings.Fields(f.Recommendation)[0], f.Confirm[0]} {
		if !strings.Contains(u.screen(), want) {
			t.Errorf("the screen lacks %q:\n%s", want, u.screen())
		}
	}
	if !u.m.at.Equal(f.Onset) {
		t.Errorf("it is %s, the finding begins at %s", clock(u.m.at), clock(f.Onset))
	}
}

func TestTime(t *testing.T) {
	rec := stuck(t)
	u := sit(t, rec, 100, 20)
	from, to := rec.Window()
	for _, c := range []struct {
		keys string
		want time.Time
	}{
		{"g", from},
		{"t", from.Add(10 * time.Second)},
		{"T", from},
		{"T", from},
		{"]t", from.Add(20 * time.Second)},
		{"G", to},
		{"t", to},
		{"p", u.m.src.Report.Findings[0].Onset},
		{"gn", u.m.src.Report.Findings[0].Onset},
		{"gbF1<enter>", u.m.src.Report.Findings[0].Onset},
	} {
		if u.press(c.keys); !u.m.at.Equal(c.want) {
			t.Errorf("after %q it is %s, want %s", c.keys, clock(u.m.at), clock(c.want))
		}
	}
	u.press("g ")
	if !u.m.playing {
		t.Fatal("space at the start does not let time run")
	}
	u.m.Update(playMsg{})
	if !u.m.at.Equal(from.Add(playTick)) {
		t.Errorf("a tick leads to %s", clock(u.m.at))
	}
}

func TestMouse(t *testing.T) {
	u := sit(t, stuck(t), 120, 20)
	u.tell(tea.MouseClickMsg{X: 4, Y: headLines + 1, Button: tea.MouseLeft})
	if u.m.cursor != 1 {
		t.Fatalf("a click on the second row put the cursor on %d", u.m.cursor)
	}
	u.tell(tea.MouseClickMsg{X: 4, Y: headLines + 1, Button: tea.MouseLeft})
	if u.m.view != Processes || u.m.node != u.m.table.Rows[0].Node {
		t.Fatalf("a second click shows %s of %s", u.m.view, u.m.node)
	}
	column := strings.Index(ansi.Strip(u.m.headings()), "MAILBOX")
	u.tell(tea.MouseClickMsg{X: column + 2, Y: headLines - 1, Button: tea.MouseLeft})
	if name := u.m.table.Columns[u.m.orders[Processes].column-1].Name; name != "MAILBOX" {
		t.Errorf("a click on MAILBOX sorts by %s", name)
	}
	u.tell(tea.MouseWheelMsg{Button: tea.MouseWheelDown})
	if u.m.cursor != 3 {
		t.Errorf("a turn of the wheel leads to row %d", u.m.cursor)
	}
}

// What a cluster wrote does not steer the terminal, in whichever view.
func TestHostileNames(t *testing.T) {
	const evil = "a\x1b[2Jb\x9b31m\u202ec\nd"
	u := sit(t, stuck(t), 100, 12)
	u.m.table = &Table{Title: evil, Columns: columns("NAME"), Rows: []Row{{Cells: []Cell{text(evil)}}}, Notes: []string{evil}}
	u.m.opt.Name = evil
	u.m.sort()
	seen := u.m.View().Content
	for _, bad := range []string{"\x1b[2J", "\x9b", "\u202e", "c\nd"} {
		if strings.Contains(seen, bad) {
			t.Errorf("%q reaches the screen", bad)
		}
	}
}

// A listing in which processes are each other's parents is shown, once each.
func TestTreeOfCircles(t *testing.T) {
	rows := listing(6)
	for i, parent := range []string{"<1.0.2>", "<1.0.3>", "<1.0.1>", "<1.0.4>", "", "<1.0.5>"} {
		rows[i].Parent = parent
	}
	n := 0
	for _, b := range grown(rows) {
		n += len(b.rows(0))
	}
	if n != len(rows) {
		t.Errorf("%d rows of %d processes", n, len(rows))
	}
}

func TestColorAloneMeansNothing(t *testing.T) {
	plain := ansi.Strip((&model{width: 80, table: &Table{Columns: columns("A")}, widths: []int{3}}).rowLine(Row{Mark: markOf(string(finding.Critical))}, []int{0}, false))
	if !strings.HasPrefix(plain, "!") {
		t.Errorf("a critical row without colour is %q", plain)
	}
}

// BenchmarkFrame draws a screen of 10,000 processes.
func BenchmarkFrame(b *testing.B) {
	m := crowd(10_000)
	for i := range b.N {
		m.move(map[bool]int{true: 1, false: -1}[i%200 < 100])
		if len(m.View().Content) == 0 {
			b.Fatal("nothing is drawn")
		}
	}
}

// BenchmarkSort sorts and lays out 10,000 processes, as each step of time does.
func BenchmarkSort(b *testing.B) {
	m := crowd(10_000)
	for i := range b.N {
		m.orders[Processes] = order{column: 5 + i%3}
		m.sort()
	}
}
