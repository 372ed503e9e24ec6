package file

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/streamsql/streamsql/connectors"
)

// input is one file to read.
type input struct {
	path  string // as the option leads to it; identifies the file in offsets
	size  int64
	mtime time.Time
}

// finder finds the files that the option 'path' means.
type finder struct {
	fs   connectors.FS
	dir  string // what relative paths are relative to
	spec string
}

func newFinder(fsys connectors.FS, dir, spec string) *finder {
	return &finder{fs: fsys, dir: dir, spec: strings.TrimPrefix(spec, "file://")}
}

// real gives the path to open for a path as shown.
func (f *finder) real(shown string) string {
	if filepath.IsAbs(shown) || f.dir == "" {
		return shown
	}
	return filepath.Join(f.dir, shown)
}

// find lists the files in the order of the bytes of their paths. A file that is
// named and not there is an error, as is a directory that can't be read; a glob
// or directory may be empty.
func (f *finder) find() ([]input, error) {
	var found []input
	add := func(item string) error {
		in, err := f.item(item)
		found = append(found, in...)
		return err
	}
	if _, err := f.fs.Stat(f.real(f.spec)); err == nil || !strings.Contains(f.spec, ",") {
		if err := add(f.spec); err != nil {
			return nil, err
		}
	} else {
		for _, item := range strings.Split(f.spec, ",") {
			if err := add(strings.TrimSpace(item)); err != nil {
				return nil, err
			}
		}
	}
	slices.SortFunc(found, func(a, b input) int { return strings.Compare(a.path, b.path) })
	return slices.CompactFunc(found, func(a, b input) bool { return a.path == b.path }), nil
}

// item finds the files of one item of the list.
func (f *finder) item(item string) ([]input, error) {
	if item == "" {
		return nil, errors.New("empty path")
	}
	info, err := f.fs.Stat(f.real(item))
	switch {
	case err == nil && info.IsDir():
		return f.walk(item, nil)
	case err == nil:
		return []input{{item, info.Size(), info.ModTime()}}, nil
	case errors.Is(err, fs.ErrNotExist) && strings.ContainsAny(item, "*?["):
		return f.glob(item)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("%s: no such file or directory", item)
	default:
		return nil, err
	}
}

// walk adds the files below a directory to found.
func (f *finder) walk(dir string, found []input) ([]input, error) {
	entries, err := f.fs.ReadDir(f.real(dir))
	if err != nil {
		return nil, fmt.Errorf("can't list %s: %w", dir, reason(err))
	}
	for _, e := range entries {
		if hidden(e.Name()) {
			continue
		}
		if found, err = f.take(path.Join(dir, e.Name()), found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// take adds a file, or all files below a directory. What vanished since it was
// listed, or is neither, is left out.
func (f *finder) take(name string, found []input) ([]input, error) {
	info, err := f.fs.Stat(f.real(name))
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return found, nil
	case err != nil:
		return nil, err
	case info.IsDir():
		return f.walk(name, found)
	case info.Mode().IsRegular():
		return append(found, input{name, info.Size(), info.ModTime()}), nil
	}
	return found, nil
}

// glob expands a pattern, one path element after the other.
func (f *finder) glob(pattern string) ([]input, error) {
	elements := strings.Split(pattern, "/")
	prefixes := []string{""}
	if strings.HasPrefix(pattern, "/") {
		prefixes, elements = []string{"/"}, elements[1:]
	}
	for _, el := range elements {
		if !strings.ContainsAny(el, "*?[") {
			for i := range prefixes {
				prefixes[i] = path.Join(prefixes[i], el)
			}
			continue
		}
		var next []string
		for _, p := range prefixes {
			dir := p
			if dir == "" {
				dir = "."
			}
			entries, err := f.fs.ReadDir(f.real(dir))
			if errors.Is(err, fs.ErrNotExist) {
				continue
			}
			if err != nil {
				if info, serr := f.fs.Stat(f.real(dir)); serr == nil && !info.IsDir() {
					continue
				}
				return nil, fmt.Errorf("can't list %s: %w", dir, reason(err))
			}
			for _, e := range entries {
				ok, err := path.Match(el, e.Name())
				if err != nil {
					return nil, fmt.Errorf("%s: bad pattern", pattern)
				}
				if ok && (!hidden(e.Name()) || el[0] == e.Name()[0]) {
					next = append(next, path.Join(p, e.Name()))
				}
			}
		}
		prefixes = next
	}
	var found []input
	for _, p := range prefixes {
		var err error
		if found, err = f.take(p, found); err != nil {
			return nil, err
		}
	}
	return found, nil
}

// hidden says whether a name is one of a file that is not finished or holds no rows.
func hidden(name string) bool { return name[0] == '.' || name[0] == '_' }

// reason gives what is behind an fs.PathError, whose path we have named already.
func reason(err error) error {
	var pe *fs.PathError
	if errors.As(err, &pe) {
		return pe.Err
	}
	return err
}
