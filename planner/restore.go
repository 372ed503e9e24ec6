package planner

import (
	"fmt"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// Restore executes definitions that a catalog.Store has kept, in order. One that
// can't be made any more (its connector is gone, say) does not keep the others
// from being made: the errors are those of all that failed.
func (s *Session) Restore(all []catalog.Stored) []error {
	var errs []error
	before := s.namespace
	defer func() { s.namespace = before }()
	for _, d := range all {
		s.namespace = catalog.Namespace{Catalog: d.Catalog, Database: d.Database}
		if !s.catalog.HasNamespace(s.namespace) {
			s.catalog.CreateNamespace(s.namespace)
		}
		if _, err := s.Analyze(parser.NewSource(d.Name, d.SQL)); err != nil {
			errs = append(errs, fmt.Errorf("the definition of %s: %w", d.Name, err))
		}
	}
	return errs
}
