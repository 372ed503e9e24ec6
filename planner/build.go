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
}

// planOutputs plans several outputs as one: they share scans and the commit.
// Rules named in without are left out.
func planOutputs(env *environment, outs []*output, without []string) (*Plan, error) {
	b := &builder{
		env: env, rules: &ruleContext{env: env, notes: map[rel][]string{}},
		plan:  &Plan{Zone: env.zone},
		scans: map[*source]*Node{}, guards: map[string]*Node{}, wanted: map[*source]needs{}, watched: map[*source]bool{},
		keys: map[*Node][][]int{}, places: map[*Node]place{}, advice: map[place]string{}, noTwo: slices.Contains(without, "two-phase"),
		noExpiry: slices.Contains(without, pruneJoinState),
	}
	nameBranches(outs)
	trees, reads := make([]rel, len(outs)), make([]map[*source]needs, len(outs))
	for i, o := range outs {
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

// needWatermarks finds the sources whose watermark is needed: below an operator
// that judges by time, or where records from the future are bad, or where
// splits are merged by time. It adds what their watermarks read.
func (b *builder) needWatermarks(trees []rel) {
	sensitive, streams := false, map[*source]bool{}
	for _, t := range trees {
		for _, s := range streamsOf(t) {
			streams[s] = true
		}
		visitStream(t, func(r rel) {
			if life, sources := b.env.life(r); life.TTL > 0 {
				sensitive = sensitive || !inTimeOrder(r)
				for _, s := range sources {
					b.watched[s] = true
				}
			}
			switch r := r.(type) {
			case *windowRel:
				if r.sessions() && !r.win.Proc {
					sensitive = true
					for _, s := range streamsOf(r) {
						b.watched[s] = true
					}
				}
			case *aggregateRel:
				if r.window != nil && !r.window.Proc {
					sensitive = sensitive || r.window.Kind == SessionWindow
					for _, s := range streamsOf(r) {
						b.watched[s] = true
					}
				}
				for _, c := range r.aggs {
					sensitive = sensitive || c.Arrival
				}
			case *overRel:
				sensitive = sensitive || r.mode() == overArrival
				if m := r.mode(); m.byTime() || m == overAtClose {
					for _, s := range streamsOf(r) {
						b.watched[s] = true
					}
				}
			case *rankRel:
				sensitive = sensitive || r.arrival != NoArrival
				if r.onClose || r.windowed() {
					for _, s := range sourcesOf(r) {
						b.watched[s] = true
					}
				}
			case *joinRel:
				sources, forgets := b.env.ttlSources(r)
				sensitive = sensitive || forgets
				for _, s := range sources {
					b.watched[s] = true
				}
				if r.times != nil {
					for _, s := range sourcesOf(r) {
						b.watched[s] = true
					}
				}
				sensitive = sensitive || r.mode == temporalJoin
			case *sortRel:
				if r.byTime {
					for _, s := range sourcesOf(r) {
						b.watched[s] = true
					}
				}
			case *limitRel, *normalizeRel:
				sensitive = true
			}
		})
	}
	for src, n := range b.wanted {
		b.plan.Merge = b.plan.Merge || sensitive && src.bounded && streams[src]
		if w := src.watermark; w != nil && (b.watched[src] || sensitive && src.bounded || w.MaxSkew > 0 || w.MaxDrift > 0) {
			b.watched[src] = true
			n.read(w.Expr)
			n.read(w.Time)
		}
	}
}

func sourcesOf(r rel) []*source {
	var out []*source
	visit(r, func(r rel) {
		if s, ok := r.(*scanRel); ok && !slices.Contains(out, s.src) {
			out = append(out, s.src)
		}
	})
	return out
}

// policy settles what becomes of rows on which an expression of the branch
// fails: as the setting says, else as the branch's sources do.
func (b *builder) policy(root rel, o *output) error {
	b.mode, b.errors, b.noLetters = ErrorFail, nil, o.sink == nil
	sources := streamsOf(root)
	for i, s := range sources {
		if i == 0 {
			b.mode, b.errors = b.letterMode(s.onError, s.at), s.deadLetter
		} else if b.letterMode(s.onError, s.at) != b.mode || s.deadLetter != b.errors {
			b.mode, b.errors = ErrorFail, nil
			break
		}
	}
	set, ok := errorModes[b.env.settings.Get(catalog.ExprOnErrorKey)]
	if !ok {
		return nil
	}
	b.mode = b.letterMode(set, o.place)
	if b.mode != ErrorDeadLetter {
		return nil
	}
	for _, s := range sources {
		if s.deadLetter != nil {
			b.errors = s.deadLetter
			return nil
		}
	}
	return hint(o.place.errorf("'expression.on-error' is dead-letter, but no source of this query has a 'dead-letter.sink'"),
		"add it to the WITH options of a source")
}

// letterMode gives the mode of a branch for a policy. A SELECT at the top is no
// job and writes nothing: it counts and drops what else is a dead letter.
func (b *builder) letterMode(m ErrorMode, where place) ErrorMode {
	if m != ErrorDeadLetter || !b.noLetters {
		return m
	}
	if b.table {
		b.env.warn(where.errorf("a static table writes no dead letters, it only counts bad records"))
		return ErrorSkip
	}
	b.env.warn(hint(where.errorf("a SELECT at the top of a script writes no dead letters, it only counts bad records"), "INSERT INTO a sink to keep them"))
	return ErrorSkip
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
		op := &Sort{Keys: r.keys, Limit: r.limit, Offset: r.offset, ByTime: r.byTime}
		return b.node(op, r, from(in), in.Cols, fmt.Sprintf("%+v", *op)), nil
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

// modeOf gives the error mode of an operator: expressions that can't fail need
// none.
func (b *builder) modeOf(exprs ...catalog.Expr) ErrorMode {
	if anyCanFail(exprs) {
		return b.mode
	}
	return ErrorFail
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

// single brings all rows to one shard.
func (b *builder) single(in *Node, r rel) *Node {
	if in.Props.Single {
		return in
	}
	return b.node(&Exchange{Kind: SingleExchange}, r, from(in), in.Cols, "single")
}

// spread brings the rows of an operator with state to the shards of their keys. That
// rows with equal keys are together by fewer columns, or all on one shard, is not
// enough: after a restart with other shards a key's state is looked for where the
// hash of exactly its columns says, in this order.
func (b *builder) spread(in *Node, keys []int, r rel) *Node {
	if len(keys) == 0 {
		return b.single(in, r)
	}
	if slices.Equal(in.Props.Hash, keys) && !in.Props.Single {
		return in
	}
	return b.node(&Exchange{Kind: HashExchange, Keys: slices.Clone(keys)}, r, from(in), in.Cols, fmt.Sprint("hash", keys))
}

// together brings rows with equal values of some columns to one shard, for an
// operator without state; where they are together already, nothing is done.
func (b *builder) together(in *Node, cols []int) *Node {
	if in.Props.Single || in.Props.Hash != nil && subset(in.Props.Hash, cols) {
		return in
	}
	return b.spread(in, cols, nil)
}

func subset(a, of []int) bool {
	for _, x := range a {
		if !slices.Contains(of, x) {
			return false
		}
	}
	return true
}

// guard gives the first operator of this branch above a source.
func (b *builder) guard(r *scanRel) *Node {
	key := b.branch + "\x00" + r.src.name
	if n, ok := b.guards[key]; ok {
		return n
	}
	scan := b.scan(r)
	g := &Guard{Source: r.src.name, OnError: b.letterMode(r.src.onError, r.place), Branch: b.branch}
	for i, c := range r.src.fields {
		n := b.reads[r.src][i]
		if n == nil {
			continue
		}
		g.Reads = append(g.Reads, slices.IndexFunc(scan.Cols, func(s Column) bool { return s.Name == c.Name }))
		g.Members = append(g.Members, memberNames(n, c.Type, c.Name, nil))
	}
	n := b.node(g, r, from(scan), scan.Cols, "")
	b.guards[key] = n
	return n
}

// memberNames lists the paths of the members that are read ("bid.price"); nil if
// the whole column is.
func memberNames(n *need, t catalog.Type, path string, names []string) []string {
	if n.whole || t.Kind != catalog.KindRow {
		return names
	}
	for _, i := range n.indexes() {
		f := t.Fields[i]
		sub := n.members[i]
		if sub.whole || f.Type.Kind != catalog.KindRow {
			names = append(names, path+"."+f.Name)
			continue
		}
		names = memberNames(sub, f.Type, path+"."+f.Name, names)
	}
	return names
}

// scan gives the scan of a source, which all branches share.
func (b *builder) scan(r *scanRel) *Node {
	if n, ok := b.scans[r.src]; ok {
		return n
	}
	s := r.src
	op := &Scan{Source: s.name, Connector: s.table.Connector.Name, Options: s.options, Bounded: s.bounded, Changelog: s.changelog, ValidateAll: s.validate, Declared: s.table.Physical(), Tolerance: s.tolerance, Replay: s.replay}
	if s.upserts {
		for _, k := range s.key {
			op.Upserts = append(op.Upserts, s.declared[k].Name)
		}
	}
	for i, f := range s.fields {
		if want := b.wanted[s][i]; want != nil {
			f.Type = want.narrow(f.Type)
			op.Columns = append(op.Columns, f)
		}
	}
	if s.watermark != nil && b.watched[s] {
		w := *s.watermark
		p := pruned{rel: r, index: make([]int, len(s.fields)), shape: b.wanted[s]}
		at := 0
		for i := range s.fields {
			p.index[i] = -1
			if b.wanted[s][i] != nil {
				p.index[i] = at
				at++
			}
		}
		w.Expr, w.Time = p.expr(w.Expr), p.expr(w.Time)
		op.Watermark = &w
	}
	branch, byText := b.branch, b.byText
	b.branch, b.byText = "", nil
	n := b.node(op, r, nil, plain(r.out), "")
	b.branch, b.byText = branch, byText
	b.scans[s] = n
	return n
}

// aggregate puts an aggregation above the exchange that it needs.
func (b *builder) aggregate(r *aggregateRel, in *Node) (*Node, error) {
	if err := b.checkCalls(r, in); err != nil {
		return nil, err
	}
	ex := b.spread(in, r.keys, r)
	two := ex != in && !b.noTwo && len(r.aggs) > 0 && in.Props.Kinds.AppendOnly()
	for _, c := range r.aggs {
		two = two && c.Overload.Aggregate.Mergeable && !c.Distinct && !c.Overload.Aggregate.Collects && !c.Arrival
	}
	if r.window != nil && (r.window.Kind == SessionWindow || r.emit.updates()) {
		two = two && r.window.Kind != SessionWindow // which session a row is in is known beyond the exchange only
		for _, c := range r.aggs {
			if c.Overload.Aggregate.Mergeable {
				continue
			}
			if r.window.Kind == SessionWindow {
				return nil, r.place.errorf("%s can't be aggregated by session: two sessions may become one, and it can't be merged", c.Fn.Name)
			}
			return nil, r.place.errorf("%s can't be aggregated with %s: it can't be merged", c.Fn.Name, r.emit.clause())
		}
	}
	mode := ErrorFail
	for _, c := range r.aggs {
		if c.Overload.CanFail {
			mode = b.mode
		}
	}
	text := fmt.Sprintf("%v %+v", r.keys, r.window)
	for _, c := range r.aggs {
		text += fmt.Sprintf(" %s%v/%d/%v/%v/%v/%v/%s", c.Fn.Name, c.Args, c.Filter, c.Distinct, c.Order, c.Arrival, c.IgnoreNulls, c.Constants)
	}
	if r.window == nil {
		op := &GroupAgg{Keys: r.keys, Aggs: r.aggs, Totals: r.totals, TwoPhase: two, Every: r.emit.every, OnError: mode}
		text += fmt.Sprint(" every ", op.Every)
		if op.Life, _ = b.env.life(r); op.TTL > 0 {
			op.TwoPhase = false
			text += fmt.Sprint(" keep ", op.TTL)
		}
		return b.node(op, r, from(ex), plain(r.out), text), nil
	}
	op := &WindowAgg{
		Window: *r.window, Keys: r.keys, Aggs: r.aggs, TwoPhase: two, OnError: mode,
		Emit: r.emit.mode, Every: r.emit.every, Lateness: r.emit.lateness,
	}
	text += fmt.Sprintf(" %+v", r.emit)
	if op.Window.Proc && op.Window.Kind == AttachedWindow && op.Updates() {
		// Whether a row comes too late for a window can't be told from its columns.
		return nil, hint(r.place.errorf("EMIT CHANGES and EMIT EVERY of windows over PROCTIME() need GROUP BY directly above the window: past another operator nobody knows which of a row's windows the clock had closed when it was read"),
			"GROUP BY directly above the window, with filters on the window's rows in HAVING or in a subquery below it")
	}
	if r.late != nil && op.Window.Kind == AttachedWindow && heldForSession(ex) {
		return nil, hint(r.late.place.errorf("LATE DATA TO: the late rows of this SESSION are found before the rows are grouped"), "put LATE DATA TO into the SELECT that reads from the SESSION")
	}
	op.LateCols = r.late.columns()
	return b.judging(op, r, ex, text, r.late)
}

// checkCalls refuses aggregates that can't take rows back over an input that
// does.
func (b *builder) checkCalls(r *aggregateRel, in *Node) error {
	if in.Props.Kinds.AppendOnly() {
		return nil
	}
	cause := updateCause(r.in)
	if r.window != nil {
		return hint(r.place.errorf("a windowed aggregation over an input that updates is not supported; %s updates", operatorName(cause)), "window the input itself")
	}
	for _, c := range r.aggs {
		if !c.Overload.Aggregate.Retractable {
			err := r.place.errorf("%s can't take rows back, but its input updates: %s does", c.Fn.Name, operatorName(cause))
			return hint(err, "COUNT(DISTINCT x) and PERCENTILE_DISC can")
		}
	}
	return nil
}

// heldForSession says that rows come from an operator that holds them until their
// session closes: it is the one that finds late rows then.
func heldForSession(n *Node) bool {
	for {
		switch n.Op.(type) {
		case *SessionAssign:
			return true
		case *Exchange, *Project, *Filter:
			n = n.Inputs[0].From
		default:
			return false
		}
	}
}

// lateRows writes the late rows of an operator to their sink.
func (b *builder) lateRows(n *Node, late *lateRows) error {
	if late.sink == nil {
		return nil
	}
	var cols []Column
	for _, c := range sinkColumns(late.sink) {
		d := late.sink.Columns[c]
		cols = append(cols, Column{Name: d.Name, Type: d.Type, NotNull: d.NotNull})
	}
	p := b.node(&Project{Exprs: late.exprs, OnError: b.modeOf(late.exprs...)}, nil, []Edge{{From: n, Port: LatePort}}, cols, "")
	b.places[p] = late.place
	return b.toSink(late.sink, p, late.place, nil)
}

// result gives the rows of a top-level SELECT to the caller.
func (b *builder) result(n *Node, o *output) {
	in := b.single(n, nil)
	node := b.node(&Result{Final: in.Props.Bounded}, nil, from(in), in.Cols, "")
	b.places[node] = o.place
}
