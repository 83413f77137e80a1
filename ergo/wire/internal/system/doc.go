// Package system is the language of the system application, which every node
// runs: the requests that its process system_inspect answers, with the layouts
// of the releases 3.0 to 3.3.
//
//   - A [Plan] says which of them a node knows, by the types that it announced.
//   - [Types] are the layouts that a plan reads and writes.
//   - [Check] finds what a decoded answer says that cannot be, [Compare] what of
//     our layouts is not that of the node's own description.
//
// Answers become JSON with Go's field names and the words of the 48 tools; a
// field that the node's release does not have is not there.
package system
