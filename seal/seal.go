package seal

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"filippo.io/age"
)

// Suffix is what the names of encrypted files end in.
const Suffix = ".age"

// header is how an encrypted file begins.
const header = "age-encryption.org/v1\n"

// Name is the name of the encrypted form of a file.
func Name(path string) string {
	if strings.HasSuffix(path, Suffix) {
		return path
	}
	return path + Suffix
}

// IsSealed reports whether the file at path is encrypted.
func IsSealed(path string) bool {
	st, err := os.Stat(path)
	if err != nil || !st.Mode().IsRegular() {
		return false
	}
	f, err := os.Open(path)
	if err != nil {
		return false
	}
	defer f.Close()
	begin := make([]byte, len(header))
	_, err = io.ReadFull(f, begin)
	return err == nil && Begins(begin)
}

// Writer encrypts what is written to it. Closing it writes the end; what lacks
// that does not open.
func Writer(w io.Writer, to []age.Recipient) (io.WriteCloser, error) {
	buffered := bufio.NewWriterSize(w, 1<<16)
	e, err := age.Encrypt(buffered, to...)
	if err != nil {
		return nil, fmt.Errorf("encrypt: %w", err)
	}
	return &writer{e, buffered}, nil
}

type writer struct {
	io.WriteCloser
	under *bufio.Writer
}

func (w *writer) Close() error { return errors.Join(w.WriteCloser.Close(), w.under.Flush()) }

// Create makes the file at Name(path), which must not exist, and encrypts what
// is written to it. A file whose writing failed is to be removed by Abandon.
func Create(path string, to []age.Recipient) (*File, error) {
	path = Name(path)
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return nil, fmt.Errorf("write encrypted: %w", err)
	}
	w, err := Writer(f, to)
	if err != nil {
		f.Close()
		return nil, errors.Join(err, os.Remove(path))
	}
	return &File{WriteCloser: w, file: f}, nil
}

// A File is encrypted as it is written.
type File struct {
	io.WriteCloser
	file *os.File
}

// Path is the name of the file.
func (f *File) Path() string { return f.file.Name() }

// Close writes the end and closes the file.
func (f *File) Close() error {
	return errors.Join(f.WriteCloser.Close(), f.file.Sync(), f.file.Close())
}

// Abandon closes and removes the file.
func (f *File) Abandon() {
	f.file.Close()
	os.Remove(f.file.Name())
}

// Open decrypts the file at path into memory, which has a name as long as it is
// not closed.
func Open(path string, with []age.Identity) (*Opened, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open: %w", err)
	}
	defer f.Close()
	if len(with) == 0 {
		return nil, fmt.Errorf("open %s: it is encrypted: give the file of the key that opens it: --identity FILE", path)
	}
	plain, err := age.Decrypt(bufio.NewReaderSize(f, 1<<16), with...)
	if none := (*age.NoIdentityMatchError)(nil); errors.As(err, &none) {
		return nil, fmt.Errorf("open %s: it is encrypted to other keys than those of --identity", path)
	} else if err != nil {
		return nil, fmt.Errorf("open %s: it is cut off or damaged: %w", path, err)
	}
	m, err := Memory()
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", path, err)
	}
	if _, err := io.Copy(m, plain); err != nil {
		m.Close()
		return nil, fmt.Errorf("open %s: it is cut off or damaged: %w", path, err)
	}
	return m, nil
}

// An Opened is memory that has a name.
type Opened struct{ *os.File }

// Path is the name under which this process may open the memory.
func (o *Opened) Path() string { return fmt.Sprintf("/proc/self/fd/%d", o.Fd()) }

// SealTo writes all that is in the memory to the file at Name(path), encrypted.
func (o *Opened) SealTo(path string, to []age.Recipient) (written string, err error) {
	f, err := Create(path, to)
	if err != nil {
		return "", err
	}
	_, err = io.Copy(f, o.all())
	if err = errors.Join(err, f.Close()); err != nil {
		f.Abandon()
		return "", fmt.Errorf("write %s: %w", f.Path(), err)
	}
	return f.Path(), nil
}

// SealInto writes all that is in the memory to w, encrypted.
func (o *Opened) SealInto(w io.Writer, to []age.Recipient) error {
	e, err := Writer(w, to)
	if err != nil {
		return err
	}
	if _, err := io.Copy(e, o.all()); err != nil {
		return fmt.Errorf("encrypt: %w", err)
	}
	return e.Close()
}

func (o *Opened) all() io.Reader { return io.NewSectionReader(o.File, 0, 1<<62) }

// Begins reports whether a file that begins so is encrypted.
func Begins(begin []byte) bool { return bytes.HasPrefix(begin, []byte(header)) }

// HeaderSize is how many bytes tell that.
const HeaderSize = len(header)
