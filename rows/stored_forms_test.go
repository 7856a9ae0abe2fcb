package rows

import (
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"roost/cache"
	"roost/cache/audit"
)

// fromKey names the field of a row that is read from its key and not from its data, by kind. It must be a number.
var fromKey = map[string]string{"user": "User.ID", "session": "Session.ID.ID", "tweet": "ID", "tweet_stats": "TweetID"}

// roundTripper is what the test of stored forms needs of a kind. Every *Entity is one.
type roundTripper interface {
	audit.Kind
	// roundTrip writes a random row and reads it back.
	roundTrip(t *rapid.T)
	// sample returns the key and the data of a row, both in their stored forms.
	sample(empty bool) (key, data string)
	absent() string
}

// row returns a key, and a row of it whose other fields come from s.
func (e *Entity[K, V]) row(s source) (key K, row V) {
	fill(reflect.ValueOf(&key).Elem(), "key", s)
	v := reflect.ValueOf(&row).Elem()
	if v.Kind() == reflect.Pointer {
		v.Set(reflect.New(v.Type().Elem()))
		v = v.Elem()
	}
	fill(v, e.name, s)
	if path, ok := fromKey[e.name]; ok {
		for name := range strings.SplitSeq(path, ".") {
			v = v.FieldByName(name)
		}
		v.SetInt(reflect.ValueOf(key).Int())
	}
	return key, row
}

func (e *Entity[K, V]) roundTrip(t *rapid.T) {
	key, row := e.row(drawn{t})
	var w writer
	e.write(&w, row)
	r := reader{data: string(w)}
	back := e.read(&r, key, e.version(row))
	if !r.done() {
		t.Errorf("%s: the data is not read to its end: %q", e.name, w)
	}
	if !reflect.DeepEqual(back, row) {
		t.Errorf("%s: a row does not come back: a field is not written, not read, or read elsewhere\nwritten %+v\n   read %+v", e.name, row, back)
	}
	if e.local == nil {
		return
	}
	e.local.Put(key, row)
	if local, ok := e.Local(key); !ok || !reflect.DeepEqual(local, row) {
		t.Errorf("%s: a row does not come back from the process\n put %+v\n got %+v", e.name, row, local)
	}
}

func (e *Entity[K, V]) sample(empty bool) (key, data string) {
	k, row := e.row(&sampled{empty: empty})
	var w writer
	e.write(&w, row)
	return e.keys.of(k), string(w)
}

func (e *Entity[K, V]) absent() string { return e.none }

// roundTrippers returns all kinds of a node, found among the fields of Store.
func roundTrippers(t *testing.T) (all []roundTripper) {
	t.Helper()
	redis, err := cache.Open(cache.Config{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := redis.Close(); err != nil {
			t.Error(err)
		}
	})
	store := newStore(t, redis, Sources{})
	listed := map[string]bool{}
	for _, k := range store.Kinds() {
		listed[k.Name()] = true
	}
	v := reflect.ValueOf(store).Elem()
	for i := range v.NumField() {
		field := v.Type().Field(i)
		if !field.IsExported() {
			continue
		}
		k, ok := v.Field(i).Interface().(roundTripper)
		if !ok {
			continue
		}
		if !listed[k.Name()] {
			t.Errorf("Store.Kinds leaves out %s (Store.%s), so that no audit compares it", k.Name(), field.Name)
		}
		all = append(all, k)
	}
	if len(all) != len(listed) {
		t.Errorf("Store has %d kinds as fields, and Kinds returns %d", len(all), len(listed))
	}
	return all
}

// Every field of every kind's rows comes back from the stored form: what is written is read, and no field is left out.
func TestRowsComeBack(t *testing.T) {
	t.Parallel()
	for _, k := range roundTrippers(t) {
		t.Run(k.Name(), func(t *testing.T) {
			t.Parallel()
			rapid.Check(t, k.roundTrip)
		})
	}
}

var updateForms = flag.Bool("update-forms", false, "write the stored forms of new kinds, or of changed ones, to testdata/forms")

// Nodes of two releases share a Redis during an upgrade, and the entries in it, because each must invalidate what the other has
// stored. So a stored form changes only in such a way that neither release takes the other's entries for its own: add the change to
// TestFormsOfTwoReleases. This test compares the forms of all kinds with a file. To write those of new or changed kinds, delete their
// lines, then run
//
//	go test ./rows -run TestForms -update-forms
//
// which adds the lines that are missing, and never changes one.
func TestForms(t *testing.T) {
	t.Parallel()
	_, version, _ := strings.Cut(strings.TrimSuffix(cache.EntryPrefix, ":"), ":")
	file := filepath.Join("testdata", "forms", version+".txt")
	golden, err := os.ReadFile(file)
	if err != nil && !(errors.Is(err, fs.ErrNotExist) && *updateForms) {
		t.Fatalf("the stored forms of %q are not recorded; run this test with -update-forms: %v", cache.EntryPrefix, err)
	}
	want := map[string]string{}
	for line := range strings.Lines(string(golden)) {
		name, form, _ := strings.Cut(strings.TrimSuffix(line, "\n"), " ")
		want[name] = form
	}
	var added []string
	for _, k := range roundTrippers(t) {
		for name, got := range formsOf(k) {
			form, ok := want[name]
			delete(want, name)
			switch {
			case !ok && *updateForms:
				added = append(added, name+" "+got+"\n")
			case !ok:
				t.Errorf("the stored form of %s is not recorded; run this test with -update-forms", name)
			case got != form:
				t.Errorf("the stored form of %s has changed: see the comment of this test\nwas %s\nis  %s", name, form, got)
			}
		}
	}
	for name := range want {
		t.Errorf("no kind has the stored form %s of %s any more", name, file)
	}
	if len(added) > 0 && !t.Failed() {
		lines := slices.Sorted(slices.Values(slices.AppendSeq(added, strings.Lines(string(golden)))))
		if err := os.WriteFile(file, []byte(strings.Join(lines, "")), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}

// formsOf returns the stored forms of a kind by their names in the file.
func formsOf(k roundTripper) map[string]string {
	out := map[string]string{k.Name() + "/absent": fmt.Sprintf("%q", k.absent())}
	for name, empty := range map[string]bool{"/full": false, "/empty": true} {
		key, data := k.sample(empty)
		out[k.Name()+name] = fmt.Sprintf("%s %x", key, data)
	}
	return out
}
