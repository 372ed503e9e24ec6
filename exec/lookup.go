package exec

import (
	"context"
	"errors"
	"fmt"

	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/lookup"
	"github.com/streamsql/streamsql/planner"
)

// lookupSource gives the table of a lookup join, one for all shards; openLookups
// opens it.
func (j *attempt) lookupSource(n *planner.Node, o *planner.LookupJoin) (*lookup.Source, error) {
	if s := j.lookups[n]; s != nil {
		return s, nil
	}
	if len(o.By) == 0 {
		s, err := lookup.NewSource(o, nil, expr.Options{Zone: j.plan.Zone}, j.clock, j.log)
		return s, err
	}
	c, err := j.cfg.Connectors.Connector(o.Connector)
	if err != nil {
		return nil, fmt.Errorf("lookup in %s: %w", o.Source, err)
	}
	if c.OpenLookup == nil {
		return nil, fmt.Errorf("lookup in %s: connector '%s' can't look keys up", o.Source, o.Connector)
	}
	conn, err := c.OpenLookup(lookup.Config(o), j.cfg.Env)
	if err != nil {
		return nil, fmt.Errorf("lookup in %s: %w", o.Source, err)
	}
	s, err := lookup.NewSource(o, conn, expr.Options{Zone: j.plan.Zone}, j.clock, j.log)
	if err != nil {
		return nil, fmt.Errorf("lookup in %s: %w", o.Source, err)
	}
	if j.lookups == nil {
		j.lookups = map[*planner.Node]*lookup.Source{}
	}
	j.lookups[n] = s
	return s, nil
}

// openLookups connects what rows are looked up in.
func (j *attempt) openLookups(ctx context.Context) error {
	for _, s := range j.lookups {
		if err := s.Open(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (j *attempt) closeLookups() error {
	var errs []error
	for _, s := range j.lookups {
		errs = append(errs, s.Close())
	}
	return errors.Join(errs...)
}
