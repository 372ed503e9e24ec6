package planner

import (
	"strings"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/parser"
)

// windowFunctions are the windows by the name of their function.
var windowFunctions = map[string]parser.WindowKind{
	"TUMBLE": parser.WindowTumble, "HOP": parser.WindowHop, "CUMULATE": parser.WindowCumulate, "SESSION": parser.WindowSession,
}

// windowKinds are the physical kinds.
var windowKinds = map[parser.WindowKind]WindowKind{
	parser.WindowTumble: TumbleWindow, parser.WindowHop: HopWindow,
	parser.WindowCumulate: CumulateWindow, parser.WindowSession: SessionWindow,
}

// windowTable binds TUMBLE(TABLE t, DESCRIPTOR(ts), ...) and its like.
func (b *binder) windowTable(w *parser.WindowTable) (rel, *scope, error) {
	in, sc, err := b.tableRef(w.Input)
	if err != nil {
		return nil, nil, err
	}
	if unsettled(in) {
		if in, err = b.settleJoins(in, nil, b.at(w)); err != nil {
			return nil, nil, err
		}
		sc.cols = in.cols()
	}
	x := &exprBinder{binder: b, scope: sc, clause: "DESCRIPTOR"}
	col, err := x.column(&parser.ColumnRef{Span: w.TimeColumn.Span, Parts: w.TimeColumn.Parts})
	if err != nil {
		return nil, nil, err
	}
	win, err := b.windowSizes(w.Kind, windowArgs{w.Size, w.Slide, w.Step, w.Gap, w.Offset}, b.at(w))
	if err != nil {
		return nil, nil, err
	}
	var partition []catalog.Expr
	for _, e := range w.PartitionBy {
		x := &exprBinder{binder: b, scope: sc, clause: "PARTITION BY"}
		key, err := x.bind(e)
		if err != nil {
			return nil, nil, err
		}
		partition = append(partition, key)
	}
	r, err := b.assignWindow(in, win, col, partition, b.at(w.TimeColumn), b.at(w))
	if err != nil {
		return nil, nil, err
	}
	var names []string
	if len(sc.tables) == 1 {
		names = sc.tables[0].names
	}
	if w.Alias != nil {
		return b.aliased(r, nil, w.Alias)
	}
	return r, tableScope(r.cols(), names...), nil
}

// assignWindow puts a windowRel over a relation; partition are the keys of
// sessions. The window's three columns come after those of the relation. A time
// attribute or key that is no column of the input gets one below the window.
func (b *binder) assignWindow(in rel, win Window, time catalog.Expr, partition []catalog.Expr, timePlace, where place) (rel, error) {
	if err := b.timeAttribute(in, time, timePlace); err != nil {
		return nil, err
	}
	win.Proc = derived(time, in.cols(), timePlace).time == processingTime
	visible := len(in.cols())
	exprs := refs(in.cols())
	names := make([]string, visible)
	for i, c := range in.cols() {
		names[i] = c.Name
	}
	column := func(e catalog.Expr, name string) int {
		if c, ok := e.(*catalog.ColumnRef); ok {
			return c.Index
		}
		exprs, names = append(exprs, e), append(names, name)
		return len(exprs) - 1
	}
	win.Time = column(time, "TIME$")
	for i, e := range partition {
		win.Partition = append(win.Partition, column(e, "KEY$"+itoa(i)))
	}
	if len(exprs) == visible {
		return newWindow(in, win, b.env.nextWindow(), where), nil
	}
	w := newWindow(project(in, exprs, names, where), win, b.env.nextWindow(), where)
	return withoutColumns(w, visible, len(exprs)), nil
}

// withoutColumns leaves columns from..to-1 of a relation out.
func withoutColumns(r rel, from, to int) rel {
	cols := r.cols()
	var exprs []catalog.Expr
	var names []string
	for i, c := range cols {
		if i < from || i >= to {
			exprs, names = append(exprs, ref(cols, i)), append(names, c.Name)
		}
	}
	return project(r, exprs, names, r.at())
}

// newWindow makes a windowRel.
func newWindow(in rel, win Window, id int, where place) *windowRel {
	cols := in.cols()
	t := cols[win.Time].Type
	if t.Kind == catalog.KindTimestampLTZ {
		win.Zone = zoneOf(win)
	} else {
		win.Zone = nil
	}
	out := append([]column(nil), cols...)
	if win.Kind == SessionWindow { // rows leave when their session closes, long after their time
		out = lostTime(out, "the SESSION at "+where.line())
	}
	out = append(out, windowColumns(t, id, win.Proc)...)
	return &windowRel{in: in, win: win, id: id, out: out, place: where}
}

const dayMicros = 86_400_000_000

// zoneOf keeps the zone where the windows are of whole days.
func zoneOf(win Window) *time.Location {
	if win.Size%dayMicros != 0 || win.Slide%dayMicros != 0 {
		return nil
	}
	return win.Zone
}

// windowColumns are the columns that a window adds, for a time attribute of a
// type: the bounds are of its kind, with milliseconds.
func windowColumns(t catalog.Type, id int, proc bool) []column {
	t.Precision = 3
	make := func(name string, role windowRole) column {
		return column{Column: Column{Name: name, Type: t, NotNull: true}, window: role, windowID: id, proc: proc}
	}
	cols := []column{make("window_start", windowStart), make("window_end", windowEnd), make("window_time", windowTime)}
	cols[2].time, cols[2].lag = eventTime, 999
	if proc {
		cols[2].time = processingTime
	}
	return cols
}

// timeAttribute checks that a window may be put over a column.
func (b *binder) timeAttribute(in rel, e catalog.Expr, where place) error {
	col := derived(e, in.cols(), where)
	name := where.text()
	switch {
	case col.time != noTime:
		if cause := updateCause(in); cause != nil {
			return where.errorf("a window over an input that updates is not possible; %s updates", operatorName(cause))
		}
		return nil
	case col.lost != "":
		return hint(where.errorf("`%s` is no longer a time attribute: it was lost at %s", name, col.lost), "put the window below that, or use a column that comes through unchanged")
	case !e.Type().IsTimestamp():
		return where.errorf("a window needs a time attribute, `%s` is %s", name, article(e.Type()))
	}
	return hint(where.errorf("`%s` is not a time attribute", name), "declare it in the source: WATERMARK FOR %s AS %s - INTERVAL '5' SECOND", name, name)
}

// asPlain turns a typed nil into nil.
func asPlain(err *parser.Error) error {
	if err != nil {
		return err
	}
	return nil
}

// operatorName names an operator in a message.
func operatorName(r rel) string {
	switch r := r.(type) {
	case *aggregateRel:
		if len(r.keys) == 0 {
			return "the aggregation at " + r.place.line()
		}
		return "the GROUP BY at " + r.place.line()
	case *rankRel:
		return "the " + r.what + " at " + r.place.line()
	case *overRel:
		return "the OVER at " + r.place.line()
	case *joinRel:
		return "the " + r.name() + " at " + r.place.line()
	case *scanRel:
		return "source `" + r.src.name + "`"
	case *normalizeRel:
		return "source `" + r.name + "`"
	case *unionRel:
		return "the UNION ALL at " + r.place.line()
	case *setRel:
		return "the " + r.op().String() + " at " + r.place.line()
	case *sortRel:
		return "the ORDER BY at " + r.place.line()
	case *expandRel:
		return "the GROUPING SETS at " + r.place.line()
	case *limitRel:
		return "the LIMIT at " + r.place.line()
	}
	return "the query at " + r.at().line()
}

// windowArgs are the sizes as written; those of other kinds are nil.
type windowArgs struct{ size, slide, step, gap, offset parser.Expr }

// windowSizes reads and checks the sizes of a window.
func (b *binder) windowSizes(kind parser.WindowKind, a windowArgs, where place) (Window, error) {
	win := Window{Kind: windowKinds[kind], Zone: b.env.zone}
	read := func(e parser.Expr, what string, positive bool, into *int64) error {
		if e == nil {
			return nil
		}
		us, err := b.constantSpan(e, what)
		if err != nil {
			return err
		}
		if positive && us <= 0 {
			return b.at(e).errorf("%s must be positive", what)
		}
		*into = us
		return nil
	}
	slide, slideName := a.slide, "the slide"
	if kind == parser.WindowCumulate {
		slide, slideName = a.step, "the step"
	}
	size, sizeName := a.size, "the window size"
	if kind == parser.WindowSession {
		size, sizeName = a.gap, "the session gap"
	}
	if err := read(size, sizeName, true, &win.Size); err != nil {
		return win, err
	}
	if err := read(slide, slideName, true, &win.Slide); err != nil {
		return win, err
	}
	if err := read(a.offset, "the offset", false, &win.Offset); err != nil {
		return win, err
	}
	switch kind {
	case parser.WindowHop:
		if win.Slide > win.Size {
			b.env.warn(hint(b.at(slide).errorf("the slide (%s) is greater than the size (%s): rows between two windows are in none", spanText(win.Slide), spanText(win.Size)), "HOP takes the slide first, then the size"))
		}
	case parser.WindowCumulate:
		if win.Size%win.Slide != 0 {
			return win, b.at(a.step).errorf("the size (%s) is no multiple of the step (%s)", spanText(win.Size), spanText(win.Slide))
		}
	}
	if period := max(win.Slide, 0); a.offset != nil {
		if period == 0 {
			period = win.Size
		}
		if kind == parser.WindowCumulate {
			period = win.Size
		}
		win.Offset = ((win.Offset % period) + period) % period
	}
	return win, nil
}

// constantSpan reads an expression that must be a constant interval of whole
// milliseconds.
func (b *binder) constantSpan(e parser.Expr, what string) (int64, error) {
	if n, ok := e.(*parser.NamedArg); ok {
		e = n.Value
	}
	x := &exprBinder{binder: b, scope: &scope{}, clause: "a window"}
	bound, err := x.bind(e)
	if err != nil {
		return 0, err
	}
	l, ok := bound.(*catalog.Literal)
	if ok && l.T.Kind == catalog.KindIntervalMonth {
		return 0, hint(b.at(e).errorf("%s can't be in months: they differ in length", what), "use days")
	}
	if !ok || l.T.Kind != catalog.KindIntervalDay || l.Value == nil {
		return 0, b.at(e).errorf("%s must be an INTERVAL such as INTERVAL '10' SECOND", what)
	}
	us := l.Value.(int64)
	if us%1000 != 0 {
		return 0, b.at(e).errorf("%s must be whole milliseconds", what)
	}
	return us, nil
}

// groupWindow is the window of GROUP BY TUMBLE(ts, ...): the function over the
// FROM columns, and its bounds.
type groupWindow struct {
	kind   parser.WindowKind
	text   string // of the arguments, for TUMBLE_START(ts, ...) to match
	bounds [3]catalog.Expr
	// A session needs all other keys before it can be put in.
	session *Window
	time    catalog.Expr
	places  [2]place // of the time attribute, and of the window
}

// groupWindow binds GROUP BY TUMBLE(ts, INTERVAL ...): a windowRel below the
// grouping, with both bounds as keys.
func (bl *block) groupWindow(a *aggregates, e *parser.Call, kind parser.WindowKind) error {
	if a.group != nil {
		return bl.at(e).errorf("GROUP BY has two windows")
	}
	args, err := groupWindowArgs(bl.binder, e, kind)
	if err != nil {
		return err
	}
	x := &exprBinder{binder: bl.binder, scope: bl.scope, clause: "GROUP BY"}
	col, err := x.bind(e.Args[0])
	if err != nil {
		return err
	}
	win, err := bl.windowSizes(kind, args, bl.at(e))
	if err != nil {
		return err
	}
	a.group = &groupWindow{kind: kind, text: argumentText(bl.src, e), places: [2]place{bl.at(e.Args[0]), bl.at(e)}}
	if kind == parser.WindowSession {
		a.group.session, a.group.time = &win, col
		return bl.timeAttribute(bl.in, col, a.group.places[0])
	}
	if bl.in, err = bl.assignWindow(bl.in, win, col, nil, a.group.places[0], a.group.places[1]); err != nil {
		return err
	}
	a.windowKeys()
	return nil
}

// windowKeys makes the bounds of the block's window, the last three columns of
// its input, keys.
func (a *aggregates) windowKeys() {
	cols := a.block.in.cols()
	for i := range a.group.bounds {
		a.group.bounds[i] = ref(cols, len(cols)-3+i)
	}
	for _, key := range a.group.bounds[:2] {
		a.keys, a.texts = append(a.keys, key), append(a.texts, exprKey(key))
	}
}

// sessionWindow puts the window of GROUP BY SESSION(ts, gap) in once all keys
// are known, which are what its sessions are told apart by.
func (a *aggregates) sessionWindow() error {
	if a.group == nil || a.group.session == nil {
		return nil
	}
	bl := a.block
	n := len(bl.in.cols())
	exprs := refs(bl.in.cols())
	var names []string
	for _, c := range bl.in.cols() {
		names = append(names, c.Name)
	}
	partition := make([]catalog.Expr, len(a.keys))
	for i, k := range a.keys {
		if _, ok := k.(*catalog.ColumnRef); !ok {
			exprs, names = append(exprs, k), append(names, "KEY$"+itoa(i))
		}
	}
	in := bl.in
	if len(exprs) > n {
		in = project(bl.in, exprs, names, a.group.places[1])
	}
	at := n
	for i, k := range a.keys {
		partition[i] = k
		if _, ok := k.(*catalog.ColumnRef); !ok {
			partition[i] = ref(in.cols(), at)
			at++
		}
	}
	w, err := bl.assignWindow(in, *a.group.session, a.group.time, partition, a.group.places[0], a.group.places[1])
	if err != nil {
		return err
	}
	bl.in = w
	// The keys are computed once, below; what stands in SELECT is known by its text.
	copy(a.keys, partition)
	a.windowKeys()
	return nil
}

// groupWindowArgs sorts the arguments of a group window: HOP(ts, slide, size).
func groupWindowArgs(b *binder, e *parser.Call, kind parser.WindowKind) (windowArgs, error) {
	sizes := map[parser.WindowKind]int{parser.WindowTumble: 1, parser.WindowHop: 2, parser.WindowCumulate: 2, parser.WindowSession: 1}[kind]
	if len(e.Args) < 1+sizes || len(e.Args) > 2+sizes {
		return windowArgs{}, hint(b.at(e).errorf("%s of GROUP BY takes a time attribute and %d interval(s)", kind, sizes), "%s",
			map[parser.WindowKind]string{parser.WindowTumble: "TUMBLE(ts, size)", parser.WindowHop: "HOP(ts, slide, size)",
				parser.WindowCumulate: "CUMULATE(ts, step, size)", parser.WindowSession: "SESSION(ts, gap)"}[kind])
	}
	var a windowArgs
	switch kind {
	case parser.WindowTumble:
		a.size = e.Args[1]
	case parser.WindowHop:
		a.slide, a.size = e.Args[1], e.Args[2]
	case parser.WindowCumulate:
		a.step, a.size = e.Args[1], e.Args[2]
	case parser.WindowSession:
		a.gap = e.Args[1]
	}
	if len(e.Args) == 2+sizes {
		a.offset = e.Args[1+sizes]
	}
	return a, nil
}

// argumentText is what stands between the parentheses of a call, in one form.
func argumentText(src *parser.Source, e *parser.Call) string {
	var parts []string
	for _, a := range e.Args {
		parts = append(parts, strings.ToLower(strings.Join(strings.Fields(src.Slice(a.Range())), " ")))
	}
	return strings.Join(parts, ", ")
}

// windowBoundName splits TUMBLE_START and its like into window and bound.
func windowBoundName(name string) (kind parser.WindowKind, bound int, ok bool) {
	window, part, found := strings.Cut(name, "_")
	kind, known := windowFunctions[window]
	if !found || !known {
		return 0, 0, false
	}
	switch part {
	case "START":
		return kind, 0, true
	case "END":
		return kind, 1, true
	case "ROWTIME":
		return kind, 2, true
	}
	return 0, 0, false
}

// windowBound binds TUMBLE_START(ts, ...) in a block whose GROUP BY has that
// window.
func (a *aggregates) windowBound(x *exprBinder, e *parser.Call, name string) (catalog.Expr, bool, error) {
	kind, bound, ok := windowBoundName(name)
	if !ok || a.group == nil {
		return nil, false, nil
	}
	if kind != a.group.kind || argumentText(x.src, e) != a.group.text {
		return nil, true, hint(x.at(e).errorf("%s does not have the arguments of the window in GROUP BY", name), "%s(%s)", name, a.group.text)
	}
	return a.group.bounds[bound], true, nil
}
