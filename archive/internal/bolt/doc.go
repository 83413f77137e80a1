// Package bolt is one bbolt file, none of which is believed: it is opened with
// a time limit and a guard against damaged pages, its tree is walked before
// bbolt walks it, a value of some size has a page of its own, and small ones
// carry a checksum. What lies in the buckets is package catalog's to say.
package bolt
