// Package network compares both ends of every link: connections that were
// lost, messages that did not arrive, round trips, and peers turned away.
package network
