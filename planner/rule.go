package planner

import "slices"

// rule rewrites a logical plan into one that gives the same rows at less cost. A
// rule is a pure function; it notes in its trace the nodes at which it did
// something worth telling.
type rule struct {
	name  string
	apply func(r rel, c *ruleContext) rel
}

// ruleContext is what rules may know besides the tree.
type ruleContext struct {
	env *environment
	// notes collects the names of the rules that made a node.
	notes map[rel][]string
}

// note says that a rule made node r.
func (c *ruleContext) note(r rel, name string) {
	if !slices.Contains(c.notes[r], name) {
		c.notes[r] = append(c.notes[r], name)
	}
}

// joinRule names what made a join the kind of join that it is.
func joinRule(op Op) []string {
	switch op := op.(type) {
	case *IntervalJoin:
		return []string{"interval-join"}
	case *WindowJoin:
		return []string{"window-join"}
	case *TemporalJoin:
		if op.Asof {
			return []string{"asof-join"}
		}
		return []string{"temporal-join"}
	case *StaticJoin:
		return []string{"static-join"}
	case *LookupJoin:
		return []string{"lookup-join"}
	case *Join:
		return []string{"regular-join"}
	}
	return nil
}

// rules are applied in this order, the whole list twice: a pushed filter may lay
// two projections side by side, a fused window may let a filter through.
func rules() []rule {
	return []rule{
		{"drop-unread", dropUnread},
		{"drop-unread-over", dropUnreadOver},
		{"fold-constants", foldConstants},
		{"merge-projections", mergeProjections},
		{"push-filters", pushFilters},
		{"rank", rankRows},
		{"apply-equalities", applyEqualities},
		{"attach-windows", attachWindows},
		{"merge-projections", mergeProjections},
	}
}

// optimize applies the rules, those left out by name not.
func optimize(r rel, c *ruleContext, without []string) rel {
	for range 2 {
		for _, rule := range rules() {
			if !slices.Contains(without, rule.name) {
				r = rule.apply(r, c)
			}
		}
	}
	return r
}
