// Package sealed is how commands read encrypted recordings, with --identity, and
// write what is encrypted, with --recipient.
package sealed

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"ergorecorder/seal"
)

// unsealed are the encrypted recordings that a command reads: their names by
// the names of the memory that they were decrypted into.
type unsealed struct {
	names  map[string]string
	opened []*seal.Opened // open as long as the command runs
}

type unsealedKey struct{}

// Identity lets every command read encrypted recordings.
func Identity(root *cobra.Command) {
	var files []string
	root.PersistentFlags().StringArrayVar(&files, "identity", nil, "file with the key that opens encrypted recordings (repeatable)")
	root.PersistentPreRunE = func(cmd *cobra.Command, args []string) error {
		u := &unsealed{names: map[string]string{}}
		ids, err := seal.Identities(files)
		if err != nil {
			return err
		}
		for i, name := range args {
			if !seal.IsSealed(name) {
				continue
			}
			o, err := seal.Open(name, ids)
			if err != nil {
				return err
			}
			u.opened, args[i] = append(u.opened, o), o.Path()
			u.names[args[i]] = name
		}
		cmd.SetContext(context.WithValue(cmd.Context(), unsealedKey{}, u))
		return nil
	}
}

// Shown are the names of recordings as they were given.
func Shown(cmd *cobra.Command, paths []string) []string {
	u, ok := cmd.Context().Value(unsealedKey{}).(*unsealed)
	if !ok {
		return paths
	}
	out := make([]string, len(paths))
	for i, p := range paths {
		if out[i] = p; u.names[p] != "" {
			out[i] = u.names[p]
		}
	}
	return out
}

// An Output is the flags --output and --recipient: where a command writes, and
// for whom it encrypts that.
type Output struct {
	Path       string // "" is standard output
	Recipients []string
}

// AddFlags adds both flags; what says what --output is.
func (o *Output) AddFlags(cmd *cobra.Command, what string) {
	cmd.Flags().StringVarP(&o.Path, "output", "o", "", what)
	o.addRecipient(cmd)
}

func (o *Output) addRecipient(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.Recipients, "recipient", nil, "encrypt to this key of age or SSH, or to those in this file; gives NAME.age (repeatable)")
}

// To are the recipients, nil where nothing is encrypted.
func (o *Output) To() ([]seal.Recipient, error) { return seal.Recipients(o.Recipients) }

// Write writes to the file, or to standard output if none is named, encrypted
// if there are recipients. A file that could not be written whole is removed
// if it is encrypted.
func (o *Output) Write(cmd *cobra.Command, form func(io.Writer) error) error {
	to, err := o.To()
	if err != nil {
		return err
	}
	switch {
	case to == nil && o.Path == "":
		return form(cmd.OutOrStdout())
	case to == nil:
		f, err := os.OpenFile(o.Path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600) // as archives are
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return errors.Join(form(f), f.Close())
	case o.Path == "":
		w, err := seal.Writer(cmd.OutOrStdout(), to)
		if err != nil {
			return err
		}
		return errors.Join(form(w), w.Close())
	}
	f, err := seal.Create(o.Path, to)
	if err != nil {
		return err
	}
	if err := form(f); err != nil {
		f.Abandon()
		return err
	}
	return f.Close()
}
