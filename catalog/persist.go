package catalog

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
)

// Stored is one definition as it is kept: the statement that made it, in the
// namespace in which it was written, and the schema that it had then.
type Stored struct {
	Kind     string   `json:"kind"`     // "SOURCE", "VIEW", ...
	Name     string   `json:"name"`     // for people
	Catalog  string   `json:"catalog"`  // where names of the statement are looked up
	Database string   `json:"database"` //
	SQL      string   `json:"sql"`
	Schema   []string `json:"schema"` // "id BIGINT NOT NULL", one a column
}

// Store keeps the definitions of a catalog.
type Store interface {
	// Load gives the definitions in the order in which they were made; none if
	// nothing was kept yet.
	Load() ([]Stored, error)
	// Save replaces all definitions, atomically and durably.
	Save([]Stored) error
}

// ErrStoreVersion says that the kept catalog has been written by a newer version.
var ErrStoreVersion = errors.New("the catalog was written by a newer version")

// storeVersion is the version of the file's format.
const storeVersion = 1

// inOrder lists the objects so that each comes after those that it uses: one that
// has been replaced may use, or be used by, any other.
func (c *Catalog) inOrder() []Object {
	objects := c.Objects()
	byKey := map[string]Object{}
	for _, o := range objects {
		byKey[o.ObjectName().key()] = o
	}
	var sorted []Object
	placed := map[string]bool{}
	var place func(o Object)
	place = func(o Object) {
		key := o.ObjectName().key()
		if placed[key] {
			return
		}
		placed[key] = true
		for _, n := range usesOf(o) {
			if used, ok := byKey[n.key()]; ok {
				place(used)
			}
		}
		sorted = append(sorted, o)
	}
	for _, o := range objects {
		place(o)
	}
	return sorted
}

// Definitions lists what a store is to keep of a catalog: all but temporary
// objects, in an order in which they can be made again.
func (c *Catalog) Definitions() []Stored {
	var all []Stored
	for _, o := range c.inOrder() {
		n := o.ObjectName()
		ns := Namespace{n.Catalog, n.Database}
		switch o := o.(type) {
		case *Table:
			if o.Temporary {
				continue
			}
		case *View:
			if o.Temporary {
				continue
			}
			ns = o.Namespace
		case *Macro:
			if o.Temporary {
				continue
			}
			ns = o.Namespace
		}
		s := Stored{Kind: o.Kind(), Name: n.String(), Catalog: ns.Catalog, Database: ns.Database, SQL: o.Definition()}
		for _, f := range columnsOf(o) {
			col := QuoteName(f.Name) + " " + f.Type.String()
			if f.NotNull {
				col += " NOT NULL"
			}
			s.Schema = append(s.Schema, col)
		}
		all = append(all, s)
	}
	return all
}

// DirStore keeps definitions in the file catalog.json of a directory.
type DirStore struct{ Dir string }

var _ Store = DirStore{}

const storeFile = "catalog.json"

type storedFile struct {
	Version     int      `json:"version"`
	Definitions []Stored `json:"definitions"`
}

// Load implements Store.
func (d DirStore) Load() ([]Stored, error) {
	path := filepath.Join(d.Dir, storeFile)
	text, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("reading the catalog: %w", err)
	}
	var f storedFile
	if err := json.Unmarshal(text, &f); err != nil {
		return nil, fmt.Errorf("%s is damaged: %w", path, err)
	}
	if f.Version > storeVersion {
		return nil, fmt.Errorf("%s: %w (format %d, this is %d)", path, ErrStoreVersion, f.Version, storeVersion)
	}
	if f.Version < 1 {
		return nil, fmt.Errorf("%s is damaged: it has no version", path)
	}
	return f.Definitions, nil
}

// Save implements Store: the new file is written beside the old one, synced, and
// takes its place.
func (d DirStore) Save(all []Stored) error {
	text, err := json.MarshalIndent(storedFile{Version: storeVersion, Definitions: all}, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(d.Dir, 0o755); err != nil {
		return fmt.Errorf("writing the catalog: %w", err)
	}
	if err := writeAtomically(filepath.Join(d.Dir, storeFile), append(text, '\n')); err != nil {
		return fmt.Errorf("writing the catalog: %w", err)
	}
	return nil
}

func writeAtomically(path string, text []byte) (err error) {
	tmp, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			tmp.Close()
			os.Remove(tmp.Name())
		}
	}()
	if _, err = tmp.Write(text); err != nil {
		return err
	}
	if err = tmp.Sync(); err != nil {
		return err
	}
	if err = tmp.Close(); err != nil {
		return err
	}
	if err = os.Rename(tmp.Name(), path); err != nil {
		return err
	}
	dir, err := os.Open(filepath.Dir(path))
	if err != nil {
		return err
	}
	defer dir.Close()
	return dir.Sync()
}
