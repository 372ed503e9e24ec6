package planner

import "github.com/streamsql/streamsql/parser"

// feature is something that the grammar has and that may not be planned yet.
type feature int

const (
	featureMatchRecognize feature = iota
	featureMaterializedView
)

// planned says, for each feature that can't be planned or run yet, what to tell. A
// feature that is not in the table is there.
var planned = map[feature]struct{ what, hint string }{
	featureMatchRecognize:   {"MATCH_RECOGNIZE is", ""},
	featureMaterializedView: {"materialized views are", "a view, or a sink and an INSERT"},
}

// require gives an error at p if a feature can't be planned.
func require(p place, f feature) *parser.Error {
	entry, missing := planned[f]
	if !missing {
		return nil
	}
	err := p.errorf("%s not supported yet", entry.what)
	err.Hint = entry.hint
	return err
}
