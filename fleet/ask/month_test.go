package ask_test

import (
	"encoding/xml"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"ergorecorder/archive"
	"ergorecorder/archive/archivetest"
	"ergorecorder/fleet/shelf"
)

// A month is the shelf of a fleet for 30 days, of which one hour and some minutes before and
// behind it are there: the other segments are names in its list, as large as the hour's.
type month struct {
	t         *testing.T
	mu        sync.Mutex
	all       []string // nodes of the cluster
	recorders int
	names     []string
	sizes     map[string]int64
	files     map[string]string // of those that are there
	lists     int64             // bytes of lists
	rows      int64
	text      int64 // bytes that nodes answered
	hour      int64 // bytes of the hour's segments
}

const monthHours = 30 * 24

// beside is how long the segments before and behind the hour are.
func beside() time.Duration {
	if d, err := time.ParseDuration(os.Getenv("BESIDE")); err == nil {
		return d
	}
	return 6 * time.Minute
}

// add adds what a recorder of so many nodes puts there.
func (m *month) add(recorder, nodes, processes int) (from, to time.Time) {
	load := archivetest.NewWorkload(nodes, processes, uint64(recorder+1))
	dir := filepath.Join(m.t.TempDir(), "rec") + "/"
	now := load.Start
	w, err := archive.OpenWriter(dir, &archive.Options{Now: func() time.Time { return now }, CommitEvery: time.Hour})
	if err != nil {
		m.t.Fatal(err)
	}
	first := load.Start.Add(beside())
	bounds := []time.Time{first, first.Add(time.Hour), first.Add(time.Hour + beside())}
	for i, end := range bounds {
		second := now
		for now.Before(end) {
			for node := range nodes {
				rec := load.Next(node)
				rec.Stream.Node = nodeName(recorder, rec.Stream.Node)
				if _, err := w.Append(rec); err != nil {
					m.t.Fatal(err)
				}
				if now = rec.At; i == 1 {
					m.rows += int64(processes)
					m.text += int64(len(rec.Text))
				}
			}
			if now.Sub(second) > 10*time.Second {
				second = now
				m.peers(w, recorder, now)
				if err := w.Sync(); err != nil {
					m.t.Fatal(err)
				}
			}
		}
		if err := w.Rotate(); err != nil {
			m.t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		m.t.Fatal(err)
	}
	m.put(dir)
	return bounds[0], bounds[1]
}

// peers stores which nodes the cluster has, as a node of the recorder tells it.
func (m *month) peers(w *archive.Writer, recorder int, at time.Time) {
	rec := &archive.Record{
		Stream: archive.StreamKey{Kind: archive.Sample, Node: m.all[recorder*len(m.all)/m.recorders], Name: "cluster_nodes"},
		Schema: archive.Schema{Form: archive.FormTable}, At: at, Text: []byte(`[{"name":"` + strings.Join(m.all, `"},{"name":"`) + `"}]`),
	}
	if _, err := w.Append(rec); err != nil {
		m.t.Fatal(err)
	}
}

// nodeName is a node's, of which each recorder has its own.
func nodeName(recorder int, name string) string { return fmt.Sprintf("r%d-%s", recorder, name) }

// put makes objects of the segments, and names of those that follow.
func (m *month) put(dir string) {
	paths, err := archive.Segments(dir)
	if err != nil {
		m.t.Fatal(err)
	}
	var last shelf.Item
	var size int64
	for i, p := range paths[:3] {
		r, err := archive.Open(p)
		if err != nil {
			m.t.Fatal(err)
		}
		info := r.Info()
		last = shelf.Item{Segment: i + 1, From: info.From, To: info.To}
		if last.Archive, err = strconv.ParseUint(info.ID, 16, 64); err != nil {
			m.t.Fatal(err)
		}
		file := fmt.Sprintf("%s.ergf", strings.TrimSuffix(p, ".erg"))
		f, err := os.Create(file)
		if err == nil {
			err = r.WriteFlat(m.t.Context(), f)
		}
		if err != nil {
			m.t.Fatal(err)
		}
		st, err := f.Stat()
		if err != nil {
			m.t.Fatal(err)
		}
		f.Close()
		r.Close()
		os.Remove(p)
		name := "month/" + last.Name()
		m.names, m.sizes[name], m.files[name] = append(m.names, name), st.Size(), file
		if i == 1 {
			size = st.Size()
			m.hour += size
		}
	}
	for i := 4; i <= monthHours; i++ {
		last.Segment, last.From, last.To = i, last.To.Add(time.Second), last.To.Add(time.Hour)
		name := "month/" + last.Name()
		m.names, m.sizes[name] = append(m.names, name), size
	}
}

// ServeHTTP is of S3 what a reader asks.
func (m *month) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	_, name, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
	m.mu.Lock()
	defer m.mu.Unlock()
	if name == "" {
		m.list(w, r.URL.Query().Get("continuation-token"))
		return
	}
	f, err := os.Open(m.files[name])
	if err != nil {
		m.t.Errorf("%s is read, of another hour", name)
		w.WriteHeader(http.StatusNotFound)
		return
	}
	defer f.Close()
	w.Header().Set("ETag", strconv.Quote(name[len(name)-30:]))
	http.ServeContent(w, r, "", time.Unix(0, 0).UTC().Add(time.Hour), f)
}

func (m *month) list(w http.ResponseWriter, after string) {
	type entry struct {
		Key, ETag    string
		Size         int64
		LastModified string
	}
	var out struct {
		XMLName               xml.Name `xml:"ListBucketResult"`
		IsTruncated           bool
		NextContinuationToken string
		Contents              []entry
	}
	from, _ := slices.BinarySearch(m.names, after)
	for _, name := range m.names[from:min(from+1000, len(m.names))] {
		out.Contents = append(out.Contents, entry{name, strconv.Quote(name[len(name)-30:]), m.sizes[name], "2026-01-01T00:00:00Z"})
	}
	if out.IsTruncated = from+1000 < len(m.names); out.IsTruncated {
		out.NextContinuationToken = m.names[from+1000]
	}
	text, err := xml.Marshal(out)
	if err != nil {
		m.t.Error(err)
	}
	m.lists += int64(len(text))
	w.Header().Set("Content-Type", "application/xml")
	_, _ = w.Write(text)
}

// TestMonth: what a report of one hour of a month of a fleet fetches: ANALYZE=bin/analyze runs it, and
// FLEET=recorders,nodes,processes says how large it is.
func TestMonth(t *testing.T) {
	bin := os.Getenv("ANALYZE")
	if bin == "" {
		t.Skip("make fleet-month measures a report of an hour of a month of a fleet")
	}
	recorders, nodes, processes := 10, 50, 40
	if text := os.Getenv("FLEET"); text != "" {
		if _, err := fmt.Sscanf(text, "%d,%d,%d", &recorders, &nodes, &processes); err != nil {
			t.Fatalf("FLEET %q: %v", text, err)
		}
	}
	m := &month{t: t, recorders: recorders, sizes: map[string]int64{}, files: map[string]string{}}
	var from, to time.Time
	load := archivetest.NewWorkload(nodes, 1, 1)
	for i := range recorders * nodes {
		m.all = append(m.all, nodeName(i/nodes, load.Stream(i%nodes).Node))
	}
	for i := range recorders {
		from, to = m.add(i, nodes, processes)
	}
	slices.Sort(m.names)
	whole := int64(0)
	for _, n := range m.sizes {
		whole += n
	}
	srv := httptest.NewServer(m)
	defer srv.Close()
	t.Logf("%d recorders x %d nodes x %d processes: the hour has %d rows, %.1f MB as nodes answered, %.1f MB on the shelf (%.2f bytes a row); the month %d segments, %.1f GB",
		recorders, nodes, processes, m.rows, float64(m.text)/1e6, float64(m.hour)/1e6, float64(m.hour)/float64(m.rows), len(m.names), float64(whole)/1e9)
	dir := filepath.Join(t.TempDir(), "cache")
	for _, what := range []string{"report of the hour", "the same again", "report of ten minutes of it"} {
		end := to.Add(-time.Second)
		if strings.Contains(what, "ten minutes") {
			end, dir = from.Add(10*time.Minute), dir+"-of-its-own"
		}
		m.lists = 0
		cmd := exec.CommandContext(t.Context(), bin, "report", "s3://recordings/month", "--from", from.Format(time.RFC3339), "--to", end.Format(time.RFC3339), "--cache", dir, "--cache-bytes", fmt.Sprint(4<<30), "--shelf-endpoint", srv.URL)
		cmd.Env = append(os.Environ(), "AWS_ACCESS_KEY_ID=key", "AWS_SECRET_ACCESS_KEY=secret")
		var said strings.Builder
		cmd.Stderr = &said
		began := time.Now()
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("%v: %s", err, said.String())
		}
		u := cmd.ProcessState.SysUsage().(*syscall.Rusage)
		t.Logf("%s: %s; %.1f MB of lists; %.1f s, %.1f s of CPU, %d MB; %d bytes of text", what, strings.TrimSpace(said.String()), float64(m.lists)/1e6,
			time.Since(began).Seconds(), (cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()).Seconds(), u.Maxrss>>10, len(out))
	}
}
