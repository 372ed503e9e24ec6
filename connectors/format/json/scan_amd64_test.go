package json

import "testing"

// TestWithoutAVX2 runs the main tests with the scans of other machines.
func TestWithoutAVX2(t *testing.T) {
	if !hasAVX2 {
		t.Skip("the other tests have run so")
	}
	hasAVX2 = false
	defer func() { hasAVX2 = true }()
	t.Run("Values", TestValues)
	t.Run("Malformed", TestMalformed)
	t.Run("Lines", TestLines)
	t.Run("Nexmark", TestNexmark)
	t.Run("Shuffled", TestShuffled)
}
