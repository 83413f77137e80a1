// Package lease divides the nodes of a cluster among the recorders of a fleet.
//
// A recorder lives in the bucket of recorders as a session: it puts its key anew
// several times within the session's time, each time naming the revision that it
// put last. A lease is a key in the bucket of leases that names a session, and
// holds as long as that lives; it costs nothing while nothing changes.
//
// Who is sure: a recorder, for the session's time from when it sent a heartbeat that
// was acknowledged, by its own steady clock. Who ends a session: another one
// that has heard nothing of it for longer than that, from when the last heartbeat
// arrived, by its own steady clock; it puts the end in the place of that very
// heartbeat. The engine takes either the end or the next heartbeat. So nobody who is
// sure has had its session ended, whatever the clocks and the network say, and no
// clock of another machine is believed.
//
// A recorder that is not sure goes on with what it has, and says that others may
// have it as well: without an engine nothing is recorded less. As soon as
// the engine answers again it leaves what others have taken.
//
// Who is to have a node is told by rendezvous hashing over the recorders that live,
// so that one more takes few nodes from each. It is offered them by who has
// them, begins to record, and then takes the lease: nothing is missed.
package lease
