// Package seal encrypts what leaves, and opens it again, with age
// (filippo.io/age).
//
//   - [Recipients] and [Identities] read keys as age takes them: age1… and
//     ssh-… keys, or files of them.
//   - [Create] makes a file that is encrypted as it is written.
//   - [Open] decrypts a file into memory that has a name, for what must be a
//     file to be read: an archive is mapped.
//   - [Memory] is such memory, for what must be a file to be written.
//
// Nothing is written unencrypted on the way: memory with a name (memfd_create)
// is on no disk, and gone with the process. Where the system has none (any but
// Linux), Open and Memory refuse. A recording that is being written is not
// encrypted by this package: its pages change in place.
package seal
