package imports

import (
	"bufio"
	"bytes"
	"compress/gzip"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// maxLine bounds a line, in bytes with its end. A tweet of 280 code points needs 3,400 at the most,
// every one of them escaped.
const maxLine = 64 << 10

// source is one file, read line by line.
type source struct {
	// base is the name without .gz, name the file's name in the directory.
	base, name, path string
	info             fs.FileInfo
	// fingerprint identifies the bytes of the file and of the files that it refers to.
	fingerprint string

	file  *os.File
	count *counter
	lines *bufio.Reader
	// line is the number of the line last read.
	line int64
}

// counter counts the bytes that are read of a file as it is on disk.
type counter struct {
	io.Reader
	n int64
}

func (c *counter) Read(p []byte) (int, error) {
	n, err := c.Reader.Read(p)
	c.n += int64(n)
	return n, err
}

// find looks for NAME and NAME.gz; it returns nil when neither is there.
func find(dir, base string) (*source, error) {
	var found *source
	for _, name := range []string{base, base + ".gz"} {
		path := filepath.Join(dir, name)
		info, err := os.Stat(path)
		if errors.Is(err, fs.ErrNotExist) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("look for %s: %w", name, err)
		}
		if !info.Mode().IsRegular() {
			return nil, fmt.Errorf("%s is not a regular file", path)
		}
		if found != nil {
			return nil, fmt.Errorf("both %s and %s are there; remove the one that is not meant", found.path, path)
		}
		found = &source{base: base, name: name, path: path, info: info}
	}
	return found, nil
}

// identify computes the fingerprint. It includes others, the files to which this file's lines refer, because a line that was bad
// may be good once they have grown.
func (s *source) identify(others ...*source) error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	defer func() { _ = f.Close() }()
	h := sha256.New()
	if _, err := io.Copy(h, f); err != nil {
		return fmt.Errorf("read %s: %w", s.path, err)
	}
	for _, o := range others {
		if o != nil {
			h.Write([]byte(o.fingerprint))
		}
	}
	s.fingerprint = hex.EncodeToString(h.Sum(nil))
	return nil
}

// open starts reading at the first line.
func (s *source) open() error {
	f, err := os.Open(s.path)
	if err != nil {
		return err
	}
	s.file, s.line = f, 0
	s.count = &counter{Reader: f}
	in := io.Reader(s.count)
	if strings.HasSuffix(s.name, ".gz") {
		z, err := gzip.NewReader(bufio.NewReaderSize(in, 64<<10))
		if err != nil {
			return errors.Join(fmt.Errorf("unzip %s: %w", s.path, err), s.close())
		}
		in = z
	}
	s.lines = bufio.NewReaderSize(in, maxLine)
	return nil
}

func (s *source) close() error {
	if s.file == nil {
		return nil
	}
	err := s.file.Close()
	s.file = nil
	return err
}

var utf8BOM = []byte("\xef\xbb\xbf")

// next returns a line without its end (\n or \r\n). The bytes are valid until the next call. tooLong reports that the line is
// longer than maxLine and cut. At the end of the file the error is io.EOF.
func (s *source) next() (line []byte, tooLong bool, err error) {
	line, err = s.lines.ReadSlice('\n')
	if errors.Is(err, bufio.ErrBufferFull) {
		tooLong = true
		line = bytes.Clone(line[:64])
		for errors.Is(err, bufio.ErrBufferFull) {
			_, err = s.lines.ReadSlice('\n')
		}
	}
	switch {
	case err == nil || errors.Is(err, io.EOF) && (tooLong || len(line) > 0):
	case errors.Is(err, io.EOF):
		return nil, false, io.EOF
	default:
		return nil, false, fmt.Errorf("%s is damaged behind line %d: %w", s.path, s.line, err)
	}
	s.line++
	line = bytes.TrimSuffix(bytes.TrimSuffix(line, []byte("\n")), []byte("\r"))
	if s.line == 1 {
		line = bytes.TrimPrefix(line, utf8BOM)
	}
	return line, tooLong, nil
}

// unchanged fails when somebody wrote to the file since it was found.
func (s *source) unchanged() error {
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if info.Size() != s.info.Size() || !info.ModTime().Equal(s.info.ModTime()) {
		return fmt.Errorf("%s was changed while it was being read; run the import again", s.path)
	}
	return nil
}
