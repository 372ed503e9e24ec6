package connectors

import (
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// Connector is one way to read or write the outside world: its description,
// which the planner checks statements against, and what opens it.
type Connector struct {
	Spec *catalog.ConnectorSpec
	// OpenSource makes a source of checked options; nil if the connector can't
	// be read. It does no I/O.
	OpenSource func(cfg SourceConfig, env Env) (Source, error)
	// Infer gives the columns of a source of checked options that declares none; nil
	// (or no columns): they must be declared. It reads what it needs for that.
	Infer func(o catalog.Options, env Env) ([]catalog.Field, error)
	// OpenLookup makes what looks rows up by key; nil if the connector can't, else
	// Spec.Source.Lookup says for which options. It does no I/O: Lookup.Open does.
	OpenLookup func(cfg LookupConfig, env Env) (Lookup, error)
	// Reread makes the decoder of the source's dead letters, for REPLAY; nil: they
	// can't be read again. It does no I/O.
	Reread func(cfg SourceConfig, env Env) (Rereader, error)
	// OpenSink makes a sink; nil if the connector can't be written. It does no
	// I/O: Sink.Open does.
	OpenSink func(cfg SinkConfig, env Env) (Sink, error)
}

// Registry holds the connectors and formats that a script may name. It is a
// value: every engine has its own. It is filled before use and not locked.
type Registry struct {
	connectors map[string]*Connector // by lower-case name and alias
	formats    map[string]*catalog.ConnectorSpec
}

var _ catalog.Connectors = (*Registry)(nil)

// NewRegistry makes an empty registry.
func NewRegistry() *Registry {
	return &Registry{connectors: map[string]*Connector{}, formats: map[string]*catalog.ConnectorSpec{}}
}

// Register adds a connector. A name or alias that is taken, or a description
// that promises what the connector can't do, is an error.
func (r *Registry) Register(c Connector) error {
	if c.Spec == nil || c.Spec.Name == "" {
		return fmt.Errorf("connector without a name")
	}
	if (c.Spec.Source != nil) != (c.OpenSource != nil) || (c.Spec.Sink != nil) != (c.OpenSink != nil) {
		return fmt.Errorf("connector '%s': its description and its functions disagree on reading or writing", c.Spec.Name)
	}
	if (c.Spec.Source != nil && c.Spec.Source.Lookup != nil) != (c.OpenLookup != nil) {
		return fmt.Errorf("connector '%s': its description and its functions disagree on lookups", c.Spec.Name)
	}
	return enter(r.connectors, "connector", c.Spec, &c)
}

// RegisterFormat adds the description of a format.
func (r *Registry) RegisterFormat(spec *catalog.ConnectorSpec) error {
	return enter(r.formats, "format", spec, spec)
}

func enter[T any](m map[string]T, what string, spec *catalog.ConnectorSpec, value T) error {
	names := append([]string{spec.Name}, spec.Aliases...)
	for _, n := range names {
		if _, taken := m[strings.ToLower(n)]; taken {
			return fmt.Errorf("%s '%s' is registered already", what, n)
		}
	}
	for _, n := range names {
		m[strings.ToLower(n)] = value
	}
	return nil
}

// Connector gives a connector by name or alias, or an error that suggests one.
func (r *Registry) Connector(name string) (*Connector, error) {
	if c, ok := r.connectors[strings.ToLower(name)]; ok {
		return c, nil
	}
	if s := catalog.Suggest(name, r.Names()); s != "" {
		return nil, fmt.Errorf("unknown connector '%s'; did you mean '%s'?", name, s)
	}
	return nil, fmt.Errorf("unknown connector '%s'; there are %s", name, strings.Join(r.Names(), ", "))
}

// Lookup implements catalog.Connectors.
func (r *Registry) Lookup(name string) (*catalog.ConnectorSpec, bool) {
	c, ok := r.connectors[strings.ToLower(name)]
	if !ok {
		return nil, false
	}
	return c.Spec, true
}

// LookupFormat implements catalog.Connectors.
func (r *Registry) LookupFormat(name string) (*catalog.ConnectorSpec, bool) {
	f, ok := r.formats[strings.ToLower(name)]
	return f, ok
}

// Names implements catalog.Connectors.
func (r *Registry) Names() []string { return sortedKeys(r.connectors) }

// FormatNames implements catalog.Connectors.
func (r *Registry) FormatNames() []string { return sortedKeys(r.formats) }

func sortedKeys[T any](m map[string]T) []string {
	names := make([]string, 0, len(m))
	for n := range m {
		names = append(names, n)
	}
	slices.Sort(names)
	return names
}
