package catalog

import "strings"

// Suggest gives the candidate that name was probably meant to be, or "" if none
// is near. Case does not count; two neighbours exchanged are one mistake
// (optimal string alignment distance). A name may be off by a third of its
// length.
func Suggest(name string, candidates []string) string {
	lower := strings.ToLower(name)
	best, bestDistance := "", max(1, len(lower)/3)+1
	for _, c := range candidates {
		if d := editDistance(lower, strings.ToLower(c), bestDistance); d < bestDistance {
			best, bestDistance = c, d
		}
	}
	if best == "" {
		best = sameWords(lower, candidates)
	}
	return best
}

// sameWords finds the only candidate that holds all of name as one of its parts
// ('file-size' for 'sink.rolling-policy.file-size').
func sameWords(name string, candidates []string) string {
	if len(name) < 4 {
		return ""
	}
	found := ""
	for _, c := range candidates {
		if strings.HasSuffix(strings.ToLower(c), "."+name) {
			if found != "" {
				return ""
			}
			found = c
		}
	}
	return found
}

// editDistance counts insertions, deletions, replacements and exchanges of
// neighbouring bytes that turn a into b; it gives at least limit once it is
// clear that the distance is not below.
func editDistance(a, b string, limit int) int {
	if d := len(a) - len(b); d >= limit || -d >= limit {
		return limit
	}
	before, last, row := make([]int, len(b)+1), make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range last {
		last[j] = j
	}
	for i := 1; i <= len(a); i++ {
		row[0] = i
		least := i
		for j := 1; j <= len(b); j++ {
			replace := last[j-1]
			if a[i-1] != b[j-1] {
				replace++
			}
			row[j] = min(replace, last[j]+1, row[j-1]+1)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
			least = min(least, row[j])
		}
		if least >= limit {
			return limit
		}
		before, last, row = last, row, before
	}
	return last[len(b)]
}
