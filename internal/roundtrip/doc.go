// Package roundtrip holds the test that what goes into an archive comes out:
// captures imported, exported and compared, answer by answer.
package roundtrip
