package frame

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"

	"ergorecorder/internal/cpu"
)

// roundTrip holds that a body comes back from frames of it, however often a press is used.
func roundTrip(t testing.TB, z *Zip, p *press, body []byte) {
	t.Helper()
	for _, words := range []bool{false, true} {
		frame := p.frame(nil, body, z.index, words, z.effort)
		got, err := z.ExpandTo(frame, len(body), len(body))
		if err != nil && len(body) <= z.MayHold(len(frame)) || err == nil && !bytes.Equal(got, body) {
			t.Fatalf("%d bytes, words %v: %d come back, %v", len(body), words, len(got), err)
		}
		if len(frame) > len(body)+16+3*(len(body)/mostBlock) {
			t.Fatalf("%d bytes, words %v: a frame of %d", len(body), words, len(frame))
		}
	}
}

// bodies are bodies of all kinds: noise, one byte, few bytes, words, what comes again near and far.
func bodies(r *rand.Rand, words []byte, n int) [][]byte {
	noise, few, again, far, counts := make([]byte, n), make([]byte, n), make([]byte, 0, n), make([]byte, 0, n), make([]byte, n)
	for i := range noise {
		noise[i], few[i], counts[i] = byte(r.Uint32()), byte(r.ExpFloat64()), byte(i>>2)
	}
	for len(again) < n {
		if i := r.IntN(len(words) - 300); r.IntN(3) > 0 || len(again) == 0 {
			again = append(again, words[i:i+r.IntN(300)]...)
		} else {
			i := r.IntN(len(again))
			again = append(again, again[i:i+r.IntN(len(again)-i)]...)
		}
	}
	units := noise[:min(n, 1<<12)]
	for len(far) < n {
		i := r.IntN(len(units))
		far = append(far, units[i:min(i+4, len(units))]...)
	}
	return [][]byte{noise, few, again[:n], far[:n], counts, bytes.Repeat([]byte{7}, n), append(bytes.Clone(counts[:n/2]), noise[n/2:]...)}
}

// TestPress: bodies of all kinds and lengths come back.
func TestPress(t *testing.T) {
	z, p, r := NewZip(), &press{}, rand.New(rand.NewPCG(1, 2))
	lengths := []int{1<<12 - 1, 1 << 12, 1 << 14, 1<<16 + 255, 1<<16 + 256, mostBlock - 1, mostBlock, mostBlock + 1, 2*mostBlock + 7, 5 * mostBlock}
	step := 1
	if testing.Short() {
		lengths, step = []int{1 << 12, mostBlock + 1}, 20
	}
	for n := 0; n < 300; n += step {
		lengths = append(lengths, n, n*7)
	}
	for _, n := range lengths {
		for _, body := range bodies(r, z.index.text, n) {
			roundTrip(t, z, p, body)
		}
	}
}

// TestNormalize: counts of symbols become states, of which each has one and all are given.
func TestNormalize(t *testing.T) {
	r := rand.New(rand.NewPCG(3, 4))
	for range 2000 {
		count, n := make([]int, 1+r.IntN(53)), 0
		for i := range count {
			count[i] = int(r.ExpFloat64() * float64(r.IntN(200)))
			n += count[i]
		}
		if n == 0 {
			continue
		}
		norm := make([]int16, len(count))
		for log := uint(6); log <= 9; log++ {
			normalize(norm, count, n, log)
			sum := 0
			for i, v := range norm {
				if (v == 0) != (count[i] == 0) || v < 0 {
					t.Fatalf("%v of %v", norm, count)
				}
				sum += int(v)
			}
			if sum != 1<<log {
				t.Fatalf("%v of %v are %d", norm, count, sum)
			}
		}
	}
}

// TestCodes: numbers are told by their code and the bits behind it.
func TestCodes(t *testing.T) {
	for _, c := range []*codes{litCodes, lengthCodes} {
		for n := range uint32(mostBlock - 3) {
			if code := c.code(n); n < c.base[code] || n-c.base[code]>>c.extra[code] != 0 && n-c.base[code] >= 1<<c.extra[code] {
				t.Fatalf("%d has code %d, which begins at %d and has %d bits", n, code, c.base[code], c.extra[code])
			}
		}
	}
}

// FuzzPress: whatever is compressed comes back.
func FuzzPress(f *testing.F) {
	z, r := NewZip(), rand.New(rand.NewPCG(5, 6))
	for _, n := range []int{0, 1, 20, 300, 5000} {
		for _, body := range bodies(r, z.index.text, n) {
			f.Add(body, uint8(1))
		}
	}
	p := &press{}
	f.Fuzz(func(t *testing.T, body []byte, times uint8) {
		if len(body)*int(times) < 1<<19 {
			body = bytes.Repeat(body, int(times))
		}
		roundTrip(t, z, p, body)
	})
}

// BenchmarkPress compresses bodies of some lengths, beside the encoders for streams.
func BenchmarkPress(b *testing.B) {
	z, r := NewZip(), rand.New(rand.NewPCG(7, 8))
	for _, n := range []int{500, 5_000, 50_000} {
		body := bodies(r, z.index.text, n)[2]
		press := func(b *testing.B, name string, do func([]byte) []byte) {
			b.Run(fmt.Sprint(n, "/", name), func(b *testing.B) {
				size := len(do(body))
				began := cpu.Spent()
				for b.Loop() {
					do(body)
				}
				b.ReportMetric(float64((cpu.Spent()-began)/time.Microsecond)/float64(b.N), "cpu-us/op")
				b.ReportMetric(float64(size), "bytes-kept")
			})
		}
		press(b, "press", z.Whole)
		for name, level := range map[string]zstd.EncoderLevel{"better": zstd.SpeedBetterCompression, "best": zstd.SpeedBestCompression} {
			enc := newEncoder(level, zstd.WithEncoderDictRaw(words2ID, z.index.text))
			press(b, name, func(body []byte) []byte { return enc.EncodeAll(body, nil) })
		}
	}
}
