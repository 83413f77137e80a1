package catalog

import (
	"slices"

	"go.etcd.io/bbolt"

	"ergorecorder/archive/internal/bolt"
	"ergorecorder/archive/internal/codec"
	"ergorecorder/archive/internal/codec/header"
)

// A Packed run is a block that takes the place of chunks.
type Packed struct {
	Run   *Run
	Block []byte
	Key   []byte // of the value that it lies in, and where; see PutBlocks
	At    int
}

// Blocks are laid end to end in one value until that is larger than
// bundleSize, so that many small streams do not take a page each.
const bundleSize = 128 << 10

// PutBlocks stores blocks, and says in each one where it lies.
func PutBlocks(tx *bbolt.Tx, z *codec.Zip, blocks []Packed) error {
	if len(blocks) == 0 {
		return nil
	}
	bucket := tx.Bucket(BucketBlocks)
	slices.SortFunc(blocks, func(a, b Packed) int {
		return slices.Compare(RunKey(&a.Run.Header), RunKey(&b.Run.Header))
	})
	var key, bundle, index []byte
	flush := func() error {
		if len(bundle) == 0 {
			return nil
		}
		v := bundle
		bundle = nil
		return bolt.PutValue(bucket, key, v)
	}
	for i := range blocks {
		p := &blocks[i]
		h, err := header.Only(p.Block)
		if err != nil {
			return err
		}
		k := RunKey(&h)
		if len(bundle) == 0 {
			key = k
		}
		p.Key, p.At = key, len(bundle)
		index = AppendEntry(index, &h, len(p.Block), key, p.At)
		bundle = append(bundle, p.Block...)
		if len(bundle) >= bundleSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if err := flush(); err != nil {
		return err
	}
	return bolt.PutList(tx.Bucket(BucketIndex), z, RunKey(&blocks[0].Run.Header), index)
}
