// Package ergorecorder holds the project's documents, for programs that show
// them: FORMAT.md and what lies in docs. It holds no code.
package ergorecorder

import "embed"

// Documents are the Markdown files at the root of the project, in docs and in skills.
//
//go:embed *.md docs/*.md skills/*/*.md skills/*/references/*.md
var Documents embed.FS
