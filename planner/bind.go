package planner

import (
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// binder turns queries of one text into logical plans. A view gets a binder of
// its own, over the same environment.
type binder struct {
	env *environment
	src *parser.Source
	ns  catalog.Namespace
	// views are the views being expanded, outermost first.
	views []string
	// macros are the functions being expanded, outermost first.
	macros []catalog.Name
	// ctes are the WITH queries that can be seen, innermost last.
	ctes []cte
	// around is the subquery being bound, whose query around it may be read.
	around *subquery
}

// environment is what all binders of a script share.
type environment struct {
	functions  catalog.FunctionSet
	folder     catalog.Folder
	connectors catalog.Connectors
	infer      func(connector string, o catalog.Options) ([]catalog.Field, error)
	catalog    *catalog.Catalog
	settings   *catalog.Settings
	zone       *time.Location
	// sources are the sources that have been read, by name and options.
	sources map[string]*source
	// uses are the objects that have been read or written.
	uses []catalog.Name
	// windows numbers window table functions.
	windows *int
	// instances numbers evaluations of volatile functions.
	instances *int
	// subqueries are those that stand in expressions being bound.
	subqueries *subqueries
	// warn takes a warning.
	warn func(*parser.Error)
	// broken are the names whose definition in this script failed.
	broken map[catalog.Name]bool
}

// cte is one bound query of a WITH clause.
type cte struct {
	name parser.Ident
	rel  rel
}

func (b *binder) at(n parser.Node) place { return place{b.src, n.Range()} }

// use notes that the script depends on an object.
func (env *environment) use(n catalog.Name) {
	for _, u := range env.uses {
		if u == n {
			return
		}
	}
	env.uses = append(env.uses, n)
}

// lookup finds the object that a name stands for.
func (b *binder) lookup(name *parser.Name) (catalog.Object, error) {
	full, err := b.fullName(name)
	if err != nil {
		return nil, err
	}
	if o, ok := b.env.catalog.Lookup(full); ok {
		b.env.use(o.ObjectName())
		return o, nil
	}
	if b.env.broken[foldName(full)] {
		return nil, errBroken
	}
	return nil, b.noObject(name)
}

// fullName completes a name by the current namespace.
func (b *binder) fullName(name *parser.Name) (catalog.Name, error) {
	parts := make([]string, len(name.Parts))
	for i, p := range name.Parts {
		parts[i] = p.Text
	}
	full, ok := b.ns.Resolve(parts)
	if !ok {
		return full, hint(b.at(name).errorf("`%s` has too many parts", dotted(name.Parts)), "catalog.database.table at most")
	}
	return full, nil
}

// noObject says that a name stands for nothing.
func (b *binder) noObject(name *parser.Name) *parser.Error {
	var names []string
	for _, o := range b.env.catalog.Objects() {
		if o.ObjectName().Function {
			continue
		}
		names = append(names, o.ObjectName().Object)
	}
	for _, c := range b.ctes {
		names = append(names, c.name.Text)
	}
	err := b.at(name).errorf("no table or view `%s`", dotted(name.Parts))
	fallback := ""
	if len(names) == 0 {
		fallback = "CREATE SOURCE or CREATE TABLE makes one"
	}
	return didYouMean(err, name.Last().Text, names, fallback)
}

// findCTE gives the innermost WITH query of a name.
func (b *binder) findCTE(name *parser.Name) (rel, bool) {
	if len(name.Parts) != 1 {
		return nil, false
	}
	for i := len(b.ctes) - 1; i >= 0; i-- {
		if strings.EqualFold(b.ctes[i].name.Text, name.Parts[0].Text) {
			return b.ctes[i].rel, true
		}
	}
	return nil, false
}

// nextWindow gives a number to a window table function.
func (env *environment) nextWindow() int {
	*env.windows++
	return *env.windows
}
