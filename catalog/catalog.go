package catalog

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// The causes of errors of a Catalog.
var (
	ErrExists   = errors.New("exists already")
	ErrNotFound = errors.New("does not exist")
	ErrInUse    = errors.New("is in use")
)

// Catalog maps names to tables and views. A catalog may stand over another one
// (Overlay): what it defines hides what is below, what it drops is gone for
// its readers only, until Commit moves its changes down in one step. That is
// how a script has definitions of its own, and how a statement that fails
// leaves nothing behind.
//
// It may be used by several goroutines; Commit of overlays made at the same
// time is refused where they touch the same name.
type Catalog struct {
	base *Catalog
	own  bool // names taken below are free here

	mu         sync.RWMutex
	objects    map[string]entry // by Name.key
	namespaces map[string]Namespace
	pins       map[string][]Name // by job: the objects that it uses
	sequence   int               // the order of definition
}

// entry is one change of a catalog: an object, or nil for one that was dropped.
type entry struct {
	object Object
	order  int
	// below is what the name stood for in the base when the change was made.
	below Object
}

// New makes an empty catalog with the default namespace.
func New() *Catalog {
	c := &Catalog{objects: map[string]entry{}, namespaces: map[string]Namespace{}, pins: map[string][]Name{}}
	c.CreateNamespace(DefaultNamespace)
	return c
}

// Overlay makes a catalog that stands over c.
func (c *Catalog) Overlay() *Catalog {
	return &Catalog{base: c, objects: map[string]entry{}, namespaces: map[string]Namespace{}, pins: map[string][]Name{}}
}

// Script makes an overlay with definitions of its own: a name that c has is free
// in it, and what is defined under it stands over c's.
func (c *Catalog) Script() *Catalog {
	o := c.Overlay()
	o.own = true
	return o
}

// free says whether a name can be defined anew: nothing has it, or only a
// catalog that a script stands over.
func (c *Catalog) free(n Name) bool {
	for at := c; at != nil; at = at.base {
		at.mu.RLock()
		e, ok := at.objects[n.key()]
		at.mu.RUnlock()
		if ok {
			return e.object == nil
		}
		if at.own {
			return true
		}
	}
	return true
}

// Lookup gives the object of a name.
func (c *Catalog) Lookup(n Name) (Object, bool) {
	for at := c; at != nil; at = at.base {
		at.mu.RLock()
		e, ok := at.objects[n.key()]
		at.mu.RUnlock()
		if ok {
			return e.object, e.object != nil
		}
	}
	return nil, false
}

// Create adds an object. Over a taken name it is ErrExists, unless replace says
// that the old object goes; ErrInUse if others depend on it and the new one has
// other columns.
func (c *Catalog) Create(o Object, replace bool) error {
	n := o.ObjectName()
	old, _ := c.Lookup(n)
	taken := !c.free(n)
	if taken && !replace {
		return fmt.Errorf("%s %s %w", strings.ToLower(old.Kind()), n, ErrExists)
	}
	if taken && !sameColumns(old, o) {
		if err := c.checkFree(old, "replace"); err != nil {
			return err
		}
	}
	c.put(n, o)
	return nil
}

// sameColumns says whether two objects have the same columns for their readers.
func sameColumns(a, b Object) bool {
	x, y := columnsOf(a), columnsOf(b)
	return slices.EqualFunc(x, y, func(f, g Field) bool { return f.Name == g.Name && f.NotNull == g.NotNull && f.Type.Equal(g.Type) })
}

func columnsOf(o Object) []Field {
	switch o := o.(type) {
	case *View:
		return o.Columns
	case *Macro: // what callers see
		return append(slices.Clone(o.Params), Field{Name: "RETURNS", Type: o.Returns})
	case *Table:
		fields := make([]Field, len(o.Columns))
		for i, c := range o.Columns {
			fields[i] = Field{Name: c.Name, Type: c.Type, NotNull: c.NotNull}
		}
		return fields
	}
	return nil
}

// Drop removes an object; ErrNotFound, or ErrInUse if another object or a job
// depends on it.
func (c *Catalog) Drop(n Name) error {
	old, ok := c.Lookup(n)
	if !ok {
		return fmt.Errorf("%s %w", n, ErrNotFound)
	}
	if err := c.checkFree(old, "drop"); err != nil {
		return err
	}
	c.put(n, nil)
	return nil
}

func (c *Catalog) put(n Name, o Object) {
	var below Object
	if c.base != nil {
		below, _ = c.base.Lookup(n)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sequence++
	if old, ok := c.objects[n.key()]; ok {
		below = old.below
	}
	if o == nil && below == nil {
		delete(c.objects, n.key())
		return
	}
	c.objects[n.key()] = entry{object: o, order: c.sequence, below: below}
}

// checkFree gives ErrInUse if something depends on o.
func (c *Catalog) checkFree(o Object, verb string) error {
	if users := c.Users(o.ObjectName()); len(users) > 0 {
		return fmt.Errorf("can't %s %s %s: %s %w by %s", verb, strings.ToLower(o.Kind()), o.ObjectName(),
			"it", ErrInUse, strings.Join(users, ", "))
	}
	return nil
}

// Users lists the objects and jobs that depend on an object: "view v", "job j".
func (c *Catalog) Users(n Name) []string {
	var users []string
	for _, o := range c.Objects() {
		if slices.ContainsFunc(usesOf(o), func(u Name) bool { return u.key() == n.key() }) {
			users = append(users, strings.ToLower(o.Kind())+" "+o.ObjectName().String())
		}
	}
	for at := c; at != nil; at = at.base {
		at.mu.RLock()
		for job, uses := range at.pins {
			if slices.ContainsFunc(uses, func(u Name) bool { return u.key() == n.key() }) {
				users = append(users, "job "+job)
			}
		}
		at.mu.RUnlock()
	}
	slices.Sort(users)
	return slices.Compact(users)
}

// usesOf gives the objects that an object depends on.
func usesOf(o Object) []Name {
	switch o := o.(type) {
	case *View:
		return o.Uses
	case *Table:
		return o.Uses
	case *Macro:
		return o.Uses
	}
	return nil
}

// Pin says that a job uses objects: they can't be dropped until Unpin.
func (c *Catalog) Pin(job string, names ...Name) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.pins[job] = slices.Clone(names)
}

// Unpin takes a job's hold away.
func (c *Catalog) Unpin(job string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	delete(c.pins, job)
}

// Objects lists all objects in the order in which they were defined, those of
// lower catalogs first.
func (c *Catalog) Objects() []Object {
	type placed struct {
		entry
		depth int
	}
	all := map[string]placed{}
	depth := 0
	for at := c; at != nil; at = at.base {
		at.mu.RLock()
		for k, e := range at.objects {
			if _, hidden := all[k]; !hidden {
				all[k] = placed{e, depth}
			}
		}
		at.mu.RUnlock()
		depth++
	}
	var list []placed
	for _, p := range all {
		if p.object != nil {
			list = append(list, p)
		}
	}
	slices.SortFunc(list, func(a, b placed) int {
		if a.depth != b.depth {
			return b.depth - a.depth
		}
		return a.order - b.order
	})
	objects := make([]Object, len(list))
	for i, p := range list {
		objects[i] = p.object
	}
	return objects
}

// CreateNamespace makes a catalog or database known.
func (c *Catalog) CreateNamespace(ns Namespace) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.namespaces[strings.ToLower(ns.Catalog+"\x00"+ns.Database)] = ns
}

// HasNamespace says whether a database is known; with an empty Database,
// whether the catalog is.
func (c *Catalog) HasNamespace(ns Namespace) bool {
	for _, have := range c.Namespaces() {
		if strings.EqualFold(have.Catalog, ns.Catalog) && (ns.Database == "" || strings.EqualFold(have.Database, ns.Database)) {
			return true
		}
	}
	return false
}

// Namespaces lists all databases, sorted by catalog, then name.
func (c *Catalog) Namespaces() []Namespace {
	seen := map[string]Namespace{}
	for at := c; at != nil; at = at.base {
		at.mu.RLock()
		for k, ns := range at.namespaces {
			seen[k] = ns
		}
		at.mu.RUnlock()
	}
	var list []Namespace
	for _, ns := range seen {
		list = append(list, ns)
	}
	slices.SortFunc(list, func(a, b Namespace) int {
		return strings.Compare(a.Catalog+"\x00"+a.Database, b.Catalog+"\x00"+b.Database)
	})
	return list
}

// Commit moves the changes of an overlay into the catalog below it, all or
// none. A name that the base has changed since is ErrExists or ErrNotFound.
func (c *Catalog) Commit() error {
	if c.base == nil {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	changes := make([]entry, 0, len(c.objects))
	names := map[int]string{}
	for k, e := range c.objects {
		changes = append(changes, e)
		names[e.order] = k
	}
	slices.SortFunc(changes, func(a, b entry) int { return a.order - b.order })
	b := c.base
	for _, e := range changes {
		now := b.current(names[e.order])
		if now != e.below {
			if now != nil {
				return fmt.Errorf("%s was defined meanwhile: it %w", now.ObjectName(), ErrExists)
			}
			return fmt.Errorf("%s was dropped meanwhile: it %w", e.below.ObjectName(), ErrNotFound)
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, e := range changes {
		k := names[e.order]
		b.sequence++
		if e.object == nil && b.base == nil {
			delete(b.objects, k)
			continue
		}
		below := e.below
		if old, ok := b.objects[k]; ok {
			below = old.below
		} else if b.base == nil {
			below = nil
		}
		b.objects[k] = entry{object: e.object, order: b.sequence, below: below}
	}
	for k, ns := range c.namespaces {
		b.namespaces[k] = ns
	}
	c.objects = map[string]entry{}
	return nil
}

// current gives the object of a key as readers of c see it.
func (c *Catalog) current(key string) Object {
	for at := c; at != nil; at = at.base {
		at.mu.RLock()
		e, ok := at.objects[key]
		at.mu.RUnlock()
		if ok {
			return e.object
		}
	}
	return nil
}
