// Package ship brings what a recorder has stored to its fleet's engine: the blocks
// of its archive that have ended, and its marks, in their order, each until the engine
// has acknowledged it. What is stored and not shipped is a backlog, which is counted;
// the recorder never waits for it. A file beside the archive says how far it came.
package ship
