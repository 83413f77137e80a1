//go:build pcp

// Package pcp writes and reads archives of Performance Co-Pilot by its own
// libraries, for the benchmark beside ours. It is built only with the tag pcp:
// it needs libpcp-import1-dev.
package pcp

/*
#cgo LDFLAGS: -lpcp_import -lpcp
#include <stdlib.h>
#include <stdio.h>
#include <pcp/pmapi.h>
#include <pcp/import.h>

static int put(int handle, long long v) {
	char text[24];
	snprintf(text, sizeof text, "%lld", v);
	return pmiPutValueHandle(handle, text);
}

static int add(const char *name, int item, pmInDom in, int sem) {
	return pmiAddMetric(name, pmiID(245, 0, item), PM_TYPE_64, in, sem, pmiUnits(0, 0, 0, 0, 0, 0));
}

// sums sums each metric's values in an answer. It returns how many instances the
// first has.
static int sums(pmResult *r, long long *out, int n) {
	for (int i = 0; i < n && i < r->numpmid; i++) {
		pmValueSet *v = r->vset[i];
		for (int j = 0; j < v->numval; j++) {
			pmAtomValue a;
			if (pmExtractValue(v->valfmt, &v->vlist[j], PM_TYPE_64, &a, PM_TYPE_64) < 0)
				return -1;
			out[i] += a.ll;
		}
	}
	return r->numpmid > 0 ? r->vset[0]->numval : 0;
}

static int instance(pmResult *r, int j) { return r->vset[0]->vlist[j].inst; }

static int fetch(int n, pmID *ids, pmResult **r) { return pmFetch(n, ids, r); }

static int seek(int mode, long long us) {
	struct timeval t = { us / 1000000, us % 1000000 };
	return pmSetMode(mode, &t, 0);
}

static long long at(pmResult *r) { return (long long)r->timestamp.tv_sec * 1000000 + r->timestamp.tv_usec; }
*/
import "C"

import (
	"fmt"
	"time"
	"unsafe"
)

// domain are the processes of a host.
func domain() C.pmInDom { return C.pmiInDom(245, 0) }

// A Writer writes the archive of one host.
type Writer struct {
	context C.int
	metrics []string
	handles map[string][]C.int // of an instance, one a metric
	next    C.int
}

// NewWriter begins an archive with metrics that each process has.
func NewWriter(path, host string, metrics []string) (*Writer, error) {
	name, of := C.CString(path), C.CString(host)
	defer C.free(unsafe.Pointer(name))
	defer C.free(unsafe.Pointer(of))
	w := &Writer{context: C.pmiStart(name, 0), metrics: metrics, handles: map[string][]C.int{}}
	if err := failed("start", w.context); err != nil {
		return nil, err
	}
	C.pmiSetHostname(of)
	for i, m := range metrics {
		text := C.CString("ergo." + m)
		err := failed("add a metric", C.add(text, C.int(i), domain(), C.PM_SEM_INSTANT))
		C.free(unsafe.Pointer(text))
		if err != nil {
			return nil, err
		}
	}
	return w, nil
}

func failed(step string, code C.int) error {
	if code < 0 {
		return fmt.Errorf("pcp: %s: %s", step, C.GoString(C.pmiErrStr(code)))
	}
	return nil
}

// Put takes an instance's values, one a metric.
func (w *Writer) Put(instance string, values []int64) error {
	C.pmiUseContext(w.context)
	handles, ok := w.handles[instance]
	if !ok {
		text := C.CString(instance)
		defer C.free(unsafe.Pointer(text))
		if err := failed("add an instance", C.pmiAddInstance(domain(), text, w.next)); err != nil {
			return err
		}
		w.next++
		for _, m := range w.metrics {
			name := C.CString("ergo." + m)
			h := C.pmiGetHandle(name, text)
			C.free(unsafe.Pointer(name))
			if err := failed("get a handle", h); err != nil {
				return err
			}
			handles = append(handles, h)
		}
		w.handles[instance] = handles
	}
	for i, v := range values {
		if err := failed("put a value", C.put(handles[i], C.longlong(v))); err != nil {
			return err
		}
	}
	return nil
}

// Write ends a sample.
func (w *Writer) Write(at time.Time) error {
	C.pmiUseContext(w.context)
	return failed("write", C.pmiWrite(C.int(at.Unix()), C.int(at.Nanosecond()/1000)))
}

// Close ends the archive.
func (w *Writer) Close() error {
	C.pmiUseContext(w.context)
	return failed("end", C.pmiEnd())
}

// A Reader reads the archive of one host.
type Reader struct {
	context C.int
	ids     []C.pmID
}

// Open opens an archive for some of its metrics.
func Open(path string, metrics []string) (*Reader, error) {
	name := C.CString(path)
	defer C.free(unsafe.Pointer(name))
	r := &Reader{context: C.pmNewContext(C.PM_CONTEXT_ARCHIVE, name)}
	if r.context < 0 {
		return nil, fmt.Errorf("pcp: open %s: %s", path, C.GoString(C.pmErrStr(r.context)))
	}
	for _, m := range metrics {
		text := C.CString("ergo." + m)
		var id C.pmID
		code := C.pmLookupName(1, &text, &id)
		C.free(unsafe.Pointer(text))
		if code < 0 {
			return nil, fmt.Errorf("pcp: metric %s: %s", m, C.GoString(C.pmErrStr(code)))
		}
		r.ids = append(r.ids, id)
	}
	return r, nil
}

// Close closes the archive.
func (r *Reader) Close() { C.pmDestroyContext(r.context) }

// Scan sums the metrics over all samples.
func (r *Reader) Scan() (sums []int64, err error) {
	out := make([]C.longlong, len(r.ids))
	C.pmUseContext(r.context)
	C.seek(C.PM_MODE_FORW, 0)
	for {
		var res *C.pmResult
		if C.fetch(C.int(len(r.ids)), &r.ids[0], &res) < 0 {
			break // the end
		}
		n := C.sums(res, &out[0], C.int(len(out)))
		C.pmFreeResult(res)
		if n < 0 {
			return nil, fmt.Errorf("pcp: a value is no number")
		}
	}
	for _, v := range out {
		sums = append(sums, int64(v))
	}
	return sums, nil
}

// State sums the metrics of the sample at or before an instant, and names its
// instances.
func (r *Reader) State(at time.Time) (sums []int64, names []string, err error) {
	out := make([]C.longlong, len(r.ids))
	C.pmUseContext(r.context)
	C.seek(C.PM_MODE_BACK, C.longlong(at.UnixMicro()))
	var res *C.pmResult
	if code := C.fetch(C.int(len(r.ids)), &r.ids[0], &res); code < 0 {
		return nil, nil, fmt.Errorf("pcp: fetch: %s", C.GoString(C.pmErrStr(code)))
	}
	defer C.pmFreeResult(res)
	n := C.sums(res, &out[0], C.int(len(out)))
	for i := range n {
		var name *C.char
		if code := C.pmNameInDomArchive(domain(), C.instance(res, i), &name); code < 0 {
			return nil, nil, fmt.Errorf("pcp: instance: %s", C.GoString(C.pmErrStr(code)))
		}
		names = append(names, C.GoString(name))
		C.free(unsafe.Pointer(name))
	}
	for _, v := range out {
		sums = append(sums, int64(v))
	}
	return sums, names, nil
}
