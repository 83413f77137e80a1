// Package listing reads the rows of a listing, as a tool wrote it, without
// decoding it: a listing has a thousand rows of twenty fields, and a question
// concerns two or three of them. It is the project's one scanner of JSON text,
// but for those that do something else with it: package archive splits every
// value of every answer into columns, ergo/redact goes on where a text is cut
// or broken, and scrub writes every token anew.
//
// It trusts what it reads to be JSON, and gives nothing where it is none.
package listing
