// Package redact leaves secrets out of what is stored. There is one redactor
// and one table of forms (table.go): names that name a secret, qualifiers that
// do not change that, names that only may, and shapes that are a secret
// whatever their name.
//
//   - [Answer] is the answer of a tool: JSON at any depth, JSON in strings,
//     environments, and text.
//   - [Text] is text: log lines, errors, stacks, notes, goroutine dumps.
//   - [Profile] is a raw pprof profile: its strings.
//
// A value that is a number or a truth value where the text has types (JSON) is
// never a secret. In plain text, which has none, digits are a secret only
// behind a name that is often given digits: password, PIN, one-time password.
// All bytes that are no secret are unchanged, and what was redacted once is not
// changed again.
//
// The package does no I/O and knows no archive. It cannot know a secret that
// has neither a name nor a shape.
package redact
