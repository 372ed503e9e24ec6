package catalog

import (
	"fmt"
	"slices"
	"strings"
)

// Functions is a FunctionSet over a list. It is immutable.
type Functions struct {
	list   []*Function
	byName map[string]*Function // upper case, aliases too
	names  []string
}

var _ FunctionSet = (*Functions)(nil)

// NewFunctionSet makes a set; two functions with the same name or alias are an
// error.
func NewFunctionSet(fns ...*Function) (*Functions, error) {
	s := &Functions{list: slices.Clone(fns), byName: make(map[string]*Function, 2*len(fns))}
	for _, f := range fns {
		for _, name := range append([]string{f.Name}, f.Aliases...) {
			key := strings.ToUpper(name)
			if _, taken := s.byName[key]; taken {
				return nil, fmt.Errorf("function %s is defined twice", key)
			}
			s.byName[key] = f
			s.names = append(s.names, key)
		}
	}
	slices.Sort(s.names)
	return s, nil
}

// Lookup implements FunctionSet.
func (s *Functions) Lookup(name string) (*Function, bool) {
	if f, ok := s.byName[name]; ok {
		return f, true
	}
	f, ok := s.byName[strings.ToUpper(name)]
	return f, ok
}

// Names implements FunctionSet.
func (s *Functions) Names() []string { return slices.Clone(s.names) }

// All gives the functions in the order in which they were given.
func (s *Functions) All() []*Function { return slices.Clone(s.list) }

// LayeredFunctions looks names up in its sets from the first to the last: the
// user's functions before the built-in ones.
type LayeredFunctions []FunctionSet

var _ FunctionSet = LayeredFunctions(nil)

// Lookup implements FunctionSet.
func (l LayeredFunctions) Lookup(name string) (*Function, bool) {
	for _, s := range l {
		if f, ok := s.Lookup(name); ok {
			return f, true
		}
	}
	return nil, false
}

// Names implements FunctionSet.
func (l LayeredFunctions) Names() []string {
	var names []string
	for _, s := range l {
		names = append(names, s.Names()...)
	}
	slices.Sort(names)
	return slices.Compact(names)
}
