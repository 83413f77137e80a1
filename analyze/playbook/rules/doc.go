// Package rules judges by rules of the user's own. A rule is a CEL expression
// over the rows of one reading: over its fields, their rates, what they were
// within a window, and what they usually are.
//
//   - [Parse] reads a file of rules and says of everything that is wrong with it
//     in which line and column that stands.
//   - [Set.Watch] walks a recording and says when which rule held of what.
//   - [Set.Detectors] are the rules as detectors, whose findings are of kind rule.
//
// Nothing is claimed of what was not seen: a rule that lacks a value neither
// holds nor not, and a stretch in which it held ends where the answers end.
// What an expression may cost is bounded.
package rules
