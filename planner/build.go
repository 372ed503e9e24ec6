package planner

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// builder makes one physical plan of the outputs of one job, or of one SELECT.
type builder struct {
	env   *environment
	rules *ruleContext
	plan  *Plan
	// scans are the sources of the plan, guards the branches above them.
	scans  map[*source]*Node
	guards map[string]*Node
	// reads is what the branch at hand reads of each source, by its INSERT's
	// own columns; wanted is what all branches, watermarks and late rows need.
	reads  map[*source]needs
	wanted map[*source]needs
	// watched are the sources whose watermark is needed.
	watched map[*source]bool
	branch  string
	// byText shares equal operators of one branch, done those that are one rel.
	byText map[string]*Node
	done   map[rel]*Node
	// keys are the unique keys of each node, more than Props.UpsertKey holds.
	keys   map[*Node][][]int
	places map[*Node]place
	// advice says, of operators by their place, how their state could be bounded.
	advice map[place]string
	// toSinks collects what goes to each sink, in order of first use.
	toSinks []*sinkInput
	// letterTo is where dead letters of an operator go, by its branch.
	letterTo map[*Node]*catalog.Table
	// mode is what becomes of rows on which an expression of the branch fails,
	// errors the sink that takes them.
	mode   ErrorMode
	errors *catalog.Table
	// noLetters says that the branch writes no dead letters; table that it is a
	// static table.
	noLetters, table bool
	noTwo            bool // two-phase aggregation is off
	noExpiry         bool // joins keep what they could let go by time
}

// sinkInput is all that is written to one sink.
type sinkInput struct {
	table *catalog.Table
	parts []sinkPart
	// onError, deadLetter and tolerance are the policy for rows that it refuses.
	onError    ErrorMode
	deadLetter *catalog.Table
	tolerance  Tolerance
	written    *Node // the operator, once made
}

// sinkPart is one stream of rows for a sink: columns as the sink's.
type sinkPart struct {
	node  *Node
	place place
	// conflict says which of several rows with one primary key the sink shows.
	conflict *conflict
	// mode and errors are the branch's policy for rows in error.
	mode   ErrorMode
	errors *catalog.Table
}

// planOutputs plans several outputs as one: they share scans and the commit.
// Rules named in without are left out.
func planOutputs(env *environment, outs []*output, without []string) (*Plan, error) {
	b := &builder{
		env: env, rules: &ruleContext{env: env, notes: map[rel][]string{}},
		plan:  &Plan{Zone: env.zone},
		scans: map[*source]*Node{}, guards: map[string]*Node{}, wanted: map[*source]needs{}, watched: map[*source]bool{},
		keys: map[*Node][][]int{}, places: map[*Node]place{}, letterTo: map[*Node]*catalog.Table{}, advice: map[place]string{}, noTwo: slices.Contains(without, "two-phase"),
		noExpiry: slices.Contains(without, pruneJoinState),
	}
	nameBranches(outs)
	trees, reads := make([]rel, len(outs)), make([]map[*source]needs, len(outs))
	for i, o := range outs {
		var err error
		if o.in, err = settleRecords(o.in); err != nil {
			return nil, err
		}
		if err := b.checkTree(o.in); err != nil {
			return nil, err
		}
		reads[i] = b.collect(o.in)
		trees[i] = optimize(o.in, b.rules, without)
		b.gather(trees[i], true, b.wanted)
		b.advise(trees[i])
		if o.sink != nil {
			b.sinkFor(o.sink)
		}
	}
	b.needWatermarks(trees)
	for i, o := range outs {
		b.branch, b.reads = o.branch, reads[i]
		b.byText, b.done = map[string]*Node{}, map[rel]*Node{}
		if err := b.policy(trees[i], o); err != nil {
			return nil, err
		}
		node, err := b.root(trees[i])
		if err != nil {
			return nil, err
		}
		if o.sink == nil {
			b.result(node, o)
		} else if err := b.toSink(o.sink, node, o.place, o.conflict); err != nil {
			return nil, err
		}
	}
	if err := b.sinks(); err != nil {
		return nil, err
	}
	b.finish()
	if err := b.checkSinks(); err != nil {
		return nil, err
	}
	b.identify()
	b.warnings()
	return b.plan, nil
}

// checkTree refuses what no plan can do.
func (b *builder) checkTree(root rel) error {
	if err := checkWatermarks(root); err != nil {
		return err
	}
	return checkRepeatable(root)
}

// nameBranches gives each INSERT a name of its own: its sink's, with a number
// where several write to one.
func nameBranches(outs []*output) {
	seen := map[string]int{}
	for _, o := range outs {
		seen[o.branch]++
		if n := seen[o.branch]; n > 1 {
			o.branch = fmt.Sprintf("%s#%d", o.branch, n)
		}
	}
}

// collect finds what an INSERT reads of each source as it is written, and adds it,
// with what late rows carry, to what the scans must give.
func (b *builder) collect(root rel) map[*source]needs {
	reads := map[*source]needs{}
	b.gather(root, false, reads)
	b.gather(root, true, b.wanted)
	return reads
}

// gather adds what a tree reads of each source. Of an optimized tree that may be
// more than of the one that was written: where nothing of an aggregation is read any
// more, it still computes its first call.
func (b *builder) gather(root rel, late bool, into map[*source]needs) {
	for r, n := range demand(root, late) {
		if s, ok := r.(*scanRel); ok {
			if into[s.src] == nil {
				into[s.src] = make(needs, len(s.src.fields))
			}
			into[s.src].merge(n)
		}
	}
}

// root lowers a pruned tree and brings the columns back into order.
func (b *builder) root(tree rel) (*Node, error) {
	names := tree.cols()
	p := prune(tree, b.wanted, b.rules)
	top := p.rel
	identity := len(top.cols()) == len(names)
	for i := range names {
		identity = identity && p.index[i] == i
	}
	if !identity {
		exprs := make([]catalog.Expr, len(names))
		for i := range names {
			exprs[i] = ref(top.cols(), p.index[i])
		}
		top = &projectRel{in: top, exprs: exprs, out: names, place: tree.at()}
	}
	top = mergeProjections(top, b.rules)
	return b.lower(top)
}

// node adds a node to the plan. Equal nodes of one branch are one.
func (b *builder) node(op Op, r rel, inputs []Edge, cols []Column, text string) *Node {
	var key strings.Builder
	fmt.Fprintf(&key, "%T|%s|%s", op, b.branch, text)
	for _, in := range inputs {
		fmt.Fprintf(&key, "|%d.%d", in.From.ID, in.Port)
	}
	for _, c := range cols {
		key.WriteString("|" + c.Name)
	}
	if n, ok := b.byText[key.String()]; ok && text != "" {
		return n
	}
	n := &Node{ID: len(b.plan.Nodes), Op: op, Inputs: inputs, Cols: cols}
	b.plan.Nodes = append(b.plan.Nodes, n)
	b.letterTo[n] = b.errors
	if r != nil {
		b.places[n] = r.at()
		n.Rules = append(joinRule(op), b.rules.notes[r]...)
	}
	if text != "" && b.byText != nil {
		b.byText[key.String()] = n
	}
	b.infer(n, r)
	return n
}

func from(n *Node) []Edge { return []Edge{{From: n}} }

// lower makes the physical operators of a relation.
func (b *builder) lower(r rel) (*Node, error) {
	if n, ok := b.done[r]; ok {
		return n, nil
	}
	n, err := b.lowerNew(r)
	if err == nil {
		b.done[r] = n
	}
	return n, err
}

func (b *builder) lowerNew(r rel) (*Node, error) {
	var k keyedJoin
	if j, ok := r.(*joinRel); ok {
		k = keyed(j)
		if r = k.join; j.mode == staticJoin {
			return b.staticJoin(k)
		}
		if j.mode == lookupJoin {
			return b.lookupJoin(k)
		}
	}
	var ins []*Node
	for _, in := range r.inputs() {
		n, err := b.lower(in)
		if err != nil {
			return nil, err
		}
		ins = append(ins, n)
	}
	switch r := r.(type) {
	case *scanRel:
		return b.guard(r), nil
	case *valuesRel:
		return b.node(&Values{Rows: r.rows}, r, nil, plain(r.out), ""), nil
	case *filterRel:
		return b.node(&Filter{Pred: r.pred, OnError: b.modeOf(r.pred)}, r, from(ins[0]), ins[0].Cols, textOf(r.pred)), nil
	case *projectRel:
		return b.project(r, ins[0]), nil
	case *windowRel:
		if r.sessions() {
			in := b.spread(ins[0], r.win.Partition, r)
			op := &SessionAssign{Window: r.win, LateCols: r.late.columns()}
			return b.judging(op, r, in, fmt.Sprintf("%+v", r.win), r.late)
		}
		return b.node(&WindowAssign{Window: r.win}, r, from(ins[0]), plain(r.out), fmt.Sprintf("%+v", r.win)), nil
	case *aggregateRel:
		return b.aggregate(r, ins[0])
	case *overRel:
		return b.over(r, ins[0])
	case *rankRel:
		return b.rank(r, ins[0])
	case *joinRel:
		return b.join(k, ins[0], ins[1])
	case *unionRel:
		var edges []Edge
		for _, in := range ins {
			edges = append(edges, Edge{From: in})
		}
		return b.node(&Union{}, r, edges, plain(r.out), "union"), nil
	case *setRel:
		return b.setOp(r, ins), nil
	case *normalizeRel:
		return b.normalize(r, ins[0]), nil
	case *expandRel:
		return b.node(&Expand{Nulls: r.nulls, Numbers: r.numbers}, r, from(ins[0]), plain(r.out), fmt.Sprint(r.nulls, r.numbers)), nil
	case *unnestRel:
		return b.unnest(r, ins[0]), nil
	case *sortRel:
		in := b.single(ins[0], r)
		op := &Sort{Keys: r.keys, Limit: r.limit, Offset: r.offset, ByTime: r.byTime, LateCols: r.late.columns()}
		return b.judging(op, r, in, fmt.Sprintf("%+v", *op), r.late)
	case *limitRel:
		in := b.single(ins[0], r)
		return b.node(&Limit{Limit: r.limit, Offset: r.offset}, r, from(in), in.Cols, fmt.Sprintf("%d %d", r.limit, r.offset)), nil
	}
	return nil, r.at().errorf("%T can't be lowered", r)
}

// textOf is the text by which equal operators are found; "" if there is none,
// because two evaluations may differ.
func textOf(exprs ...catalog.Expr) string {
	var b strings.Builder
	for _, e := range exprs {
		if volatility(e) == catalog.Volatile {
			return ""
		}
		b.WriteString(exprKey(e) + ";")
	}
	return b.String()
}

func (b *builder) project(r *projectRel, in *Node) *Node {
	cols := plain(r.out)
	if len(cols) == len(in.Cols) {
		same := true
		for i, e := range r.exprs {
			c, ok := e.(*catalog.ColumnRef)
			same = same && ok && c.Index == i && cols[i].Name == in.Cols[i].Name
		}
		if same {
			return in
		}
	}
	return b.node(&Project{Exprs: r.exprs, OnError: b.modeOf(r.exprs...)}, r, from(in), cols, textOf(r.exprs...))
}

// result gives the rows of a top-level SELECT to the caller.
func (b *builder) result(n *Node, o *output) {
	in := b.single(n, nil)
	node := b.node(&Result{Final: in.Props.Bounded}, nil, from(in), in.Cols, "")
	b.places[node] = o.place
}
