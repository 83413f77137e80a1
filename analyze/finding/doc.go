// Package finding is the form of a verdict: a [Finding] with its subject and
// evidence, what a playbook says ([Verdict]), the order in which to act ([Rank]),
// what explains what, and the words in which numbers, times and names are put.
//
// It knows nothing of recordings: those who look at them write findings.
package finding
