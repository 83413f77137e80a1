// Package ergorecorder holds the project's documents, for programs that show
// them: FORMAT.md and what lies in docs. It holds no code.
package ergorecorder

import "embed"

// Documents are the Markdown files at the root of the project and in docs.
//
//go:embed *.md docs/*.md
var Documents embed.FS
