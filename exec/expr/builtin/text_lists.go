package builtin

import (
	"bytes"
	"unicode/utf8"

	"github.com/apache/arrow/go/v17/arrow"
	"github.com/apache/arrow/go/v17/arrow/memory"

	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/column"
	"github.com/streamsql/streamsql/exec/expr/kernel"
)

// lists builds a column of arrays of texts. Rows are begun in ascending order;
// those left out are empty.
type lists struct {
	alloc   memory.Allocator
	n, next int
	offs    []int32
	offBuf  *memory.Buffer
	ends    []int32 // of the elements, in data
	data    []byte
	nulls   []int32 // elements that are NULL
}

func newLists(alloc memory.Allocator, n int) *lists {
	l := &lists{alloc: alloc, n: n, offBuf: column.NewBuffer(alloc, 4*(n+1))}
	l.offs = column.As[int32](l.offBuf, n+1)
	return l
}

func (l *lists) begin(i int) {
	for ; l.next <= i; l.next++ {
		l.offs[l.next] = int32(len(l.ends))
	}
}

func (l *lists) add(s []byte) {
	l.data = append(l.data, s...)
	l.ends = append(l.ends, int32(len(l.data)))
}

func (l *lists) addNull() {
	l.nulls = append(l.nulls, int32(len(l.ends)))
	l.add(nil)
}

// undo takes the elements of the row begun last away.
func (l *lists) undo() {
	from := l.offs[l.next-1]
	l.ends = l.ends[:from]
	l.data = l.data[:0:cap(l.data)]
	if from > 0 {
		l.data = l.data[:l.ends[from-1]]
	}
	for len(l.nulls) > 0 && l.nulls[len(l.nulls)-1] >= from {
		l.nulls = l.nulls[:len(l.nulls)-1]
	}
}

// texts gives the elements as a column.
func (l *lists) texts() (arrow.Array, error) {
	b := kernel.NewTextBuilder(l.alloc, len(l.ends), len(l.data))
	valid := kernel.NewNullable(l.alloc, len(l.ends))
	from := int32(0)
	for k, end := range l.ends {
		b.Put(k, l.data[from:end])
		from = end
	}
	for _, k := range l.nulls {
		valid.SetNull(int(k))
	}
	return b.Finish(arrow.BinaryTypes.String, valid.Buffer())
}

// finish makes the column. It takes the reference to valid (may be nil).
func (l *lists) finish(valid *memory.Buffer) (arrow.Array, error) {
	l.begin(l.n)
	elems, err := l.texts()
	if err != nil {
		l.offBuf.Release()
		if valid != nil {
			valid.Release()
		}
		return nil, err
	}
	return column.Make(catalog.ArrayOf(str).Arrow(), l.n, -1, []*memory.Buffer{valid, l.offBuf}, elems), nil
}

// splitFunctions make arrays and maps of texts.
func splitFunctions() []*catalog.Function {
	list := catalog.ArrayOf(str)
	pairs := catalog.MapOf(str, str)
	return []*catalog.Function{
		scalar(nestedData, called("SPLIT", "STRING_TO_ARRAY", "STR_SPLIT", "STRING_SPLIT"), "(s STRING, separator STRING) -> ARRAY<STRING>",
			"The parts of s between separators; its characters if the separator is empty. NULL if an argument is NULL.",
			shows("SPLIT('a,b,,c', ',')", `["a","b","","c"]`, "SPLIT('äb', '')", `["ä","b"]`, "SPLIT('', ',')", `[""]`),
			overload(list, textLists(func(constants) func(c *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
				return func(_ *catalog.EvalContext, a arguments, out *lists) func(i int) bool {
					s, sep := a.text(0), a.text(1)
					return func(i int) bool {
						splitInto(s(i), sep(i), out)
						return true
					}
				}
			}), str, str)),
		scalar(nestedData, called("STR_TO_MAP"), "(s STRING [, entries STRING, pair STRING]) -> MAP<STRING, STRING>",
			"A map of the entries of s. Entries stand apart by the second argument (default: ','), key and value by the third ('='); they are plain texts. An entry without the sign between is a key without a value (NULL). Of equal keys the last one counts. NULL if an argument is NULL.",
			shows("STR_TO_MAP('a=1,b=2,c')", `{"a":"1","b":"2","c":null}`, "STR_TO_MAP('a:1;b:2', ';', ':')['b']", "2"),
			overload(pairs, strToMap(1), str), overload(pairs, strToMap(3), str, str, str)),
	}
}

func splitInto(s, sep []byte, out *lists) {
	if len(sep) == 0 {
		for len(s) > 0 {
			_, size := utf8.DecodeRune(s)
			out.add(s[:size])
			s = s[size:]
		}
		return
	}
	for {
		part, rest, more := bytes.Cut(s, sep)
		out.add(part)
		if s = rest; !more {
			return
		}
	}
}

func strToMap(args int) catalog.Kernel {
	bound := func(lits constants) kernel.Func {
		return func(c *catalog.EvalContext, cols []arrow.Array, n int, sel []int32) (arrow.Array, error) {
			a := arguments{cols: cols, lits: lits}
			s := a.text(0)
			entries, pair := func(int) []byte { return []byte{','} }, func(int) []byte { return []byte{'='} }
			if args == 3 {
				entries, pair = a.text(1), a.text(2)
			}
			valid := kernel.NewNullable(c.Alloc, n, cols...)
			keys, values := newLists(c.Alloc, n), newLists(c.Alloc, 0)
			kernel.ForEach(n, sel, &valid, func(i int) {
				keys.begin(i)
				mapInto(s(i), entries(i), pair(i), keys, values)
			})
			keys.begin(n)
			values.offBuf.Release()
			k, err := keys.texts()
			if err != nil {
				return nil, err
			}
			v, err := values.texts()
			if err != nil {
				k.Release()
				return nil, err
			}
			dt := catalog.MapOf(str, str).Arrow().(*arrow.MapType)
			rows := column.Make(dt.Elem(), k.Len(), 0, []*memory.Buffer{nil}, k, v)
			return column.Make(dt, n, -1, []*memory.Buffer{valid.Buffer(), keys.offBuf}, rows), nil
		}
	}
	return kernel.Bindable{Kernel: bound(nil), Bind: func(lits []*catalog.Literal) catalog.Kernel { return bound(lits) }}
}

// mapInto adds the entries of one row, each key once.
func mapInto(s, entries, pair []byte, keys, values *lists) {
	if len(s) == 0 {
		return
	}
	type entry struct {
		key, value []byte
		has        bool
	}
	var found []entry
	at := map[string]int{}
	for more := true; more; {
		var part []byte
		if len(entries) == 0 {
			part, more = s, false
		} else {
			part, s, more = bytes.Cut(s, entries)
		}
		e := entry{key: part}
		if len(pair) > 0 {
			e.key, e.value, e.has = bytes.Cut(part, pair)
		}
		if k, ok := at[string(e.key)]; ok {
			found[k] = e
			continue
		}
		at[string(e.key)] = len(found)
		found = append(found, e)
	}
	for _, e := range found {
		keys.add(e.key)
		if e.has {
			values.add(e.value)
		} else {
			values.addNull()
		}
	}
}
