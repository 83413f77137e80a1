// Package archive holds a recording on disk: an append-only sequence of
// records, grouped into streams, in one bbolt file or a directory of such
// segments. It knows bytes, columns and time; it knows nothing of Ergo.
//
//   - A [Record] is one stored item: an answer, a log line, an event, a raw
//     profile or a [Mark] about the recording itself.
//   - A stream ([StreamKey]) is what one source says over time. Its [Schema]
//     tells which fields identify a row and how each field behaves over time.
//   - A [Writer] appends. It has no delete call: retention and re-packing are
//     its own business, under its [Options].
//   - A [Reader] answers "the newest record at or before T" ([Reader.Last]),
//     walks whole records ([Reader.Records]) and scans columns: as samples
//     ([Reader.Scan]), or as what they tell anew ([Reader.Cells]), which costs
//     what changed. It cannot write.
//
// Row order of a table is not data: rows come back in the archive's order.
// Everything else is exact, number literals included.
//
// Damage is confined: a reader yields a [*CorruptionError] for what it could
// not read, with segment, stream and time range, and goes on behind it.
package archive
