package builtin

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/connectors/memory"
)

// Every description is whole: it can be printed as a reference page, its
// defaults pass its own check.
func TestDescriptions(t *testing.T) {
	r, err := Registry(memory.NewStore())
	if err != nil {
		t.Fatal(err)
	}
	var specs []*catalog.ConnectorSpec
	for _, n := range r.Names() {
		spec, ok := r.Lookup(strings.ToUpper(n))
		if !ok {
			t.Fatalf("%s is not found", n)
		}
		specs = append(specs, spec)
		plain := *spec
		plain.Check = nil // what goes together is the connector's own test
		check := func(forSource bool) {
			raw := map[string]string{}
			for _, o := range spec.Options {
				if o.Required {
					raw[o.Name] = "1"
				}
			}
			formats := []string{""}
			if forSource && len(spec.Source.Formats) > 0 {
				formats = spec.Source.Formats
			} else if !forSource && len(spec.Sink.Formats) > 0 {
				formats = spec.Sink.Formats
			}
			for _, f := range formats {
				raw := maps.Clone(raw)
				if f != "" {
					raw["format"] = f
					format, _ := r.LookupFormat(f)
					for _, o := range format.Options {
						if o.Required {
							raw[f+"."+o.Name] = "1"
						}
					}
				}
				o, errs := catalog.CheckOptions(&plain, r, raw, forSource)
				if errs != nil {
					t.Fatalf("%s: %v", n, errs)
				}
				// Checked once more, defaults and all, they stay what they are.
				again, errs := catalog.CheckOptions(&plain, r, o, forSource)
				if errs != nil || len(again) != len(o) {
					t.Errorf("%s: the defaults %v fail: %v", n, o, errs)
				}
			}
		}
		if spec.Source != nil {
			check(true)
		}
		if spec.Sink != nil {
			check(false)
		}
	}
	for _, n := range r.FormatNames() {
		spec, _ := r.LookupFormat(n)
		specs = append(specs, spec)
	}
	for _, spec := range specs {
		if spec.Doc == "" {
			t.Errorf("%s has no doc", spec.Name)
		}
		for _, o := range spec.Options {
			if o.Doc == "" && (o.Refused == "" || o.Hint == "") || !o.Source && !o.Sink || (o.Type == catalog.OptionEnum) != (len(o.Values) > 0) {
				t.Errorf("option %s of %s is not whole: %+v", o.Name, spec.Name, o)
			}
		}
	}
	for _, alias := range []string{"file", "filesystem", "print", "console", "blackhole", "memory", "nexmark", "datagen"} {
		if !slices.Contains(r.Names(), alias) {
			t.Errorf("no connector %s", alias)
		}
	}
	if _, err := r.Connector("flie"); err == nil || err.Error() != "unknown connector 'flie'; did you mean 'file'?" {
		t.Errorf("got %v", err)
	}
	if err := r.RegisterFormat(Formats()[0].Spec); err == nil {
		t.Error("a format is registered twice")
	}
}
