package avro

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"slices"
	"strconv"

	hamba "github.com/hamba/avro/v2"
)

// exactDefault is the property of a field that has its default as it is written: the
// library reads every number as a double.
const exactDefault = "default.json"

// parse parses a schema whose names go into cache.
func parse(text string, cache *hamba.SchemaCache) (hamba.Schema, error) {
	return hamba.ParseWithCache(withDefaults(text), "", cache)
}

// withDefaults gives a schema with exactDefault at each field that has a default.
func withDefaults(text string) string {
	d := json.NewDecoder(bytes.NewReader([]byte(text)))
	d.UseNumber()
	var s any
	if d.Decode(&s) != nil || d.More() {
		return text // the library says what is wrong with it
	}
	noteDefaults(s)
	out, err := json.Marshal(s)
	if err != nil {
		return text
	}
	return string(out)
}

func noteDefaults(s any) {
	switch s := s.(type) {
	case []any:
		for _, branch := range s {
			noteDefaults(branch)
		}
	case map[string]any:
		for _, inner := range []string{"type", "items", "values"} {
			noteDefaults(s[inner])
		}
		fields, _ := s["fields"].([]any)
		for _, f := range fields {
			f, ok := f.(map[string]any)
			if !ok {
				continue
			}
			noteDefaults(f["type"])
			if v, ok := f["default"]; ok {
				if text, err := json.Marshal(v); err == nil {
					f[exactDefault] = string(text)
				}
			}
		}
	}
}

// encodeDefault writes the default of a field.
func encodeDefault(f *hamba.Field) ([]byte, error) {
	v := any(nil)
	if text, ok := f.Prop(exactDefault).(string); ok {
		d := json.NewDecoder(bytes.NewReader([]byte(text)))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			return nil, fmt.Errorf("the default of field %s: %w", f.Name(), err)
		}
	}
	data, err := appendDefault(nil, f.Type(), v)
	if err != nil {
		return nil, fmt.Errorf("the default of field %s: %w", f.Name(), err)
	}
	return data, nil
}

// appendDefault writes a value of type s that stands in JSON as the Avro specification
// has defaults: of a union it is of the first branch, bytes have a code point a byte.
func appendDefault(dst []byte, s hamba.Schema, v any) ([]byte, error) {
	misfit := func() error { return fmt.Errorf("%v is no %s", v, describe(s)) }
	s = deref(s)
	switch s := s.(type) {
	case *hamba.UnionSchema:
		return appendDefault(append(dst, 0), s.Types()[0], v)
	case *hamba.NullSchema:
		if v == nil {
			return dst, nil
		}
	case *hamba.PrimitiveSchema:
		switch v := v.(type) {
		case bool:
			if s.Type() == hamba.Boolean {
				return append(dst, map[bool]byte{true: 1}[v]), nil
			}
		case json.Number:
			return appendNumber(dst, s, v)
		case string:
			switch s.Type() {
			case hamba.String:
				return append(binary.AppendVarint(dst, int64(len(v))), v...), nil
			case hamba.Bytes:
				raw, ok := latin1(v)
				if ok {
					return append(binary.AppendVarint(dst, int64(len(raw))), raw...), nil
				}
			}
		}
	case *hamba.FixedSchema:
		if v, ok := v.(string); ok {
			if raw, ok := latin1(v); ok && len(raw) == s.Size() {
				return append(dst, raw...), nil
			}
		}
	case *hamba.EnumSchema:
		if v, ok := v.(string); ok {
			if i := slices.Index(s.Symbols(), v); i >= 0 {
				return binary.AppendVarint(dst, int64(i)), nil
			}
		}
	case *hamba.ArraySchema:
		if v, ok := v.([]any); ok {
			return appendBlock(dst, len(v), func(dst []byte, i int) ([]byte, error) { return appendDefault(dst, s.Items(), v[i]) })
		}
	case *hamba.MapSchema:
		if v, ok := v.(map[string]any); ok {
			keys := slices.Sorted(maps.Keys(v))
			return appendBlock(dst, len(keys), func(dst []byte, i int) ([]byte, error) {
				dst = append(binary.AppendVarint(dst, int64(len(keys[i]))), keys[i]...)
				return appendDefault(dst, s.Values(), v[keys[i]])
			})
		}
	case *hamba.RecordSchema:
		v, ok := v.(map[string]any)
		if !ok {
			break
		}
		for _, f := range s.Fields() {
			var err error
			if member, ok := v[f.Name()]; ok {
				dst, err = appendDefault(dst, f.Type(), member)
			} else if f.HasDefault() {
				var data []byte
				data, err = encodeDefault(f)
				dst = append(dst, data...)
			} else {
				err = fmt.Errorf("it has no field %s", f.Name())
			}
			if err != nil {
				return dst, err
			}
		}
		return dst, nil
	}
	return dst, misfit()
}

// appendBlock writes the block of an array or a map, and its end.
func appendBlock(dst []byte, n int, item func(dst []byte, i int) ([]byte, error)) ([]byte, error) {
	if n > 0 {
		dst = binary.AppendVarint(dst, int64(n))
	}
	for i := range n {
		var err error
		if dst, err = item(dst, i); err != nil {
			return dst, err
		}
	}
	return append(dst, 0), nil
}

func appendNumber(dst []byte, s *hamba.PrimitiveSchema, v json.Number) ([]byte, error) {
	bits := 64
	switch s.Type() {
	case hamba.Int:
		bits = 32
		fallthrough
	case hamba.Long:
		if n, err := strconv.ParseInt(v.String(), 10, bits); err == nil {
			return binary.AppendVarint(dst, n), nil
		}
		// 1.0 and 1e3 are whole numbers too.
		x, err := v.Float64()
		if n := int64(x); err == nil && float64(n) == x && math.Abs(x) < math.Ldexp(1, bits-1) {
			return binary.AppendVarint(dst, n), nil
		}
	case hamba.Float:
		if x, err := strconv.ParseFloat(v.String(), 32); err == nil {
			return binary.LittleEndian.AppendUint32(dst, math.Float32bits(float32(x))), nil
		}
	case hamba.Double:
		if x, err := v.Float64(); err == nil {
			return binary.LittleEndian.AppendUint64(dst, math.Float64bits(x)), nil
		}
	}
	return dst, fmt.Errorf("%v is no %s", v, describe(s))
}

// latin1 gives the bytes that the code points of a text are.
func latin1(s string) ([]byte, bool) {
	raw := make([]byte, 0, len(s))
	for _, r := range s {
		if r > 0xff {
			return nil, false
		}
		raw = append(raw, byte(r))
	}
	return raw, true
}
