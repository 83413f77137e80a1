// Package scrub copies a recording so that it may leave the house: names are
// replaced, the same name by the same pseudonym everywhere, and what cannot be
// proved clean is replaced or left out. What is measured stays as it is, so
// that the verdict on the copy is the verdict on the original, up to names.
//
// The proof is by words. A copy holds only
//
//   - words of the framework and of this program (framework.txt), symbols of
//     the Go standard library and of the framework in stacks and profiles,
//   - in text for people, ordinary English words that name nothing in this
//     recording (english.txt),
//   - numbers, times, durations and addresses in memory,
//   - pseudonyms.
//
// A name that is a word of the framework itself ("default") stays. Numbers of
// five digits and more in text for people are replaced. The order of names is
// kept among names of one kind, so that ties are decided as before; so are the
// digits at their end.
//
//   - [Copy] makes the copy, in two passes: one collects the names.
//   - [Map] leads back from pseudonyms to names.
//   - [Audit] looks at every word of a copy, trusting none of the above.
package scrub
