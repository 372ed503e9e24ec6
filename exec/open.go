package exec

import (
	"context"
	"errors"
	"fmt"
	"sort"
	"sync"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/exec/expr"
	"github.com/streamsql/streamsql/exec/op"
	"github.com/streamsql/streamsql/planner"
)

// openSources makes the sources and lists their splits.
func (j *attempt) openSources(ctx context.Context) error {
	for _, n := range j.plan.Nodes {
		if !isSource(n.Op) {
			continue
		}
		s := &source{index: len(j.seq.sources), node: n, watermark: op.MinTime}
		switch o := n.Op.(type) {
		case *planner.Values:
			s.scan = &planner.Scan{Source: fmt.Sprintf("VALUES %d", s.index+1), Bounded: true}
			conn, err := newValues(o, n.Cols, j.plan.Zone, j.clock)
			if err != nil {
				return err
			}
			j.made(s, conn)
		case *planner.Scan:
			s.scan = o
			if o.Replay != nil {
				s.watermark = planner.ReplayWatermark
			}
			conn, err := j.openSource(o)
			if err != nil {
				return err
			}
			j.made(s, conn)
			if w := o.Watermark; w != nil {
				p, err := expr.Compile([]catalog.Expr{w.Expr, w.Time}, expr.Options{Zone: j.plan.Zone})
				if err != nil {
					return s.fail(err)
				}
				s.wmark = p
			}
		}
		splits, err := s.conn.Splits(ctx)
		var missing *connectors.MissingError
		switch {
		case errors.As(err, &missing):
			splits, s.missing = missing.Splits, s.fail(missing)
		case err != nil:
			return s.fail(err)
		}
		s.dynamic = !s.scan.Bounded
		for _, sp := range splits {
			s.splits = append(s.splits, s.newSplit(sp))
		}
		s.sortSplits()
		s.numberSplits()
	}
	if !j.seq.merge {
		j.seq.aligned = alignments(j.seq.sources)
	}
	return nil
}

// made takes up a source, which may be asked from now on what it waits for.
func (j *attempt) made(s *source, conn connectors.Source) {
	j.seq.mu.Lock()
	defer j.seq.mu.Unlock()
	s.conn = conn
	j.seq.sources = append(j.seq.sources, s)
}

func (s *source) newSplit(sp connectors.Split) *split {
	return &split{source: s, id: sp.ID, bounded: sp.Bounded, parked: map[int64]*chunk{}, w: s.floor(), number: -1, place: -1}
}

func (j *attempt) openSource(o *planner.Scan) (connectors.Source, error) {
	c, err := j.cfg.Connectors.Connector(o.Connector)
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", o.Source, err)
	}
	if c.OpenSource == nil {
		return nil, fmt.Errorf("source %s: connector '%s' can't be read", o.Source, o.Connector)
	}
	cfg := connectors.SourceConfig{
		Name: o.Source, Options: o.Options, ValidateAll: o.ValidateAll, Declared: o.Declared, PrimaryKey: o.Upserts,
	}
	for _, col := range o.Columns {
		cfg.Columns = append(cfg.Columns, connectors.ScanColumn{
			Name: col.Name, Type: col.Type, NotNull: col.NotNull, Metadata: col.Metadata,
		})
	}
	var conn connectors.Source
	if o.Replay != nil {
		conn, err = j.openReplay(o, cfg, c)
	} else {
		conn, err = c.OpenSource(cfg, j.cfg.Env)
	}
	if err != nil {
		return nil, fmt.Errorf("source %s: %w", o.Source, err)
	}
	return conn, nil
}

// limit takes off --max-rows what was committed before a failed Prepare made the
// job start again. records is what the last commit has read.
func (j *attempt) limit(records int64) {
	if j.began < 0 {
		j.began = records
	}
	if j.cfg.MaxRows >= 0 {
		j.reader.remaining = max(0, j.cfg.MaxRows-(records-j.began))
	}
}

// openSplits opens every split at its offset.
func (j *attempt) openSplits(ctx context.Context) error {
	now := j.clock.Now()
	for _, s := range j.seq.sources {
		for _, sp := range s.splits {
			r, err := s.conn.Open(ctx, connectors.Split{ID: sp.id, Bounded: sp.bounded, Found: sp.found}, sp.offset)
			if err != nil {
				return s.fail(err)
			}
			j.seq.mu.Lock()
			sp.reader, sp.lastData = r, now
			j.seq.begin(sp)
			j.seq.mu.Unlock()
		}
		if u, ok := s.conn.(connectors.UpToNow); ok && j.cfg.Trigger.UpToNow() {
			if err := u.StopAtNow(ctx); err != nil {
				return s.fail(err)
			}
		}
		if len(s.splits) == 0 && !s.dynamic {
			j.seq.mu.Lock()
			j.seq.finishSource(s)
			j.seq.mu.Unlock()
		}
	}
	return nil
}

// openSinks makes the sinks; recover opens them.
func (j *attempt) openSinks() error {
	taken := map[string]int{}
	for _, n := range j.plan.Nodes {
		switch o := n.Op.(type) {
		case *planner.Result:
			j.final = o.Final
		case *planner.Sink:
			conn, err := j.openSink(o)
			if err != nil {
				return fmt.Errorf("sink %s: %w", o.Name, err)
			}
			s := &sink{node: n, op: o, conn: conn, name: o.Name}
			if taken[o.Name]++; taken[o.Name] > 1 {
				s.name = fmt.Sprintf("%s#%d", o.Name, taken[o.Name])
			}
			j.seq.mu.Lock()
			j.sinks = append(j.sinks, s)
			j.seq.mu.Unlock()
		}
	}
	return nil
}

func (j *attempt) openSink(o *planner.Sink) (connectors.Sink, error) {
	if j.cfg.Discard {
		return discard{}, nil
	}
	c, err := j.cfg.Connectors.Connector(o.Connector)
	if err != nil {
		return nil, err
	}
	if c.OpenSink == nil {
		return nil, fmt.Errorf("connector '%s' can't be written", o.Connector)
	}
	return c.OpenSink(connectors.SinkConfig{
		Name: o.Name, Options: o.Options, Columns: o.Columns, PrimaryKey: o.PrimaryKey,
		Metadata: o.Metadata, Mode: o.Mode, Shards: j.layout.Shards,
	}, j.cfg.Env)
}

// recover opens the store and the sinks at the last commit and restores state:
// Commit(E) again at all sinks, then abort whatever was prepared beyond E.
func (j *attempt) recover(ctx context.Context) error {
	if err := j.openStore(); err != nil {
		return err
	}
	last, ok := j.store.Last()
	var meta *commitMeta
	if ok {
		var err error
		if meta, err = decodeMeta(j.plan.Job, last); err != nil {
			return err
		}
		if err := j.checkQuery(meta.Query); err != nil {
			return err
		}
		if err := j.checkLayouts(meta); err != nil {
			return err
		}
	}
	for _, s := range j.sinks {
		if err := s.conn.Open(ctx, connectors.SinkIdentity{JobID: j.store.ID(), Sink: s.name, Epoch: last.Epoch}); err != nil {
			return s.wrap(err)
		}
		s.opened = true
	}
	for _, s := range j.sinks {
		if intent, ok := last.Meta[metaIntents+s.name]; ok {
			if err := j.commitSink(ctx, s, last.Epoch, intent); err != nil {
				return s.wrap(err)
			}
		}
	}
	for _, s := range j.sinks {
		if err := s.conn.Abort(ctx, last.Epoch); err != nil {
			return s.wrap(err)
		}
	}
	if !ok {
		j.limit(0)
		return nil
	}
	if err := j.seq.restore(meta.Sources); err != nil {
		return err
	}
	var records int64
	for _, c := range meta.Sources {
		for _, sp := range c.Splits {
			records += sp.Records
		}
	}
	j.limit(records)
	over := map[string]bool{}
	for _, c := range meta.Sources {
		over[c.Name] = c.over()
	}
	for _, s := range j.seq.sources {
		if over[s.scan.Source] {
			if err := s.checkGrown(ctx, meta.Finished); err != nil {
				return err
			}
		}
	}
	if meta.Finished {
		return ErrFinished
	}
	j.seq.epoch = last.Epoch + 1
	j.base = meta.Counts
	for _, t := range j.tasks {
		for i := range t.marks {
			t.marks[i] = j.seq.sources[i].watermark
		}
		for _, st := range t.stages[1:] {
			st.epoch = j.seq.epoch
		}
		for _, i := range t.insts {
			i.enter(j.seq.epoch)
		}
	}
	errs := make([]error, len(j.tasks))
	var wg sync.WaitGroup
	for i, t := range j.tasks {
		wg.Add(1)
		go func() {
			defer wg.Done()
			errs[i] = t.restore(j.store, last, over)
		}()
	}
	wg.Wait()
	return errors.Join(errs...)
}

// GrownInputError says that the input of a finished job has grown, or that of one
// source of a job whose other sources go on.
type GrownInputError struct {
	Source, What string
	Finished     bool // the job is
}

// Error implements error.
func (e *GrownInputError) Error() string {
	end := "it was read to its end"
	if e.Finished {
		end = "the job is finished"
	}
	return fmt.Sprintf("source %s: %s, but since then its input has grown: %s\n"+
		"  hint: the end of a bounded input closes all windows for good; run with --end hold from the start if more is to come", e.Source, end, e.What)
}

// checkGrown gives an error if a source that has ended for good has new input.
func (s *source) checkGrown(ctx context.Context, finished bool) error {
	g, ok := s.conn.(connectors.Growable)
	if !ok {
		return nil
	}
	for _, sp := range s.splits {
		what, err := g.Grown(ctx, connectors.Split{ID: sp.id, Bounded: sp.bounded}, sp.offset)
		if err != nil {
			return s.fail(err)
		}
		if what != "" {
			return &GrownInputError{s.scan.Source, what, finished}
		}
	}
	return nil
}

// buildTasks makes every shard's operators and wires them up.
func (j *attempt) buildTasks() error {
	progs, err := compile(j.plan)
	if err != nil {
		return err
	}
	for k := range j.layout.Shards {
		t := &task{
			job: j, shard: k, alloc: j.alloc, inbox: newInbox(),
			inputs:   make([]*input, len(j.graph.exchanges)),
			channels: make([][]*channel, len(j.graph.exchanges)),
			senders:  make([][]*sender, j.graph.levels),
			roots:    make([][]target, len(j.seq.sources)),
			bundles:  make([]*bundle, j.layout.Shards),
			ended:    make([]bool, len(j.seq.sources)),
		}
		if j.cfg.Measure {
			t.profile = newProfile(len(j.plan.Nodes))
		}
		for _, s := range j.seq.sources {
			t.marks = append(t.marks, op.MinTime)
			var w *watermarker
			if s.wmark != nil {
				w = &watermarker{eval: s.wmark.NewEvaluator(t.alloc)}
			}
			t.wms = append(t.wms, w)
		}
		j.tasks = append(j.tasks, t)
		if err := t.build(progs); err != nil {
			return err
		}
	}
	return nil
}

// build makes the operators of a shard.
func (t *task) build(progs map[int]*expr.Program) error {
	g := t.job.graph
	mains := make([]*inst, len(g.plan.Nodes))
	pres := make([]*inst, len(g.plan.Nodes))
	keys := make([]preKeys, len(g.plan.Nodes))
	t.hasPre = make([]bool, len(g.plan.Nodes))
	for _, n := range g.plan.Nodes {
		if _, ok := n.Op.(*planner.Exchange); ok || isSource(n.Op) {
			continue
		}
		b, err := t.operator(n, progs[n.ID])
		if err != nil {
			return fmt.Errorf("%s: %w", n.Detail, err)
		}
		if b.pre != nil {
			level := g.portLevel(planner.Edge{From: n, Port: planner.LatePort})
			pres[n.ID] = t.newInst(n, b.pre, b.preCtx, level)
			pres[n.ID].pre = true
			t.hasPre[n.ID] = true
			keys[n.ID] = b.preKeys
		}
		mains[n.ID] = t.newInst(n, b.main, b.ctx, g.level[n.ID])
	}
	for _, n := range g.plan.Nodes {
		for _, e := range g.edges[n.ID] {
			to, err := t.wire(e, mains, pres, keys)
			if err != nil {
				return err
			}
			switch {
			case isSource(n.Op):
				t.addRoot(n, to)
			case e.port == planner.LatePort && pres[n.ID] != nil:
				pres[n.ID].outs[e.port] = append(pres[n.ID].outs[e.port], to)
			default:
				mains[n.ID].outs[e.port] = append(mains[n.ID].outs[e.port], to)
			}
		}
	}
	t.makeStages()
	// Operators run and freeze with the inputs first: pres stand right before
	// their mains, which is the order in which they were made.
	sort.SliceStable(t.insts, func(a, b int) bool { return t.insts[a].level < t.insts[b].level })
	return nil
}

func (t *task) addRoot(n *planner.Node, to target) {
	for i, s := range t.job.seq.sources {
		if s.node == n {
			t.roots[i] = append(t.roots[i], to)
		}
	}
}

func (t *task) newInst(n *planner.Node, o op.Operator, ctx *op.Context, level int) *inst {
	i := &inst{node: n, oper: o, ctx: ctx, level: level, total: op.Counters{}, open: map[uint64]op.Counters{}, profile: t.profile}
	i.enter(t.job.seq.epoch)
	if c, ok := o.(op.Clocked); ok && c.Period() > 0 {
		t.clocked = true
	}
	t.insts = append(t.insts, i)
	return i
}

// wire makes the target of an edge: the consumer itself, the half of it that
// runs before its exchange, or an exchange.
func (t *task) wire(e edge, mains, pres []*inst, keys []preKeys) (target, error) {
	main, pre := mains[e.to.ID], pres[e.to.ID]
	if e.exchange == nil {
		if pre != nil {
			pre.outs[planner.MainPort] = append(pre.outs[planner.MainPort], inputOf{main, e.input})
			return inputOf{pre, e.input}, nil
		}
		return inputOf{main, e.input}, nil
	}
	x := e.exchange
	cols, xkeys := types(x.from.Cols), x.keys
	if x.pre {
		cols, xkeys = keys[e.to.ID].types, keys[e.to.ID].keys
	}
	s, err := newSender(x, t, cols, xkeys)
	if err != nil {
		return nil, err
	}
	t.senders[x.level] = append(t.senders[x.level], s)
	t.inputs[x.index] = &input{target: inputOf{main, e.input}, x: x, mark: op.MinTime}
	if x.level > 0 {
		for from := range t.job.layout.Shards {
			ch := &channel{exchange: x, from: from, level: t.job.graph.level[x.to.ID], mark: op.MinTime}
			t.channels[x.index] = append(t.channels[x.index], ch)
			t.inbox.chans = append(t.inbox.chans, ch)
		}
	}
	if x.pre {
		pre.outs[planner.MainPort] = append(pre.outs[planner.MainPort], s)
		return inputOf{pre, e.input}, nil
	}
	return s, nil
}

// makeStages sets up the barriers of the levels above 0.
func (t *task) makeStages() {
	t.stages = make([]*stage, t.job.graph.levels)
	for l := 1; l < len(t.stages); l++ {
		st := &stage{level: l, epoch: t.job.seq.epoch}
		for _, x := range t.job.graph.exchanges {
			if t.job.graph.level[x.to.ID] != l {
				continue
			}
			if x.level == 0 {
				st.fed = true
			}
			st.chans = append(st.chans, t.channels[x.index]...)
		}
		st.waiting = len(st.chans)
		if st.fed {
			st.waiting++
		}
		t.stages[l] = st
	}
}

// close releases the shard's operators.
func (t *task) close() {
	for _, i := range t.insts {
		i.oper.Close()
	}
}
