package shelf

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

// Options say how a bucket of an S3 server is reached.
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

const defaultTries = 4

// Open makes a shelf of an address, s3://BUCKET/PREFIX. Nothing is asked of the server yet.
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
	return &Shelf{name: at.String(), prefix: at.Prefix, in: &bucket{at.Bucket, c, mo.Creds}}, nil
}

// A bucket is one of an S3 server.
type bucket struct {
	name   string
	client *minio.Core
	creds  *credentials.Credentials
}

const sumKey = "Sha256" // of an object's metadata

func (b *bucket) helps(err error) error {
	switch r := minio.ToErrorResponse(err); {
	case r.StatusCode == http.StatusForbidden || r.StatusCode == http.StatusUnauthorized:
		b.creds.Expire() // a file may hold others by now
		return fmt.Errorf("refused (%s): set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE, to one who may: %w", r.Code, err)
	case r.Code == minio.NoSuchBucket:
		return fmt.Errorf("there is no bucket %s at the endpoint: %w", b.name, err)
	}
	return err
}

func (b *bucket) list(ctx context.Context, prefix string, each func(object)) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	for o := range b.client.Client.ListObjects(ctx, b.name, minio.ListObjectsOptions{Prefix: prefix, Recursive: true}) {
		if o.Err != nil {
			return o.Err
		}
		each(object{key: o.Key, size: o.Size, etag: o.ETag})
	}
	return nil
}

func (b *bucket) put(ctx context.Context, key string, body io.Reader, size int64, sum string) error {
	o := minio.PutObjectOptions{
		DisableMultipart: true, ContentType: "application/octet-stream", UserMetadata: map[string]string{sumKey: sum},
	}
	o.SetMatchETagExcept("*")
	_, err := b.client.Client.PutObject(ctx, b.name, key, body, size, o)
	if r := minio.ToErrorResponse(err); err != nil && (r.StatusCode == http.StatusPreconditionFailed || r.StatusCode == http.StatusConflict) {
		return errThere
	}
	return err
}

func (b *bucket) stat(ctx context.Context, key string) (object, error) {
	o, err := b.client.Client.StatObject(ctx, b.name, key, minio.StatObjectOptions{})
	return object{key: key, size: o.Size, etag: o.ETag, sum: o.UserMetadata[sumKey]}, err
}

func (b *bucket) remove(ctx context.Context, key string) error {
	return b.client.Client.RemoveObject(ctx, b.name, key, minio.RemoveObjectOptions{})
}

func (b *bucket) read(ctx context.Context, o *object, to []byte, off int64) (n int, err error) {
	var g minio.GetObjectOptions
	if err := errors.Join(g.SetRange(off, off+int64(len(to))-1), g.SetMatchETag(o.etag)); err != nil {
		return 0, err
	}
	body, info, _, err := b.client.GetObject(ctx, b.name, o.key, g)
	if err != nil {
		if minio.ToErrorResponse(err).StatusCode == http.StatusPreconditionFailed {
			err = errChanged
		}
		return 0, err
	}
	defer body.Close()
	if info.ETag != o.etag {
		return 0, errChanged
	}
	return io.ReadFull(body, to)
}
