package codec

import (
	_ "embed"
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/klauspost/compress/zstd"
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

// dictionary is what the words make, one behind the other. Each line is a Go
// string literal.
func dictionary() []byte {
	var b []byte
	for line := range strings.Lines(words2) {
		s, err := strconv.Unquote(strings.TrimSuffix(line, "\n"))
		if err != nil {
			panic(err) // the words are part of the program
		}
		b = append(b, s...)
	}
	return b
}

// A Zip compresses and decompresses. It is safe for concurrent use.
type Zip struct {
	fast  *zstd.Encoder // finds frequencies more than repetitions
	deep  *zstd.Encoder // looks for repetitions
	words *zstd.Encoder // the same, and knows the dictionary
	brief *zstd.Encoder // the same for what is short, see shortBody
	dec   *zstd.Decoder
	free  int // see FreeExpand
}

// NewZip makes a Zip that is fast and takes little memory.
func NewZip() *Zip { return newZip(zstd.SpeedBetterCompression) }

// NewSmallZip makes a Zip whose output is about 3 % smaller, and which is slower
// and takes about 90 MB more while it lives: for when a recording ends.
func NewSmallZip() *Zip { return newZip(zstd.SpeedBestCompression) }

func newZip(deep zstd.EncoderLevel) *Zip {
	words := dictionary()
	writer := func(level zstd.EncoderLevel, more ...zstd.EOption) *zstd.Encoder {
		enc, err := zstd.NewWriter(nil, append(more, zstd.WithEncoderConcurrency(1), zstd.WithEncoderCRC(false),
			zstd.WithEncoderLevel(level), zstd.WithLowerEncoderMem(true))...)
		if err != nil {
			panic(err) // the options are constant
		}
		return enc
	}
	dec, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(2), zstd.WithDecoderMaxMemory(maxRaw), zstd.WithDecoderDictRaw(words2ID, words))
	if err != nil {
		panic(err)
	}
	return &Zip{
		fast:  writer(zstd.SpeedFastest, zstd.WithAllLitEntropyCompression(true)),
		deep:  writer(deep),
		words: writer(deep, zstd.WithEncoderDictRaw(words2ID, words)),
		brief: writer(zstd.SpeedBetterCompression, zstd.WithEncoderDictRaw(words2ID, words)),
		dec:   dec,
		free:  FreeExpand,
	}
}

// shortBody is what is too short for the smallest output: at that level the
// encoder copies 34 MB of tables for each piece, however short, and saves a few
// bytes.
const shortBody = 2 << 10

// whole compresses the body of a block that was not compressed by streams.
func (z *Zip) whole(body []byte) []byte {
	if len(body) < shortBody {
		return z.brief.EncodeAll(body, nil)
	}
	return z.words.EncodeAll(body, nil)
}

// probe is how much of a stream is tried to see what compresses it best.
const probe = 4 << 10

// pack compresses a stream, where that pays.
func (z *Zip) pack(tag int, data []byte) []byte {
	if tag%4 == subDict || tag/4 == fieldText {
		return z.words.EncodeAll(data, nil)
	}
	sample := data[:min(probe, len(data))]
	enc, out := z.fast, z.fast.EncodeAll(sample, nil)
	if deep := z.deep.EncodeAll(sample, nil); len(deep) < len(out) {
		enc, out = z.deep, deep
	}
	switch {
	case len(data) == len(sample):
		return out
	case tag%4 == subBits && len(out) > probe-probe/32:
		return data // most bits are noise
	}
	return enc.EncodeAll(data, nil)
}

// Squeeze compresses a small value that is no block.
func (z *Zip) Squeeze(b []byte) []byte { return z.words.EncodeAll(b, nil) }

// Expand is the opposite of Squeeze.
func (z *Zip) Expand(b []byte) ([]byte, error) { return z.expand(b, -1, maxList) }

// expand decompresses a frame that must hold so many bytes (-1: any number) and
// no more than most. One that says otherwise is refused before any memory is
// given to it. Only what is shorter than 256 bytes may not say, and is then
// no longer when it is compressed.
func (z *Zip) expand(frame []byte, want, most int) ([]byte, error) {
	var h zstd.Header
	bad := h.Decode(frame) != nil
	if !bad && h.FrameContentSize > uint64(z.mayHold(len(frame))) {
		return nil, z.tooLarge(len(frame), int(min(h.FrameContentSize, math.MaxInt)))
	}
	bad = bad || h.FrameContentSize > uint64(most) || h.HasFCS && want >= 0 && h.FrameContentSize != uint64(want)
	if bad || !h.HasFCS && len(frame) > maxUnsaid {
		return nil, fmt.Errorf("decompress: %w", errContent)
	}
	raw, err := z.dec.DecodeAll(frame, nil)
	if err != nil || want >= 0 && len(raw) != want {
		return nil, fmt.Errorf("decompress: %w", errContent)
	}
	return raw, nil
}
