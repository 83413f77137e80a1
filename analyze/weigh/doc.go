// Package weigh says of each finding how sure it is: what speaks for it, what
// else it might have been and was excluded, what speaks against it, and what was
// not seen. A second opinion that knows no kinds of faults is asked too: it
// compares all series before and after an onset, and where it points elsewhere, a
// finding gets a caveat. It claims nothing itself.
package weigh
