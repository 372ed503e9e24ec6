package catalog

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

func name(object string) Name {
	return Name{Catalog: DefaultCatalog, Database: DefaultDatabase, Object: object}
}

func table(object string, cols ...Column) *Table {
	return &Table{Name: name(object), Columns: cols, SQL: "CREATE TABLE " + object}
}

func view(object string, uses ...string) *View {
	v := &View{Name: name(object), SQL: "CREATE VIEW " + object, Namespace: DefaultNamespace}
	for _, u := range uses {
		v.Uses = append(v.Uses, name(u))
	}
	return v
}

func names(c *Catalog) []string {
	var out []string
	for _, o := range c.Objects() {
		out = append(out, o.ObjectName().Object)
	}
	return out
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func want(t *testing.T, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestNamesMatchWithoutCase(t *testing.T) {
	c := New()
	must(t, c.Create(table("Orders"), false))
	if _, ok := c.Lookup(name("ORDERS")); !ok {
		t.Error("ORDERS is not found")
	}
	if err := c.Create(table("orders"), false); !errors.Is(err, ErrExists) {
		t.Errorf("a second orders: %v", err)
	}
}

func TestDependencies(t *testing.T) {
	c := New()
	id := Column{Name: "id", Type: BigInt}
	must(t, c.Create(table("t", id), false))
	must(t, c.Create(view("v", "t"), false))
	must(t, c.Create(view("w", "v"), false))
	for _, n := range []string{"t", "v"} {
		if err := c.Drop(name(n)); !errors.Is(err, ErrInUse) {
			t.Errorf("dropping %s: %v", n, err)
		}
	}
	if err := c.Create(table("t", Column{Name: "id", Type: Int}), true); !errors.Is(err, ErrInUse) {
		t.Errorf("replacing t by another schema: %v", err)
	}
	must(t, c.Create(table("t", id), true)) // the same columns: nobody notices
	c.Pin("job1", name("w"))
	if err := c.Drop(name("w")); !errors.Is(err, ErrInUse) {
		t.Errorf("dropping what a job uses: %v", err)
	}
	c.Unpin("job1")
	must(t, c.Drop(name("w")))
	must(t, c.Drop(name("v")))
	must(t, c.Drop(name("t")))
	if err := c.Drop(name("t")); !errors.Is(err, ErrNotFound) {
		t.Errorf("dropping nothing: %v", err)
	}
}

func TestOverlayIsUnseenUntilCommit(t *testing.T) {
	c := New()
	must(t, c.Create(table("a"), false))
	must(t, c.Create(table("b"), false))
	o := c.Overlay()
	must(t, o.Drop(name("a")))
	must(t, o.Create(table("c"), false))
	must(t, o.Create(view("v", "b"), false))
	if _, ok := o.Lookup(name("a")); ok {
		t.Error("the overlay still has a")
	}
	want(t, names(o), []string{"b", "c", "v"})
	want(t, names(c), []string{"a", "b"})
	if err := o.Drop(name("b")); !errors.Is(err, ErrInUse) {
		t.Errorf("dropping b from under the overlay's view: %v", err)
	}
	must(t, o.Commit())
	want(t, names(c), []string{"b", "c", "v"})
	must(t, o.Create(table("d"), false))
	want(t, names(o), []string{"b", "c", "v", "d"})
	want(t, names(c), []string{"b", "c", "v"})
}

// An overlay of an overlay: a statement within a script.
func TestNestedOverlays(t *testing.T) {
	c := New()
	must(t, c.Create(table("a"), false))
	script := c.Overlay()
	statement := script.Overlay()
	must(t, statement.Drop(name("a")))
	must(t, statement.Create(table("a", Column{Name: "x", Type: Int}), false))
	must(t, statement.Commit())
	o, _ := script.Lookup(name("a"))
	want(t, len(o.(*Table).Columns), 1)
	o, _ = c.Lookup(name("a"))
	want(t, len(o.(*Table).Columns), 0)
	must(t, script.Commit())
	o, _ = c.Lookup(name("a"))
	want(t, len(o.(*Table).Columns), 1)
}

func TestCommitsThatMeet(t *testing.T) {
	c := New()
	must(t, c.Create(table("old"), false))
	first, second := c.Overlay(), c.Overlay()
	must(t, first.Create(table("t"), false))
	must(t, second.Create(table("t"), false))
	must(t, second.Create(table("other"), false))
	must(t, first.Commit())
	if err := second.Commit(); !errors.Is(err, ErrExists) {
		t.Fatalf("the second commit: %v", err)
	}
	want(t, names(c), []string{"old", "t"}) // nothing of the second one
	third, fourth := c.Overlay(), c.Overlay()
	must(t, third.Drop(name("old")))
	must(t, fourth.Create(table("old", Column{Name: "x", Type: Int}), true))
	must(t, third.Commit())
	if err := fourth.Commit(); !errors.Is(err, ErrNotFound) {
		t.Errorf("replacing what was dropped meanwhile: %v", err)
	}
}

func TestNamespaces(t *testing.T) {
	c := New().Overlay()
	c.CreateNamespace(Namespace{"lake", "bronze"})
	if !c.HasNamespace(Namespace{"LAKE", "Bronze"}) || !c.HasNamespace(Namespace{Catalog: "lake"}) || c.HasNamespace(Namespace{"lake", "gold"}) {
		t.Error("namespaces are found wrongly")
	}
	n, ok := DefaultNamespace.Resolve([]string{"lake", "bronze", "t"})
	want(t, ok, true)
	want(t, n.String(), "lake.bronze.t")
	n, _ = DefaultNamespace.Resolve([]string{"db", "T x"})
	want(t, n.String(), "db.`T x`")
	if _, ok := DefaultNamespace.Resolve([]string{"a", "b", "c", "d"}); ok {
		t.Error("four parts resolve")
	}
}

func TestDirStore(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "data")
	s := DirStore{Dir: dir}
	got, err := s.Load()
	must(t, err)
	want(t, len(got), 0)
	c := New()
	must(t, c.Create(table("t", Column{Name: "id", Type: BigInt, NotNull: true}, Column{Name: "a b", Type: Decimal(10, 2)}), false))
	must(t, c.Create(view("v", "t"), false))
	temporary := table("tmp")
	temporary.Temporary = true
	must(t, c.Create(temporary, false))
	must(t, s.Save(c.Definitions()))
	got, err = s.Load()
	must(t, err)
	want(t, got, []Stored{
		{Kind: "TABLE", Name: "t", Catalog: DefaultCatalog, Database: DefaultDatabase, SQL: "CREATE TABLE t", Schema: []string{"id BIGINT NOT NULL", "`a b` DECIMAL(10, 2)"}},
		{Kind: "VIEW", Name: "v", Catalog: DefaultCatalog, Database: DefaultDatabase, SQL: "CREATE VIEW v"},
	})
	must(t, s.Save(nil))
	got, err = s.Load()
	must(t, err)
	want(t, len(got), 0)
	left, err := os.ReadDir(dir)
	must(t, err)
	want(t, len(left), 1) // no temporary file stays behind
}

func TestDirStoreRefusesWhatItCannotRead(t *testing.T) {
	dir := t.TempDir()
	s := DirStore{Dir: dir}
	for text, want := range map[string]error{
		`{"version": 2, "definitions": []}`: ErrStoreVersion, `{"version": 1, "defin`: nil, `{}`: nil, ``: nil,
	} {
		must(t, os.WriteFile(filepath.Join(dir, "catalog.json"), []byte(text), 0o600))
		_, err := s.Load()
		if err == nil || want != nil && !errors.Is(err, want) {
			t.Errorf("%q: %v", text, err)
		}
	}
}

// A script's definitions stand over what the shell has kept under the same names.
func TestScriptStandsOver(t *testing.T) {
	c := New()
	must(t, c.Create(table("a"), false))
	script := c.Script()
	statement := script.Overlay()
	must(t, statement.Create(table("a", Column{Name: "x", Type: Int}), false))
	must(t, statement.Commit())
	o, _ := script.Lookup(name("a"))
	want(t, len(o.(*Table).Columns), 1)
	o, _ = c.Lookup(name("a"))
	want(t, len(o.(*Table).Columns), 0)
	if err := script.Overlay().Create(table("a"), false); !errors.Is(err, ErrExists) {
		t.Errorf("twice in a script: %v", err)
	}
}
