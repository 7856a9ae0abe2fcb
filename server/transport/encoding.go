package transport

import (
	"bytes"
	"io"
	"runtime"
	"strconv"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

// minCompressed is the least size of an answer that is compressed, in bytes. A smaller one fits into one or two packets anyway.
const minCompressed = 1 << 10

// Coding is a way to compress answers, by its name in HTTP headers. Identity means that an answer is not compressed.
type Coding string

// The codings, the preferred one first.
const (
	Zstd     Coding = "zstd"
	Gzip     Coding = "gzip"
	Identity Coding = ""
)

// AcceptedCoding returns the coding that the values of an Accept-Encoding header want most: the one with the largest weight, and
// of equal ones zstd. An answer may always be sent without compression, whatever the header says.
func AcceptedCoding(accepts []string) Coding {
	best, chosen := 0.0, Identity
	for _, coding := range []Coding{Zstd, Gzip} {
		if w := weightOf(accepts, string(coding)); w > best {
			best, chosen = w, coding
		}
	}
	if plain := weightOf(accepts, "identity"); plain > best && named(accepts, "identity") {
		return Identity
	}
	return chosen
}

// weightOf returns the weight of a coding, or that of * if it is not named.
func weightOf(accepts []string, coding string) float64 {
	other := 0.0
	for _, value := range accepts {
		for part := range strings.SplitSeq(value, ",") {
			name, params, _ := strings.Cut(part, ";")
			switch name = strings.TrimSpace(name); {
			case strings.EqualFold(name, coding):
				return quality(params)
			case name == "*":
				other = quality(params)
			}
		}
	}
	return other
}

func named(accepts []string, coding string) bool {
	for _, value := range accepts {
		for part := range strings.SplitSeq(value, ",") {
			if name, _, _ := strings.Cut(part, ";"); strings.EqualFold(strings.TrimSpace(name), coding) {
				return true
			}
		}
	}
	return false
}

// quality reads the weight among the parameters of a coding. One that cannot be read is 0, so that nobody gets what they may not
// understand.
func quality(params string) float64 {
	for param := range strings.SplitSeq(params, ";") {
		name, value, ok := strings.Cut(param, "=")
		if !ok || !strings.EqualFold(strings.TrimSpace(name), "q") {
			continue
		}
		if q, err := strconv.ParseFloat(strings.TrimSpace(value), 64); err == nil && q >= 0 && q <= 1 {
			return q
		}
		return 0
	}
	return 1
}

// compressor is an encoder that can be used again.
type compressor interface {
	io.WriteCloser
	Reset(w io.Writer)
}

// compressors are the idle compressors of a coding. There is at most one for each processor, which bounds their memory, some
// hundreds of KiB each: more could not work at the same time. A nil entry is one that has not been made yet.
type compressors struct {
	idle chan compressor
	make func() (compressor, error)
}

func newCompressors(fn func() (compressor, error)) *compressors {
	c := &compressors{idle: make(chan compressor, runtime.GOMAXPROCS(0)), make: fn}
	for range cap(c.idle) {
		c.idle <- nil
	}
	return c
}

// zstdWindow is how far back a zstd encoder looks, and how much a client holds to decode an answer, in bytes.
const zstdWindow = 256 << 10

var codings = map[Coding]*compressors{
	Gzip: newCompressors(func() (compressor, error) { return gzip.NewWriterLevel(nil, gzip.BestSpeed) }),
	Zstd: newCompressors(func() (compressor, error) {
		return zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedFastest), zstd.WithEncoderConcurrency(1),
			zstd.WithLowerEncoderMem(true), zstd.WithWindowSize(zstdWindow))
	}),
}

// Compress appends the parts of an answer to b, compressed. It waits for a compressor while all of them work.
func Compress(b *bytes.Buffer, coding Coding, parts ...[]byte) error {
	all := codings[coding]
	c := <-all.idle
	defer func() { all.idle <- c }()
	if c == nil {
		made, err := all.make()
		if err != nil {
			return err
		}
		c = made
	}
	c.Reset(b)
	defer c.Reset(nil) // it must not refer to the buffer
	for _, part := range parts {
		if _, err := c.Write(part); err != nil {
			return err
		}
	}
	return c.Close()
}
