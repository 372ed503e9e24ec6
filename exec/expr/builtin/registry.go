package builtin

import (
	"fmt"
	"strings"

	"github.com/streamsql/streamsql/catalog"
)

// Functions gives all built-in scalar functions, family by family.
func Functions() []*catalog.Function {
	var all []*catalog.Function
	for _, family := range []func() []*catalog.Function{
		comparisons,
		booleans,
		membership,
		arithmetic,
		conditionals,
		choices,
		nullDialects,
		stringFunctions,
		likeFunctions,
		regexpFunctions,
		extractFunctions,
		nowFunctions,
		watermarkFunctions,
		temporalTextFunctions,
		temporalUnitFunctions,
		mathFunctions,
		transcendentals,
		integerFunctions,
		numberDialects,
		randoms,
		textFunctions,
		ilikeFunctions,
		regexpMatches,
		urlFunctions,
		inetFunctions,
		printfFunctions,
		splitFunctions,
		encodeFunctions,
		nestedFunctions,
		func() []*catalog.Function { return []*catalog.Function{mapFromEntries()} },
		arraysOfArrays,
		arraysByPlace,
		madeOfPlaces,
		sequences,
		mapFunctions,
		dayFunctions,
		dialectTimes,
		monthFunctions,
		moreArrays,
		zoneFunctions,
		periodFunctions,
		jsonFunctions,
		jsonConstructors,
		jsonTests,
		jsonReaders,
		hashFunctions,
	} {
		all = append(all, family()...)
	}
	return all
}

// The categories: headings of the reference page, in this order.
const (
	comparison  = "Comparison"
	logical     = "Logic"
	arithmetics = "Arithmetic"
	conditional = "Conditional"
	texts       = "Strings"
	patterns    = "Patterns"
	temporals   = "Date and time"
	nestedData  = "Arrays, maps and rows"
	jsonData    = "JSON"
	hashing     = "Hashes and encodings"
)

// Categories lists the headings in the order of the reference page.
func Categories() []string {
	return []string{comparison, logical, arithmetics, conditional, texts, patterns, temporals, nestedData, jsonData, hashing}
}

// signature is one way to call a function with fixed types.
type signature struct {
	params  []catalog.Type
	rest    *catalog.Type // type of any further arguments
	result  catalog.Type
	kernel  catalog.Kernel
	canFail bool
	lax     bool // not strict: the kernel sees NULLs
}

// choose resolves to the first signature that takes the arguments as they are,
// else to the first to which they can be cast unasked.
func choose(name string, list ...signature) func(args []catalog.Arg) (*catalog.Overload, error) {
	return func(args []catalog.Arg) (*catalog.Overload, error) {
		for _, exact := range []bool{true, false} {
			for _, s := range list {
				if params, ok := s.match(args, exact); ok {
					return &catalog.Overload{Params: params, Result: s.result, Kernel: s.kernel, CanFail: s.canFail, Strict: !s.lax}, nil
				}
			}
		}
		return nil, noOverload(name, args)
	}
}

func (s signature) match(args []catalog.Arg, exact bool) ([]catalog.Type, bool) {
	if len(args) < len(s.params) || len(args) > len(s.params) && s.rest == nil {
		return nil, false
	}
	params := make([]catalog.Type, len(args))
	for i, a := range args {
		p := s.rest
		if i < len(s.params) {
			p = &s.params[i]
		}
		if a.Type.Kind == p.Kind && !p.IsNested() && p.Kind != catalog.KindDecimal {
			params[i] = a.Type // with its own precision
			continue
		}
		if exact && a.Type.Kind != catalog.KindNull || !accepts(*p, a) {
			return nil, false
		}
		params[i] = *p
	}
	return params, true
}

// accepts says whether an argument can stand for a parameter unasked: by an
// implicit cast, or as a constant text that is read as a time.
func accepts(p catalog.Type, a catalog.Arg) bool {
	if catalog.CanCast(a.Type, p, true) {
		return true
	}
	return a.Const != nil && a.Type.IsText() && (p.IsTimestamp() || p.Kind == catalog.KindDate || p.Kind == catalog.KindTime)
}

// noOverload says which types a function was asked for.
func noOverload(name string, args []catalog.Arg) error {
	if len(args) == 0 {
		return fmt.Errorf("%s needs arguments", name)
	}
	types := make([]string, len(args))
	for i, a := range args {
		types[i] = a.Type.String()
	}
	return fmt.Errorf("%s is not defined for (%s)", name, strings.Join(types, ", "))
}

func argCount(name string, args []catalog.Arg, least, most int) error {
	switch {
	case least == most && len(args) != least:
		return fmt.Errorf("%s takes %d argument%s, not %d", name, least, plural(least), len(args))
	case len(args) < least:
		return fmt.Errorf("%s takes at least %d argument%s, not %d", name, least, plural(least), len(args))
	case most >= least && len(args) > most:
		return fmt.Errorf("%s takes at most %d argument%s, not %d", name, most, plural(most), len(args))
	}
	return nil
}

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func argTypes(args []catalog.Arg) []catalog.Type {
	out := make([]catalog.Type, len(args))
	for i, a := range args {
		out[i] = a.Type
	}
	return out
}
