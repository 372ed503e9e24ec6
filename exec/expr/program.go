package expr

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/apache/arrow/go/v17/arrow"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/cast"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// Options are what expressions depend on besides their input.
type Options struct {
	// Zone is the session's time zone; nil is UTC.
	Zone *time.Location
}

// Program is a list of compiled expressions. It is immutable and may be shared;
// each goroutine evaluates it with an Evaluator of its own.
type Program struct {
	roots []root
	zone  *time.Location
	slots int   // shared nodes
	refs  []int // columns that are read, ascending
	nodes int
	// shared are the volatile calls that may stand in several places and are one
	// value on a row (catalog.Call.Instance): they are computed first, on all rows.
	shared []*node
}

type root struct {
	node *node
	src  catalog.Expr // for error messages
}

type nodeKind uint8

const (
	columnNode nodeKind = iota
	constNode
	callNode
	memberNode
	andNode
	orNode
	caseNode
	coalesceNode
	tryNode // NULL where args[0] is in error
)

// node is one compiled expression. Equal expressions are one node.
type node struct {
	kind nodeKind
	id   int
	dt   arrow.DataType
	// index: the column of columnNode, the member of memberNode.
	index int
	lit   *catalog.Literal // constNode
	// kernel runs callNode; args[i] is nil for a constant that it has bound.
	kernel catalog.Kernel
	// args: arguments and operands; of caseNode cond, then, cond, then, ..., else.
	args []*node
	// uses counts the places that need the value; one with several and more
	// than a column's cost has a memo slot.
	uses, slot int
	volatile   bool
	instance   int  // of a volatile call: see catalog.Call
	canFail    bool // a row can be in error here or below
}

// Compile compiles expressions over one input. Literal arguments are bound into
// their kernels, equal subexpressions are computed once. The errors are those of
// a wrong tree (an argument of another type than the overload asks for), not of
// values.
func Compile(exprs []catalog.Expr, o Options) (*Program, error) {
	if o.Zone == nil {
		o.Zone = time.UTC
	}
	c := &compiler{zone: o.Zone, byKey: map[string]*node{}}
	p := &Program{zone: o.Zone}
	for _, e := range exprs {
		n, err := c.compile(e)
		if err != nil {
			return nil, fmt.Errorf("expression %s: %w", Format(e), err)
		}
		n.uses++
		p.roots = append(p.roots, root{n, e})
	}
	c.fuseNullTests()
	seen := make([]bool, len(c.nodes))
	var visit func(n *node)
	visit = func(n *node) {
		if n == nil || seen[n.id] {
			return
		}
		seen[n.id] = true
		if n.kind == columnNode {
			p.refs = append(p.refs, n.index)
		} else if n.kind != constNode && (n.uses > 1 && !n.volatile || n.instance != 0) {
			n.slot = p.slots
			p.slots++
		}
		for _, a := range n.args {
			visit(a)
		}
		if n.instance != 0 {
			p.shared = append(p.shared, n)
		}
	}
	for _, r := range p.roots {
		visit(r.node)
	}
	p.nodes = len(c.nodes)
	return p, nil
}

// fuseNullTests has f(...) IS NULL computed without the value, where nothing else
// needs it.
func (c *compiler) fuseNullTests() {
	for _, n := range c.nodes {
		t, ok := n.kernel.(kernel.NullTest)
		if !ok || n.args[0] == nil || n.args[0].uses != 1 {
			continue
		}
		if k, ok := n.args[0].kernel.(kernel.NullTester); ok {
			n.kernel, n.args = k.NullTest(t), n.args[0].args
		}
	}
}

// Columns gives the indexes of the input columns that the program reads.
func (p *Program) Columns() []int { return append([]int(nil), p.refs...) }

type compiler struct {
	zone  *time.Location
	byKey map[string]*node
	nodes []*node
}

var errNotBoolean = errors.New("a condition is not BOOLEAN")

func (c *compiler) compile(e catalog.Expr) (*node, error) {
	switch e := e.(type) {
	case *catalog.ColumnRef:
		return c.node(&node{kind: columnNode, index: e.Index, dt: e.T.Arrow()}, fmt.Sprint("col ", e.Index)), nil
	case *catalog.Literal:
		return c.literal(e), nil
	case *catalog.Member:
		of, err := c.compile(e.Of)
		if err != nil {
			return nil, err
		}
		if t := e.Of.Type(); t.Kind != catalog.KindRow || e.Index < 0 || e.Index >= len(t.Fields) {
			return nil, fmt.Errorf("%s has no member %d", t, e.Index)
		}
		return c.inner(&node{kind: memberNode, index: e.Index, dt: e.T.Arrow()}, fmt.Sprint("member ", e.Index), of), nil
	case *catalog.Cast:
		return c.cast(e)
	case *catalog.Call:
		return c.call(e)
	case *catalog.And:
		return c.logical(andNode, "and", e.Args)
	case *catalog.Or:
		return c.logical(orNode, "or", e.Args)
	case *catalog.Case:
		return c.caseOf(e)
	case *catalog.Coalesce:
		args, err := c.compileAll(e.Args)
		if err != nil {
			return nil, err
		}
		if len(args) == 0 {
			return nil, errors.New("COALESCE without operands")
		}
		return c.inner(&node{kind: coalesceNode, dt: e.T.Arrow()}, "coalesce "+e.T.String(), args...), nil
	default:
		return nil, fmt.Errorf("unknown expression %T", e)
	}
}

func (c *compiler) compileAll(list []catalog.Expr) ([]*node, error) {
	out := make([]*node, len(list))
	for i, e := range list {
		n, err := c.compile(e)
		if err != nil {
			return nil, err
		}
		out[i] = n
	}
	return out, nil
}

func (c *compiler) literal(l *catalog.Literal) *node {
	key := ""
	if l.T.IsNested() && l.Value != nil {
		key = fmt.Sprintf("lit %p", l)
	} else {
		key = fmt.Sprintf("lit %s %#v", l.T, l.Value)
	}
	return c.node(&node{kind: constNode, lit: l, dt: l.T.Arrow()}, key)
}

func (c *compiler) logical(kind nodeKind, name string, list []catalog.Expr) (*node, error) {
	for _, e := range list {
		if k := e.Type().Kind; k != catalog.KindBoolean && k != catalog.KindNull {
			return nil, errNotBoolean
		}
	}
	args, err := c.compileAll(list)
	if err != nil {
		return nil, err
	}
	return c.inner(&node{kind: kind, dt: arrow.FixedWidthTypes.Boolean}, name, args...), nil
}

func (c *compiler) caseOf(e *catalog.Case) (*node, error) {
	var args []*node
	for _, w := range e.Whens {
		if k := w.Cond.Type().Kind; k != catalog.KindBoolean && k != catalog.KindNull {
			return nil, errNotBoolean
		}
		cond, err := c.compile(w.Cond)
		if err != nil {
			return nil, err
		}
		then, err := c.compile(w.Then)
		if err != nil {
			return nil, err
		}
		args = append(args, cond, then)
	}
	last := e.Else
	if last == nil {
		last = &catalog.Literal{T: e.T}
	}
	n, err := c.compile(last)
	if err != nil {
		return nil, err
	}
	return c.inner(&node{kind: caseNode, dt: e.T.Arrow()}, "case "+e.T.String(), append(args, n)...), nil
}

func (c *compiler) cast(e *catalog.Cast) (*node, error) {
	k, err := cast.New(e.Of.Type(), e.T, e.Safe)
	if err != nil {
		return nil, err
	}
	if l, ok := e.Of.(*catalog.Literal); ok {
		if v, err := foldCall(k, []*catalog.Literal{l}, e.T, c.zone); err == nil {
			return c.literal(v), nil
		}
	}
	of, err := c.compile(e.Of)
	if err != nil {
		return nil, err
	}
	if k == nil {
		return of, nil // the same values in the same form
	}
	key := fmt.Sprintf("cast %s %s %t", e.Of.Type(), e.T, e.Safe)
	return c.inner(&node{kind: callNode, dt: e.T.Arrow(), kernel: k, canFail: !e.Safe}, key, of), nil
}

func (c *compiler) call(e *catalog.Call) (*node, error) {
	o := e.Overload
	if o == nil || o.Kernel == nil {
		return nil, fmt.Errorf("%s has no scalar kernel", e.Fn.Name)
	}
	if len(e.Args) != len(o.Params) {
		return nil, fmt.Errorf("%s: %d arguments for %d parameters", e.Fn.Name, len(e.Args), len(o.Params))
	}
	for i, a := range e.Args {
		if !sameForm(a.Type(), o.Params[i]) {
			return nil, fmt.Errorf("%s: argument %d is %s, not %s", e.Fn.Name, i+1, a.Type(), o.Params[i])
		}
	}
	if m, ok := o.Kernel.(kernel.Macro); ok {
		return c.compile(m(e.Args))
	}
	args, err := c.compileAll(e.Args)
	if err != nil {
		return nil, err
	}
	if _, ok := o.Kernel.(kernel.Try); ok {
		if !args[0].canFail {
			return args[0], nil
		}
		n := c.inner(&node{kind: tryNode, dt: o.Result.Arrow()}, "try", args...)
		n.canFail = false
		return n, nil
	}
	literals, constants, null, canFail := make([]*catalog.Literal, len(args)), 0, false, false
	for i, a := range args {
		canFail = canFail || a.canFail
		if a.kind == constNode {
			literals[i] = a.lit
			constants++
			null = null || a.lit.Value == nil
		}
	}
	if null && o.Strict && !canFail { // else the errors of the other arguments count
		return c.literal(&catalog.Literal{T: o.Result}), nil
	}
	if constants == len(args) && e.Fn.Volatility == catalog.Immutable {
		if v, err := foldCall(o.Kernel, literals, o.Result, c.zone); err == nil {
			return c.literal(v), nil
		}
	}
	n := &node{kind: callNode, dt: o.Result.Arrow(), kernel: o.Kernel, volatile: e.Fn.Volatility == catalog.Volatile && e.Instance == 0, instance: e.Instance, canFail: o.CanFail}
	var key strings.Builder
	fmt.Fprintf(&key, "call %p %s", e.Fn, o.Result)
	for _, t := range o.Params {
		key.WriteByte(' ')
		key.WriteString(t.String())
	}
	switch {
	case e.Instance != 0:
		fmt.Fprintf(&key, " instance %d", e.Instance)
	case n.volatile:
		fmt.Fprintf(&key, " #%d", len(c.nodes))
	}
	fmt.Fprintf(&key, " %v", ids(args))
	if b, ok := o.Kernel.(kernel.ConstBinder); ok && constants > 0 && constants < len(args) && !(null && o.Strict) {
		if bound := b.BindConst(literals); bound != nil {
			n.kernel = bound
			for i, l := range literals {
				if l != nil {
					args[i] = nil
				}
			}
		}
	}
	n.args = args
	return c.node(n, key.String()), nil
}

// sameForm says whether values of a can stand for values of b as they are:
// lengths of texts and precisions of times don't change the form.
func sameForm(a, b catalog.Type) bool {
	if a.IsText() && b.IsText() {
		return true
	}
	if a.Kind == b.Kind && (a.IsTimestamp() || a.Kind == catalog.KindTime || a.IsInterval()) {
		return true
	}
	return arrow.TypeEqual(a.Arrow(), b.Arrow())
}

func ids(args []*node) []int {
	out := make([]int, len(args))
	for i, a := range args {
		out[i] = a.id
	}
	return out
}

// inner adds a node over args.
func (c *compiler) inner(n *node, key string, args ...*node) *node {
	n.args = args
	return c.node(n, fmt.Sprintf("%s %v", key, ids(args)))
}

// node adds n, or gives the equal node that is there already.
func (c *compiler) node(n *node, key string) *node {
	if old, ok := c.byKey[key]; ok {
		return old
	}
	for _, a := range n.args {
		if a != nil {
			a.uses++
			n.volatile = n.volatile || a.volatile
			n.canFail = n.canFail || a.canFail
		}
	}
	n.id, n.slot = len(c.nodes), -1
	c.nodes = append(c.nodes, n)
	c.byKey[key] = n
	return n
}
