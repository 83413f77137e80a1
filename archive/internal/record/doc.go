// Package record says what an archive stores: records and the streams that
// they belong to, marks about the recording itself, and the errors of storing
// and reading them. Package archive shows its words under their own names.
package record
