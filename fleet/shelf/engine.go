package shelf

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
	"strings"
	"sync"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"ergorecorder/fleet/link"
	"ergorecorder/fleet/shape"
)

// EngineScheme begins the address of a shelf that a fleet's engine keeps:
// shelf://NAME@HOST[:PORT][/CLUSTER].
const EngineScheme = "shelf://"

// OnEngine makes a shelf in the object store of a fleet's engine: in the fleet's bucket, what
// lies below the prefix. Nothing is asked of the engine yet, and the link stays the caller's.
func OnEngine(l *link.Link, fleet, prefix string) *Shelf {
	name := EngineScheme + fleet + "@" + strings.TrimPrefix(strings.TrimPrefix(l.Hosts(), "nats://"), "tls://")
	return &Shelf{name: strings.TrimSuffix(name+"/"+prefix, "/"), prefix: prefix, in: &objects{link: l, bucket: shape.Shelf(fleet)}}
}

// objects is an object store of JetStream, in which every tool for one reads what lies
// there. It adds two things: the message that makes an object, that of its meta, is stored only if
// none of that name was, and the meta tells which messages hold the chunks, so that each can be asked for.
type objects struct {
	link   *link.Link
	bucket string

	mu    sync.Mutex
	found jetstream.Stream // once it was there
}

const (
	// chunkSize is how much of an object a message holds at most: what the cache asks for in one read.
	chunkSize = 512 << 10
	// placesKey is the key of an object's metadata that tells which messages hold its chunks: 4-9,12.
	placesKey = "ergo-chunks"
	// digestPrefix stands before the SHA-256 of an object, in base64 for URLs.
	digestPrefix = "SHA-256="
	// maxSize is more than any segment has, and so little that sizes can be added.
	maxSize = 1 << 40
	// lateTries is more than there are recorders of one segment, each of which can come between once.
	lateTries = 10
)

// lies is where an object of the engine lies.
type lies struct {
	subject string
	chunk   int64
	at      []span
}

// A span is numbers of messages, one after the other.
type span struct{ from, to uint64 }

// helps adds nothing: the link's own errors say what helps.
func (o *objects) helps(err error) error { return err }

func (o *objects) chunksOf(id string) string { return "$O." + o.bucket + ".C." + id }

func (o *objects) metaOf(key string) string {
	return "$O." + o.bucket + ".M." + base64.URLEncoding.EncodeToString([]byte(key))
}

func (o *objects) list(ctx context.Context, prefix string, each func(object)) error {
	store, err := o.link.JetStream().ObjectStore(ctx, o.bucket)
	if errors.Is(err, jetstream.ErrBucketNotFound) {
		return nil // nothing was put yet
	}
	if err != nil {
		return err
	}
	infos, err := store.List(ctx)
	if errors.Is(err, jetstream.ErrNoObjectsFound) {
		return nil
	}
	for _, i := range infos {
		if strings.HasPrefix(i.Name, prefix) {
			each(o.object(i))
		}
	}
	return err
}

// object is one as its meta tells it. Anybody who may write to the bucket can write a meta: one that cannot
// be true is refused.
func (o *objects) object(i *jetstream.ObjectInfo) object {
	out := object{key: i.Name, etag: i.NUID, lies: &lies{subject: o.chunksOf(i.NUID)}}
	if i.Size > maxSize {
		out.bad = o.refused(i, fmt.Sprintf("%d bytes are more than any segment has", i.Size))
		return out
	}
	out.size = int64(i.Size)
	if raw, err := base64.URLEncoding.DecodeString(strings.TrimPrefix(i.Digest, digestPrefix)); err == nil {
		out.sum = hex.EncodeToString(raw)
	}
	if i.Opts == nil || i.Opts.ChunkSize == 0 {
		return out
	}
	out.lies.chunk = int64(i.Opts.ChunkSize)
	if need := (out.size + out.lies.chunk - 1) / out.lies.chunk; int64(i.Chunks) != need {
		out.bad = o.refused(i, fmt.Sprintf("%d chunks are told where its size needs %d", i.Chunks, need))
		return out
	}
	out.lies.at = parsePlaces(i.Metadata[placesKey], uint64(i.Chunks))
	return out
}

// refused says that a meta cannot be true, of which object, and what helps.
func (o *objects) refused(i *jetstream.ObjectInfo, why string) error {
	return fmt.Errorf("object %q is refused: %w: %s (nats object rm %s %q removes it)", i.Name, errMeta, why, o.bucket, i.Name)
}

// open is the store, which is made where it is missing.
func (o *objects) open(ctx context.Context) (jetstream.ObjectStore, error) {
	js := o.link.JetStream()
	store, err := js.ObjectStore(ctx, o.bucket)
	if !errors.Is(err, jetstream.ErrBucketNotFound) {
		return store, err
	}
	store, err = js.CreateObjectStore(ctx, jetstream.ObjectStoreConfig{
		Bucket: o.bucket, Description: "closed segments of a fleet's recorders", Storage: jetstream.FileStorage, Replicas: o.link.Replicas(),
	})
	if errors.Is(err, jetstream.ErrBucketExists) { // another recorder was quicker
		return js.ObjectStore(ctx, o.bucket)
	}
	return store, err
}

// stream is the stream in which the store lies.
func (o *objects) stream(ctx context.Context) (jetstream.Stream, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.found != nil {
		return o.found, nil
	}
	s, err := o.link.JetStream().Stream(ctx, "OBJ_"+o.bucket)
	if err == nil {
		o.found = s
	}
	return s, err
}

func (o *objects) stat(ctx context.Context, key string) (object, error) {
	i, _, err := o.last(ctx, key)
	if err != nil {
		return object{}, err
	}
	if i == nil || i.Deleted {
		return object{}, jetstream.ErrObjectNotFound
	}
	x := o.object(i)
	return x, x.bad
}

// last is the newest meta of a key, which of a removed object says so, and the number of its
// message; nil and 0 where there was none. The leader tells it: this client's other way asks any copy, and by one that
// lags what is there would be taken for the rest of an attempt, and removed.
func (o *objects) last(ctx context.Context, key string) (*jetstream.ObjectInfo, uint64, error) {
	leader, err := o.link.JetStream().Conn().JetStream()
	if err != nil {
		return nil, 0, err
	}
	m, err := leader.GetLastMsg("OBJ_"+o.bucket, o.metaOf(key), nats.Context(ctx))
	if errors.Is(err, nats.ErrMsgNotFound) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, err
	}
	var i jetstream.ObjectInfo
	if err := json.Unmarshal(m.Data, &i); err != nil {
		return nil, 0, o.refused(&jetstream.ObjectInfo{ObjectMeta: jetstream.ObjectMeta{Name: key}}, err.Error())
	}
	i.Name = key // whatever it says
	return &i, m.Sequence, nil
}

// idOf names the chunks of an object: those that are put after a removal otherwise than those that were
// removed, which whoever removes them may not be done with.
func idOf(key, sum string, after uint64) string {
	text := key + " " + sum
	if after > 0 {
		text += " " + strconv.FormatUint(after, 10)
	}
	id := sha256.Sum256([]byte(text))
	return hex.EncodeToString(id[:11])
}

// put stores the chunks, and then the meta if no object of the key is there: the meta follows none, or
// that of the removal that was seen. What an attempt left that did not come so far is removed by the next.
func (o *objects) put(ctx context.Context, key string, body io.Reader, size int64, sum string) error {
	if _, err := o.open(ctx); err != nil {
		return err
	}
	there, after, err := o.last(ctx, key)
	if err == nil && there != nil && !there.Deleted {
		err = errThere
	}
	if err != nil {
		return err
	}
	info := jetstream.ObjectInfo{Bucket: o.bucket, NUID: idOf(key, sum, after), Size: uint64(size)}
	chunk := min(chunkSize, int(o.link.MaxPayload())/2)
	if chunk <= 0 {
		return link.ErrAway
	}
	stream, err := o.stream(ctx)
	if err == nil {
		err = stream.Purge(ctx, jetstream.WithPurgeSubject(o.chunksOf(info.NUID)))
	}
	if err != nil {
		return err
	}
	seqs, err := o.putChunks(ctx, info.NUID, body, chunk)
	if err != nil {
		return err
	}
	raw, err := hex.DecodeString(sum)
	if err != nil {
		return err
	}
	info.Chunks, info.Digest = uint32(len(seqs)), digestPrefix+base64.URLEncoding.EncodeToString(raw)
	info.ObjectMeta = jetstream.ObjectMeta{Name: key, Metadata: map[string]string{placesKey: places(seqs)}, Opts: &jetstream.ObjectMetaOptions{ChunkSize: uint32(chunk)}}
	if err = o.putMeta(ctx, &info, after); errors.Is(err, errThere) {
		return o.late(ctx, stream, &info)
	}
	return err
}

// late is for who finds, after its chunks, that an object is there. Those of another take no room. Is it the
// same (an attempt whose answer was lost came through after all, or another recorder has the segment too), the
// chunks that its meta tells of may be those that were removed before ours were put: it is to tell of ours.
func (o *objects) late(ctx context.Context, stream jetstream.Stream, info *jetstream.ObjectInfo) error {
	for range lateTries {
		there, at, err := o.last(ctx, info.Name)
		switch {
		case err != nil:
			return err
		case there == nil || there.Deleted: // removed meanwhile
			continue
		case there.NUID != info.NUID:
			return errors.Join(errThere, stream.Purge(ctx, jetstream.WithPurgeSubject(o.chunksOf(info.NUID))))
		case there.Digest != info.Digest || there.Metadata[placesKey] == info.Metadata[placesKey]:
			return errThere
		}
		if err = o.putMeta(ctx, info, at); !errors.Is(err, errThere) {
			return err
		}
	}
	return errThere
}

func (o *objects) putChunks(ctx context.Context, id string, body io.Reader, chunk int) (seqs []uint64, err error) {
	b := make([]byte, chunk)
	for {
		n, err := io.ReadFull(body, b)
		if n > 0 {
			ack, err := o.link.JetStream().Publish(ctx, o.chunksOf(id), b[:n])
			if err != nil {
				return nil, err
			}
			seqs = append(seqs, ack.Sequence)
		}
		if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
			return seqs, nil
		}
		if err != nil {
			return nil, err
		}
	}
}

// putMeta makes the object: only if the newest meta of its name is that of this number, 0 being none.
func (o *objects) putMeta(ctx context.Context, info *jetstream.ObjectInfo, after uint64) error {
	text, err := json.Marshal(info)
	if err != nil {
		return err
	}
	m := nats.NewMsg(o.metaOf(info.Name))
	m.Data = text
	m.Header.Set(jetstream.MsgRollup, jetstream.MsgRollupSubject)
	_, err = o.link.JetStream().PublishMsg(ctx, m, jetstream.WithExpectLastSequencePerSubject(after))
	var api *jetstream.APIError
	if errors.As(err, &api) && api.ErrorCode == jetstream.JSErrCodeStreamWrongLastSequence {
		return errThere
	}
	return err
}

func (o *objects) remove(ctx context.Context, key string) error {
	store, err := o.link.JetStream().ObjectStore(ctx, o.bucket)
	if err != nil {
		return err
	}
	return store.Delete(ctx, key)
}

func (o *objects) read(ctx context.Context, x *object, b []byte, off int64) (n int, err error) {
	l := x.lies
	if l == nil || l.chunk <= 0 || len(l.at) == 0 {
		return 0, errors.New("it was not put by a recorder: where its chunks lie is not told")
	}
	stream, err := o.stream(ctx)
	if err != nil {
		return 0, err
	}
	for n < len(b) && off >= 0 && off+int64(n) < x.size {
		at := off + int64(n)
		m, err := stream.GetMsg(ctx, l.place(uint64(at/l.chunk)))
		if errors.Is(err, jetstream.ErrMsgNotFound) || err == nil && (m.Subject != l.subject || int64(len(m.Data)) != min(l.chunk, x.size-at/l.chunk*l.chunk)) {
			err = errChanged
		}
		if err != nil {
			return n, err
		}
		n += copy(b[n:], m.Data[at%l.chunk:])
	}
	if n < len(b) {
		return n, io.ErrUnexpectedEOF
	}
	return n, nil
}

// places are numbers as text: 4-9,12.
func places(seqs []uint64) string {
	var out []string
	for i := 0; i < len(seqs); {
		j := i
		for j+1 < len(seqs) && seqs[j+1] == seqs[j]+1 {
			j++
		}
		one := strconv.FormatUint(seqs[i], 10)
		if j > i {
			one += "-" + strconv.FormatUint(seqs[j], 10)
		}
		out = append(out, one)
		i = j + 1
	}
	return strings.Join(out, ",")
}

// parsePlaces reads places of so many chunks; what is not as it should be tells of none. Numbers rise, since
// chunks are put one after the other: no message is two of them, and an object weighs what it tells. Spans stay
// spans: a few bytes can tell of more numbers than the memory holds.
func parsePlaces(text string, chunks uint64) (at []span) {
	last := uint64(0)
	for one := range strings.SplitSeq(text, ",") {
		a, b, isRange := strings.Cut(one, "-")
		from, err := strconv.ParseUint(a, 10, 64)
		to := from
		if isRange && err == nil {
			to, err = strconv.ParseUint(b, 10, 64)
		}
		if err != nil || to < from || to-from >= chunks || from <= last {
			return nil
		}
		last = to
		chunks -= to - from + 1
		at = append(at, span{from, to})
	}
	if chunks > 0 {
		return nil
	}
	return at
}

// place is the number of the message that holds a chunk, or 0, which none has.
func (l *lies) place(chunk uint64) uint64 {
	for _, s := range l.at {
		if n := s.to - s.from + 1; chunk >= n {
			chunk -= n
			continue
		}
		return s.from + chunk
	}
	return 0
}
