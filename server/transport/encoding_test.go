package transport

import (
	"bytes"
	"fmt"
	"io"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
)

func TestAcceptedCoding(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		accepts []string
		want    Coding
	}{
		{nil, Identity}, {[]string{""}, Identity}, {[]string{"br, deflate"}, Identity},
		{[]string{"gzip"}, Gzip}, {[]string{"GZIP"}, Gzip}, {[]string{"zstd"}, Zstd},
		{[]string{"gzip, deflate, br, zstd"}, Zstd}, {[]string{"gzip", "zstd"}, Zstd},
		{[]string{"gzip;q=1, zstd;q=0.9"}, Gzip}, {[]string{"gzip ; q=0.5 , zstd ; q=0.6"}, Zstd},
		{[]string{"gzip;q=0"}, Identity}, {[]string{"gzip;q=0.000, zstd;q=0"}, Identity}, {[]string{"zstd;q=0, gzip"}, Gzip},
		{[]string{"*"}, Zstd}, {[]string{"*;q=0.5, zstd;q=0"}, Gzip}, {[]string{"*;q=0"}, Identity}, {[]string{"*;q=0, gzip"}, Gzip},
		{[]string{"identity"}, Identity}, {[]string{"identity;q=1, gzip;q=0.5"}, Identity}, {[]string{"identity;q=0.5, gzip"}, Gzip},
		{[]string{"gzip;q=x"}, Identity}, {[]string{"gzip;q=2"}, Identity}, {[]string{"gzip;q=-1"}, Identity}, {[]string{"gzip;level=9"}, Gzip},
		{[]string{"gzip;q=NaN"}, Identity}, {[]string{"xgzip"}, Identity},
	} {
		if got := AcceptedCoding(c.accepts); got != c.want {
			t.Errorf("%q: %q, want %q", c.accepts, got, c.want)
		}
	}
}

// decompress returns what a client reads.
func decompress(t *testing.T, coding Coding, body []byte) string {
	t.Helper()
	var r io.Reader = bytes.NewReader(body)
	var err error
	switch coding {
	case Gzip:
		r, err = gzip.NewReader(r)
	case Zstd:
		r, err = zstd.NewReader(r, zstd.WithDecoderMaxWindow(zstdWindow))
	}
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// Many at once share the compressors, of which there are no more than processors, and none keeps what it has compressed.
func TestCompressorsAreShared(t *testing.T) {
	t.Parallel()
	var wg sync.WaitGroup
	for i := range 64 {
		wg.Go(func() {
			coding := []Coding{Gzip, Zstd}[i%2]
			parts := [][]byte{[]byte(fmt.Sprint(i)), bytes.Repeat([]byte(fmt.Sprint("part", i)), 40<<10/(i+1)), nil, []byte("end")}
			var b bytes.Buffer
			if err := Compress(&b, coding, parts...); err != nil {
				t.Error(err)
				return
			}
			if got, want := decompress(t, coding, b.Bytes()), string(bytes.Join(parts, nil)); got != want {
				t.Errorf("%s: %.20q… of %d bytes, want %d", coding, got, len(got), len(want))
			}
		})
	}
	wg.Wait()
	for coding, c := range codings {
		if cap(c.idle) != runtime.GOMAXPROCS(0) {
			t.Errorf("%s: %d compressors", coding, cap(c.idle))
		}
	}
}

// A text that does not become shorter stays as it is.
func TestCompressionIsDroppedIfItIsOfNoUse(t *testing.T) {
	t.Parallel()
	noise := make([]byte, 0, 1<<10)
	for i := range uint64(1 << 10) {
		noise = append(noise, byte(i*i*2654435761>>13))
	}
	for text, want := range map[string]Coding{strings.Repeat("x", 2000): Gzip, string(noise): Identity} {
		a := encoded{text: bytes.NewBufferString(text)}
		a.compress(Gzip)
		if a.coding != want || decompress(t, a.coding, a.text.Bytes()) != text {
			t.Errorf("%d bytes became %d in coding %q, want %q", len(text), a.len(), a.coding, want)
		}
	}
}
