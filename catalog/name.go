package catalog

import (
	"strconv"
	"strings"
)

// The namespace in which objects stand unless a script says otherwise. The
// names are Flink's, so that fully written names of its scripts resolve.
const (
	DefaultCatalog  = "default_catalog"
	DefaultDatabase = "default_database"
)

// Name is the full name of an object. Its parts keep the case in which they
// were written; names are unique without regard to case.
//
// Function marks the name of a function (a *Macro): these are apart from the names
// of tables and views, and functions with different numbers of parameters (Params)
// are apart from each other.
type Name struct {
	Catalog, Database, Object string
	Function                  bool
	Params                    int
}

// key is what makes a name unique.
func (n Name) key() string {
	key := strings.ToLower(n.Catalog) + "\x00" + strings.ToLower(n.Database) + "\x00" + strings.ToLower(n.Object)
	if n.Function {
		key += "\x00function" + strconv.Itoa(n.Params)
	}
	return key
}

// String gives the name as people write it: the default namespace is left out.
func (n Name) String() string {
	if n.Catalog == DefaultCatalog && n.Database == DefaultDatabase {
		return QuoteName(n.Object)
	}
	if n.Catalog == DefaultCatalog {
		return QuoteName(n.Database) + "." + QuoteName(n.Object)
	}
	return QuoteName(n.Catalog) + "." + QuoteName(n.Database) + "." + QuoteName(n.Object)
}

// Namespace is a catalog and a database in it: where names with fewer than
// three parts are looked up.
type Namespace struct{ Catalog, Database string }

// DefaultNamespace is where every session begins.
var DefaultNamespace = Namespace{DefaultCatalog, DefaultDatabase}

// Resolve completes a name of one to three parts.
func (ns Namespace) Resolve(parts []string) (Name, bool) {
	switch len(parts) {
	case 1:
		return Name{Catalog: ns.Catalog, Database: ns.Database, Object: parts[0]}, true
	case 2:
		return Name{Catalog: ns.Catalog, Database: parts[0], Object: parts[1]}, true
	case 3:
		return Name{Catalog: parts[0], Database: parts[1], Object: parts[2]}, true
	}
	return Name{}, false
}
