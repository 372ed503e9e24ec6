package console

import (
	"context"
	"fmt"
	"sync"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/array"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
)

const (
	optTruncate = "truncate"
	optNumRows  = "num-rows"
)

// Connector gives the connector 'console'.
func Connector() connectors.Connector {
	return connectors.Connector{
		Spec: &catalog.ConnectorSpec{
			Name:    "console",
			Aliases: []string{"print"},
			Doc:     "Writes rows to standard output.",
			Options: []catalog.OptionSpec{
				{Name: catalog.FormatOption, Type: catalog.OptionEnum, Values: Formats(), Default: "table", Sink: true, Doc: "How rows are written: table, json, csv or tsv."},
				{Name: optTruncate, Type: catalog.OptionInt, Default: "80", Sink: true, Doc: "Cut the cells of a table to so many characters; 0: never."},
				{Name: optNumRows, Type: catalog.OptionInt, Default: "0", Sink: true, Doc: "Show so many rows of each micro-batch, then how many more there were; 0: all."},
			},
			Sink: &catalog.SinkSpec{
				Accepts:   func(catalog.Options, bool) catalog.ChangelogMode { return catalog.RetractMode },
				Guarantee: func(catalog.Options) catalog.Guarantee { return catalog.AtLeastOnce },
				Single:    true,
			},
		},
		OpenSink: newSink,
	}
}

// sink writes rows as they come. Batches with row kinds have them as the column
// `op`, unless the sink takes insertions only.
type sink struct {
	rows    *RowWriter
	out     connectors.Output
	numRows int

	mu     sync.Mutex
	shown  int // rows of the micro-batch
	hidden int
}

func newSink(cfg connectors.SinkConfig, env connectors.Env) (connectors.Sink, error) {
	if env.Stdout == nil {
		return nil, fmt.Errorf("console: there is no standard output")
	}
	style := Style{
		Format: cfg.Options[catalog.FormatOption], Truncate: int(cfg.Options.Int(optTruncate)),
		Kinds: cfg.Mode != catalog.AppendOnly,
	}
	rows, err := NewRowWriter(env.Stdout, style, cfg.Columns)
	if err != nil {
		return nil, err
	}
	return &sink{rows: rows, out: env.Stdout, numRows: int(cfg.Options.Int(optNumRows))}, nil
}

// Open implements connectors.Sink.
func (*sink) Open(context.Context, connectors.SinkIdentity) error { return nil }

// Write implements connectors.Sink.
func (s *sink) Write(_ context.Context, _ uint64, _ int, b *connectors.Batch) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.numRows > 0 && s.shown+b.N > s.numRows {
		show := s.numRows - s.shown
		s.hidden += b.N - show
		b = head(b, show)
		defer func() {
			for _, c := range b.Cols {
				c.Release()
			}
		}()
	}
	s.shown += b.N
	return s.rows.Write(b)
}

// head gives the first n rows, with a reference to each column.
func head(b *connectors.Batch, n int) *connectors.Batch {
	h := &connectors.Batch{N: n, Cols: make([]arrow.Array, len(b.Cols))}
	for k, c := range b.Cols {
		h.Cols[k] = array.NewSlice(c, 0, int64(n))
	}
	if b.Kinds != nil {
		h.Kinds = b.Kinds[:n]
	}
	return h
}

// Prepare implements connectors.Sink.
func (s *sink) Prepare(context.Context, uint64) ([]byte, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	hidden := s.hidden
	s.shown, s.hidden = 0, 0
	if hidden == 0 || s.rows.style.Format != "table" {
		return nil, nil
	}
	_, err := fmt.Fprintf(s.out, "... %d more rows\n", hidden)
	return nil, err
}

// Commit implements connectors.Sink.
func (*sink) Commit(context.Context, uint64, []byte) error { return nil }

// Abort implements connectors.Sink: what is shown is shown.
func (*sink) Abort(context.Context, uint64) error { return nil }

// Close implements connectors.Sink.
func (s *sink) Close(_ context.Context, finished bool) error {
	if !finished {
		return nil
	}
	return s.rows.Close()
}
