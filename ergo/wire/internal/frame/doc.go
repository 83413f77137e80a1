// Package frame cuts the stream of one link between two nodes into the
// messages of Ergo's node protocol "ENP R1", and writes such messages. It
// knows where the parts of a message lie, not what they say: values stay
// encoded (package edf), and what a message asks for is answered elsewhere
// (package link).
//
// A frame, all integers big-endian:
//
//	offset  size  meaning
//	0       1     78
//	1       1     1, the version
//	2       4     length of the whole frame, these 8 bytes included
//	6       1     order: frames with the same one are handled in sequence, 0 is none
//	7       1     type
//
// Then come, by type, the parts that [Layout] names, and the payload to the
// frame's end. Type 200 holds a whole frame, compressed: see [Unpack].
//
// A frame longer than the reader's limit ends the link. Fragments (202) are
// sent only to a node that announced that it takes them, which ours does not.
package frame
