// Package link is one live connection of our node to another, after the
// handshake: it sends requests and matches their answers, follows events, and
// answers what a peer may ask of a node that runs no processes.
//
// One goroutine reads, one writes. The reader never waits for anybody but the
// peer: a peer whose messages are not taken blocks every process that sends
// one. So an answer that nobody waits for any more is dropped, the function
// that events are given to must return at once, and a courtesy that finds the
// writer's queue full is not sent.
//
// What the peer asks is answered so that none of its processes waits in vain:
// requests and important messages with "unknown process", links and monitors
// with the same error, an important answer with an acknowledgement. Anything
// else that was not asked for is ignored and counted.
//
// A frame that cannot be read as a message is dropped; one that is no frame,
// or too long, ends the link, as does a peer that takes nothing for a while.
// Every request under way then fails with the link's error. A link is not
// mended: dial anew.
package link
