package planner

import (
	"slices"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// conflict is the ON CONFLICT clause of an INSERT: what becomes of rows that have
// the sink's PRIMARY KEY in common, though they are several rows of the query.
type conflict struct {
	action parser.ConflictAction
	place  place
}

func (c *conflict) equal(d *conflict) bool {
	return c == nil && d == nil || c != nil && d != nil && c.action == d.action
}

// settleConflicts puts, before a sink whose PRIMARY KEY does not contain the key
// of the rows, the operator that lets one row of each primary key through: of
// DEDUPLICATE the one with the greatest key of the stream, of NOTHING the one
// with the least, of ERROR the only one. A stream without a key has all its
// columns for one, its time attribute first.
func (b *builder) settleConflicts(in *Node, sink *Sink, part sinkPart) (*Node, error) {
	c := part.conflict
	if c == nil {
		return in, nil
	}
	if sink.Mode != catalog.UpsertMode || len(sink.PrimaryKey) == 0 {
		return nil, hint(c.place.errorf("ON CONFLICT is about rows that have a PRIMARY KEY in common, but sink `%s` (%s) does not replace rows by one", sink.Name, sink.Connector),
			"leave it out, or declare a PRIMARY KEY on a sink that takes updates")
	}
	if slices.ContainsFunc(b.keys[in], func(k []int) bool { return subset(k, sink.PrimaryKey) }) {
		return in, nil // no two rows of the query have one
	}
	if b.env.settings.Duration(catalog.StateTTLKey) > 0 {
		// A row that were forgotten here would stand in the sink without being known.
		return nil, hint(c.place.errorf("'state.ttl' is set, but ON CONFLICT must know all rows of a PRIMARY KEY to tell which of them stands"),
			"RESET 'state.ttl', and bound what the query keeps with hints: SELECT /*+ STATE_TTL('table' = '1 h') */ ...")
	}
	key := in.Props.UpsertKey
	if key == nil {
		key = slices.Clone(in.Props.Time)
		for i, col := range in.Cols {
			if !slices.Contains(key, i) && col.Type.IsComparable() {
				key = append(key, i)
			}
		}
	}
	op := &Rank{Kind: OverRowNumber, Partition: sink.PrimaryKey, From: 1, To: 1, Tie: -1, WindowStart: -1, WindowEnd: -1,
		Unique: c.action == parser.ConflictError}
	for _, k := range key {
		if !slices.Contains(sink.PrimaryKey, k) {
			op.Order = append(op.Order, SortKey{Col: k, Desc: c.action == parser.ConflictDeduplicate})
		}
	}
	n := b.node(op, nil, from(b.spread(in, sink.PrimaryKey, nil)), in.Cols, "")
	n.Rules = append(n.Rules, "on-conflict")
	b.places[n] = c.place
	return n, nil
}
