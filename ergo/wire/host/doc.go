// Package host plays nodes that can be joined: it is the other side of package
// wire, with the same code for values, frames, handshakes and layouts. A replay
// serves recordings with it, and tests play nodes with it.
//
// A [Node] listens, shakes hands with whoever has its cookie, and answers: the
// process mcp of the 48 tools if it has Tools, the process system_inspect of Ergo
// 3.3 if it has System. It behaves as real nodes do: it closes without a word
// before a wrong cookie, answers important messages to nobody with "unknown
// process", never answers a message of a type that it did not announce, and what
// is too long for the encoding never comes. With System it is a node of 3.3,
// which compresses long answers, sends those that are too long for one frame in
// parts, and says every 15 seconds that it is there.
//
// A replay says before each of its messages where its clock is; see the message
// Clock in package message. Only a node that has announced to be one does so.
package host
