package protobuf

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// SchemaOf gives a .proto file with a message type Record that has the given columns
// as fields, numbered in their order. What may be NULL is optional.
func SchemaOf(columns []catalog.Field) (string, error) {
	d := deriver{imports: map[string]bool{}}
	if err := d.message("Record", columns, ""); err != nil {
		return "", err
	}
	head := "syntax = \"proto3\";\n"
	for _, file := range []string{fileTimestamp, fileDuration} {
		if d.imports[file] {
			head += "import \"" + file + "\";\n"
		}
	}
	return head + "\n" + d.text.String(), nil
}

// The files of Google's that derived ones import.
const (
	fileTimestamp = "google/protobuf/timestamp.proto"
	fileDuration  = "google/protobuf/duration.proto"
)

type deriver struct {
	text    strings.Builder
	imports map[string]bool
}

func (d *deriver) message(name string, fields []catalog.Field, indent string) error {
	fmt.Fprintf(&d.text, "%smessage %s {\n", indent, name)
	inner := indent + "  "
	for i, f := range fields {
		if !validName(f.Name) {
			return fmt.Errorf("%s can't be the name of a field: it takes letters, digits and _", catalog.QuoteName(f.Name))
		}
		t, label := f.Type, ""
		var typ string
		var err error
		switch {
		case t.Kind == catalog.KindArray:
			label = "repeated "
			typ, err = d.single(f.Name, *t.Elem, inner)
		case t.Kind == catalog.KindMap:
			var key string
			if key, err = d.key(f.Name, *t.Key); err != nil {
				return err
			}
			typ, err = d.single(f.Name, *t.Elem, inner)
			typ = "map<" + key + ", " + typ + ">"
		default:
			if !f.NotNull {
				label = "optional "
			}
			typ, err = d.single(f.Name, t, inner)
		}
		if err != nil {
			return err
		}
		fmt.Fprintf(&d.text, "%s%s%s %s = %d;\n", inner, label, typ, f.Name, i+1)
	}
	fmt.Fprintf(&d.text, "%s}\n", indent)
	return nil
}

// single gives the type of a value, for which it may write a message type.
func (d *deriver) single(name string, t catalog.Type, indent string) (string, error) {
	switch t.Kind {
	case catalog.KindBoolean:
		return "bool", nil
	case catalog.KindTinyInt, catalog.KindSmallInt, catalog.KindInt:
		return "int32", nil
	case catalog.KindBigInt:
		return "int64", nil
	case catalog.KindFloat:
		return "float", nil
	case catalog.KindDouble:
		return "double", nil
	case catalog.KindString, catalog.KindJSON:
		return "string", nil
	case catalog.KindBytes:
		return "bytes", nil
	case catalog.KindTimestamp, catalog.KindTimestampLTZ:
		d.imports[fileTimestamp] = true
		return "google.protobuf.Timestamp", nil
	case catalog.KindIntervalDay:
		d.imports[fileDuration] = true
		return "google.protobuf.Duration", nil
	case catalog.KindRow:
		row := name + "_Row"
		return row, d.message(row, t.Fields, indent)
	}
	return "", fmt.Errorf("column %s: Protocol Buffers have no type for %s: CAST it to STRING, or give a .proto file", name, t)
}

func (d *deriver) key(name string, t catalog.Type) (string, error) {
	switch t.Kind {
	case catalog.KindString, catalog.KindBoolean, catalog.KindTinyInt, catalog.KindSmallInt, catalog.KindInt, catalog.KindBigInt:
		return d.single(name, t, "")
	}
	return "", fmt.Errorf("column %s: %s can't be the key of a map of Protocol Buffers", name, t)
}

func validName(s string) bool {
	for i, c := range s {
		if c != '_' && (c|0x20 < 'a' || c|0x20 > 'z') && (i == 0 || c < '0' || c > '9') {
			return false
		}
	}
	return s != ""
}
