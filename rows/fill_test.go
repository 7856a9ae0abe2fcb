package rows

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"pgregory.net/rapid"

	"roost/domain/timelines"
)

// source returns the values with which fill sets the fields of a row. path names the field.
type source interface {
	number(path string, bits int) int64
	text(path string) string
	flag(path string) bool
	time(path string) time.Time
	// size returns the length of a list.
	size(path string) int
}

// fill sets every field of v, whatever its type. It panics at a type that it cannot fill, so that a new one is added here.
func fill(v reflect.Value, path string, s source) {
	if v.Type() == reflect.TypeFor[time.Time]() {
		v.Set(reflect.ValueOf(s.time(path)))
		return
	}
	if v.Type() == reflect.TypeFor[timelines.SortKeys]() {
		v.SetString(string(timelines.PackSortKeys(numbers(path, s))))
		return
	}
	switch v.Kind() {
	case reflect.Int8, reflect.Int32, reflect.Int64:
		v.SetInt(s.number(path, v.Type().Bits()))
	case reflect.String:
		v.SetString(s.text(path))
	case reflect.Bool:
		v.SetBool(s.flag(path))
	case reflect.Struct:
		for i := range v.NumField() {
			if !v.Type().Field(i).IsExported() {
				continue // made of the others
			}
			fill(v.Field(i), path+"."+v.Type().Field(i).Name, s)
		}
	case reflect.Pointer:
		if s.flag(path + "?") {
			v.Set(reflect.New(v.Type().Elem()))
			fill(v.Elem(), path, s)
		}
	case reflect.Slice:
		fillList(v, path, s)
	default:
		panic(fmt.Sprintf("fill does not know the type %s of %s", v.Type(), path))
	}
}

// fillList fills a list of bytes, or a sorted list of numbers.
func fillList(v reflect.Value, path string, s source) {
	if v.Type().Elem().Kind() == reflect.Uint8 {
		v.SetBytes([]byte(s.text(path)))
		return
	}
	if v.Type().Elem().Kind() == reflect.Struct {
		for i := range s.size(path) {
			v.Set(reflect.Append(v, reflect.Zero(v.Type().Elem())))
			fill(v.Index(i), fmt.Sprintf("%s[%d]", path, i), s)
		}
		return
	}
	v.Set(reflect.ValueOf(numbers(path, s)))
}

// numbers returns numbers in ascending order.
func numbers(path string, s source) []int64 {
	list := make([]int64, s.size(path))
	for i := range list {
		list[i] = s.number(fmt.Sprintf("%s[%d]", path, i), 64)
	}
	slices.Sort(list)
	return list
}

// drawn draws random values.
type drawn struct{ t *rapid.T }

func (d drawn) number(path string, bits int) int64 {
	return rapid.Int64Range(-1<<(bits-1), 1<<(bits-1)-1).Draw(d.t, path)
}

func (d drawn) text(path string) string { return rapid.String().Draw(d.t, path) }
func (d drawn) flag(path string) bool   { return rapid.Bool().Draw(d.t, path) }
func (d drawn) size(path string) int    { return rapid.IntRange(0, 5).Draw(d.t, path) }

func (d drawn) time(path string) time.Time {
	return time.Unix(rapid.Int64Range(-1<<33, 1<<33).Draw(d.t, path), rapid.Int64Range(0, 999_999_999).Draw(d.t, path+" ns")).UTC()
}

// sampled returns the same values each time, no two of them alike. They do not depend on the names of fields.
type sampled struct {
	last  int
	empty bool // pointers are nil, flags false, lists and texts empty
}

func (s *sampled) next() int {
	s.last++
	return s.last
}

func (s *sampled) number(_ string, bits int) int64 {
	n := int64(s.next())
	if bits == 64 {
		n += 1 << 40
	}
	return n
}

func (s *sampled) text(string) string {
	n := s.next()
	if s.empty {
		return ""
	}
	return fmt.Sprint("text ", n)
}

func (s *sampled) flag(string) bool { return s.next() > 0 && !s.empty }

func (s *sampled) size(string) int {
	if s.next(); s.empty {
		return 0
	}
	return 3
}

func (s *sampled) time(string) time.Time { return time.Unix(1_700_000_000, int64(s.next())).UTC() }
