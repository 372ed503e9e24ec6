package builtin

import (
	"testing"
	"time"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors"
	"github.com/streamsql/streamsql/connectors/connectortest"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/internal/clock"
)

// The generators are sources like any other.
func TestGenerators(t *testing.T) {
	r, err := Registry(memory.NewStore())
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		name    string
		options map[string]string
		fields  []catalog.Field
	}{
		{"nexmark", map[string]string{"events.num": "200", "splits": "2"}, nil},
		{"datagen", map[string]string{"number-of-rows": "300", "rows-per-second": "0", "splits": "3"}, []catalog.Field{{Name: "a", Type: catalog.Int}, {Name: "b", Type: catalog.String}}},
	} {
		t.Run(test.name, func(t *testing.T) {
			c, err := r.Connector(test.name)
			if err != nil {
				t.Fatal(err)
			}
			options, errs := catalog.CheckOptions(c.Spec, r, test.options, true)
			if errs != nil {
				t.Fatal(errs)
			}
			if test.fields == nil {
				if test.fields, err = c.Spec.Source.Columns(options); err != nil {
					t.Fatal(err)
				}
			}
			cfg := connectors.SourceConfig{Name: "s", Options: options, Declared: test.fields}
			for _, f := range test.fields {
				cfg.Columns = append(cfg.Columns, connectors.ScanColumn{Name: f.Name, Type: f.Type, NotNull: f.NotNull})
			}
			connectortest.TestSource(t, connectortest.SourceTest{
				Open: func(t testing.TB) connectors.Source {
					s, err := c.OpenSource(cfg, connectors.Env{Clock: clock.NewVirtual(time.Unix(1_700_000_000, 0))})
					if err != nil {
						t.Fatal(err)
					}
					return s
				},
				Columns: cfg.Columns,
			})
		})
	}
}
