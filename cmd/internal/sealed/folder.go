package sealed

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"

	"ergorecorder/seal"
)

// A Folder is a directory into which a command writes several files, encrypted
// if there are recipients.
type Folder struct {
	Path string
	to   []seal.Recipient
}

// Folder makes the directory that --output names.
func (o *Output) Folder() (*Folder, error) {
	if o.Path == "" {
		return nil, errors.New("say into which directory: -o DIR")
	}
	to, err := o.To()
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(o.Path, 0o700); err != nil {
		return nil, err
	}
	return &Folder{o.Path, to}, nil
}

// Write writes a file of the folder; one that could not be written whole is
// removed.
func (f *Folder) Write(name string, form func(io.Writer) error) error {
	w, err := f.Create(name)
	if err != nil {
		return err
	}
	if err := form(w); err != nil {
		w.Abandon()
		return err
	}
	return w.Close()
}

// A File is one that is being written: Close ends it, Abandon removes it.
type File interface {
	io.WriteCloser
	Abandon()
}

// Create makes a file of the folder.
func (f *Folder) Create(name string) (File, error) {
	path := filepath.Join(f.Path, strings.ReplaceAll(name, string(filepath.Separator), "_"))
	if f.to != nil {
		return seal.Create(path, f.to)
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write: %w", err)
	}
	return plain{file}, nil
}

type plain struct{ *os.File }

func (p plain) Abandon() {
	p.Close()
	os.Remove(p.Name())
}
