package builtin

import "github.com/streamsql/streamsql/catalog"

// ilikeFunctions are LIKE without regard to case: both sides are taken in lower
// case.
func ilikeFunctions() []*catalog.Function {
	compile := func(pattern string, escape rune) (*likePattern, error) {
		if escape != 0 {
			// Only what the escape character does not touch can be folded at will:
			// its lower case must stand for it too.
			escape = []rune(string(lower(nil, []byte(string(escape)))))[0]
		}
		return compileLike(string(lower(nil, []byte(pattern))), escape)
	}
	kernel := func(not bool) catalog.Kernel {
		prepare := likeMaker(not, compile, (*likePattern).match)
		return boolKernel(func(lits constants) func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
			open := prepare(lits)
			return func(c *catalog.EvalContext, a arguments) func(i int) (bool, bool) {
				var folded []byte
				a.fold = func(s []byte) []byte {
					folded = lower(folded[:0], s)
					return folded
				}
				return open(c, a)
			}
		})
	}
	return []*catalog.Function{
		{
			Name: "ILIKE", Category: patterns, Signatures: []string{"s ILIKE pattern [ESCAPE c] -> BOOLEAN"},
			Doc:      "LIKE without regard to case. NULL if an argument is NULL.",
			Examples: shows("'Stream' ILIKE 'sT%M'", "true", "'ÄB' ILIKE 'ä_'", "true"), Resolve: resolvePattern("ILIKE", kernel(false)),
		},
		{
			Name: "NOT ILIKE", Category: patterns, Signatures: []string{"s NOT ILIKE pattern [ESCAPE c] -> BOOLEAN"},
			Doc: "NOT (s ILIKE pattern).", Examples: shows("'Stream' NOT ILIKE 'x%'", "true"), Resolve: resolvePattern("NOT ILIKE", kernel(true)),
		},
	}
}
