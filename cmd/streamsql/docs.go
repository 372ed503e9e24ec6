package main

import (
	"bytes"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/builtin"
	"github.com/streamsql/streamsql/connectors/memory"
	"github.com/streamsql/streamsql/exec/agg"
	"github.com/streamsql/streamsql/exec/expr"
)

// docsCommand writes the pages that are made from the descriptions of
// connectors, settings and functions. It is for this repository, so --help does
// not show it.
func docsCommand() *cobra.Command {
	return &cobra.Command{
		Use: "docs DIR", Short: "Write the generated pages of the documentation", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			pages, err := generatedPages()
			if err != nil {
				return err
			}
			for name, text := range pages {
				file := filepath.Join(args[0], filepath.FromSlash(name))
				if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
					return err
				}
				if err := os.WriteFile(file, text, 0o644); err != nil {
					return err
				}
			}
			return nil
		},
	}
}

// generatedPages makes the pages, by path below docs/.
func generatedPages() (map[string][]byte, error) {
	var conns, functions, aggregates, settings bytes.Buffer
	if err := writeConnectors(&conns); err != nil {
		return nil, err
	}
	if err := expr.WriteReference(&functions, expr.Functions().All()); err != nil {
		return nil, err
	}
	if err := writeAggregates(&aggregates); err != nil {
		return nil, err
	}
	writeSettings(&settings)
	return map[string][]byte{
		"connectors.md": conns.Bytes(), "sql/functions.md": functions.Bytes(),
		"sql/aggregates.md": aggregates.Bytes(), "sql/settings.md": settings.Bytes(),
	}, nil
}

// writeAggregates writes the aggregate functions as the reference of functions
// writes its own, under another introduction.
func writeAggregates(w io.Writer) error {
	var b bytes.Buffer
	if err := expr.WriteReference(&b, agg.Functions()); err != nil {
		return err
	}
	_, list, _ := strings.Cut(b.String(), "\n## ")
	_, err := fmt.Fprintf(w, `# Aggregate functions

This page is generated from the functions' own descriptions.

Aggregates stand in SELECT, HAVING and ORDER BY of a query with GROUP BY or of one without, which is a single group.
A row whose argument is NULL does not count. f(DISTINCT x) takes each value once, f(x) FILTER (WHERE condition) only
the rows for which the condition holds. No result depends on how rows were spread over cores, nor on their order, save
that of the functions that say so: f(x ORDER BY y) gives them one, as f(x) WITHIN GROUP (ORDER BY y) does. All but
APPROX_COUNT_DISTINCT take rows back, so they can stand over a query that updates.

Programs that embed the engine can add aggregate functions of their own, written in Go: streamsql.AggregateFunc.
The engine keeps the rows of a group for them, or, where they can add, merge and store it, a state of theirs.

## %s`, list)
	return err
}

// writeSettings writes the keys of SET.
func writeSettings(w io.Writer) {
	fmt.Fprint(w, `# Settings

This page is generated from the settings' own descriptions.

A setting is given in a script (`+"`SET 'commit.interval' = '200ms';`"+`), by its flag (`+"`--commit-interval 200ms`"+`) or as
`+"`--set commit.interval=200ms`"+`; the script wins. `+"`SET;`"+` lists all, `+"`RESET 'key';`"+` brings one back to its default.
Durations are written as 50ms, 5 s, 1 min, 2 h. A setting of a *job* holds for all INSERTs of a script, which are one
job: changing it between two INSERTs is an error.

| Key | Flag | Type | Default | Of | Meaning |
|---|---|---|---|---|---|
`)
	for _, s := range catalog.SettingSpecs() {
		scope := "job"
		if s.Scope == catalog.SessionSetting {
			scope = "session"
		}
		doc := s.Doc
		if len(s.Aliases) > 0 {
			doc += " Flink's name for it: `" + strings.Join(s.Aliases, "`, `") + "`."
		}
		fmt.Fprintf(w, "| `%s` | `--%s` | %s | %s | %s | %s |\n", s.Name, s.Flag, typeOf(s.OptionSpec), code(s.Default), scope, cell(doc))
	}
	fmt.Fprint(w, `
Settings of Flink that have no counterpart are accepted with a warning that they have no effect; any other unknown key is
an error.
`)
}

// writeConnectors writes the reference of connectors and formats.
func writeConnectors(w io.Writer) error {
	r, err := builtin.Registry(memory.NewStore())
	if err != nil {
		return err
	}
	fmt.Fprint(w, `# Connectors and formats

This page is generated from the connectors' own descriptions.

A connector is named in the WITH clause of CREATE SOURCE, CREATE SINK or CREATE TABLE. Unknown options are errors, with
a suggestion. Durations are written as 50ms, 5 s, 1 min, 2 h; sizes as 64kb, 128 mb, 1gb (powers of 1024); times as
yyyy-MM-dd HH:mm:ss.

`)
	var names []string
	for _, n := range r.Names() {
		if c, _ := r.Lookup(n); c.Name == n {
			names = append(names, n)
			fmt.Fprintf(w, "- [%s](#%s): %s\n", n, n, uses(c))
		}
	}
	fmt.Fprint(w, "\nFormats, for connectors that carry text:\n\n")
	for _, n := range r.FormatNames() {
		if f, _ := r.LookupFormat(n); f.Name == n {
			fmt.Fprintf(w, "- [%s](#format-%s)\n", n, n)
		}
	}
	fmt.Fprint(w, `
## Options of every source

| Option | Type | Default | Meaning |
|---|---|---|---|
`)
	for _, o := range catalog.CommonSourceOptions() {
		writeOption(w, o, false)
	}
	fmt.Fprint(w, `
## Options of every sink

| Option | Type | Default | Meaning |
|---|---|---|---|
`)
	for _, o := range catalog.CommonSinkOptions() {
		writeOption(w, o, false)
	}
	for _, n := range names {
		c, _ := r.Lookup(n)
		writeConnector(w, c)
	}
	for _, n := range r.FormatNames() {
		f, _ := r.LookupFormat(n)
		if f.Name != n {
			continue // an alias
		}
		fmt.Fprintf(w, "\n## Format %s\n\n%s Its options have the prefix `%s.`.", f.Name, f.Doc, f.Name)
		if len(f.Aliases) > 0 {
			fmt.Fprintf(w, " Also called %s.", strings.Join(f.Aliases, ", "))
		}
		fmt.Fprintln(w)
		writeOptions(w, f.Options, f.Name+".", true)
		writeMetadata(w, f.Metadata, catalog.FormatMetadata)
	}
	return nil
}

// writeMetadata writes a table of metadata columns, whose names begin with prefix.
func writeMetadata(w io.Writer, columns []catalog.MetadataColumn, prefix string) {
	if len(columns) == 0 {
		return
	}
	fmt.Fprint(w, "\n| Metadata column | Type | Meaning |\n|---|---|---|\n")
	for _, m := range columns {
		fmt.Fprintf(w, "| `%s%s` | %s | %s |\n", prefix, m.Name, m.Type, cell(m.Doc))
	}
}

func uses(c *catalog.ConnectorSpec) string {
	switch {
	case c.Source != nil && c.Sink != nil:
		return "source and sink"
	case c.Source != nil:
		return "source"
	}
	return "sink"
}

func writeConnector(w io.Writer, c *catalog.ConnectorSpec) {
	fmt.Fprintf(w, "\n## %s\n\n%s", c.Name, c.Doc)
	if len(c.Aliases) > 0 {
		fmt.Fprintf(w, " Also called %s.", strings.Join(c.Aliases, ", "))
	}
	fmt.Fprint(w, "\n\n")
	defaults := catalog.Options{}
	for _, o := range c.Options {
		if o.Default != "" {
			defaults[o.Name] = o.Default
		}
	}
	if s := c.Source; s != nil {
		bounded := "without end"
		if s.Bounded(defaults) {
			bounded = "bounded"
		}
		fmt.Fprintf(w, "- As a source: replayable from any record; %s with the default options", bounded)
		if len(s.Formats) > 0 {
			fmt.Fprintf(w, "; formats %s", strings.Join(s.Formats, ", "))
		}
		if s.Lookup != nil {
			fmt.Fprint(w, "; [looks keys up](sql/lookup.md)")
		}
		fmt.Fprint(w, ".\n")
	}
	if s := c.Sink; s != nil {
		guarantee := [...]string{"exactly once", "at least once", "no guarantee over a crash"}[s.Guarantee(defaults)]
		takes := [...]string{"new rows only (append)", "updates by primary key (upsert)", "all changes (retract)"}
		fmt.Fprintf(w, "- As a sink: %s; takes %s", guarantee, takes[s.Accepts(defaults, false)])
		if with := s.Accepts(defaults, true); with != s.Accepts(defaults, false) {
			fmt.Fprintf(w, ", with a PRIMARY KEY %s", takes[with])
		}
		if len(s.Formats) > 0 {
			fmt.Fprintf(w, "; formats %s", strings.Join(s.Formats, ", "))
		}
		fmt.Fprint(w, ".\n")
	}
	writeOptions(w, c.Options, "", c.Source != nil && c.Sink != nil)
	if c.Source != nil {
		writeMetadata(w, c.Source.Metadata, "")
	}
}

// writeOptions writes a table of options; both: say what they are of.
func writeOptions(w io.Writer, options []catalog.OptionSpec, prefix string, both bool) {
	if len(options) == 0 {
		return
	}
	fmt.Fprint(w, "\n| Option | Type | Default | Meaning |\n|---|---|---|---|\n")
	for _, o := range options {
		if o.Refused != "" {
			continue
		}
		o.Name = prefix + o.Name
		writeOption(w, o, both)
	}
}

func writeOption(w io.Writer, o catalog.OptionSpec, both bool) {
	def := code(o.Default)
	if o.Required {
		def = "**required**"
	}
	doc := o.Doc
	if both && o.Source != o.Sink {
		doc = map[bool]string{true: "Source: ", false: "Sink: "}[o.Source] + doc
	}
	if len(o.Aliases) > 0 {
		doc += " Also called `" + strings.Join(o.Aliases, "`, `") + "`."
	}
	fmt.Fprintf(w, "| `%s` | %s | %s | %s |\n", o.Name, typeOf(o), def, cell(doc))
}

// typeOf names an option's type, or lists its values.
func typeOf(o catalog.OptionSpec) string {
	if o.Type == catalog.OptionEnum {
		values := slices.Clone(o.Values)
		for i := range values {
			values[i] = code(values[i])
		}
		return strings.Join(values, ", ")
	}
	return [...]string{"text", "integer", "true or false", "number", "duration", "size", "", "time"}[o.Type]
}

func code(s string) string {
	if s == "" {
		return ""
	}
	return "`" + cell(s) + "`"
}

// cell makes a text fit for a cell of a Markdown table.
func cell(s string) string {
	return strings.NewReplacer("|", `\|`, "\n", " ", "<", "&lt;").Replace(s)
}
