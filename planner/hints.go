package planner

import (
	"slices"
	"strings"

	"github.com/streamsql/streamsql/parser"
)

// strategyHints are those of other engines that say how a query is to be run. What
// runs where follows from keys and bounds here, so they say nothing; scripts that have
// them run all the same.
var strategyHints = strings.Fields(`BROADCAST BROADCASTJOIN MAPJOIN SHUFFLE_HASH SHUFFLE_MERGE MERGE MERGEJOIN
	SHUFFLE_REPLICATE_NL NEST_LOOP MULTI_JOIN COALESCE REPARTITION REPARTITION_BY_RANGE REBALANCE SKEW`)

// otherHint judges a hint that has no meaning where it stands: with a warning, if it
// can do no harm to leave it out, else with an error.
func (b *binder) otherHint(h *parser.Hint) error {
	name, where := strings.ToUpper(h.Name.Text), b.at(h)
	switch {
	case slices.Contains(strategyHints, name):
		b.env.warn(hint(where.errorf("the hint %s does nothing: how a join is run, and on which cores, follows from its condition and its inputs", name),
			"a source that is small and does not change is read whole, for all cores, if it has no WATERMARK"))
		return nil
	case name == "LOOKUP":
		return hint(where.errorf("there is no hint LOOKUP: how rows are looked up is said by options of the table"), "`t /*+ OPTIONS('lookup.cache' = 'PARTIAL') */`")
	case name == "OPTIONS":
		return hint(where.errorf("OPTIONS stands after the name of a source in FROM"), "options of a sink are those of its CREATE SINK")
	case name == "STATE_TTL":
		return hint(where.errorf("STATE_TTL stands after SELECT, with the names of tables"), "SELECT /*+ STATE_TTL('orders' = '1 h') */ ...")
	}
	return didYouMean(where.errorf("there is no hint %s", name), name, []string{"OPTIONS", "STATE_TTL"},
		"there are STATE_TTL('table' = '1 h') after SELECT, and OPTIONS('option' = 'value') after the name of a source")
}
