package expr

import (
	"github.com/streamsql/streamsql/catalog"
	"github.com/streamsql/streamsql/exec/expr/builtin"
)

// Functions gives the set of all built-in scalar functions and operators.
func Functions() *catalog.Functions {
	s, err := catalog.NewFunctionSet(builtin.Functions()...)
	if err != nil {
		panic(err) // two built-in functions of one name
	}
	return s
}
