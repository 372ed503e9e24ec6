package connectors

import (
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
)

func TestRegistry(t *testing.T) {
	open := func(SourceConfig, Env) (Source, error) { return nil, nil }
	spec := func(name string, aliases ...string) *catalog.ConnectorSpec {
		return &catalog.ConnectorSpec{Name: name, Aliases: aliases, Source: &catalog.SourceSpec{}}
	}
	r := NewRegistry()
	if err := r.Register(Connector{Spec: spec("kafka", "redpanda"), OpenSource: open}); err != nil {
		t.Fatal(err)
	}
	for _, bad := range []Connector{
		{}, {Spec: spec("")}, // no name
		{Spec: spec("Kafka"), OpenSource: open},             // taken
		{Spec: spec("other", "REDPANDA"), OpenSource: open}, // alias taken
		{Spec: spec("x")}, // says it can be read
		{Spec: &catalog.ConnectorSpec{Name: "y"}, OpenSource: open}, // does not say so
	} {
		if err := r.Register(bad); err == nil {
			t.Errorf("%+v is taken", bad.Spec)
		}
	}
	if names := r.Names(); !slices.Equal(names, []string{"kafka", "redpanda"}) {
		t.Errorf("a connector that was refused is there: %v", names)
	}
	if c, err := r.Connector("RedPanda"); err != nil || c.Spec.Name != "kafka" {
		t.Error(c, err)
	}
	if s, ok := r.Lookup("KAFKA"); !ok || s.Name != "kafka" {
		t.Error(s)
	}
	for name, want := range map[string]string{"kafak": "did you mean 'kafka'?", "postgres": "there are kafka, redpanda"} {
		if _, err := r.Connector(name); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
}
