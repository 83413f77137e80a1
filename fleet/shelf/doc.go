// Package shelf keeps closed segments of archives in a bucket of an S3 server, or in
// the object store of a fleet's engine, as flat files (FORMAT.md), and reads them there by
// ranges.
//
//   - An object is put once and never changed: the put has the condition that
//     nothing of that name is there.
//   - Its name says what it holds, so that a list of names tells what to fetch:
//     PREFIX/ARCHIVE/NUMBER_FROM_TO.ergf.
//   - What retention removes leaves a note, PREFIX/ARCHIVE/gone/NUMBER, which is
//     there before the object is removed: what is neither there nor noted is damage.
//
// It is the only home of an S3 client. It has no clock: who needs one hands it in.
package shelf
