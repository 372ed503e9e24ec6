package sql

import (
	"context"
	"errors"
	"maps"
	"slices"
	"sync"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

// outside is the world that the sinks of a job write to. It outlives a crash:
// what is prepared is durable, what is only written is not.
type outside struct {
	mu    sync.Mutex
	dead  bool // a crash was taken here: whoever still writes is a ghost
	sinks map[string]*captured
}

// captured is what a sink has got.
type captured struct {
	cols     []catalog.Field
	key      []int
	mode     catalog.ChangelogMode
	written  map[uint64][]change // by epoch
	prepared map[uint64][]change
	shown    map[uint64][]change
	last     uint64 // the last epoch shown
}

// change is one row of a changelog.
type change struct {
	kind  catalog.RowKind
	cells []string
}

func newOutside() *outside { return &outside{sinks: map[string]*captured{}} }

// crash gives the world as a crash leaves it, and lets nobody write to o any more.
func (o *outside) crash() *outside {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.dead = true
	c := newOutside()
	for name, s := range o.sinks {
		c.sinks[name] = &captured{
			cols: s.cols, key: s.key, mode: s.mode, last: s.last,
			written: map[uint64][]change{}, prepared: maps.Clone(s.prepared), shown: maps.Clone(s.shown),
		}
	}
	return c
}

// commits gives what a sink has shown, by ascending epoch.
func (o *outside) commits(name string) (epochs []uint64, shown map[uint64][]change) {
	o.mu.Lock()
	defer o.mu.Unlock()
	s := o.sinks[name]
	if s == nil {
		return nil, nil
	}
	return slices.Sorted(maps.Keys(s.shown)), maps.Clone(s.shown)
}

var errDead = errors.New("written by a run that was killed")

// connector is the 'capture' connector: a staging sink whose rows are texts.
func (o *outside) connector() connectors.Connector {
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name: "capture", Doc: "The rows that a golden test gives.",
			Options: []catalog.OptionSpec{
				{Name: "mode", Type: catalog.OptionEnum, Values: []string{"auto", "append", "upsert", "retract"}, Default: "auto", Sink: true, Doc: "changes it takes"},
				{Name: "refuse", Sink: true, Doc: "rows with such a value are refused"},
			},
			Sink: &catalog.SinkSpec{
				Accepts: func(o catalog.Options, key bool) catalog.ChangelogMode {
					switch mode := o["mode"]; {
					case mode == "append":
						return catalog.AppendOnly
					case mode == "upsert" || mode == "auto" && key:
						return catalog.UpsertMode
					}
					return catalog.RetractMode
				},
				Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.ExactlyOnce },
			},
		},
		OpenSink: func(cfg connectors.SinkConfig, _ connectors.Env) (connectors.Sink, error) {
			return &captureSink{o: o, cfg: cfg}, nil
		},
	}
}

type captureSink struct {
	o   *outside
	cfg connectors.SinkConfig
	s   *captured
}

// Open implements connectors.Sink.
func (c *captureSink) Open(_ context.Context, id connectors.SinkIdentity) error {
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	c.s = c.o.sinks[c.cfg.Name]
	if c.s == nil {
		c.s = &captured{
			cols: c.cfg.Columns, key: c.cfg.PrimaryKey, mode: c.cfg.Mode,
			written: map[uint64][]change{}, prepared: map[uint64][]change{}, shown: map[uint64][]change{},
		}
		c.o.sinks[c.cfg.Name] = c.s
	}
	return nil
}

// Write implements connectors.Sink.
func (c *captureSink) Write(_ context.Context, epoch uint64, _ int, b *connectors.Batch) error {
	rows := changes(b.N, b.Cols, b.Kinds, func(i int) catalog.Type { return c.cfg.Columns[i].Type })
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	if c.o.dead {
		return errDead
	}
	if epoch <= c.s.last {
		return errors.New("rows for an epoch that is committed")
	}
	var refused connectors.RefusedRows
	for i, row := range rows {
		at := -1
		if refuse := c.cfg.Options["refuse"]; refuse != "" {
			at = slices.Index(row.cells, refuse)
		}
		if at < 0 {
			c.s.written[epoch] = append(c.s.written[epoch], row)
			continue
		}
		refused.Rows = append(refused.Rows, connectors.RefusedRow{Row: i, Code: "CONSTRAINT", Column: c.cfg.Columns[at].Name, Detail: row.cells[at] + " is refused"})
	}
	if refused.Rows != nil {
		return &refused
	}
	return nil
}

// Prepare implements connectors.Sink.
func (c *captureSink) Prepare(_ context.Context, epoch uint64) ([]byte, error) {
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	if c.o.dead {
		return nil, errDead
	}
	rows := c.s.written[epoch]
	delete(c.s.written, epoch)
	if len(rows) == 0 {
		return nil, nil
	}
	c.s.prepared[epoch] = rows
	return []byte("intent"), nil
}

// Commit implements connectors.Sink.
func (c *captureSink) Commit(_ context.Context, epoch uint64, intent []byte) error {
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	if c.o.dead {
		return connectors.Fatal(errDead)
	}
	if len(intent) == 0 || epoch <= c.s.last {
		return nil
	}
	rows, ok := c.s.prepared[epoch]
	if !ok {
		return connectors.Fatal(errors.New("commit of rows that are not there"))
	}
	delete(c.s.prepared, epoch)
	c.s.shown[epoch], c.s.last = rows, epoch
	return nil
}

// Abort implements connectors.Sink.
func (c *captureSink) Abort(_ context.Context, epoch uint64) error {
	c.o.mu.Lock()
	defer c.o.mu.Unlock()
	if c.o.dead {
		return errDead
	}
	beyond := func(e uint64, _ []change) bool { return e > epoch }
	maps.DeleteFunc(c.s.written, beyond)
	maps.DeleteFunc(c.s.prepared, beyond)
	return nil
}

// Close implements connectors.Sink.
func (c *captureSink) Close(context.Context, bool) error { return nil }
