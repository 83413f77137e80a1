package ship

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"

	"ergorecorder/archive"
	"ergorecorder/internal/limit"
)

// state is how far we came.
type state struct {
	cursor  archive.Cursor
	archive uint64
	stored
	changed bool // since it was saved
}

// stored is the file.
type stored struct {
	Archive string   `json:"archive"`
	Fleet   string   `json:"fleet"`
	Cluster string   `json:"cluster"`
	Cursor  []byte   `json:"cursor"`
	Marks   uint64   `json:"marks"` // up to which record marks were shipped
	Nodes   []string `json:"nodes"` // that this recorder had last
}

// load reads the state. One of another archive, fleet or cluster stands for nothing, and
// so does one that cannot be read: all is shipped again then, and dropped by who reads it.
func (s *Shipper) load() error {
	id := s.o.View.Info().ID
	number, err := strconv.ParseUint(id, 16, 64)
	if err != nil {
		return fmt.Errorf("fleet: the archive has no identity: %w", err)
	}
	s.state.archive = number
	now := stored{Archive: id, Fleet: s.o.Fleet, Cluster: s.o.Cluster}
	was, err := readState(s.o.State)
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		s.o.Notice(fmt.Sprintf("fleet: %s cannot be read, all is shipped again: %v", s.o.State, err))
	case was.Archive == now.Archive && was.Fleet == now.Fleet && was.Cluster == now.Cluster:
		if err := s.state.cursor.UnmarshalBinary(was.Cursor); err != nil {
			s.o.Notice(fmt.Sprintf("fleet: %s cannot be read, all is shipped again: %v", s.o.State, err))
			break
		}
		now.Marks, now.Nodes = was.Marks, was.Nodes
	}
	s.state.stored = now
	return nil
}

func readState(path string) (s stored, err error) {
	text, err := limit.File.ReadFile(path)
	if err == nil {
		err = json.Unmarshal(text, &s)
	}
	return s, err
}

// Nodes are those that the recorder of this archive had when it last ran.
func (s *Shipper) Nodes() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.state.Nodes
}

// SetNodes has the file keep which nodes the recorder has.
func (s *Shipper) SetNodes(nodes []string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.changed = s.state.changed || !slices.Equal(s.state.Nodes, nodes)
	s.state.Nodes = nodes
}

// save writes the state where it changed.
func (s *Shipper) save() error {
	cursor, err := s.state.cursor.MarshalBinary()
	if err != nil {
		return err
	}
	s.mu.Lock()
	changed := s.state.changed
	s.state.Cursor, s.state.changed = cursor, false
	text, err := json.Marshal(s.state.stored)
	s.mu.Unlock()
	if err == nil && changed {
		err = replace(s.o.State, text)
	}
	if err != nil {
		s.change()
		return fmt.Errorf("fleet: keep how far we shipped: %w", err)
	}
	return nil
}

func (s *Shipper) change() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.state.changed = true
}

// replace puts a text into a file, which is there whole or as it was.
func replace(path string, text []byte) error {
	f, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = f.Write(text)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(f.Name()))
	}
	return nil
}
