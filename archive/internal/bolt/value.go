package bolt

import (
	"errors"
	"slices"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/codec"
)

// Whenever bbolt puts a value on a page, it writes the page anew with all the
// values on it, and it keeps up to four values on a page however large they are.
// So a value of more than aloneAbove bytes gets a bucket of its own, which
// holds it under aloneKey: what lies beside it is then a few bytes.
const aloneAbove = 2 << 10

var AloneKey = []byte{0}

// PutValue stores a value, in place of what a failed commit may have left there. FillPercent of the bucket is
// set as befits keys that ascend.
func PutValue(b *bbolt.Bucket, key, value []byte) error {
	b.FillPercent = 1
	if err := DeleteValue(b, key); err != nil {
		return err
	}
	if len(value) <= aloneAbove {
		return b.Put(key, value)
	}
	own, err := b.CreateBucket(key)
	if err != nil {
		return err
	}
	return own.Put(AloneKey, value)
}

// GetValue returns what PutValue stored, nil where nothing is there. It is
// valid as long as the transaction.
func GetValue(b *bbolt.Bucket, key []byte) []byte {
	if b == nil {
		return nil
	}
	if v := b.Get(key); v != nil {
		return v
	}
	if own := b.Bucket(key); own != nil {
		return own.Get(AloneKey)
	}
	return nil
}

func DeleteValue(b *bbolt.Bucket, key []byte) error {
	if b.Bucket(key) != nil {
		return b.DeleteBucket(key)
	}
	return b.Delete(key)
}

// ErrNoValue: the bucket that should hold a value does not.
var ErrNoValue = errors.New("its value is missing")

// EachValue calls f for every value of a bucket, in the order of the keys; the
// value is nil where it should lie in a bucket of its own and does not.
func EachValue(tx *bbolt.Tx, bucket []byte, f func(key, value []byte)) {
	b := tx.Bucket(bucket)
	if b == nil {
		return
	}
	_ = b.ForEach(func(k, v []byte) error {
		if v == nil {
			v = GetValue(b, k)
		}
		f(k, v)
		return nil
	})
}

// squeezed follows the key of a list (definitions of streams, entries of the
// index) that is compressed.
const squeezed = 1

// PutList stores a list with its checksum, compressed where that pays.
func PutList(b *bbolt.Bucket, z *codec.Zip, key, list []byte) error {
	if short := z.Squeeze(list); len(short) < len(list) {
		key, list = append(slices.Clone(key), squeezed), short
	}
	return b.Put(key, Seal(list))
}

// ParseList checks and expands what putList stored under a key that was
// keyLen bytes long.
func ParseList(z *codec.Zip, key, value []byte, keyLen int) ([]byte, error) {
	b, err := Unseal(value)
	if err == nil && len(key) > keyLen {
		b, err = z.Expand(b)
	}
	return b, err
}
