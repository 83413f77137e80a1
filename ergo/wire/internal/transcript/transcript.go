// Package transcript holds conversations between real Ergo nodes, byte for
// byte, each with an annotation that says what every frame means. They are
// the test vectors of the packages around it, and the seeds of their fuzzers.
//
// The conversations named rr_ are between two nodes of the framework (3.2
// development, November 2025), those named cr_ between a plain client and
// such a node; the cookie is "test-cookie" in all of them. A is the side that
// dialled, B the one that accepted.
//
// Only tests import this package.
package transcript

import (
	"archive/zip"
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"io"
	"path"
	"strings"
)

//go:embed transcripts.zip
var archive []byte

// Cookie is the secret of the nodes that were recorded.
const Cookie = "test-cookie"

// A Case is one recorded conversation.
type Case struct {
	Name        string `json:"case"`
	Description string `json:"description"`
	Dialer      string `json:"a_dialer"`
	Acceptor    string `json:"b_acceptor"`
	Links       []Link `json:"connections"`
}

// A Link is one TCP connection of a conversation.
type Link struct {
	Files struct {
		AToB string `json:"a2b"`
		BToA string `json:"b2a"`
	} `json:"files"`
	Chunks []Chunk  `json:"chunks"`
	Closed []string `json:"closed"`
	Frames []Frame  `json:"frames"`
	AToB   []byte   `json:"-"` // all that the dialer sent
	BToA   []byte   `json:"-"` // all that the acceptor sent
}

// A Chunk is what one write carried. Chunks are in the order of time.
type Chunk struct {
	Dir    string `json:"dir"` // "a2b" or "b2a"
	Offset int    `json:"offset"`
	Len    int    `json:"len"`
}

// A Frame is an annotated piece of one direction.
type Frame struct {
	Dir     string  `json:"dir"`
	Offset  int     `json:"offset"`
	Length  int     `json:"length"`
	Meaning string  `json:"meaning"`
	Header  []Field `json:"header"`
	EDFOff  int     `json:"edf_off"`
	// EDF is the annotation of the value that begins at EDFOff. Numbers are
	// [json.Number].
	EDF any `json:"edf"`
	// Inner is the frame that a compressed one carries.
	Inner *Frame `json:"inner"`
}

// A Field is one header field of a frame.
type Field struct {
	Off   int    `json:"off"`
	Len   int    `json:"len"`
	Name  string `json:"name"`
	Value any    `json:"value"`
}

// Bytes are the frame's own bytes.
func (l Link) Bytes(f Frame) []byte {
	b := l.AToB
	if f.Dir == "b2a" {
		b = l.BToA
	}
	return b[f.Offset : f.Offset+f.Length]
}

// All reads every annotated conversation, in the order of their names.
func All() ([]Case, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("open transcripts: %w", err)
	}
	var all []Case
	for _, f := range z.File {
		if !strings.HasSuffix(f.Name, ".json") {
			continue
		}
		c, err := read(f.Name)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all, nil
}

// Named is one conversation.
func Named(name string) (Case, error) { return read(name + ".json") }

func read(file string) (Case, error) {
	text, err := File(file)
	if err != nil {
		return Case{}, err
	}
	d := json.NewDecoder(bytes.NewReader(text))
	d.UseNumber()
	var c Case
	if err := d.Decode(&c); err != nil {
		return Case{}, fmt.Errorf("read transcript %s: %w", file, err)
	}
	for i := range c.Links {
		l := &c.Links[i]
		if l.AToB, err = File(l.Files.AToB); err != nil {
			return Case{}, err
		}
		if l.BToA, err = File(l.Files.BToA); err != nil {
			return Case{}, err
		}
	}
	return c, nil
}

// File is the content of one file of the collection, such as
// "tls_hello.cert.der".
func File(name string) ([]byte, error) {
	z, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	if err != nil {
		return nil, fmt.Errorf("open transcripts: %w", err)
	}
	f, err := z.Open(path.Base(name))
	if err != nil {
		return nil, fmt.Errorf("open transcript: %w", err)
	}
	defer f.Close()
	b, err := io.ReadAll(f)
	if err != nil {
		return nil, fmt.Errorf("read transcript %s: %w", name, err)
	}
	return b, nil
}
