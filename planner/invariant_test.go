package planner_test

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
	"github.com/streamsql/streamsql/planner"
)

// checkPlan checks what every plan must be for the engine: references within
// range and of the right type, a guard above each scan, keyed operators above
// an exchange on their keys, sinks fed their own columns.
func checkPlan(p *planner.Plan) error {
	for i, n := range p.Nodes {
		if n.ID != i {
			return fmt.Errorf("node %d has ID %d", i, n.ID)
		}
		for _, in := range n.Inputs {
			if in.From.ID >= i || p.Nodes[in.From.ID] != in.From {
				return fmt.Errorf("%s %d comes before its input %d", n.Name(), i, in.From.ID)
			}
			if _, scan := in.From.Op.(*planner.Scan); scan {
				if _, guard := n.Op.(*planner.Guard); !guard {
					return fmt.Errorf("%s %d reads a scan without a guard", n.Name(), i)
				}
			}
		}
		if err := checkNode(n); err != nil {
			return fmt.Errorf("%s %d: %w", n.Name(), i, err)
		}
	}
	return nil
}

func checkNode(n *planner.Node) error {
	var in []planner.Column
	if len(n.Inputs) > 0 {
		in = n.Inputs[0].Columns()
	}
	switch op := n.Op.(type) {
	case *planner.Scan:
		var cols []planner.Column
		for _, c := range op.Columns {
			cols = append(cols, planner.Column{Name: c.Name, Type: c.Type})
		}
		if w := op.Watermark; w != nil {
			return checkExprs([]catalog.Expr{w.Expr, w.Time}, cols, nil)
		}
	case *planner.Guard:
		for i, r := range op.Reads {
			if r < 0 || r >= len(in) || len(op.Members[i]) > 0 && in[r].Type.Kind != catalog.KindRow {
				return fmt.Errorf("reads %v of %d columns", op.Reads, len(in))
			}
		}
		return sameTypes(n.Cols, in)
	case *planner.Filter:
		if op.Pred.Type().Kind != catalog.KindBoolean {
			return fmt.Errorf("predicate of type %s", op.Pred.Type())
		}
		if err := sameTypes(n.Cols, in); err != nil {
			return err
		}
		return checkExprs([]catalog.Expr{op.Pred}, in, nil)
	case *planner.Project:
		return checkExprs(op.Exprs, in, n.Cols)
	case *planner.Values:
		for _, row := range op.Rows {
			if err := checkExprs(row, nil, n.Cols); err != nil {
				return err
			}
		}
	case *planner.Union:
		for _, e := range n.Inputs {
			if err := sameTypes(n.Cols, e.Columns()); err != nil {
				return err
			}
		}
	case *planner.Join:
		return checkJoin(n, op)
	case *planner.WindowAssign:
		return sameTypes(n.Cols[:len(n.Cols)-3], in)
	case *planner.WindowAgg:
		return checkAggregate(n, op.Keys, op.Aggs, 3)
	case *planner.GroupAgg:
		return checkAggregate(n, op.Keys, op.Aggs, 0)
	case *planner.Sort, *planner.Limit, *planner.Result:
		if !n.Inputs[0].From.Props.Single {
			return fmt.Errorf("input on several shards")
		}
		return sameTypes(n.Cols, in)
	case *planner.Sink:
		for i, c := range op.Columns {
			if !c.Type.Equal(in[i].Type) {
				return fmt.Errorf("column %s is %s, comes as %s", c.Name, c.Type, in[i].Type)
			}
		}
		if len(in) != len(op.Columns) {
			return fmt.Errorf("%d columns come for %d", len(in), len(op.Columns))
		}
	}
	return nil
}

// checkJoin: keys of both sides have the same types and are where the rows are
// spread by; the residual and what comes out are over the columns of both.
func checkJoin(n *planner.Node, op *planner.Join) error {
	left, right := n.Inputs[0].From, n.Inputs[1].From
	if len(op.LeftKeys) != len(op.RightKeys) || len(op.NullSafe) != len(op.LeftKeys) {
		return fmt.Errorf("keys %v against %v", op.LeftKeys, op.RightKeys)
	}
	for i, l := range op.LeftKeys {
		if a, b := left.Cols[l].Type, right.Cols[op.RightKeys[i]].Type; !a.Equal(b) {
			return fmt.Errorf("key %d is %s and %s", i, a, b)
		}
	}
	for i, in := range []*planner.Node{left, right} {
		keys := op.StateKeys(i)
		if len(keys) == 0 && !in.Props.Single || len(keys) > 0 && !slices.Equal(in.Props.Hash, keys) {
			return fmt.Errorf("input %d is not spread by %v", i, keys)
		}
	}
	both := append(slices.Clip(left.Cols), right.Cols...)
	var out []planner.Column
	for _, e := range op.Emit {
		if e >= len(both) {
			return fmt.Errorf("emits column %d of %d", e, len(both))
		}
		out = append(out, both[e])
	}
	if err := sameTypes(n.Cols, out); err != nil {
		return err
	}
	return checkExprs(op.Expressions(), both, nil)
}

func checkAggregate(n *planner.Node, keys []int, calls []planner.AggCall, extra int) error {
	in := n.Inputs[0].Columns()
	if len(n.Cols) != len(keys)+len(calls)+extra {
		return fmt.Errorf("%d columns for %d keys and %d aggregates", len(n.Cols), len(keys), len(calls))
	}
	for i, k := range keys {
		if !n.Cols[i].Type.Equal(in[k].Type) {
			return fmt.Errorf("key %d is %s, comes as %s", i, n.Cols[i].Type, in[k].Type)
		}
	}
	for _, c := range calls {
		for i, a := range c.Args {
			if !in[a].Type.Equal(c.Overload.Params[i]) {
				return fmt.Errorf("%s takes %s, gets %s", c.Name, c.Overload.Params[i], in[a].Type)
			}
		}
		if c.Filter >= 0 && in[c.Filter].Type.Kind != catalog.KindBoolean {
			return fmt.Errorf("filter of %s is %s", c.Name, in[c.Filter].Type)
		}
	}
	below := n.Inputs[0].From.Props
	if !below.Single && (len(keys) == 0 || below.Hash == nil) {
		return fmt.Errorf("rows are not brought together")
	}
	for _, h := range below.Hash {
		if !slices.Contains(keys, h) {
			return fmt.Errorf("spread by column %d, which is no key", h)
		}
	}
	return nil
}

func sameTypes(a, b []planner.Column) error {
	if len(a) != len(b) {
		return fmt.Errorf("%d columns against %d", len(a), len(b))
	}
	for i := range a {
		if !a[i].Type.Equal(b[i].Type) {
			return fmt.Errorf("column %d (%s) is %s against %s", i, a[i].Name, a[i].Type, b[i].Type)
		}
	}
	return nil
}

// checkExprs checks references, members and arguments; out, if not nil, are the
// columns that the expressions give.
func checkExprs(exprs []catalog.Expr, in, out []planner.Column) error {
	for i, e := range exprs {
		if err := checkExpr(e, in); err != nil {
			return err
		}
		if out != nil && !e.Type().Equal(out[i].Type) {
			return fmt.Errorf("expression %d is %s, its column %s", i, e.Type(), out[i].Type)
		}
	}
	if out != nil && len(exprs) != len(out) {
		return fmt.Errorf("%d expressions for %d columns", len(exprs), len(out))
	}
	return nil
}

func checkExpr(e catalog.Expr, in []planner.Column) error {
	var args []catalog.Expr
	switch e := e.(type) {
	case *catalog.ColumnRef:
		if e.Index < 0 || e.Index >= len(in) {
			return fmt.Errorf("reference to column %d (%s) of %d", e.Index, e.Name, len(in))
		}
		if !e.T.Equal(in[e.Index].Type) {
			return fmt.Errorf("reference to %s as %s, it is %s", e.Name, e.T, in[e.Index].Type)
		}
	case *catalog.Member:
		fields := e.Of.Type().Fields
		if e.Index < 0 || e.Index >= len(fields) || !fields[e.Index].Type.Equal(e.T) {
			return fmt.Errorf("member %d of %s as %s", e.Index, e.Of.Type(), e.T)
		}
		args = []catalog.Expr{e.Of}
	case *catalog.Call:
		for i, a := range e.Args {
			if !a.Type().Equal(e.Overload.Params[i]) {
				return fmt.Errorf("argument %d of %s is %s, not %s", i, e.Fn.Name, a.Type(), e.Overload.Params[i])
			}
		}
		args = e.Args
	case *catalog.Cast:
		args = []catalog.Expr{e.Of}
	case *catalog.And:
		args = e.Args
	case *catalog.Or:
		args = e.Args
	case *catalog.Coalesce:
		for _, a := range e.Args {
			if !a.Type().Equal(e.T) {
				return fmt.Errorf("COALESCE of %s has %s", e.T, a.Type())
			}
		}
		args = e.Args
	case *catalog.Case:
		for _, w := range e.Whens {
			if !w.Then.Type().Equal(e.T) {
				return fmt.Errorf("CASE of %s has %s", e.T, w.Then.Type())
			}
			args = append(args, w.Cond, w.Then)
		}
		if e.Else != nil {
			if !e.Else.Type().Equal(e.T) {
				return fmt.Errorf("CASE of %s has ELSE of %s", e.T, e.Else.Type())
			}
			args = append(args, e.Else)
		}
	}
	for _, a := range args {
		if err := checkExpr(a, in); err != nil {
			return err
		}
	}
	return nil
}

func plansOf(s *planner.Script) []*planner.Plan {
	var plans []*planner.Plan
	for _, step := range s.Steps {
		switch step := step.(type) {
		case *planner.Select:
			plans = append(plans, step.Plan)
		case *planner.Job:
			plans = append(plans, step.Plan)
		}
	}
	return plans
}

// corpus gives all cases of the golden files, each with its setup.
func corpus(t testing.TB) (cases [][2]string) {
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range files {
		text, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		setup := ""
		for _, block := range strings.Split(strings.TrimSpace(string(text)), "\n\n") {
			input, _, _ := strings.Cut(block+"\n", "\n----\n")
			command, sql, _ := strings.Cut(input, "\n")
			if command == "script" {
				setup = sql
			} else if !strings.HasPrefix(block, "#") {
				cases = append(cases, [2]string{setup, sql})
			}
		}
	}
	return cases
}

// TestInvariants plans the corpus with all rules, and with each of them left
// out: plans stay well-formed, and a rule decides neither what is an error nor
// what a query gives (columns, changelog of a sink).
func TestInvariants(t *testing.T) {
	rules := []string{"", "drop-unread", "fold-constants", "merge-projections", "push-filters", "apply-equalities", "attach-windows", "two-phase"}
	planned := 0
	for _, c := range corpus(t) {
		o := options()
		_, want := analyze(o, c[0], c[1])
		for _, rule := range rules {
			o.WithoutRules = []string{rule}
			script, err := analyze(o, c[0], c[1])
			if fmt.Sprint(err) != fmt.Sprint(want) {
				t.Errorf("%s\nwithout %q: %v\nwith it: %v", c[1], rule, err, want)
			}
			if err != nil {
				continue
			}
			for _, p := range plansOf(script) {
				planned++
				if err := checkPlan(p); err != nil {
					t.Errorf("%s\nwithout %q: %v\n%s", c[1], rule, err, p.Explain(true))
				}
			}
		}
	}
	if planned < 500 {
		t.Errorf("only %d plans were checked", planned)
	}
}

// TestIdentityIsLogical: the names of states do not depend on rules that only
// change how a plan is carried out.
func TestIdentityIsLogical(t *testing.T) {
	compared := 0
	for _, c := range corpus(t) {
		o := options()
		with, err := analyze(o, c[0], c[1])
		if err != nil {
			continue
		}
		for _, rule := range []string{"drop-unread", "merge-projections", "two-phase"} {
			o.WithoutRules = []string{rule}
			without, err := analyze(o, c[0], c[1])
			if err != nil {
				t.Fatal(err)
			}
			for i, p := range plansOf(with) {
				a, b := states(p), states(plansOf(without)[i])
				compared += len(a)
				if !slices.Equal(a, b) {
					t.Errorf("%s\nwith %s: %v\nwithout: %v", c[1], rule, a, b)
				}
			}
		}
	}
	if compared < 200 {
		t.Errorf("only %d states were compared", compared)
	}
}

func states(p *planner.Plan) []string {
	var out []string
	for _, n := range p.Nodes {
		if _, values := n.Op.(*planner.Values); n.StateID != 0 && !values {
			out = append(out, n.Canonical)
		}
	}
	slices.Sort(out)
	return out
}

// FuzzAnalyze looks for texts that make the planner panic or give an ill-formed
// plan.
func FuzzAnalyze(f *testing.F) {
	for _, c := range corpus(f) {
		f.Add(c[0], c[1])
	}
	f.Fuzz(func(t *testing.T, setup, sql string) {
		s := newSession()
		if _, err := s.Analyze(parser.NewSource("setup.sql", setup)); err != nil {
			return
		}
		script, err := s.Analyze(parser.NewSource("q.sql", sql))
		if err != nil {
			return
		}
		for _, p := range plansOf(script) {
			if err := checkPlan(p); err != nil {
				t.Errorf("%v\n%s", err, p.Explain(true))
			}
		}
	})
}
