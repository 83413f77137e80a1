// Package inspect gives the answers of a node's inspection the form of the 48
// tools. The Observer's tools and the system application's messages are made
// of the same Go structs, with Go's field names; both roads to a node come
// through here, so that nobody above can tell which it was.
//
// A field that the 48 tools know has their name. Every other one stays, under
// its own name. A field that was not said is left out: nothing is made up.
//
//   - [Canonical] translates one answer, named by the tool of the 48 that
//     would have given it.
//   - [Select] filters, sorts and cuts a listing as those tools do.
//   - [Idents] translates identifiers that hold the name of their node.
package inspect
