package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"

	"ergorecorder/archive"
	"ergorecorder/recorder"
	"ergorecorder/recorder/control"
	"ergorecorder/recorder/dump"
	"ergorecorder/recorder/notify"
	"ergorecorder/seal"
)

// An aftermath is what an incident leads to outside of the archive: a file of
// its own, a command, a message to a webhook.
type aftermath struct {
	dir     string
	to      []seal.Recipient // of the files; nil: they are not encrypted
	command []string
	hook    *notify.Webhook // nil: nobody is posted to
	say     func(string)
	now     func() time.Time
}

// aftermath is what the configuration says of it.
func (c *incidentConfig) aftermath(say func(string)) (*aftermath, error) {
	a := &aftermath{dir: c.Dir, command: c.Command, say: say, now: time.Now}
	var err error
	if a.to, err = seal.Recipients(c.Recipients); err != nil {
		return nil, err
	}
	if a.to != nil && c.Dir == "" {
		return nil, errors.New("incidents.recipients: there are no files to encrypt without incidents.dir (--incident-dir); the recording itself is not encrypted, see docs/share.md")
	}
	if c.URL == "" {
		return a, nil
	}
	if c.SecretFile == "" {
		return nil, errors.New("incidents.url: what is posted is signed: give the secret too, incidents.secret-file (--incident-secret-file)")
	}
	secret, err := notify.ReadSecret(c.SecretFile)
	if err != nil {
		return nil, err
	}
	a.hook, err = notify.NewWebhook(c.URL, secret, notify.Options{Now: time.Now, After: time.After, Notice: say})
	return a, err
}

// hand hands the aftermath to a recorder; opened is told of each incident that
// begins, too.
func (a *aftermath) hand(in *recorder.Incidents, opened func(recorder.Incident)) {
	in.Opened = func(i recorder.Incident) {
		opened(i)
		if a.hook != nil {
			a.hook.Tell(notify.Of(notify.Opened, i, "", a.now()))
		}
	}
	if a.dir != "" || a.command != nil || a.hook != nil {
		in.Done = a.recorded
	}
}

// lastWords bounds how long the end of a recorder waits for its last messages.
const lastWords = 5 * time.Second

// close delivers what can be delivered at once.
func (a *aftermath) close() {
	if a.hook == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), lastWords)
	defer cancel()
	a.hook.Close(ctx)
}

// recorded is what is done when the window of an incident is over.
func (a *aftermath) recorded(ctx context.Context, i recorder.Incident, view *archive.Reader) {
	file := ""
	if a.dir != "" {
		var err error
		if file, err = a.write(ctx, i, view); err != nil {
			a.say(fmt.Sprintf("write incident: %v", err))
		}
	}
	m := notify.Of(notify.Recorded, i, file, a.now())
	if a.hook != nil {
		a.hook.Tell(m)
	}
	if a.command == nil {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, commandTime)
	defer cancel()
	if out, err := incidentCommand(ctx, a.command, m, i, file).CombinedOutput(); err != nil {
		a.say(fmt.Sprintf("incident command %s: %v: %.500s", a.command[0], err, out))
	}
}

// write writes the window of an incident to a file of its own, whose name it
// returns; "" where nothing is left of it.
func (a *aftermath) write(ctx context.Context, i recorder.Incident, view *archive.Reader) (string, error) {
	file := filepath.Join(a.dir, incidentName(i))
	if a.to == nil {
		_, err := dump.Window(ctx, view, i.From, i.To, file)
		return file, err // what was not readable is left out of it
	}
	m, _, err := control.DumpToMemory(ctx, view, i.From, i.To)
	if err != nil {
		return "", err
	}
	defer m.Close()
	return m.SealTo(file, a.to)
}

// incidentName is the name of an incident's file.
func incidentName(i recorder.Incident) string {
	node, _, _ := strings.Cut(i.Node, "@")
	name := i.Onset.UTC().Format("20060102T150405Z") + "-" + i.Kind
	if i.Rule != "" {
		name += "-" + i.Rule
	}
	if node != "" {
		name += "-" + node
	}
	return strings.Map(func(r rune) rune {
		if strings.ContainsRune(`/\:*?"<>|`, r) {
			return '_'
		}
		return r
	}, name) + ".erg"
}

// commandTime bounds the command that is run after an incident.
const commandTime = time.Minute

// incidentCommand is the command, which gets the message on its standard input,
// and what scripts want most of it in its environment.
func incidentCommand(ctx context.Context, words []string, m notify.Message, i recorder.Incident, file string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, words[0], words[1:]...)
	cmd.WaitDelay = time.Second
	cmd.Stdin = bytes.NewReader(append(m.JSON(), '\n'))
	cmd.Env = append(os.Environ(),
		"ERGO_INCIDENT_ID="+m.Data.ID, "ERGO_INCIDENT_KIND="+i.Kind, "ERGO_INCIDENT_RULE="+i.Rule, "ERGO_INCIDENT_NODE="+i.Node, "ERGO_INCIDENT_PROCESS="+i.Name, "ERGO_INCIDENT_PID="+i.PID,
		"ERGO_INCIDENT_NOTE="+i.Note, "ERGO_INCIDENT_ONSET="+i.Onset.UTC().Format(time.RFC3339Nano),
		"ERGO_INCIDENT_FROM="+i.From.UTC().Format(time.RFC3339Nano), "ERGO_INCIDENT_TO="+i.To.UTC().Format(time.RFC3339Nano),
		"ERGO_INCIDENT_FILE="+file)
	return cmd
}
