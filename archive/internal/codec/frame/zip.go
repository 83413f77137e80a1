// Package frame compresses what a block holds, and bounds what a compressed frame
// may hold when it is read.
package frame

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"
	"sync"

	"github.com/klauspost/compress/zstd"

	"ergorecorder/archive/internal/codec/parse"
	"ergorecorder/internal/limit"
)

// words2 are texts that recordings of clusters hold: names of columns as
// blocks lay them out, words of the framework, functions and files of the Go
// runtime and library as profiles name them; nothing of an application. They
// are a dictionary for zstd, so that a small block need not tell them anew and
// still stands alone. They belong to version 2 of the format and never change.
//
//go:embed words2.txt
var words2 string

// words2ID is the dictionary's number in a frame.
const words2ID = 2

// dictionary is what the words make, one behind the other, with its index. Each line is a Go
// string literal.
var dictionary = sync.OnceValue(func() *dictIndex {
	var b []byte
	for line := range strings.Lines(words2) {
		s, err := strconv.Unquote(strings.TrimSuffix(line, "\n"))
		if err != nil {
			panic(err) // the words are part of the program
		}
		b = append(b, s...)
	}
	return newDictIndex(b)
})

const (
	// FreeExpand and ExpandFactor bound what a compressed frame may hold: the
	// first for nothing, and the second for each byte of the frame.
	FreeExpand   = limit.MostPiece
	ExpandFactor = 1024
	// MaxList is the most that a compressed list holds.
	MaxList = 64 << 20
	// maxUnsaid is the longest frame that need not say what it holds.
	maxUnsaid = 512
)

// A Zip compresses and decompresses. It is safe for concurrent use.
type Zip struct {
	press  sync.Pool     // of *press: for all but what is long
	index  *dictIndex    // for them
	effort               // of theirs
	fast   *zstd.Encoder // finds frequencies more than repetitions
	deep   *zstd.Encoder // of what is long: looks for repetitions
	words  *zstd.Encoder // the same, and knows the dictionary
	dec    *zstd.Decoder
	free   int // see FreeExpand
}

// window is how far back the encoders of a recorder look. Each of them keeps as much in
// memory, and what they are given at once is hardly ever longer.
const window = 2 << 20

// NewZip makes a Zip that is fast and takes little memory.
func NewZip() *Zip {
	index := dictionary()
	words := index.text
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderLowmem(false), zstd.WithDecoderMaxMemory(parse.MaxRaw), zstd.WithDecoderDictRaw(words2ID, words))
	if err != nil {
		panic(err)
	}
	return &Zip{
		index: index, effort: effort{places: 4, words: 4, ahead: 1}, // while recording CPU time is scarcer than room
		fast:  newEncoder(zstd.SpeedFastest, zstd.WithEncoderConcurrency(2), zstd.WithWindowSize(window), zstd.WithAllLitEntropyCompression(true)),
		deep:  newEncoder(zstd.SpeedBetterCompression, zstd.WithWindowSize(window)),
		words: newEncoder(zstd.SpeedBetterCompression, zstd.WithWindowSize(window), zstd.WithEncoderDictRaw(words2ID, words)),
		dec:   dec,
		free:  FreeExpand,
	}
}

// Small is a Zip whose output is about 1 % smaller, and which is a fifth slower, and takes about 90 MB
// more while it lives where anything longer than a megabyte is given to it: for when a recording ends. It shares with z what is the same.
func (z *Zip) Small() *Zip {
	return &Zip{
		index: z.index, effort: effort{places: 8, words: 8, ahead: 1}, fast: z.fast, dec: z.dec, free: z.free,
		deep:  newEncoder(zstd.SpeedBestCompression),
		words: newEncoder(zstd.SpeedBestCompression, zstd.WithEncoderDictRaw(words2ID, z.index.text)),
	}
}

// newEncoder makes an encoder. It takes its memory when it is first used.
func newEncoder(level zstd.EncoderLevel, more ...zstd.EOption) *zstd.Encoder {
	enc, err := zstd.NewWriter(nil, append([]zstd.EOption{
		zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false), zstd.WithEncoderLevel(level), zstd.WithLowerEncoderMem(true),
	}, more...)...)
	if err != nil {
		panic(err) // the options are constant
	}
	return enc
}

// short compresses what is not long.
func (z *Zip) short(body []byte, words bool) []byte {
	p, _ := z.press.Get().(*press)
	if p == nil {
		p = &press{}
	}
	defer z.press.Put(p)
	return p.frame(nil, body, z.index, words, z.effort)
}

// Whole compresses the body of a block that was not compressed by streams, or
// what else profits from the dictionary.
func (z *Zip) Whole(body []byte) []byte {
	if len(body) > longBody {
		return z.words.EncodeAll(body, nil)
	}
	return z.short(body, true)
}

// probe is how much of a stream is tried to see whether it is noise.
const probe = 4 << 10

// Pack compresses a stream, where that pays: one of words with the dictionary; one of bits may be noise.
func (z *Zip) Pack(data []byte, words, noise bool) []byte {
	if words {
		return z.Whole(data)
	}
	if noise && len(data) > probe && len(z.short(data[:probe], false)) > probe-probe/32 {
		return data // most bits are noise
	}
	if len(data) > longBody {
		return z.deep.EncodeAll(data, nil)
	}
	return z.short(data, false)
}

// Quick compresses what is packed again soon.
func (z *Zip) Quick(body []byte) []byte { return z.fast.EncodeAll(body, nil) }

// Squeeze compresses a small value that is no block.
func (z *Zip) Squeeze(b []byte) []byte { return z.Whole(b) }

// Expand is the opposite of Squeeze.
func (z *Zip) Expand(b []byte) ([]byte, error) { return z.ExpandTo(b, -1, MaxList) }

// ExpandTo decompresses a frame that must hold so many bytes (-1: any number) and
// no more than most. One that says otherwise is refused before any memory is
// given to it. Only what is shorter than 256 bytes may not say, and is then
// no longer when it is compressed.
func (z *Zip) ExpandTo(frame []byte, want, most int) ([]byte, error) {
	return z.ExpandIn(nil, frame, want, most)
}

// ExpandIn is ExpandTo with memory for what the frame holds.
func (z *Zip) ExpandIn(m *Memory, frame []byte, want, most int) ([]byte, error) {
	var h zstd.Header
	bad := h.Decode(frame) != nil
	if !bad && h.FrameContentSize > uint64(z.MayHold(len(frame))) {
		return nil, z.tooLarge(len(frame), int(min(h.FrameContentSize, math.MaxInt)))
	}
	bad = bad || h.FrameContentSize > uint64(most) || h.HasFCS && want >= 0 && h.FrameContentSize != uint64(want)
	if bad || !h.HasFCS && len(frame) > maxUnsaid {
		return nil, fmt.Errorf("decompress: %w", parse.ErrContent)
	}
	raw, err := z.dec.DecodeAll(frame, m.take(want))
	if err != nil || want >= 0 && len(raw) != want {
		return nil, fmt.Errorf("decompress: %w", parse.ErrContent)
	}
	return raw, nil
}

// MayHold is the most that a frame of so many bytes may hold.
func (z *Zip) MayHold(frame int) int {
	return min(parse.MaxRaw, z.free+ExpandFactor*frame)
}

func (z *Zip) tooLarge(frame, says int) error {
	return limit.Piece.OverSet(int64(says), int64(z.MayHold(frame)))
}

// SetExpand sets how much a frame may hold for nothing, in place of FreeExpand.
// It comes before the Zip is used.
func (z *Zip) SetExpand(free int) { z.free = min(free, parse.MaxRaw) }
