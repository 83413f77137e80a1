// Package memory judges what collections leave in the heap, and, where nothing is
// retained, what is allocated and thrown away.
package memory
