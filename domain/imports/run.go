package imports

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"
)

// run is one import.
type run struct {
	Options
	bulk bulk
	// now is the time of the import.
	now     time.Time
	started time.Time
	files   files
	report  Report

	// users and tweets map ids of the source to rows; nil until they are needed.
	users, tweets map[int64]int64
	// done and total are bytes of whole files, for progress.
	done, total int64
}

// files holds the files of the directory; a file that is not there is nil.
type files struct{ users, follows, tweets, likes *source }

func (f files) all() []*source {
	var there []*source
	for _, s := range []*source{f.users, f.follows, f.tweets, f.likes} {
		if s != nil {
			there = append(there, s)
		}
	}
	return there
}

// reader reads the lines of one kind of file, and writes those of a chunk.
type reader interface {
	// header is the first line of the file, empty if it has none.
	header() string
	// begin loads what the lines refer to.
	begin(ctx context.Context) error
	// line adds a line to the chunk. If the line is bad, it returns the reason. The bytes are valid during the call only.
	line(ctx context.Context, n int64, line []byte) (bad string, err error)
	// write writes the chunk. It may be called again when the transaction failed.
	write(ctx context.Context, tx *chunk) error
	// next empties the chunk after its commit.
	next()
}

// Run imports the files of a directory. The report is valid also with an error, which is a BadLine under Stop, ErrRunning, a file
// that cannot be read, or the database's error.
func Run(ctx context.Context, o Options) (Report, error) {
	o, err := o.withDefaults()
	if err != nil {
		return Report{}, err
	}
	r := &run{Options: o, now: o.Clock.Now(), started: time.Now()}
	if err := r.identify(); err != nil {
		return r.report, err
	}
	if o.DB.IsPostgres() {
		if r.bulk, err = openPostgres(ctx, o); err != nil {
			return r.report, err
		}
	} else {
		r.bulk = &sqlite{db: o.DB}
	}
	err = errors.Join(r.all(ctx), r.bulk.close())
	r.report.Elapsed = time.Since(r.started)
	return r.report, err
}

// find looks for the files.
func (o Options) find() (f files, err error) {
	for base, at := range map[string]**source{
		"users.tsv": &f.users, "follows.tsv": &f.follows, "tweets.jsonl": &f.tweets, "likes.tsv": &f.likes} {
		if *at, err = find(o.Dir, base); err != nil {
			return f, err
		}
	}
	if f.users == nil {
		return f, fmt.Errorf("%s holds no users.tsv and no users.tsv.gz", o.Dir)
	}
	return f, nil
}

// identify looks for the files and identifies them.
func (r *run) identify() (err error) {
	if r.files, err = r.find(); err != nil {
		return err
	}
	f := &r.files
	for _, s := range f.all() {
		r.total += s.info.Size()
		var err error
		switch s {
		case f.users:
			err = s.identify()
		case f.likes:
			err = s.identify(f.users, f.tweets)
		default:
			err = s.identify(f.users)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func (r *run) all(ctx context.Context) error {
	var inserted int64
	for _, s := range r.files.all() {
		var rd reader
		switch s {
		case r.files.users:
			rd = &users{run: r}
		case r.files.follows:
			rd = &follows{run: r}
		case r.files.tweets:
			rd = &tweets{run: r}
		default:
			rd = &likes{run: r}
		}
		r.report.Files = append(r.report.Files, FileReport{Name: s.name})
		rep := &r.report.Files[len(r.report.Files)-1]
		if err := r.file(ctx, s, rd, rep); err != nil {
			return err
		}
		inserted += rep.Inserted
		r.done += s.info.Size()
		if s == r.files.users {
			if err := r.passwords(ctx); err != nil {
				return err
			}
		}
	}
	if inserted == 0 {
		return nil
	}
	if r.Progress != nil {
		r.Progress(Progress{Bytes: r.total, Total: r.total, Elapsed: time.Since(r.started), Tidying: true})
	}
	return r.bulk.tidy(ctx)
}

// file imports one file, and continues where an earlier import of it stopped.
func (r *run) file(ctx context.Context, s *source, rd reader, rep *FileReport) error {
	started := time.Now()
	defer func() { rep.Elapsed = time.Since(started) }()
	at, err := r.progress(ctx, s)
	if err != nil {
		return err
	}
	if at.fingerprint == s.fingerprint && at.complete && !r.Reread {
		rep.Skipped = true
		return nil
	}
	if at.fingerprint == s.fingerprint && !at.complete {
		// The header is a line too.
		rep.Resumed = max(at.lines-1, 0)
		if rd.header() == "" {
			rep.Resumed = at.lines
		}
	} else {
		at.lines = 0
	}
	if err := rd.begin(ctx); err != nil {
		return err
	}
	if err := s.open(); err != nil {
		return err
	}
	return errors.Join(r.read(ctx, s, rd, rep, at.lines), s.close())
}

// read reads the lines after the first skip ones, and writes them chunk by chunk.
func (r *run) read(ctx context.Context, s *source, rd reader, rep *FileReport, skip int64) error {
	m := &meter{run: r, source: s, started: time.Now(), skipped: skip}
	c := &chunk{run: r, source: s}
	for {
		line, tooLong, err := s.next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		if s.line == 1 && rd.header() != "" {
			if string(line) != rd.header() {
				return BadLine{File: s.name, Line: 1, Reason: fmt.Sprintf("the header is %s, not %q",
					quote(string(line)), rd.header())}
			}
			continue
		}
		if s.line <= skip {
			continue
		}
		c.lines++
		bad := fmt.Sprintf("longer than %d bytes", maxLine)
		if !tooLong {
			if bad, err = rd.line(ctx, s.line, line); err != nil {
				return err
			}
		}
		if bad != "" {
			c.read = append(c.read, BadLine{File: s.name, Line: s.line, Reason: bad})
			if r.OnBad == Stop {
				return c.read[0]
			}
		}
		if c.lines == int64(r.ChunkLines) {
			if err := r.commit(ctx, c, rd, rep, false); err != nil {
				return err
			}
			m.show()
		}
	}
	if rd.header() != "" && s.line == 0 {
		return BadLine{File: s.name, Line: 1, Reason: fmt.Sprintf("the header %q is missing", rd.header())}
	}
	if err := s.unchanged(); err != nil {
		return err
	}
	if err := r.commit(ctx, c, rd, rep, true); err != nil {
		return err
	}
	m.show()
	return nil
}

// bad adds bad lines to the report.
func (r *run) bad(rep *FileReport, lines []BadLine) {
	rep.Bad += int64(len(lines))
	r.report.BadTotal += int64(len(lines))
	room := maxBadLines - len(r.report.Bad)
	r.report.Bad = append(r.report.Bad, lines[:min(room, len(lines))]...)
}

// meter reports the progress of one file.
type meter struct {
	*run
	source  *source
	started time.Time
	// skipped is the number of lines that an earlier import has written.
	skipped int64
}

func (m *meter) show() {
	if m.Progress == nil {
		return
	}
	spent, all := time.Since(m.started), time.Since(m.run.started)
	bytes := min(m.source.count.n, m.source.info.Size())
	p := Progress{File: m.source.name, Lines: m.source.line, Bytes: m.done + bytes, Total: m.total, Elapsed: all}
	if spent > 0 {
		p.Rate = float64(m.source.line-m.skipped) / spent.Seconds()
	}
	p.Left = left(all, p.Bytes, p.Total)
	m.Progress(p)
}

// left estimates the time for the rest from the rate so far.
func left(spent time.Duration, done, total int64) time.Duration {
	if done <= 0 {
		return 0
	}
	return time.Duration(float64(spent) * float64(total-done) / float64(done))
}
