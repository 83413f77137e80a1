package bench

import (
	"database/sql"
	"path/filepath"
	"testing"

	_ "modernc.org/sqlite"
)

// schema is what SQLite and DuckDB keep: who there was, and what changed.
const schema = `
create table who (node integer, id integer primary key, pid text, name text, application text, behavior text, kind text,
	parent text, leader text, log_level text, init_time integer, born integer, seen integer, gone integer);
create table p (node integer, id integer, at integer, mi integer, mo integer, mb integer, lat integer, rt integer, wk integer, since integer, state text`

// BenchmarkSQLite keeps the rows that changed, StateTime as an instant to the
// millisecond, with texts once a process.
func BenchmarkSQLite(b *testing.B) {
	path := filepath.Join(b.TempDir(), "a.db")
	db, err := sql.Open("sqlite", path+"?_pragma=journal_mode(wal)&_pragma=synchronous(normal)")
	if err != nil {
		b.Fatal(err)
	}
	defer db.Close()
	if _, err := db.Exec(schema + `, primary key (node, id, at)) without rowid; create index by_node on who (node, seen)`); err != nil {
		b.Fatal(err)
	}
	var out result
	rows := changes(b, func(c *change) {
		out.taken.add(measure(func() { err = toSQLite(db, c) }))
		if err != nil {
			b.Fatal(err)
		}
	})
	out.taken.add(measure(func() { _, err = db.Exec("pragma wal_checkpoint(truncate)") }))
	if err != nil {
		b.Fatal(err)
	}
	out.size = sizeOf(path)
	out.scan = measure(func() { err = db.QueryRow("select sum(mi) + sum(rt) from p").Scan(&out.scanned) })
	if err != nil {
		b.Fatal(err)
	}
	out.ask(b, moments(b, 100), func(m moment) (got moment) {
		list, err := db.Query(`select w.pid, w.name, w.application, w.behavior, w.kind, w.parent, w.leader, w.log_level, w.init_time, w.born,
			p.mi, p.mo, p.mb, p.lat, p.rt, p.wk, p.since, p.state from who w join p on p.node = w.node and p.id = w.id and
			p.at = (select max(at) from p q where q.node = w.node and q.id = w.id and q.at <= ?2)
			where w.node = ?1 and w.seen <= ?2 and (w.gone is null or w.gone > ?2)`, m.Node, m.At.UnixMilli())
		if err != nil {
			b.Fatal(err)
		}
		defer list.Close()
		for list.Next() {
			var r row
			var born, since int64
			if err := list.Scan(&r.PID, &r.Name, &r.Application, &r.Behavior, &r.Kind, &r.Parent, &r.Leader, &r.LogLevel, &r.InitTime, &born,
				&r.MessagesIn, &r.MessagesOut, &r.MessagesMailbox, &r.MailboxLatency, &r.RunningTime, &r.Wakeups, &since, &r.State); err != nil {
				b.Fatal(err)
			}
			got.add(r.MessagesIn, r.RunningTime, r.Behavior)
		}
		if err := list.Err(); err != nil {
			b.Fatal(err)
		}
		return got
	})
	out.report(b, rows)
}

func toSQLite(db *sql.DB, c *change) error {
	tx, err := db.Begin()
	if err != nil {
		return err
	}
	defer tx.Rollback() // behind Commit it does nothing
	insert, err := tx.Prepare("insert into p values (?,?,?,?,?,?,?,?,?,?,?)")
	if err != nil {
		return err
	}
	at := c.at.UnixMilli()
	for id, r := range c.known {
		if _, err := tx.Exec("insert into who values (?,?,?,?,?,?,?,?,?,?,?,?,?,null)", c.node, id, r.PID, r.Name, r.Application, r.Behavior, r.Kind,
			r.Parent, r.Leader, r.LogLevel, r.InitTime, r.born(c.at), at); err != nil {
			return err
		}
	}
	for _, id := range c.gone {
		if _, err := tx.Exec("update who set gone = ? where id = ?", at, id); err != nil {
			return err
		}
	}
	for i, r := range c.told {
		if _, err := insert.Exec(c.node, c.rows[i], at, r.MessagesIn, r.MessagesOut, r.MessagesMailbox, r.MailboxLatency, r.RunningTime, r.Wakeups, r.since(c.at), r.State); err != nil {
			return err
		}
	}
	return tx.Commit()
}
