package shelf

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Options say how a bucket is reached.
type Options struct {
	// Endpoint is the URL of the S3 server; "" is the one of AWS.
	Endpoint string
	// Region is the bucket's; "" finds it out, or is us-east-1 at an endpoint.
	Region string
	// Key, Secret and Token are credentials. Where Key is "" they are read from
	// File, of Profile, and again when they are refused.
	Key, Secret, Token string
	File, Profile      string
	// Tries is how often a request is made that fails for the moment; zero
	// means 4.
	Tries int
	// Transport makes requests; nil means Go's own.
	Transport http.RoundTripper
}

// Environment are options as the environment of AWS's own tools tells them.
func Environment(getenv func(string) string, home string) Options {
	first := func(names ...string) string {
		for _, n := range names {
			if v := getenv(n); v != "" {
				return v
			}
		}
		return ""
	}
	o := Options{
		Endpoint: first("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
		Region:   first("AWS_REGION", "AWS_DEFAULT_REGION"),
		Key:      first("AWS_ACCESS_KEY_ID"), Secret: first("AWS_SECRET_ACCESS_KEY"), Token: first("AWS_SESSION_TOKEN"),
		File: first("AWS_SHARED_CREDENTIALS_FILE"), Profile: first("AWS_PROFILE"),
	}
	if o.File == "" && home != "" {
		o.File = filepath.Join(home, ".aws", "credentials")
	}
	return o
}

// A Shelf is a place in a bucket. It is safe for concurrent use.
type Shelf struct {
	at     Address
	client minio.Core
	creds  *credentials.Credentials

	reads, fetched atomic.Int64
}

const defaultTries = 4

// Open makes a shelf of an address. Nothing is asked of the server yet.
func Open(address string, o Options) (*Shelf, error) {
	at, err := ParseAddress(address)
	if err != nil {
		return nil, err
	}
	mo := &minio.Options{Region: o.Region, Transport: o.Transport, MaxRetries: o.Tries}
	if mo.MaxRetries <= 0 {
		mo.MaxRetries = defaultTries
	}
	host := "s3.amazonaws.com"
	mo.Secure = true
	if o.Endpoint != "" {
		u, err := url.Parse(o.Endpoint)
		if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" || strings.Trim(u.Path, "/") != "" || u.User != nil {
			return nil, fmt.Errorf("open %s: the endpoint is no URL of a server: give http(s)://HOST[:PORT]", at)
		}
		host, mo.Secure, mo.BucketLookup = u.Host, u.Scheme == "https", minio.BucketLookupPath
		if mo.Region == "" {
			mo.Region = "us-east-1"
		}
	}
	if o.Key != "" {
		mo.Creds = credentials.NewStaticV4(o.Key, o.Secret, o.Token)
	} else {
		mo.Creds = credentials.NewFileAWSCredentials(o.File, o.Profile)
	}
	c, err := minio.NewCore(host, mo)
	if err != nil {
		return nil, fmt.Errorf("open %s: %w", at, err)
	}
	return &Shelf{at: at, client: *c, creds: mo.Creds}, nil
}

// String is the shelf's address.
func (s *Shelf) String() string { return s.at.String() }

// Fetched is how much was read of objects so far, and with how many reads.
func (s *Shelf) Fetched() (bytes, reads int64) { return s.fetched.Load(), s.reads.Load() }

func (s *Shelf) key(name string) string {
	if s.at.Prefix == "" {
		return name
	}
	return s.at.Prefix + "/" + name
}

// failed says what was tried, why it failed and what helps.
func (s *Shelf) failed(step string, err error) error {
	switch r := minio.ToErrorResponse(err); {
	case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusUnauthorized:
		s.creds.Expire() // a file may hold others by now
		return fmt.Errorf("%s %s: refused (%s): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to one who may: %w", step, s.at, r.Code, err)
	case r.Code == minio.NoSuchBucket:
		return fmt.Errorf("%s %s: there is no bucket %s at the endpoint: %w", step, s.at, s.at.Bucket, err)
	}
	return fmt.Errorf("%s %s: %w", step, s.at, err)
}

// A Listing is what is on a shelf.
type Listing struct {
	Items   []Item // by archive, then by number
	Gone    map[uint64][]int
	Strange int // objects whose names are no segments'
}

// List lists the shelf.
func (s *Shelf) List(ctx context.Context) (*Listing, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	l := &Listing{Gone: map[uint64][]int{}}
	prefix := s.at.Prefix
	if prefix != "" {
		prefix += "/"
	}
	for o := range s.client.Client.ListObjects(ctx, s.at.Bucket, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return nil, s.failed("list", o.Err)
		}
		i, gone, err := parseName(o.Key)
		switch {
		case err != nil:
			l.Strange++
		case gone:
			l.Gone[i.Archive] = append(l.Gone[i.Archive], i.Segment)
		default:
			i.Size, i.ETag, i.key = o.Size, o.ETag, o.Key
			l.Items = append(l.Items, i)
		}
	}
	slices.SortFunc(l.Items, compare)
	return l, nil
}

// ErrOther: an object of that name is there, and it is another.
var ErrOther = errors.New("an object of that name is there and holds something else: it is never overwritten")

const sumKey = "Sha256" // of an object's metadata

// Put puts a segment, of which body is the flat file. That the same is there is as
// good.
func (s *Shelf) Put(ctx context.Context, i Item, body io.ReadSeeker) error {
	return s.put(ctx, s.key(i.name()), body, i.Size)
}

func (s *Shelf) put(ctx context.Context, key string, body io.ReadSeeker, size int64) error {
	sum := sha256.New()
	n, err := io.Copy(sum, body)
	if err == nil && n != size {
		err = fmt.Errorf("it has %d bytes, not %d", n, size)
	}
	if err == nil {
		_, err = body.Seek(0, io.SeekStart)
	}
	if err != nil {
		return fmt.Errorf("put %s: %w", key, err)
	}
	told := hex.EncodeToString(sum.Sum(nil))
	o := minio.PutObjectOptions{
		DisableMultipart: true, ContentType: "application/octet-stream", UserMetadata: map[string]string{sumKey: told},
	}
	o.SetMatchETagExcept("*")
	_, err = s.client.Client.PutObject(ctx, s.at.Bucket, key, body, size, o)
	if err == nil {
		return nil
	}
	if r := minio.ToErrorResponse(err); r.StatusCode != http.StatusPreconditionFailed && r.StatusCode != http.StatusConflict {
		return s.failed("put "+key+" to", err)
	}
	there, err := s.client.Client.StatObject(ctx, s.at.Bucket, key, minio.StatObjectOptions{})
	if err != nil {
		return s.failed("look at "+key+" of", err)
	}
	if there.Size != size || there.UserMetadata[sumKey] != told {
		return fmt.Errorf("put %s to %s: %w", key, s.at, ErrOther)
	}
	return nil
}

// Remove removes a segment, of which a note stays.
func (s *Shelf) Remove(ctx context.Context, i Item) error {
	err := s.put(ctx, s.key(goneName(i.Archive, i.Segment)), bytes.NewReader([]byte("removed\n")), int64(len("removed\n")))
	if err != nil {
		return err
	}
	if err := s.client.Client.RemoveObject(ctx, s.at.Bucket, i.key, minio.RemoveObjectOptions{}); err != nil {
		return s.failed("remove "+i.key+" of", err)
	}
	return nil
}

// Reader reads ranges of a segment, each with a request of its own.
func (s *Shelf) Reader(ctx context.Context, i Item) io.ReaderAt { return &ranged{ctx, s, i} }

type ranged struct {
	ctx  context.Context
	s    *Shelf
	item Item
}

// errChanged: an object is immutable, so one that changed is not what was listed.
var errChanged = errors.New("the object was changed since it was listed")

// readTime bounds one read.
const readTime = 2 * time.Minute

// ReadAt fetches one range, checked: that it is of the object that was listed, and whole.
func (r *ranged) ReadAt(b []byte, off int64) (n int, err error) {
	if len(b) == 0 {
		return 0, nil
	}
	ctx, cancel := context.WithTimeout(r.ctx, readTime)
	defer cancel()
	var o minio.GetObjectOptions
	if err := errors.Join(o.SetRange(off, off+int64(len(b))-1), o.SetMatchETag(r.item.ETag)); err != nil {
		return 0, err
	}
	body, info, _, err := r.s.client.GetObject(ctx, r.s.at.Bucket, r.item.key, o)
	if err != nil {
		if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
			err = errChanged
		}
		return 0, r.s.failed("read "+r.item.key+" of", err)
	}
	defer body.Close()
	if info.ETag != r.item.ETag {
		return 0, r.s.failed("read "+r.item.key+" of", errChanged)
	}
	n, err = io.ReadFull(body, b)
	r.s.reads.Add(1)
	r.s.fetched.Add(int64(n))
	if err != nil {
		return n, r.s.failed("read "+r.item.key+" of", fmt.Errorf("%d of %d bytes came: %w", n, len(b), err))
	}
	return n, nil
}
