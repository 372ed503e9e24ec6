package parser

import (
	"strings"
	"testing"
)

// BenchmarkParse reads the scripts of testdata, about 500 lines.
func BenchmarkParse(b *testing.B) {
	var text strings.Builder
	for _, pattern := range []string{"nexmark/*.sql", "flink/*.sql"} {
		for _, t := range readFiles(b, pattern) {
			text.WriteString(t + "\n;\n")
		}
	}
	src := NewSource("", text.String())
	b.SetBytes(int64(len(src.Text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkInList reads one expression with 10,000 operands.
func BenchmarkInList(b *testing.B) {
	src := NewSource("", "SELECT a IN ("+strings.Repeat("'abc', ", 9999)+"'x')")
	b.SetBytes(int64(len(src.Text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Parse(src); err != nil {
			b.Fatal(err)
		}
	}
}
