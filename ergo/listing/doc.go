// Package listing reads the rows of a listing, as a tool wrote it, without
// decoding it: a listing has a thousand rows of twenty fields, and a question
// concerns two or three of them. It is the project's one scanner of JSON text,
// but for that of package archive, which splits every value of every answer
// into columns and so has its own.
//
// It trusts what it reads to be JSON, and gives nothing where it is none.
package listing
