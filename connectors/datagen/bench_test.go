package datagen

import (
	"testing"

	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
)

// BenchmarkColumns makes the columns of 8,192 rows on one core.
func BenchmarkColumns(b *testing.B) {
	for _, c := range []struct {
		name    string
		fields  []catalog.Field
		options catalog.Options
	}{
		{"bigint", []catalog.Field{{Name: "c", Type: catalog.BigInt}}, nil},
		{"sequence", []catalog.Field{{Name: "c", Type: catalog.BigInt}}, catalog.Options{"fields.c.kind": "sequence", "fields.c.start": "0", "fields.c.end": "1000000000000"}},
		{"timestamp", []catalog.Field{{Name: "c", Type: catalog.Timestamp3}}, nil},
		{"decimal", []catalog.Field{{Name: "c", Type: catalog.Decimal(38, 2)}}, nil},
		{"string16", []catalog.Field{{Name: "c", Type: catalog.String}}, catalog.Options{"fields.c.length": "16"}},
		{"array3", []catalog.Field{{Name: "c", Type: catalog.ArrayOf(catalog.Int)}}, nil},
		{"map3", []catalog.Field{{Name: "c", Type: catalog.MapOf(catalog.Int, catalog.Int)}}, nil},
	} {
		b.Run(c.name, func(b *testing.B) {
			g := newGenerator(b, c.fields, c.options)
			b.ReportAllocs()
			const count = 8192
			first := int64(0)
			for b.Loop() {
				for _, a := range g.Columns(memory.DefaultAllocator, first, 1, count) {
					a.Release()
				}
				first += count
			}
			b.ReportMetric(float64(b.N*count)/b.Elapsed().Seconds()/1e6, "Mrows/s")
		})
	}
}
