package imports

import (
	"cmp"
	"errors"
	"fmt"
	"regexp"
	"time"

	"roost/internal/clock"
	"roost/internal/ids"
	"roost/internal/sqldb"
)

// OnBad is what happens on a bad line.
type OnBad int

// The choices.
const (
	// Skip leaves the line out and continues.
	Skip OnBad = iota
	// Stop ends the import with the BadLine as its error; chunks before the line's stay.
	Stop
)

// Defaults of Options.
const (
	DefaultSource     = "default"
	DefaultChunkLines = 20_000
	// DefaultLockWait is long enough for PostgreSQL to notice that the client of an import was killed.
	DefaultLockWait = 30 * time.Second
)

// maxBadLines is the most bad lines that a report contains. The others are only counted.
const maxBadLines = 100

// Options of an import. DB, IDs and Dir are needed.
type Options struct {
	// DB is a database at the current schema.
	DB *sqldb.DB
	// IDs makes the ids of accounts and the sort keys of follows.
	IDs *ids.Generator
	// Dir holds the files.
	Dir string

	// Clock is the machine's if nil.
	Clock clock.Clock
	// Source names where the files' ids come from, 1 to 64 of A-Z a-z 0-9 _ . and -; empty is DefaultSource.
	Source string
	// PasswordHash is stored for accounts of this source that have no password; empty leaves them without one.
	PasswordHash string
	// OnBad is what happens on a bad line.
	OnBad OnBad
	// Reread reads files again that were imported wholly, for instance to see their bad lines again.
	Reread bool
	// ChunkLines is the number of lines in a transaction, 1 to 100,000; 0 is DefaultChunkLines.
	ChunkLines int
	// LockWait is how long to wait for another import in the same PostgreSQL database to end; 0 is DefaultLockWait.
	LockWait time.Duration
	// Waiting, if not nil, is called once if Run has to wait for another import, with a description of that import.
	Waiting func(holder string)
	// Progress, if not nil, is called in the goroutine of Run after every chunk, and once before tidying.
	Progress func(Progress)
}

var sourceName = regexp.MustCompile(`^[A-Za-z0-9_.-]{1,64}$`)

func (o Options) withDefaults() (Options, error) {
	if o.Clock == nil {
		o.Clock = clock.Real{}
	}
	o.Source, o.ChunkLines = cmp.Or(o.Source, DefaultSource), cmp.Or(o.ChunkLines, DefaultChunkLines)
	o.LockWait = cmp.Or(o.LockWait, DefaultLockWait)
	if o.DB == nil || o.IDs == nil {
		return o, errors.New("imports: a database and an id generator are needed")
	}
	return o, o.check()
}

// Check returns the error with which Run would refuse the options before it reads anything. It needs no database, and does not
// check DB and IDs.
func (o Options) Check() error {
	o.Source, o.ChunkLines = cmp.Or(o.Source, DefaultSource), cmp.Or(o.ChunkLines, DefaultChunkLines)
	if err := o.check(); err != nil {
		return err
	}
	_, err := o.find()
	return err
}

func (o Options) check() error {
	switch {
	case o.Dir == "":
		return errors.New("imports: a directory is needed")
	case !sourceName.MatchString(o.Source):
		return fmt.Errorf("the source %q must be 1 to 64 letters, digits, or any of _ . -", o.Source)
	case o.ChunkLines < 1 || o.ChunkLines > 100_000:
		return fmt.Errorf("imports: %d lines in a chunk; 1 to 100,000 are possible", o.ChunkLines)
	case o.LockWait < 0:
		return fmt.Errorf("imports: a wait of %s is negative", o.LockWait)
	}
	return nil
}

// ErrRunning means that another import still held the lock of the database at the end of Options.LockWait.
var ErrRunning = errors.New("another import has not ended in this database; wait for it or stop it")

// BadLine is a line that could not be imported.
type BadLine struct {
	// File is the name of the file in the directory, Line counts from 1.
	File   string
	Line   int64
	Reason string
}

// Error is "file:line: reason".
func (b BadLine) Error() string { return fmt.Sprintf("%s:%d: %s", b.File, b.Line, b.Reason) }

// Progress is how far an import has come.
type Progress struct {
	// File is the file being read, Lines how many of its lines are done, in earlier runs too.
	File  string
	Lines int64
	// Rate is lines of this file per second, in this run.
	Rate float64
	// Bytes of Total are read, over all files. Both count bytes of the files as they are on disk.
	Bytes, Total int64
	Elapsed      time.Duration
	// Left is an estimate from the bytes, for all files; 0 while there is none.
	Left time.Duration
	// Tidying means that all rows are written and the database gathers its statistics, which may take as long as a file.
	Tidying bool
}

// Report is the result of an import.
type Report struct {
	// Files are the files that exist, in the order in which they are read.
	Files []FileReport
	// Bad are the first bad lines; BadTotal counts all.
	Bad      []BadLine
	BadTotal int64
	// Passwords is the number of accounts of earlier imports that got the password. New accounts have it from the start.
	Passwords int64
	Elapsed   time.Duration
}

// FileReport is the result of an import for one file.
type FileReport struct {
	// Name is the file's name in the directory.
	Name string
	// Skipped means that an earlier import has read the whole of the same file.
	Skipped bool
	// Resumed is the number of lines that an interrupted import of the same file had written.
	Resumed int64
	// Lines is how many lines were read in this run, without the header and the lines of Resumed. Each of them was Inserted,
	// or Bad, or its row existed already (Existing: from an earlier import, or an equal line before).
	Lines, Inserted, Existing, Bad int64
	Elapsed                        time.Duration
}
