package imports

import (
	"strings"
	"testing"
	"time"

	"roost/internal/ids"
	"roost/internal/sqldb"
)

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Options){
		func(o *Options) { o.Dir = "" },
		func(o *Options) { o.DB = nil },
		func(o *Options) { o.IDs = nil },
		func(o *Options) { o.Source = "a/b" },
		func(o *Options) { o.ChunkLines = -1 },
		func(o *Options) { o.ChunkLines = 100_001 },
	} {
		o := Options{DB: new(sqldb.DB), IDs: new(ids.Generator), Dir: t.TempDir()}
		if _, err := o.withDefaults(); err != nil {
			t.Fatal(err)
		}
		change(&o)
		if _, err := o.withDefaults(); err == nil {
			t.Errorf("%+v is taken", o)
		}
	}
}

func FuzzLoneSurrogate(f *testing.F) {
	for _, s := range []string{`\ud83d\ude00`, `\\ud800`, `\ud800`, `\ud83d\\ude00`, `\u00e4\udc00`, `\ud83`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		var p tweetLine
		line := []byte(`{"id":1,"author_id":1,"created_at":"x","text":"` + s + `"}`)
		if p.read(line) != "" || strings.ContainsRune(s, '�') || strings.Contains(strings.ToLower(s), "fffd") {
			return
		}
		if strings.ContainsRune(*p.Text, '�') {
			t.Errorf("%q was read as %q", s, *p.Text)
		}
	})
}

func TestGuessOfTimeLeft(t *testing.T) {
	t.Parallel()
	if got := left(10*time.Second, 20, 100); got != 40*time.Second {
		t.Errorf("%v", got)
	}
	if got := left(10*time.Second, 0, 100); got != 0 {
		t.Errorf("%v", got)
	}
}
