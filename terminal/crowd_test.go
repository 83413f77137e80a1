package terminal

import (
	"context"
	"fmt"

	"ergorecorder/analyze/views"
	"ergorecorder/replay"
)

// listing is a listing of so many processes.
func listing(n int) []views.ProcessRow {
	rows := make([]views.ProcessRow, n)
	for i := range rows {
		rows[i] = views.ProcessRow{
			Node: "alpha@host", PID: fmt.Sprintf("<1.0.%d>", i+1), Name: fmt.Sprintf("worker_%d", i), Behavior: "shop.Worker", State: "sleep",
			MessagesMailbox: int64(i * 7919 % 1000), MessagesIn: int64(i * 104729 % 100000), MailboxLatency: -1, RunningTime: int64(i) * 1000, Application: "shop",
		}
	}
	return rows
}

// crowd is a screen of so many processes, without a recording.
func crowd(n int) *model {
	m := newModel(context.Background(), new(replay.Recording), Options{Name: "crowd.erg"})
	m.view, m.width, m.height = Processes, 200, 60
	m.table = &Table{Title: counted(n, "process"), Columns: processColumns()}
	for _, r := range listing(n) {
		m.table.Rows = append(m.table.Rows, Row{Node: r.Node, PID: r.PID, Cells: processCells(r)})
	}
	m.sort()
	return m
}
