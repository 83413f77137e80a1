// node peer.mjs DIR: loads DIR/p.parquet and DIR/who.parquet into DIR/a.duckdb,
// scans two columns and asks for the state at the moments of DIR/moments.json, of
// the database and of the Parquet files. Prints what it took, as JSON.
import { readFileSync } from 'node:fs'
import duckdb from '@duckdb/node-api'

const dir = process.argv[2]
const moments = JSON.parse(readFileSync(dir + '/moments.json'))

async function measure(f) {
  const cpu = process.cpuUsage(), began = process.hrtime.bigint()
  const value = await f()
  const used = process.cpuUsage(cpu)
  return { value, wall: Number(process.hrtime.bigint() - began), cpu: (used.user + used.system) * 1000 }
}

async function open(path) {
  return (await duckdb.DuckDBInstance.create(path)).connect()
}

async function rows(db, sql) {
  return (await db.runAndReadAll(sql)).getRows()
}

const state = m => `select count(*), sum(mi), sum(rt), count(*) filter (behavior like 'o%'), sum(length(concat(pid, name, application, kind, parent, leader, log_level, state))),
  sum(mo + mb + lat + wk + since + init_time + born) from (
    select w.*, x.mi, x.mo, x.mb, x.lat, x.rt, x.wk, x.since, x.state from who w join (
      select id, arg_max(p, "at") x from p where node = ${m.node} and "at" <= ${m.at} group by id) l on l.id = w.id
    where w.node = ${m.node} and w.seen <= ${m.at} and w.gone > ${m.at})`

async function ask(db) {
  const out = { states: [] }
  const scan = await measure(() => rows(db, 'select sum(mi) + sum(rt) from p'))
  out.scan = { wall: scan.wall, cpu: scan.cpu }
  out.scanned = Number(scan.value[0][0])
  for (const m of moments) {
    const s = await measure(() => rows(db, state(m)))
    const [n, mi, rt, o] = s.value[0].map(Number)
    out.states.push({ wall: s.wall, cpu: s.cpu, rows: n, in: mi, running: rt, behavior: o })
  }
  return out
}

const path = dir + '/a.duckdb'
let db = await open(path)
const taken = await measure(async () => {
  await db.run(`create table who as select * from read_parquet('${dir}/who.parquet')`)
  await db.run(`create table p as select * from read_parquet('${dir}/p.parquet') order by node, id, "at"`)
  await db.run('checkpoint')
})
db.closeSync()
const opened = await measure(() => open(path)) // scanned as others are: opened anew
db = opened.value
const own = await ask(db)
own.taken = { wall: taken.wall, cpu: taken.cpu }
own.opened = { wall: opened.wall, cpu: opened.cpu }
db.closeSync()
db = await open(':memory:')
await db.run(`create view who as select * from read_parquet('${dir}/who.parquet')`)
await db.run(`create view p as select * from read_parquet('${dir}/p.parquet')`)
const parquet = await ask(db)
console.log(JSON.stringify({ own, parquet }))
