package main

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

// addIdentity lets every command read encrypted recordings.
func addIdentity(root *cobra.Command) {
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

// shown are the names of recordings as they were given.
func shown(cmd *cobra.Command, paths []string) []string {
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

// An output is the flags --output and --recipient: where a command writes, and
// for whom it encrypts that.
type output struct {
	path       string
	recipients []string
}

func (o *output) addFlags(cmd *cobra.Command, what string) {
	cmd.Flags().StringVarP(&o.path, "output", "o", "", what)
	o.addRecipient(cmd)
}

func (o *output) addRecipient(cmd *cobra.Command) {
	cmd.Flags().StringArrayVar(&o.recipients, "recipient", nil, "encrypt to this key of age or SSH, or to those in this file; gives NAME.age (repeatable)")
}

// to are the recipients, nil where nothing is encrypted.
func (o *output) to() ([]seal.Recipient, error) { return seal.Recipients(o.recipients) }

// write writes to the file, or to standard output if none is named, encrypted
// if there are recipients. A file that could not be written whole is removed
// if it is encrypted.
func (o *output) write(cmd *cobra.Command, form func(io.Writer) error) error {
	to, err := o.to()
	if err != nil {
		return err
	}
	switch {
	case to == nil && o.path == "":
		return form(cmd.OutOrStdout())
	case to == nil:
		f, err := os.Create(o.path)
		if err != nil {
			return fmt.Errorf("write: %w", err)
		}
		return errors.Join(form(f), f.Close())
	case o.path == "":
		w, err := seal.Writer(cmd.OutOrStdout(), to)
		if err != nil {
			return err
		}
		return errors.Join(form(w), w.Close())
	}
	f, err := seal.Create(o.path, to)
	if err != nil {
		return err
	}
	if err := form(f); err != nil {
		f.Abandon()
		return err
	}
	return f.Close()
}
