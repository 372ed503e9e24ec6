package jsonschema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// Fields gives the columns of objects that a JSON Schema describes. references are
// the schemas that it refers to by name. A property that must be there and can't be
// null is NOT NULL. What has no SQL type (a value of several types) is STRING, which
// takes its text.
func Fields(text string, references map[string]string) ([]catalog.Field, error) {
	s := &reader{documents: map[string]*schema{}}
	for name, text := range references {
		doc, err := parse(text)
		if err != nil {
			return nil, fmt.Errorf("the schema %s: %w", name, err)
		}
		s.documents[name] = doc
	}
	root, err := parse(text)
	if err != nil {
		return nil, err
	}
	t, _, err := s.typeOf(root, root, nil)
	if err != nil {
		return nil, err
	}
	if t.Kind != catalog.KindRow {
		return nil, errors.New("the schema is not one of an object with properties")
	}
	return t.Fields, nil
}

// schema is what is read of a JSON Schema.
type schema struct {
	Type        typeNames         `json:"type"`
	Properties  properties        `json:"properties"`
	Required    []string          `json:"required"`
	Additional  json.RawMessage   `json:"additionalProperties"`
	Items       json.RawMessage   `json:"items"`
	Format      string            `json:"format"`
	Encoding    string            `json:"contentEncoding"`
	Ref         string            `json:"$ref"`
	AllOf       []*schema         `json:"allOf"`
	AnyOf       []*schema         `json:"anyOf"`
	OneOf       []*schema         `json:"oneOf"`
	Enum        []json.RawMessage `json:"enum"`
	ConnectType string            `json:"connect.type"`
	raw         json.RawMessage
}

// typeNames are the value of type: a name, or several.
type typeNames []string

func (t *typeNames) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '[' {
		return json.Unmarshal(b, (*[]string)(t))
	}
	var one string
	err := json.Unmarshal(b, &one)
	*t = typeNames{one}
	return err
}

// properties are members in their order.
type properties []property

type property struct {
	name string
	*schema
}

func (p *properties) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return errors.New("properties are no object")
	}
	for d.More() {
		t, err := d.Token()
		if err != nil {
			return err
		}
		var raw json.RawMessage
		if err := d.Decode(&raw); err != nil {
			return err
		}
		s, err := parse(string(raw))
		if err != nil {
			return err
		}
		*p = append(*p, property{t.(string), s})
	}
	return nil
}

// parse parses a schema; true and false are ones that say nothing.
func parse(text string) (*schema, error) {
	s := &schema{raw: json.RawMessage(text)}
	switch strings.TrimSpace(text) {
	case "true", "false", "":
		return s, nil
	}
	if err := json.Unmarshal([]byte(text), s); err != nil {
		return nil, fmt.Errorf("it can't be read: %w", err)
	}
	return s, nil
}

type reader struct{ documents map[string]*schema }

// typeOf gives the type of the values of s, a part of the document doc, and whether
// they may be null. within are the references that led there.
func (r *reader) typeOf(s, doc *schema, within []string) (t catalog.Type, nullable bool, err error) {
	switch {
	case s.Ref != "":
		return r.follow(s.Ref, doc, within)
	case len(s.AllOf) > 0:
		return r.all(s, doc, within)
	case len(s.OneOf)+len(s.AnyOf) > 0:
		return r.oneOf(s, doc, within)
	}
	names := slices.Clone(s.Type)
	if i := slices.Index(names, "null"); i >= 0 {
		nullable = true
		names = slices.Delete(names, i, i+1)
	}
	if len(names) == 0 && len(s.Properties) > 0 {
		names = typeNames{"object"}
	}
	if len(names) == 2 && slices.Contains(names, "integer") && slices.Contains(names, "number") {
		names = typeNames{"number"}
	}
	if len(names) != 1 {
		return catalog.String, true, nil
	}
	switch names[0] {
	case "object":
		t, err = r.object(s, doc, within)
		return t, nullable, err
	case "array":
		elem := catalog.String
		if len(s.Items) > 0 && s.Items[0] == '{' {
			items, perr := parse(string(s.Items))
			if perr != nil {
				return t, false, perr
			}
			if elem, _, err = r.typeOf(items, doc, within); err != nil {
				return t, false, err
			}
		}
		return catalog.ArrayOf(elem), nullable, nil
	}
	return scalar(names[0], s), nullable, nil
}

func scalar(name string, s *schema) catalog.Type {
	switch name {
	case "boolean":
		return catalog.Boolean
	case "integer":
		switch s.ConnectType {
		case "int8":
			return catalog.TinyInt
		case "int16":
			return catalog.SmallInt
		case "int32":
			return catalog.Int
		}
		return catalog.BigInt
	case "number":
		if s.ConnectType == "float32" {
			return catalog.Float
		}
		return catalog.Double
	}
	switch {
	case s.Encoding == "base64":
		return catalog.Bytes
	case s.Format == formatDate:
		return catalog.Date
	case s.Format == formatInstant:
		return catalog.Type{Kind: catalog.KindTimestampLTZ, Precision: 6}
	case s.Format == formatLocal:
		return catalog.Timestamp6
	case s.Format == formatLocalTime:
		return catalog.Type{Kind: catalog.KindTime, Precision: 6}
	}
	return catalog.String
}

// object gives ROW, MAP, or STRING where neither members nor their type are known.
func (r *reader) object(s, doc *schema, within []string) (catalog.Type, error) {
	if len(s.Properties) == 0 {
		if len(s.Additional) == 0 || s.Additional[0] != '{' {
			return catalog.String, nil
		}
		values, err := parse(string(s.Additional))
		if err != nil {
			return catalog.Type{}, err
		}
		t, _, err := r.typeOf(values, doc, within)
		return catalog.MapOf(catalog.String, t), err
	}
	var fields []catalog.Field
	for _, p := range s.Properties {
		t, nullable, err := r.typeOf(p.schema, doc, within)
		if err != nil {
			return t, err
		}
		fields = append(fields, catalog.Field{Name: p.name, Type: t, NotNull: !nullable && slices.Contains(s.Required, p.name)})
	}
	return catalog.RowOf(fields...), nil
}

// oneOf gives the type of a choice: that of the only branch beside null and texts
// for numbers that JSON has none for.
func (r *reader) oneOf(s, doc *schema, within []string) (catalog.Type, bool, error) {
	nullable := false
	var branches []*schema
	for _, b := range append(slices.Clone(s.OneOf), s.AnyOf...) {
		switch {
		case len(b.Type) == 1 && b.Type[0] == "null":
			nullable = true
		case len(b.Enum) == 3 && string(b.Enum[0]) == `"NaN"`:
		default:
			branches = append(branches, b)
		}
	}
	if len(branches) != 1 {
		return catalog.String, true, nil
	}
	if branches[0].ConnectType == "" {
		one := *branches[0]
		one.ConnectType = s.ConnectType
		branches[0] = &one
	}
	t, null, err := r.typeOf(branches[0], doc, within)
	return t, nullable || null, err
}

// all merges the objects that a value must all be.
func (r *reader) all(s, doc *schema, within []string) (catalog.Type, bool, error) {
	own := *s
	own.AllOf = nil
	parts := s.AllOf
	if len(own.Properties) > 0 || len(own.Type) > 0 {
		parts = append([]*schema{&own}, parts...)
	}
	var fields []catalog.Field
	for _, p := range parts {
		t, nullable, err := r.typeOf(p, doc, within)
		if err != nil || len(parts) == 1 {
			return t, nullable, err
		}
		if t.Kind == catalog.KindRow {
			fields = append(fields, t.Fields...)
		}
	}
	if fields == nil {
		return catalog.String, true, nil
	}
	return catalog.RowOf(fields...), false, nil
}

// follow gives the type that a reference leads to: "#/definitions/x", the name of
// another schema, or both.
func (r *reader) follow(ref string, doc *schema, within []string) (catalog.Type, bool, error) {
	name, pointer, _ := strings.Cut(ref, "#")
	if name != "" {
		if doc = r.documents[name]; doc == nil {
			return catalog.Type{}, false, fmt.Errorf("it refers to %s, which the registry does not give", ref)
		}
	}
	at := fmt.Sprintf("%p#%s", doc, pointer)
	if slices.Contains(within, at) {
		return catalog.Type{}, false, fmt.Errorf("%s holds itself, which no SQL type can say: declare the columns", ref)
	}
	raw := doc.raw
	for _, step := range strings.Split(strings.Trim(pointer, "/"), "/") {
		if step == "" {
			continue
		}
		var members map[string]json.RawMessage
		if json.Unmarshal(raw, &members) != nil {
			members = nil
		}
		if raw = members[strings.NewReplacer("~1", "/", "~0", "~").Replace(step)]; raw == nil {
			return catalog.Type{}, false, fmt.Errorf("there is nothing at %s", ref)
		}
	}
	s, err := parse(string(raw))
	if err != nil {
		return catalog.Type{}, false, err
	}
	return r.typeOf(s, doc, append(slices.Clone(within), at))
}
