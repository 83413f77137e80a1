// Package causes finds which findings explain which: by rules, each a sentence
// about what a fault leads to, and by who waits for whom.
package causes
