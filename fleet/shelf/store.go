package shelf

import (
	"context"
	"errors"
	"io"
)

// A store keeps objects: a bucket of an S3 server, or one of a fleet's engine.
type store interface {
	// list hands on what is there whose key begins so.
	list(ctx context.Context, prefix string, each func(object)) error
	// put puts an object if nothing of that key is there; else it is errThere. sum is the
	// SHA-256 of the body in hexadecimal, which stat tells again.
	put(ctx context.Context, key string, body io.Reader, size int64, sum string) error
	stat(ctx context.Context, key string) (object, error)
	remove(ctx context.Context, key string) error
	// read fills b from an object that was listed, as it was then, else it is errChanged.
	read(ctx context.Context, o *object, b []byte, off int64) (n int, err error)
	// helps adds to an error what the store knows of it, and what helps.
	helps(err error) error
}

// An object is one of a store.
type object struct {
	key  string
	size int64
	etag string // changes whenever its content does
	sum  string // of its body; only stat tells it
	lies *lies  // where the engine has it; nil elsewhere
	bad  error  // why what the store tells of it is refused; nil is well
}

// errThere: an object of that key is there.
var errThere = errors.New("an object of that name is there")

// errChanged: an object is immutable, so one that changed is not what was listed.
var errChanged = errors.New("the object was changed since it was listed")

// errMeta: what the store tells of an object contradicts itself.
var errMeta = errors.New("its meta cannot be true")

// ofOne reports whether an error is of one object only: the others can be put.
func ofOne(err error) bool { return errors.Is(err, ErrOther) || errors.Is(err, errMeta) }
