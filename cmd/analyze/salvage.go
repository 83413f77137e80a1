package main

import (
	"fmt"

	"ergorecorder/escape"

	"github.com/spf13/cobra"

	"ergorecorder/archive"
)

func newSalvage() *cobra.Command {
	var (
		f   format
		out string
	)
	cmd := &cobra.Command{
		Use:   "salvage PATH -o NEW",
		Short: "Recover every intact block of a damaged recording into a new one",
		Long: `Salvage writes every intact block of a recording to a new one, even when the
file's own tree is gone, and says what is lost. The damaged recording is not
touched. The exit code is 0 when the new recording stands, whatever was lost.`,
		Example: "  analyze salvage broken.erg -o saved.erg",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if out == "" {
				return fmt.Errorf("salvage: say where to write the new recording: -o NEW")
			}
			if f != "text" && f != "json" {
				return f.unknown(infoFormats)
			}
			s, err := archive.Salvage(cmd.Context(), args[0], out)
			if err != nil {
				return err
			}
			lines := damageLines(s.Lost)
			w := cmd.OutOrStdout()
			if f == "json" {
				return printJSON(w, map[string]any{
					"path": out, "streams": s.Streams, "blocks": s.Blocks, "records": s.Records, "bytes": s.Bytes, "lost": lines,
				})
			}
			printDamage(w, lines)
			escape.Fprintf(w, "recovered %s of %s: %s, %d bytes\n", counted(s.Records, "record"), counted(s.Streams, "stream"), out, s.Bytes)
			if len(lines) == 0 {
				escape.Fprintf(w, "nothing is known to be lost\n")
			}
			return nil
		},
	}
	cmd.Flags().StringVarP(&out, "output", "o", "", "the new recording, one file that does not exist")
	f.addFlag(cmd, infoFormats)
	return cmd
}
