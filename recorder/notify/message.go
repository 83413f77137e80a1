package notify

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"time"

	"ergorecorder/escape"
	"ergorecorder/recorder"
	"ergorecorder/recorder/incident"
)

// Schema is the form of an [Incident].
const Schema = "ergo-incident/1"

// A Type says what happened.
type Type string

// The types of messages.
const (
	Opened   Type = "incident.opened"   // something is wrong
	Recorded Type = "incident.recorded" // its window is over, and its file is written
)

// A Message is what the outside is told.
type Message struct {
	Type      Type      `json:"type"`
	Timestamp time.Time `json:"timestamp"` // when it happened, by the recorder's clock
	Data      Incident  `json:"data"`
}

// An Incident is what is told of one. Empty fields are left out.
type Incident struct {
	Schema         string    `json:"schema"`
	ID             string    `json:"id"`                 // the same in both messages of an incident
	Kind           string    `json:"kind"`               // a kind of finding, else note or log_pattern
	Rule           string    `json:"rule,omitempty"`     // the user's rule that claims it
	Severity       string    `json:"severity,omitempty"` // critical or warning, of a finding
	Node           string    `json:"node,omitempty"`     // "" is the whole cluster
	Process        *Process  `json:"process,omitempty"`
	What           string    `json:"what"` // in words
	Recommendation string    `json:"recommendation,omitempty"`
	Onset          time.Time `json:"onset"`
	From           time.Time `json:"from"` // the window that is kept
	To             time.Time `json:"to"`
	File           string    `json:"file,omitempty"` // of the window, on the recorder's machine; once it is recorded
}

// A Process is whom an incident is about.
type Process struct {
	PID      string `json:"pid,omitempty"`
	Name     string `json:"name,omitempty"`
	Behavior string `json:"behavior,omitempty"` // its Go type
}

// Of is the message about an incident at a time. file is that of its window, ""
// if there is none.
func Of(t Type, i recorder.Incident, file string, now time.Time) Message {
	d := Incident{
		Schema: Schema, ID: idOf(i), Kind: i.Kind, Rule: i.Rule, Severity: severityOf(i.Rank), Node: i.Node, What: i.Note, Recommendation: i.Advice,
		Onset: i.Onset.UTC(), From: i.From.UTC(), To: i.To.UTC(), File: file,
	}
	if p := (Process{i.PID, i.Name, i.Behavior}); p.PID != "" {
		d.Process = &p
	}
	return Message{Type: t, Timestamp: now.UTC(), Data: d}
}

// severityOf is a rank of claims as findings spell it.
func severityOf(rank int) string {
	switch rank {
	case incident.Severe:
		return "critical"
	case incident.Minor:
		return "warning"
	}
	return ""
}

// idOf is the identity of an incident: of its kind and subject, and the time at
// which its window begins.
func idOf(i recorder.Incident) string {
	h := sha256.New()
	fmt.Fprintf(h, "%s\x00%s\x00%s\x00%s\x00%s\x00%d", i.Kind, i.Rule, i.Node, i.PID, i.Name, i.To.UnixNano())
	return hex.EncodeToString(h.Sum(nil))[:16]
}

// JSON is the message as it leaves. What a node wrote steers nothing that shows
// it.
func (m Message) JSON() []byte {
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(m); err != nil {
		panic(err) // of texts and times nothing can go wrong
	}
	return escape.JSON(bytes.TrimSpace(b.Bytes()))
}
