// Package measure gives one number of a recording by a formula over the fields
// of a tool's answers, so that whoever reads a number in a report can ask for it
// again.
//
//	rate(MessagesIn - MessagesMailbox)         messages handled a second
//	max(MailboxLatency) / 1e9                  the oldest message, in s
//	median(rates(UserTime + SystemTime)) / 1e9 cores used
//
// A name is a field, one value an answer: that of the row, or the sum over all
// rows that are meant. A function of a field over time is a number. It shares
// nothing with the detectors but the recording: it is the second way to the same
// number.
package measure
