package playbook_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"ergorecorder/ergo"
)

// sources is the text of all that judges, and of the scene that it reads.
func sources(t *testing.T) string {
	t.Helper()
	var all strings.Builder
	for _, dir := range []string{".", "../scene", "../causes", "../profiles", "../logs"} {
		err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
				return err
			}
			text, err := os.ReadFile(path)
			all.Write(text)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	return all.String()
}

// Every field of every reading is read by a detector, by its name, or there is a
// reason why none reads it.
func TestFields(t *testing.T) {
	read, why, known := sources(t), passedOver(), map[string]bool{}
	for _, r := range ergo.Readings() {
		for _, f := range ergo.Define(r).Fields {
			reads := strings.Contains(read, `"`+f.Name+`"`)
			reason, passed := why[f.Name]
			known[f.Name] = true
			switch {
			case !reads && !passed:
				t.Errorf("no detector reads %s of %s: read it, or say why none does", f.Name, r)
			case reads && passed:
				t.Errorf("%s of %s is read: take off why it is not (%s)", f.Name, r, reason)
			}
		}
	}
	for f := range why {
		if !known[f] {
			t.Errorf("no reading has a field %s", f)
		}
	}
}

// passedOver are the fields that no detector reads, and why.
func passedOver() map[string]string {
	why := map[string]string{}
	for reason, fields := range map[string]string{
		"identity or a setting that does not change; nothing is at fault because of it":                           `Build Capabilities Creation Framework ID Leader LogLevel InitTime Interface TLS Mode MaxMessageSize Compression Env Fallback ImportantDelivery KeepNetworkOrder MessagePriority Notify Open BufferSize auto_shutdown keep_order depends description group map parent tags version weight worker_behavior`,
		"the same is told by another field that is read":                                                          `ApplicationsRunning ApplicationsTotal Aliases Events CurrentBuffer children_total instances_total specs_total processes_total status mailbox_size messages_forwarded forwarded routes_total routes_active gc_cpu_seconds total_cpu_seconds total_alloc_objects heap_goal heap_live`,
		"what a link carries is judged in messages; bytes are shown by the views":                                 `BytesIn BytesOut TransitBytesIn TransitBytesOut CompressedBytesSent CompressedOrigBytesSent CompressedSent DecompressedBytesRecv DecompressedOrigRecv DecompressedRecv FragmentMessagesRecv FragmentMessagesSent FragmentsReceived FragmentsSent TracedReceived TracedSent`,
		"how many connections a link has says how it is built, not how it fares":                                  `PoolDSN PoolLen PoolSize`,
		"every node's clock is held against the recorder's, which tells which of two is wrong; this tells a pair": `ClockSkew`,
	} {
		for f := range strings.FieldsSeq(fields) {
			why[f] = reason
		}
	}
	return why
}
