package planner

import "github.com/streamsql/streamsql/parser"

// feature is something that the grammar has and that may not be planned yet.
type feature int

const (
	featureMatchRecognize feature = iota
	featureMaterializedView
	featureStateTTL
)

// planned says, for each feature that can't be planned or run yet, what to tell. A
// feature that is not in the table is there.
var planned = map[feature]struct{ what, hint string }{
	featureMatchRecognize:   {"MATCH_RECOGNIZE is", ""},
	featureMaterializedView: {"materialized views are", "a view, or a sink and an INSERT"},
	featureStateTTL:         {"'state.ttl' of ROW_NUMBER by time under EMIT ON WINDOW CLOSE is", "RESET 'state.ttl', or the hint STATE_TTL('table' = '0 s')"},
}

// runs gives an error at p if the engine can't run a feature, though the planner
// can plan it; Options.PlanAll plans it all the same.
func (env *environment) runs(p place, f feature) error {
	if env.planAll {
		return nil
	}
	return asPlain(require(p, f))
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
